"""Whether a number other than the metric stays within its bounds, as probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

from autoopt.judge import posterior
from autoopt.judge.axis import Axis
from autoopt.judge.memory import same
from autoopt.judge.posterior import Noise
from autoopt.schema import Direction
from autoopt.stats import robust_sd

Step = tuple[Sequence[float], Sequence[float]]
"""The number before and after a change, in pairs."""

_GUESS = 0.03  # noise of a pair as long as next to nothing is known; worth one difference
_TINY = 1e-9  # equal but for rounding is no breach


def breach(
    before: Sequence[float],
    after: Sequence[float],
    allowed: float,
    direction: Direction,
    noise: float | None = None,
    spent: Sequence[Step] = (),
) -> float:
    """P(a number got worse by more than `allowed`), by the pairs and what earlier changes cost it.

    A change may do nothing to the number, as most do, so noise alone is no breach even where nothing is
    allowed. What earlier changes cost is added up as measured, not shrunk towards nothing, so that many small
    costs cannot hide.

    Args:
        before, after: The number of the incumbent and of the challenger in the same pairs, at least one.
        allowed: The share by which it may get worse; 0.05 is 5 %.
        direction: Which way the number is better.
        noise: Standard deviation of one pair's log ratio, where it is known.
        spent: (before, after) of the kept changes since the number counted as good; left out, the bound is on
            this change alone.
    """
    steps = [*spent, (before, after)]
    axis = _axis(steps, direction)
    gains = [[axis.gain(*pair) for pair in zip(*step, strict=True)] for step in steps]
    mark = _mark(axis, allowed, steps[0][0])
    if all(_repeats(one) and _repeats(other) for one, other in steps):
        return float(sum(map(median, gains)) < mark - _TINY)
    known = Noise(noise, 0.5) if noise else _noise(gains)
    *earlier, pairs = gains
    cost = sum(map(_centre, earlier))
    variance = sum(known.sd**2 / len(one) for one in earlier)
    # As much more noise in each pair of this change as makes their mean as uncertain as the sum is.
    total = Noise(math.sqrt(known.sd**2 + len(pairs) * variance), known.spread)
    belief = posterior.of_pairs([gain + cost for gain in pairs], total, mark, posterior.SIMPLIFICATION)
    return belief.below(mark)


def exceeds(values: Sequence[float], bound: float, direction: Direction, noise: float | None = None) -> float:
    """P(the level of a number is worse than `bound`): above it where lower is better, below it else.

    Args:
        values: At least one.
        bound: The worst that is allowed.
        direction: Which way the number is better.
        noise: Standard deviation of one run's logarithm, where it is known.
    """
    axis = Axis.of([*values, bound], direction)
    levels, limit = [axis.level(value) for value in values], axis.level(bound)
    if _repeats(values):
        return float(levels[0] < limit - _TINY)
    differences = [(left - right) / math.sqrt(2) for left, right in pairwise(levels)]
    known = Noise(noise, 0.5) if noise else _shrunk(differences, _GUESS / math.sqrt(2))
    return posterior.of_values(levels, known, limit).below(limit)


def _axis(steps: Sequence[Step], direction: Direction) -> Axis:
    """Log ratios, or shares of what the number was at first where it is not always positive."""
    if min(value for step in steps for values in step for value in values) > 0:
        return Axis(direction)
    return Axis(direction, reference=abs(median(steps[0][0])) or 1.0)


def _mark(axis: Axis, allowed: float, first: Sequence[float]) -> float:
    """The gain, negative or 0, under which the bound is broken."""
    if not axis.is_ratio:
        return -allowed if median(first) else 0.0
    if axis.direction is Direction.lower:
        return -math.log1p(allowed)
    return math.log1p(-allowed) if allowed < 1 else -math.inf


def _repeats(values: Sequence[float]) -> bool:
    return len(values) > 1 and all(same(value, values[0]) for value in values)


def _centre(gains: Sequence[float]) -> float:
    return 0.5 * (fmean(gains) + median(gains))


def _noise(gains: Sequence[Sequence[float]]) -> Noise:
    return _shrunk([(left - right) / math.sqrt(2) for one in gains for left, right in pairwise(one)], _GUESS)


def _shrunk(differences: Sequence[float], guess: float) -> Noise:
    """The noise these differences show, drawn towards a guess while they are few."""
    seen = len(differences)
    measured = robust_sd(differences) if differences else 0.0
    sd = math.sqrt((guess**2 + seen * measured**2) / (1 + seen))
    return Noise(sd, max(0.5, 1 / math.sqrt(1 + seen)))
