"""Trade-offs: the metric beside the bounded numbers, and which experiments no other beats in all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoopt.records import Experiment
from autoopt.reporters import markup, words
from autoopt.reporters.account import Account
from autoopt.reporters.chained import METRIC as METRIC
from autoopt.reporters.chained import Number, Place, unit_of
from autoopt.schema import ConstraintConfig, Direction

_ROUNDING = 1e-9
_ROWS = 15
_WHY = (
    "●: no other experiment was better in one of these numbers without being worse in another, beyond what "
    "noise explains. Where there were pairs, numbers are the baseline's with what the pairs of each step "
    "say, so that a machine that got slower in between moves nothing."
)


@dataclass(frozen=True, slots=True)
class Point:
    """One experiment among the trade-offs.

    Attributes:
        values: By number, the metric first; in their own units.
        is_best: Whether no other one beats it in all of them.
    """

    experiment: Experiment
    values: Mapping[str, float]
    is_best: bool


def beside(account: Account) -> Mapping[str, Direction]:
    """The numbers that are looked at beside the metric, and which way each is better; bounded ones first."""
    bounded = {name: better(bounds) for name, bounds in account.constraints.items()}
    return {**bounded, **{name: way for name, way in account.secondary.items() if name not in bounded}}


def points(account: Account, names: Iterable[str] | None = None) -> tuple[Point, ...]:
    """The experiments that were measured, in order, with the metric and the numbers beside it.

    Args:
        account: The run.
        names: The further numbers to look at; all of them by default. None are found without any.
    """
    wanted = {name: way for name, way in beside(account).items() if names is None or name in names}
    if not wanted:
        return ()
    numbers = {METRIC: Number(METRIC, account.direction, account.history)}
    numbers |= {name: Number(name, way, account.history) for name, way in wanted.items()}
    placed = [
        (past, [number.places[past.number] for number in numbers.values()])
        for past in account.history
        if all(past.number in number.places for number in numbers.values())
    ]
    return tuple(
        Point(
            experiment=past,
            values={name: number.value(number.places[past.number]) for name, number in numbers.items()},
            is_best=not any(_beats(other, order < own, here) for order, (_, other) in enumerate(placed)),
        )
        for own, (past, here) in enumerate(placed)
    )


def section(account: Account) -> str:
    """The trade-offs as a section of the Markdown report; empty where there is one number only."""
    found = points(account)
    if len(found) < 2:
        return ""
    final = account.final
    shown = [
        point
        for point in found
        if point.is_best
        or point.experiment.status.leads
        or (final is not None and point.experiment.number == final.number)
    ]
    shown = shown[:1] + shown[1:][-_ROWS:]
    names = tuple(shown[0].values)
    heads = ("", "", "status", METRIC, *map(markup.code, names[1:]), "breaks")
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * 3 + " ---: |" * len(names) + " --- |"]
    lines += [f"| {' | '.join(_cells(point, account.unit))} |" for point in shown]
    return "## Trade-offs\n\n" + "\n".join(lines) + f"\n\n{_WHY}"


def _cells(point: Point, unit: str) -> Iterator[str]:
    past = point.experiment
    yield "●" if point.is_best else ""
    yield str(past.number)
    yield past.status.value
    for name, value in point.values.items():
        yield words.number(value, unit if name == METRIC else unit_of(name))
    failed = (finding.guard for finding in past.findings if not finding.passed)
    yield ", ".join(map(markup.code, failed))


def _beats(other: Sequence[Place], is_earlier: bool, here: Sequence[Place]) -> bool:
    """Whether the other is no worse in any number and better in one; of equals the earlier one wins."""
    apart = [(one.level - own.level, max(one.error, own.error)) for one, own in zip(other, here, strict=True)]
    if any(gap < -error - _ROUNDING for gap, error in apart):
        return False
    return is_earlier or any(gap > error + _ROUNDING for gap, error in apart)


def better(bounds: ConstraintConfig) -> Direction:
    """Which way a bounded number is better: away from its only bound, else as it is configured."""
    if bounds.max_regression is None and bounds.max is None:
        return Direction.higher
    return Direction.lower if bounds.max_regression is None and bounds.min is None else bounds.direction
