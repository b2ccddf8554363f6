"""A number followed through a run by its pairs: what a machine does meanwhile moves nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from autoopt.records import Experiment, Pair, Sample
from autoopt.schema import Direction
from autoopt.stats import robust_sd

METRIC = "metric"
"""What the metric itself is called among the numbers."""
UNITS = {"wall_s": "s", "cpu_s": "s", "peak_mb": "MB"}
"""Units of the numbers that every run has."""

_SUFFIXES = {"ms": "ms", "s": "s", "mb": "MB", "bytes": "bytes", "kb": "kB", "gb": "GB"}
_LARGEST_LOG = 700.0  # exp must not overflow
_WIDTH = 2.0  # standard errors that two experiments have to be apart


def unit_of(name: str) -> str:
    """The unit of a number beside the metric: a known one's, or what its name ends in, as in `index_mb`."""
    return UNITS.get(name) or _SUFFIXES.get(name.rpartition("_")[2].lower(), "") if "_" in name else ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an experiment is in one number, larger being better, and within which distance that is noise."""

    level: float
    error: float


class Number:
    """One number over a run; levels are logarithms while it is positive."""

    def __init__(self, name: str, direction: Direction, history: Sequence[Experiment]) -> None:
        self._name = name
        self._sign = -1 if direction is Direction.lower else 1
        found = [self._read(sample) for past in history for sample in _taken(past)]
        self._is_ratio = min((value for value in found if value is not None), default=0.0) > 0
        self._noise = self._noise_of(history)
        self._kept: Place | None = None
        self.places = {past.number: place for past in history if (place := self._next(past)) is not None}

    def value(self, place: Place) -> float:
        """The number in its own unit, without the dust of logarithms."""
        bare = self._sign * place.level
        return float(f"{math.exp(min(bare, _LARGEST_LOG)) if self._is_ratio else bare:.12g}")

    def _next(self, past: Experiment) -> Place | None:
        place = self._place(past)
        if past.status.leads:
            self._kept = place or self._kept
        return place

    def _place(self, past: Experiment) -> Place | None:
        """By its pairs, from where the incumbent is; by its own runs where there are none."""
        start = self._kept.level if self._kept else 0.0
        levels = [start + step for step in self._steps(past)] if self._kept else []
        levels = levels or self._levels(_samples(past))
        if not levels:
            return None
        return Place(median(levels), _WIDTH * self._noise / math.sqrt(len(levels)))

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


def _samples(past: Experiment) -> Sequence[Sample]:
    return past.measurement.samples if past.measurement else ()


def _taken(past: Experiment) -> Iterator[Sample]:
    """Every sample there is, the incumbent's too."""
    yield from _samples(past)
    for pair in _pairs(past):
        yield from (pair.incumbent, pair.challenger)


def _pairs(past: Experiment) -> list[Pair]:
    """The pairs of an experiment, those for its constraints among them."""
    both = zip(past.incumbent_samples, _samples(past), strict=False)
    return [*(Pair(incumbent=one, challenger=other) for one, other in both), *past.further]
