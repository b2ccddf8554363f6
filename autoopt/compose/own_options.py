"""A recipe's own options: what it says that they may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autoopt.errors import UsageError


def refuse_odd(settings: Mapping[Any, Any]) -> None:
    """Refuse a value that the recipe's `option_choices` do not have; one that is not known yet passes.

    Raises:
        UsageError: naming the option and its choices.
    """
    options, choices = settings.get("options") or {}, settings.get("option_choices") or {}
    if isinstance(options, str) or isinstance(choices, str):
        return  # an interpolation, which is refused when it is resolved
    for name, allowed in choices.items():
        if isinstance(allowed, str):
            continue  # another
        value = options.get(name)
        if isinstance(value, str) and (value == "???" or "${" in value):
            continue
        if allowed and not any(_is_one(value, choice) for choice in allowed):
            raise UsageError(f"options.{name}: {_shown(value)!r} is not possible; give {described(allowed)}.")


def described(allowed: Sequence[Any]) -> str:
    """The choices in words, as in "auto, hyperfine or own"."""
    names = [
        _WORDS.get(choice, _shown(choice)) if isinstance(choice, str) else _shown(choice)
        for choice in allowed
    ]
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _is_one(value: Any, choice: Any) -> bool:
    if isinstance(choice, str) and choice in _KINDS:
        return _KINDS[choice](value)
    return _shown(value) == _shown(choice)


def _is_whole(value: Any) -> bool:
    return _shown(value).removeprefix("-").isdecimal()


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _shown(value: Any) -> str:
    """A value as it is written in YAML, whether it was typed as text or not."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "int": _is_whole,
    "number": _is_number,
    "bool": lambda value: _shown(value).lower() in ("true", "false"),
}
_WORDS = {"int": "a whole number", "number": "a number", "bool": "true or false"}
