"""What Hydra and OmegaConf complain about, said in one line for the person who typed it."""

from __future__ import annotations

import re

from hydra.errors import MissingConfigException
from omegaconf.errors import (
    GrammarParseError,
    InterpolationKeyError,
    InterpolationToMissingValueError,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)

from autoopt.errors import AutooptError, UsageError

Path = tuple[str, ...]


def translate(error: Exception) -> AutooptError:
    """The error a person can act on, for whatever composing raised."""
    chain = _chain(error)
    for one in chain:
        if isinstance(one, AutooptError):
            return one
    for one in chain:
        if isinstance(one, OmegaConfBaseException) and one.full_key:
            return UsageError(describe(one)[1])
    for one in chain:
        if isinstance(one, MissingConfigException) and one.missing_cfg_file:
            return UsageError(_missing(one))
    if isinstance(error, RecursionError):
        return UsageError("recipe: a recipe cannot build on itself.")
    return UsageError(_first_line(error))


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what led to it, outermost first."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__ or following.__context__
    return found


def describe(error: OmegaConfBaseException) -> tuple[Path, str]:
    """The option an error is about, and the line that says what is wrong with it."""
    key = re.sub(r"\[(\d+)\]", r".\1", error.full_key or "")
    problem = _first_line(error)
    if isinstance(error, (InterpolationKeyError, UnsupportedInterpolationType)):
        problem += "; a shell variable is written $NAME, without braces"
    elif isinstance(error, GrammarParseError):
        problem = f"{error.value!r} cannot be read as an interpolation; a literal `${{` is written \\${{"
    elif isinstance(error, InterpolationToMissingValueError):
        problem += "; give that first"
    return tuple(key.split(".")), f"{key}: {problem}."


def _missing(error: MissingConfigException) -> str:
    group, _, name = str(error.missing_cfg_file).rpartition("/")
    options = ", ".join(error.options or ()) or "none"
    return f"{group or 'config'}: {name}: no such choice; installed: {options}."


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")
