"""The thresholds of a comparison."""

from __future__ import annotations

import math
from dataclasses import dataclass

MIN_KEPT = 2
"""Pairs a keep needs, however clear the first is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When the evidence is enough.

    Attributes:
        keep: Probability needed to keep: P(theta > 0), of a simplification P(theta ≥ -allowance).
        stop: A challenger is given up once P(theta ≥ reach) is under this share of its prior value, a
            simplification once P(theta ≥ -allowance) is.
        max_pairs: Most pairs taken.
        delta: Smallest log gain worth a commit, and what the first simplification may cost.
        power: Gain, in noise of one pair, that about 9 of 10 comparisons of `usual_pairs` confirm.
        usual_pairs: Most pairs where nothing caps them.
        overlap: Variance that pairs have in common, in units of one's (`stats.shared_variance`).
        patience: What these thresholds are called.
    """

    keep: float
    stop: float
    max_pairs: int
    delta: float
    power: float
    usual_pairs: int
    overlap: float
    patience: str

    @property
    def floor(self) -> float:
        """Noise of a pair under which nothing changes, as smaller gains are not worth a commit."""
        return max(self.delta / 10, 1e-9)

    def reach(self, sd: float) -> float:
        """The smallest gain worth waiting for: worth a commit, and within what these pairs can confirm."""
        return max(self.delta, 2 * sd * math.sqrt(1 / self.max_pairs + self.overlap))

    def confirmed(self, sd: float) -> float:
        """The gain that about 9 of 10 comparisons confirm."""
        usual = math.sqrt(1 / self.usual_pairs)
        return max(self.delta, self.power * sd * math.sqrt(1 / self.max_pairs + self.overlap) / usual)
