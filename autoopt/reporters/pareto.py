"""Trade-offs: the metric beside the bounded numbers, and which experiments no other beats in all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from autoopt.records import Experiment, Pair, Sample, Status
from autoopt.reporters import words
from autoopt.reporters.account import Account
from autoopt.schema import ConstraintConfig, Direction
from autoopt.stats import robust_sd

METRIC = "metric"
"""What the metric itself is called among the numbers."""
UNITS = {"wall_s": "s", "cpu_s": "s", "peak_mb": "MB"}
"""Units of the numbers that every run has."""

_ROUNDING = 1e-9
_ROWS = 15
_WIDTH = 2.0  # standard errors that two experiments have to be apart
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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an experiment is in one number, larger being better, and within which distance that is noise."""

    level: float
    error: float


class _Number:
    """One number over a run; levels are logarithms while it is positive."""

    def __init__(self, name: str, direction: Direction, history: Sequence[Experiment]) -> None:
        self._name = name
        self._sign = -1 if direction is Direction.lower else 1
        found = [self._read(sample) for past in history for sample in _samples(past)]
        self._is_ratio = min((value for value in found if value is not None), default=0.0) > 0
        self._noise = self._noise_of(history)
        self._kept: _Place | None = None
        self.places = {past.number: place for past in history if (place := self._next(past)) is not None}

    def value(self, place: _Place) -> float:
        """The number in its own unit, without the dust of logarithms."""
        bare = self._sign * place.level
        return float(f"{math.exp(bare) if self._is_ratio else bare:.12g}")

    def _next(self, past: Experiment) -> _Place | None:
        place = self._place(past)
        if past.status in (Status.keep, Status.baseline):
            self._kept = place or self._kept
        return place

    def _place(self, past: Experiment) -> _Place | None:
        """By its pairs, from where the incumbent is; by its own runs where there are none."""
        start = self._kept.level if self._kept else 0.0
        levels = [start + step for step in self._steps(past)] if self._kept else []
        levels = levels or self._levels(_samples(past))
        if not levels:
            return None
        return _Place(median(levels), _WIDTH * self._noise / math.sqrt(len(levels)))

    def _noise_of(self, history: Sequence[Experiment]) -> float:
        """Standard deviation of one pair; where there are none, by the runs of each commit."""
        steps = [self._steps(past) for past in history]
        scale = 1 / math.sqrt(2) if any(steps) else 1.0
        series = steps if any(steps) else [self._levels(_samples(past)) for past in history]
        apart = [scale * (left - right) for one in series for left, right in pairwise(one)]
        return robust_sd(apart) if apart else 0.0

    def _steps(self, past: Experiment) -> list[float]:
        """By how much each pair says that it got better."""
        pairs = _pairs(past)
        before = self._levels([pair.incumbent for pair in pairs])
        after = self._levels([pair.challenger for pair in pairs])
        return [new - old for old, new in zip(before, after, strict=True)] if before and after else []

    def _levels(self, samples: Sequence[Sample]) -> list[float]:
        """How good the number is in each of the samples; none where one of them lacks it."""
        found = [value for value in map(self._read, samples) if value is not None]
        if len(found) < len(samples):
            return []
        return [self._sign * (math.log(value) if self._is_ratio else value) for value in found]

    def _read(self, sample: Sample) -> float | None:
        return sample.value if self._name == METRIC else sample.number(self._name)


def points(account: Account, names: Iterable[str] | None = None) -> tuple[Point, ...]:
    """The experiments that were measured, in order, with the metric and the bounded numbers.

    Args:
        account: The run.
        names: The bounded numbers to look at; all of them by default. None are found without any.
    """
    wanted = [name for name in account.constraints if names is None or name in names]
    numbers = {METRIC: _Number(METRIC, account.direction, account.history)}
    for name in wanted:
        numbers[name] = _Number(name, better(account.constraints[name]), account.history)
    if not wanted:
        return ()
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
    """The trade-offs as a section of the Markdown report; empty where nothing is bounded or was tried."""
    found = points(account)
    if len(found) < 2:
        return ""
    final = account.final
    shown = [
        point
        for point in found
        if point.is_best
        or point.experiment.status in (Status.baseline, Status.keep)
        or (final is not None and point.experiment.number == final.number)
    ]
    shown = shown[:1] + shown[1:][-_ROWS:]
    names = tuple(shown[0].values)
    heads = ("", "", "status", METRIC, *(f"`{name}`" for name in names[1:]), "breaks")
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * 3 + " ---: |" * len(names) + " --- |"]
    lines += [f"| {' | '.join(_cells(point, account.unit))} |" for point in shown]
    return "## Trade-offs\n\n" + "\n".join(lines) + f"\n\n{_WHY}"


def _cells(point: Point, unit: str) -> Iterator[str]:
    past = point.experiment
    yield "●" if point.is_best else ""
    yield str(past.number)
    yield past.status.value
    for name, value in point.values.items():
        yield words.number(value, unit if name == METRIC else UNITS.get(name, ""))
    failed = (finding.guard for finding in past.findings if not finding.passed)
    yield ", ".join(f"`{guard}`" for guard in failed)


def _beats(other: Sequence[_Place], is_earlier: bool, here: Sequence[_Place]) -> bool:
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


def _samples(past: Experiment) -> Sequence[Sample]:
    return past.measurement.samples if past.measurement else ()


def _pairs(past: Experiment) -> list[Pair]:
    """The pairs of an experiment, those for its constraints among them."""
    both = zip(past.incumbent_samples, _samples(past), strict=False)
    return [*(Pair(incumbent=one, challenger=other) for one, other in both), *past.further]
