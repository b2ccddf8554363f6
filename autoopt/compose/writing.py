"""Writing the recipe that stands for `key=value` words: the same settings, in a file that a person reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from autoopt.compose import agents, commented, library, overrides, refusals, shape
from autoopt.errors import UsageError
from autoopt.schema import Config

_OF_ONE_RUN = (("run_id",), ("search",), ("workers",))
_PYTHON = "${detect:python}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A recipe file.

    Attributes:
        text: What is in it.
        words: The words that no recipe can say: they belong to the command line of each run.
    """

    text: str
    words: tuple[str, ...]


def write(
    base: str,
    words: Sequence[str],
    head: Sequence[str],
    notes: Mapping[shape.Path, str],
    interpreter: str = "",
) -> Written:
    """The recipe that builds on another and says what the words say.

    Args:
        head: Lines of the comment at the top; those that begin with a blank stay as they are.
        notes: What to say behind values, by the options' paths.
        interpreter: The word that stands for the project's Python, found anew on each machine.

    Raises:
        UsageError: a word is no option, or the recipe may not say it.
    """
    content, own = _content(words)
    defaults: list[Any] = [base, *content.pop("defaults", []), "_self_"]
    metric = content.get("metric", {})
    if interpreter and "command" in metric:
        metric["command"] = _portable(metric["command"], interpreter)
    ordered = _ordered(content, Config, ("goal", "scope", "off_limits"))
    comment = [line for one in head for line in _comment(one)]
    body = commented.as_yaml({"defaults": defaults, **ordered}, notes)
    return Written(text="".join(f"{line}\n" for line in comment) + body, words=own)


def _ordered(content: Mapping[str, Any], kind: Any, first: Sequence[str] = ()) -> dict[str, Any]:
    """The options in the schema's order, the names that people choose in their own."""
    order = dict.fromkeys((*first, *shape.names(kind), *content))
    return {
        key: _ordered(value, shape.child(kind, key)) if isinstance(value := content[key], dict) else value
        for key in order
        if key in content
    }


def _comment(line: str) -> list[str]:
    if line.startswith(" ") or not line:
        return [f"#{'  ' if line else ''}{line}"]
    return commented.wrapped(line, "# ", "# ")


def _content(words: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The words as nested options, and those that are a person's to give."""
    content: dict[str, Any] = {}
    own: list[str] = []
    for word in words:
        nested: dict[str, Any] = {}
        for one in overrides.prepare([word], multirun=False).parsed:
            if one.is_delete() or one.key_or_group.startswith(("hydra", "recipe/")):
                raise UsageError(f"{word}: cannot be written into a recipe; leave it out.")
            if one.key_or_group in agents.OPTIONS:
                option = one.package or one.key_or_group
                nested.setdefault("defaults", []).append({option: one.value()})
            else:
                _put(nested, tuple(one.key_or_group.split(".")), _plain(one.value()))
        if _is_a_persons(nested):
            own.append(word)
        else:
            _merge(content, nested)
    return content, tuple(own)


def _is_a_persons(nested: Mapping[str, Any]) -> bool:
    """Whether a recipe may not say it: what guards a run, what is of one run, how an agent is called."""
    return (
        any(refusals.of_persons(nested, is_ours=False))
        or any(path[0] in nested for path in _OF_ONE_RUN)
        or any(library.agent_faults(nested))
    )


def _plain(value: Any) -> Any:
    """A value as YAML has it."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value


def _put(content: dict[str, Any], path: shape.Path, value: Any) -> None:
    for key in path[:-1]:
        content = content.setdefault(key, {})
    content[path[-1]] = value


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        old = below.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            _merge(old, value)
        elif key == "defaults" and old:
            below[key] = [*old, *value]
        else:
            below[key] = value


def _portable(command: str, interpreter: str) -> str:
    """The command with the interpreter looked for where it runs."""
    return re.sub(rf"(?<!\S){re.escape(interpreter)}(?=\s)", lambda _: _PYTHON, command)
