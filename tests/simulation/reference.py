"""A plain rule of interleaved pairs, to hold the judge against: nothing is shared with the judge.

A posterior over the log gain of a change on a fixed grid: 60 % at 0, 15 % a win, 25 % a harm, with errors of
Student's t4 in the noise pooled over the run. Keep at P(gain > 0) ≥ 0.95, give up once a gain within reach
has become implausible by today's pairs, or by what is remembered of the incumbent, and after 16 pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from statistics import fmean, median

import numpy as np

KEEP, STOP, MOST, DELTA = 0.95, 0.3, 16, -math.log1p(-0.005)

_SIZES = np.concatenate([np.linspace(0.0025, 0.10, 40), np.geomspace(0.105, 2.5, 32)])
_GAINS = np.concatenate([-_SIZES[::-1], [0.0], _SIZES])
_SPREAD = np.linspace(-2, 2, 7)


def _prior() -> np.ndarray:
    tail = (0.7 * np.exp(-_SIZES / 0.05) / 0.05 + 0.3 * np.exp(-_SIZES / 0.3) / 0.3) * np.gradient(_SIZES)
    tail /= tail.sum()
    return np.concatenate([0.25 * tail[::-1], [0.60], 0.15 * tail])


_PRIOR = _prior()


def _scale(differences: list[float]) -> float:
    """Standard deviation of what has mean zero, by its lower 80 %; never under 0.3 of that of all."""
    squares = np.sort(np.square(differences))
    lower = squares[: max(1, math.ceil(0.8 * len(squares)))]
    return max(math.sqrt(lower.mean() / 0.4377), 0.3 * math.sqrt(squares.mean()), 1e-9)


class Reference:
    """What the rule knows in a run; metric values come in, lower is better."""

    def __init__(self, baseline: list[float]) -> None:
        levels = [-math.log(value) for value in baseline]
        self.exact = max(levels) - min(levels) < 1e-9
        self._best = levels[-1]
        self._noise = [left - right for left, right in pairwise(levels)]
        self._levels, self._off = levels[-10:], list[float]()

    def exactly(self, challenger: Callable[[], float]) -> tuple[bool, float] | None:
        """One run decides, and a gain is run again; None when the two disagree."""
        level = -math.log(challenger())
        if level <= self._best + 1e-9:
            return False, 0.0
        again = -math.log(challenger())
        if abs(level - again) > 1e-9:
            self.exact = False
            self._noise.append(again - level)
            return None
        gain, self._best = level - self._best, level
        return True, gain

    def by_pairs(self, pair: Callable[[], tuple[float, float]]) -> tuple[bool, float, float, float, int]:
        """Whether to keep, the mean gain, its 95 % limits and the pairs taken."""
        sd = max(_scale(self._noise[-60:]), _scale(self._noise[-12:]))
        reach = max(DELTA, 2 * sd / math.sqrt(MOST))
        scales = 0.88 * sd * np.exp(_SPREAD * max(0.5, 1 / math.sqrt(1 + len(self._noise))))
        weights = np.log(_PRIOR)[None, :] - 0.5 * _SPREAD[:, None] ** 2
        least = STOP * _PRIOR[reach <= _GAINS].sum()
        ours, theirs, gains = list[float](), list[float](), list[float]()
        keep, belief = False, _PRIOR
        while len(gains) < MOST and not keep:
            incumbent, challenger = (-math.log(value) for value in pair())
            theirs.append(incumbent)
            ours.append(challenger)
            gains.append(challenger - incumbent)
            if len(gains) == 1:
                self._off.append(incumbent - median(self._levels))
            misfit = ((gains[-1] - _GAINS)[None, :] / scales[:, None]) ** 2
            weights = weights - np.log(scales)[:, None] - 2.5 * np.log1p(misfit / 4)
            belief = np.exp(weights - weights.max()).sum(axis=0)
            belief /= belief.sum()
            keep = len(gains) > 1 and belief[_GAINS > 0].sum() >= KEEP and belief @ _GAINS >= DELTA / 2
            if not keep and (
                belief[reach <= _GAINS].sum() < least or self._remembered(ours, theirs, sd, reach) < least
            ):
                break
        self._learn(gains, ours, theirs, keep)
        low, high = np.interp([0.025, 0.975], np.cumsum(belief), _GAINS)
        return bool(keep), float(belief @ _GAINS), float(low), float(high), len(gains)

    def _remembered(self, ours: list[float], theirs: list[float], sd: float, reach: float) -> float:
        """P(gain ≥ reach) when the incumbent's remembered level helps; 1 where it cannot."""
        if len(self._off) <= 5:
            return 1.0
        single, level, today = sd * sd / 2, median(self._levels), median(theirs)
        moved = max(_scale(self._off[-20:]) ** 2 - single, single / len(self._levels), 0.09 * single)
        averaged = single / len(theirs)
        if abs(today - level) > 3 * math.sqrt(moved + averaged):
            return 1.0
        precision = 1 / moved + 1 / averaged
        centre = (level / moved + today / averaged) / precision
        gain = 0.5 * (median(ours) + fmean(ours)) - centre
        misfit = ((gain - _GAINS) / (0.9 * math.sqrt(1 / precision + single / len(ours)))) ** 2
        belief = _PRIOR * np.exp(-3 * np.log1p(misfit / 5))
        return float(belief[reach <= _GAINS].sum() / belief.sum())

    def _learn(self, gains: list[float], ours: list[float], theirs: list[float], keep: bool) -> None:
        more = [(left - right) / math.sqrt(2) for left, right in pairwise(gains)]
        self._noise = (self._noise + more)[-60:]
        if keep:
            self._levels = ours[-10:]
            return
        off = abs(median(theirs) - median(self._levels))
        moved = len(self._off) > 5 and off > 3 * _scale(self._off[-20:])
        self._levels = (([] if moved else self._levels) + theirs)[-10:]
