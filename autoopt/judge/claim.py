"""The final claim: fresh interleaved pairs of the baseline against the final commit."""

from __future__ import annotations

import math
from statistics import median

from autoopt.judge.axis import Axis
from autoopt.records import Confirmation
from autoopt.schema import Direction
from autoopt.stats import Interval, shared_variance, trimmed_interval


class Claim:
    """Takes pairs until the gain is known well enough to be printed.

    The claim never adds up the kept steps: each was selected for looking good, so their sum is too large.
    """

    min_pairs = 8
    confidence = 0.97  # of each look; stopping at a lucky one leaves 95 %
    narrow = 0.02  # a half-width that is always enough
    narrow_share = 0.1  # of the gain, enough for a large one

    def __init__(self, direction: Direction, max_pairs: int = 20, share: float = 0.0) -> None:
        """Start without pairs.

        Args:
            direction: Which way the metric is better.
            max_pairs: Most pairs taken.
            share: Share of the same data that each pair scores; 0 where pairs share none.
        """
        self.max_pairs = max_pairs
        self._direction = direction
        self._overlap = shared_variance(share)
        self._pairs: list[tuple[float, float]] = []

    def add(self, baseline: float, final: float) -> bool:
        """Take one interleaved pair of metric values; whether that is enough.

        Enough are two pairs when each arm repeats exactly; otherwise 8 to 20, until the half-width of the
        95 % interval is under 2 % or a tenth of the gain.
        """
        self._pairs.append((baseline, final))
        size = len(self._pairs)
        if size < 2 or size >= self.max_pairs:
            return size >= self.max_pairs
        if all(pair == self._pairs[0] for pair in self._pairs):
            return True
        gain = self._gain(self._axis())
        return size >= self.min_pairs and gain.half_width < max(
            self.narrow, self.narrow_share * abs(gain.estimate)
        )

    def result(self) -> Confirmation:
        """The claim after at least one pair; the limits are the estimate itself after a single one."""
        axis = self._axis()
        gain = self._gain(axis)
        return Confirmation(
            baseline=median(baseline for baseline, _ in self._pairs),
            final=median(final for _, final in self._pairs),
            effect=axis.effect(gain.estimate),
            low=axis.effect(gain.low),
            high=axis.effect(gain.high),
            pairs=len(self._pairs),
            is_ratio=axis.is_ratio,
        )

    def _axis(self) -> Axis:
        baselines = [baseline for baseline, _ in self._pairs]
        return Axis(self._direction).covering([value for pair in self._pairs for value in pair], baselines)

    def _gain(self, axis: Axis) -> Interval:
        gains = [axis.gain(*pair) for pair in self._pairs]
        if len(gains) == 1:
            return Interval(gains[0], gains[0], gains[0])
        alone = trimmed_interval(gains, confidence=self.confidence)
        return alone.widened(math.sqrt(1 + len(gains) * self._overlap))
