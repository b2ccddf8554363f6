"""The line every effect lives on: gains, positive is better, whatever the metric's unit and direction."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from autoopt.schema import Direction
from autoopt.stats import robust_sd

_LARGEST_LOG = 700.0  # exp() overflows soon after
_LARGEST_RATIO = 1e6  # of a value to the reference; beyond, squares of gains would overflow


@dataclass(frozen=True, slots=True)
class Axis:
    """How metric values become gains, and gains become words' numbers.

    Attributes:
        reference: What differences are measured in; None where gains are log ratios.
    """

    direction: Direction
    reference: float | None = None

    @classmethod
    def of(cls, values: Sequence[float], direction: Direction) -> Axis:
        """Log ratios while every value is positive, differences otherwise."""
        return cls(direction).covering(values, values)

    @property
    def is_ratio(self) -> bool:
        """Whether gains are log ratios."""
        return self.reference is None

    @property
    def _sign(self) -> int:
        """The one place that knows which way is better."""
        return -1 if self.direction is Direction.lower else 1

    def covering(self, values: Sequence[float], known: Sequence[float]) -> Axis:
        """The same axis, or differences in the size of the known values once a value is not positive."""
        if not self.is_ratio or min((*values, *known), default=1.0) > 0:
            return self
        return replace(self, reference=_size(known))

    def level(self, value: float) -> float:
        """How good a value is; levels differ by gains."""
        if self.reference is None:
            return self._sign * math.log(value)
        return self._sign * min(max(value / self.reference, -_LARGEST_RATIO), _LARGEST_RATIO)

    def value(self, level: float) -> float:
        """The metric value of a level."""
        if self.reference is None:
            return math.exp(min(self._sign * level, _LARGEST_LOG))
        return self._sign * level * self.reference

    def gain(self, incumbent: float, challenger: float) -> float:
        """How much better the challenger is."""
        return self.level(challenger) - self.level(incumbent)

    def effect(self, gain: float) -> float:
        """The gain as records hold it: a log ratio, or a difference in the metric's unit."""
        return gain if self.reference is None else gain * self.reference

    def change(self, gain: float) -> float:
        """What a gain does to the metric, unsigned: the share by which it moves, or the difference."""
        if self.reference is not None:
            return abs(self.effect(gain))
        return abs(math.expm1(min(self._sign * gain, _LARGEST_LOG)))


def _size(values: Sequence[float]) -> float:
    """A positive size to measure differences in.

    The median's, but no less than 20 times the noise: about a metric that hovers round zero, one standard
    deviation then counts as 5 %, the scale the prior was made for.
    """
    largest = max((abs(value) for value in values), default=0.0)
    if largest == 0.0:
        return 1.0
    shares = [value / largest for value in values]  # squares of the values themselves could overflow
    centre = median(shares)
    noise = robust_sd([share - centre for share in shares])
    return min((max(abs(centre), 20 * noise) or 1.0) * largest, sys.float_info.max)
