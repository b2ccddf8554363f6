"""Refuses parameter options that contradict each other, before a file is touched."""

from __future__ import annotations

import math
from typing import Any

from autoopt.errors import UsageError
from autoopt.proposers.search.sites.plain import same
from autoopt.schema import ParameterConfig

_KINDS = ("key", "python", "sql", "regex", "env", "line")


def kind(name: str, config: ParameterConfig) -> str:
    """Which of the kinds of site the options describe."""
    given = [kind for kind in _KINDS if getattr(config, kind) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise UsageError(f"params.{name}: needs exactly one of {', '.join(_KINDS)}; found {found}.")
    if not str(getattr(config, given[0])).strip():
        raise UsageError(f"params.{name}.{given[0]}: is empty.")
    return given[0]


def check(name: str, config: ParameterConfig) -> None:
    """Refuse what cannot be searched, naming the option.

    Raises:
        UsageError: with the option's full path.
    """
    where = f"params.{name}"
    if config.choices is not None:
        _check_choices(where, config)
    elif config.low is not None or config.high is not None:
        _check_range(where, config)
    else:
        _check_unbounded(where, config)
    for value in config.first:
        _check_scalar(f"{where}.first", value)
        if not _possible(config, value):
            raise UsageError(f"{where}.first: {value!r} is not among the values it may take.")


def _check_choices(where: str, config: ParameterConfig) -> None:
    choices = config.choices or []
    for option in ("low", "high", "step", "integer"):
        if getattr(config, option) is not None:
            raise UsageError(f"{where}.{option}: cannot go with `choices`; drop one of them.")
    if config.log:
        raise UsageError(f"{where}.log: cannot go with `choices`; drop one of them.")
    if not choices:
        raise UsageError(f"{where}.choices: is empty; list the values it may take.")
    for index, value in enumerate(choices):
        _check_scalar(f"{where}.choices", value)
        if any(value == other for other in choices[:index]):
            raise UsageError(f"{where}.choices: {value!r} is listed twice.")


def _check_scalar(where: str, value: Any) -> None:
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise UsageError(f"{where}: {value!r} is not a plain value.")
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{where}: {value} is not a finite number.")
    if isinstance(value, str) and ("\n" in value or "\r" in value):
        raise UsageError(f"{where}: {value!r} has more than one line.")


def _check_range(where: str, config: ParameterConfig) -> None:
    for option, value in (("low", config.low), ("high", config.high)):
        if value is None:
            raise UsageError(f"{where}.{option}: missing; a number needs both low and high.")
        if not math.isfinite(value):
            raise UsageError(f"{where}.{option}: {value} is not a finite number.")
    assert config.low is not None and config.high is not None
    if config.line is not None:
        raise UsageError(f"{where}.low: a line is there or not; drop low and high.")
    if config.low > config.high:
        raise UsageError(f"{where}.low: {config.low:g} is above high, {config.high:g}; swap them.")
    if config.log and config.low <= 0:
        raise UsageError(f"{where}.log: needs low > 0, found {config.low:g}.")
    _check_step(where, config)
    if config.integer and not (config.low.is_integer() and config.high.is_integer()):
        raise UsageError(f"{where}.integer: low and high must be whole numbers too.")


def _check_step(where: str, config: ParameterConfig) -> None:
    if config.step is None:
        return
    if not (math.isfinite(config.step) and config.step > 0):
        raise UsageError(f"{where}.step: must be above 0, found {config.step:g}.")
    if config.log:
        raise UsageError(f"{where}.step: cannot go with `log`; drop one of them.")
    if config.integer and not float(config.step).is_integer():
        raise UsageError(f"{where}.step: {config.step:g} is not whole, but `integer` is set.")


def _check_unbounded(where: str, config: ParameterConfig) -> None:
    for option in ("step", "integer"):
        if getattr(config, option) is not None:
            raise UsageError(f"{where}.{option}: only means something with low and high.")
    if config.log:
        raise UsageError(f"{where}.log: only means something with low and high.")


def _possible(config: ParameterConfig, value: Any) -> bool:
    if config.choices is not None:
        return any(same(value, choice) for choice in config.choices)
    if config.low is not None and config.high is not None:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and config.low <= value <= config.high
    return isinstance(value, bool)
