"""What parameters may be: domains, conditions between them, and counting a finite space through."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoopt.errors import UsageError
from autoopt.proposers.search.sites.plain import same
from autoopt.records import Value
from autoopt.schema import ParameterConfig

Key = tuple[tuple[str, bool, Value], ...]
"""An assignment as it acts: only parameters whose conditions hold, hashable; True and 1 differ."""

_COUNTABLE = 10_000


@dataclass(frozen=True, slots=True)
class Choices:
    """One of a few values."""

    values: tuple[Value, ...]

    def __contains__(self, value: Value) -> bool:
        return any(same(value, choice) for choice in self.values)

    def all(self) -> tuple[Value, ...] | None:
        """Every value."""
        return self.values


@dataclass(frozen=True, slots=True)
class Range:
    """A number between two others; `step` is None where it is continuous."""

    low: float
    high: float
    step: float | None
    log: bool
    integer: bool

    def __contains__(self, value: Value) -> bool:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step
        return self.low <= value <= self.high and abs(steps - round(steps)) < 1e-9

    def all(self) -> tuple[Value, ...] | None:
        """Every value, or None when there are too many to count through."""
        if self.low == self.high:
            return (int(self.low) if self.integer else self.low,)
        if self.step is None or (self.high - self.low) / self.step >= _COUNTABLE:
            return None
        count = round((self.high - self.low) / self.step) + 1
        if self.integer:
            return tuple(int(self.low) + index * int(self.step) for index in range(count))
        return tuple(self.low + index * self.step for index in range(count))


Domain = Choices | Range


@dataclass(frozen=True, slots=True)
class Space:
    """The joint space.

    Attributes:
        domains: By name, ordered so that every parameter comes after those its condition names.
        when: Conditions: the other parameters and the values they must have.
    """

    domains: Mapping[str, Domain]
    when: Mapping[str, Mapping[str, tuple[Value, ...]]]

    def active(self, name: str, values: Mapping[str, Value]) -> bool:
        """Whether the parameter acts under this assignment: its conditions hold, and so do theirs."""
        if name not in values:
            return False
        return all(
            self.active(other, values) and any(same(values[other], wanted) for wanted in allowed)
            for other, allowed in self.when[name].items()
        )

    def key(self, values: Mapping[str, Value]) -> Key:
        """What tells two assignments apart that do not act alike."""
        return tuple(
            (name, isinstance(values[name], bool), values[name])
            for name in self.domains
            if self.active(name, values)
        )

    def assignments(self, start: Mapping[str, Value]) -> Iterator[dict[str, Value]] | None:
        """Every assignment, inactive parameters as in `start`; None when there are too many to count."""
        count = 1
        for name, domain in self.domains.items():
            values = domain.all() if name in start else (None,)
            count *= _COUNTABLE + 1 if values is None else len(values)
        return self._walk(tuple(self.domains), dict(start)) if count <= _COUNTABLE else None

    def _walk(self, names: tuple[str, ...], values: dict[str, Value]) -> Iterator[dict[str, Value]]:
        if not names:
            yield dict(values)
        elif self.active(names[0], values):
            for value in self.domains[names[0]].all() or ():
                yield from self._walk(names[1:], values | {names[0]: value})
        else:
            yield from self._walk(names[1:], values)


def space(params: Mapping[str, ParameterConfig], start: Mapping[str, Value]) -> Space:
    """The space of these parameters; the values they start with are among their choices.

    Raises:
        UsageError: a parameter says nothing about what it may be, or a condition cannot hold.
    """
    ordered = order(params)
    domains = {name: _domain(name, params[name], start[name]) for name in ordered}
    when = {name: _conditions(params[name]) for name in ordered}
    for name, conditions in when.items():
        for other, allowed in conditions.items():
            _check_reachable(name, other, allowed, domains[other], start[other])
    return Space(domains=domains, when=when)


def searchable(
    params: Mapping[str, ParameterConfig], known: Mapping[str, Value]
) -> dict[str, ParameterConfig]:
    """The parameters whose present value is known, as are those of all their conditions."""
    left: dict[str, ParameterConfig] = {}
    for name in order(params):
        if name in known and all(other in left for other in params[name].when):
            left[name] = params[name]
    return left


def order(params: Mapping[str, ParameterConfig]) -> tuple[str, ...]:
    """The names, each after those its `when` mentions.

    Raises:
        UsageError: a condition names an unknown parameter or goes in a circle.
    """
    done: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            circle = " → ".join([*above[above.index(name) :], name])
            raise UsageError(f"params.{name}.when: conditions go in a circle: {circle}.")
        for other in params[name].when:
            if other not in params:
                raise UsageError(f"params.{name}.when: there is no parameter {other!r}.")
            visit(other, (*above, name))
        if name not in done:
            done.append(name)

    for name in params:
        visit(name, ())
    return tuple(done)


def fingerprint(params: Mapping[str, ParameterConfig]) -> str:
    """Equal for equal domains and conditions: a search over other ones must start afresh."""
    options = ("choices", "low", "high", "step", "log", "integer", "first", "when")
    told = [(name, [getattr(params[name], option) for option in options]) for name in sorted(params)]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:12]


def singles(config: ParameterConfig, domain: Domain, start: Value) -> tuple[Value, ...]:
    """Values worth trying alone: those the recipe lists, else the other side of a switch."""
    if config.first:
        return tuple(config.first)
    if isinstance(domain, Choices) and len(domain.values) == 2:
        return tuple(value for value in domain.values if not same(value, start))
    return ()


def _check_reachable(name: str, other: str, allowed: tuple[Value, ...], domain: Domain, start: Value) -> None:
    for value in allowed:
        if value not in domain and not same(value, start):
            raise UsageError(f"params.{name}.when: {other} can never be {value!r}.")


def _conditions(config: ParameterConfig) -> dict[str, tuple[Value, ...]]:
    return {other: _allowed(wanted) for other, wanted in config.when.items()}


def _allowed(wanted: Any) -> tuple[Value, ...]:
    return tuple(wanted) if isinstance(wanted, Sequence) and not isinstance(wanted, str) else (wanted,)


def _domain(name: str, config: ParameterConfig, start: Value) -> Domain:
    if config.low is not None and config.high is not None:
        return _range(config, config.low, config.high, start)
    choices: list[Value] = list(config.choices or ())
    if not choices and isinstance(start, bool):
        choices = [False, True]
    if not choices:
        raise UsageError(f"params.{name}: give `choices`, or `low` and `high`; it is {start!r} now.")
    if any(same(start, choice) for choice in choices):
        return Choices(tuple(choices))
    if start in choices:
        raise UsageError(
            f"params.{name}.choices: it is {start!r} now, which is of another type than they are."
        )
    return Choices((start, *choices))


def _range(config: ParameterConfig, low: float, high: float, start: Value) -> Range:
    integer = config.integer if config.integer is not None else _whole(config, low, high, start)
    step = config.step if config.step is not None else 1.0 if integer else None
    if step is not None:
        high = low + step * int((high - low) / step + 1e-9)  # Optuna wants the last step to meet the end
    return Range(low, high, step, config.log, integer)


def _whole(config: ParameterConfig, low: float, high: float, start: Value) -> bool:
    numbers = [low, high, config.step, *config.first]
    if not all(float(number).is_integer() for number in numbers if number is not None):
        return False
    return isinstance(start, int) or start is None
