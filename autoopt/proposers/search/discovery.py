"""Parameters that a recipe's own command finds in the project, as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from autoopt.errors import UsageError
from autoopt.schema import ParameterConfig

OPTION = "propose.discover"
_FLOATS = frozenset({"low", "high", "step"})


def parameters(text: str) -> dict[str, ParameterConfig]:
    """The parameters of a JSON object of `params` entries, by name.

    Raises:
        UsageError: the text is no such object.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{OPTION}: its output is no JSON ({error}); print one object of params.") from error
    if not isinstance(found, dict):
        raise UsageError(f"{OPTION}: it printed a JSON {type(found).__name__}; print one object of params.")
    return {name: _parameter(name, fields) for name, fields in found.items()}


def _parameter(name: str, fields: Any) -> ParameterConfig:
    known = {field.name for field in dataclasses.fields(ParameterConfig)}
    if not isinstance(fields, Mapping):
        raise UsageError(
            f"{OPTION}: {name}: {fields!r} is no object of options; params have {_listed(known)}."
        )
    if unknown := sorted(set(fields) - known):
        raise UsageError(f"{OPTION}: {name}.{unknown[0]}: no such option; params have {_listed(known)}.")
    # JSON has one kind of number.
    whole = {key for key in _FLOATS & set(fields) if isinstance(fields[key], int)}
    return ParameterConfig(**{**fields, **{key: float(fields[key]) for key in whole}})


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
