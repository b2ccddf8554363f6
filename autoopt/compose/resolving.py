"""Resolving settings that are not complete yet: what is known is put in, the rest stays as it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    InterpolationKeyError,
    InterpolationResolutionError,
    InterpolationToMissingValueError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from autoopt.compose import complaints, overrides
from autoopt.errors import UsageError

_OPENING = re.compile(r"(\\*)\$\{")
_BRACE = re.compile(r"\$?\{|\}")
_REFERENCE = re.compile(r"\$\{\s*([A-Za-z_][\w.-]*)\s*\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """As much of a value as is known, to be written into a recipe.

    Attributes:
        value: With every interpolation resolved that can be; text that merely looks like one is escaped.
        missing: The options that have to be given before the rest is known.
        refused: Why a part of it cannot be had here; empty when nothing speaks against it.
    """

    value: Any
    missing: tuple[str, ...] = ()
    refused: str = ""


def known(composed: DictConfig, value: Any) -> Known:
    """What is known of a value, a list or a text, of these settings.

    Raises:
        UsageError: an interpolation refers to nothing.
    """
    if isinstance(value, list):
        items = [known(composed, item) for item in value]
        return Known(
            value=[item.value for item in items],
            missing=tuple(dict.fromkeys(name for item in items for name in item.missing)),
            refused=next((item.refused for item in items if item.refused), ""),
        )
    if not isinstance(value, str) or "${" not in value:
        return Known(value=value)
    return _joined([_part(composed, part) for part in _parts(value)])


def _joined(parts: list[Known]) -> Known:
    """The parts as one text; one alone keeps its type."""
    whole = parts[0].value if len(parts) == 1 else "".join(_text(part.value) for part in parts)
    missing = tuple(dict.fromkeys(name for part in parts for name in part.missing))
    return Known(
        value=whole, missing=missing, refused=next((part.refused for part in parts if part.refused), "")
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _parts(text: str) -> Iterator[str]:
    """The text cut into interpolations, each with all that is nested in it, and what is between them."""
    done = 0
    for opening in _OPENING.finditer(text):
        begin = opening.end() - 2
        if begin < done or len(opening[1]) % 2:  # nested, or escaped by a backslash
            continue
        if done < begin:
            yield text[done:begin]
        done = _end(text, begin)
        yield text[begin:done]
    if done < len(text):
        yield text[done:]


def _end(text: str, begin: int) -> int:
    """Where the interpolation that begins here is over."""
    depth = 0
    for brace in _BRACE.finditer(text, begin):
        depth += -1 if brace[0] == "}" else 1
        if depth == 0:
            return brace.end()
    return len(text)


def _part(composed: DictConfig, part: str) -> Known:
    if not part.startswith("${"):
        return Known(value=part)
    alone = OmegaConf.create({"part": part}, parent=composed)
    try:
        value = alone.part
    except OmegaConfBaseException as error:
        return _unknown(composed, part, error)
    plain = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
    return Known(value=_escaped(plain))


def _unknown(composed: DictConfig, part: str, error: OmegaConfBaseException) -> Known:
    """Why the part is not known: it waits for an option, or cannot be had.

    Raises:
        UsageError: it is neither, so the recipe is wrong.
    """
    if waits := [name for name in _REFERENCE.findall(part) if _is_unknown(composed, name)]:
        return Known(value=part, missing=tuple(dict.fromkeys(waits)))
    if refusal := complaints.refusal(error):
        return Known(value=part, refused=str(refusal))
    raise UsageError(complaints.describe(error)[1]) from error


def _is_unknown(composed: DictConfig, name: str) -> bool:
    try:
        return OmegaConf.select(composed, name, throw_on_missing=True) is None
    except InterpolationKeyError:
        return False
    except (MissingMandatoryValue, InterpolationToMissingValueError, InterpolationResolutionError):
        return True


def _escaped(value: Any) -> Any:
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return overrides.escaped(value) if isinstance(value, str) else value
