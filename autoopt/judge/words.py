"""Verdicts as one line for a person."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autoopt.judge.axis import Axis
from autoopt.schema import Direction

_TIME_UNIT = re.compile(r"([nuµμm]?s|[num]?secs?|(nano|micro|milli)?seconds?|min(ute)?s?|h|hrs?|hours?)")


@dataclass(frozen=True, slots=True)
class Words:
    """How gains along an axis are said in a metric's unit."""

    axis: Axis
    unit: str

    def amount(self, gain: float) -> str:
        """The size of a gain: "3.1 %" of the metric, or a difference in its unit."""
        return self._with_unit(self._digits(self.axis.change(gain)))

    def spread(self, sd: float) -> str:
        """A standard deviation, as what it adds to the metric: "3.9 %"."""
        return self.amount(-sd if self.axis.direction is Direction.lower else sd)

    def effect(self, gain: float) -> str:
        """The size and the word: "3.1 % faster"."""
        return f"{self.amount(gain)} {self._word(gain >= 0)}"

    def interval(self, low: float, high: float) -> str:
        """95 % limits, those on the worse side with a minus: "1.8–4.4 %"."""
        left, right = (
            ("-" if gain < 0 else "") + self._digits(self.axis.change(gain)) for gain in (low, high)
        )
        return f"95 % {left}{'–' if low >= 0 else ' to '}{self._with_unit(right)}"

    def _with_unit(self, digits: str) -> str:
        return f"{digits} %" if self.axis.is_ratio else f"{digits} {self.unit}".rstrip()

    def _digits(self, change: float) -> str:
        return _percent(100 * change) if self.axis.is_ratio else f"{change:.3g}"

    def _word(self, better: bool) -> str:
        is_lower = self.axis.direction is Direction.lower
        if is_lower and _TIME_UNIT.fullmatch(self.unit.lower()):
            return "faster" if better else "slower"
        return "lower" if better is is_lower else "higher"


def sure(probability: float) -> str:
    """A probability in whole percent, rounded down and never 100: "99 % sure"."""
    return f"{min(99, int(100 * probability))} % sure"


def share(probability: float) -> str:
    """A probability for readers of numbers: "97.3 %", "0.4 %"; never 0 or 100 %."""
    percent = 100 * probability
    if percent < 0.01:
        return "< 0.01 %"
    return "> 99.99 %" if percent > 99.99 else f"{percent:.3g} %" if percent < 99 else f"{percent:.2f} %"


def count(pairs: int) -> str:
    """A number of pairs: "1 pair", "4 pairs"."""
    return f"{pairs} pair{'' if pairs == 1 else 's'}"


def value(number: float) -> str:
    """A metric value without the dust of binary fractions: "12", "0.3"."""
    return f"{number:.12g}"


def _percent(number: float) -> str:
    """About two significant digits; 99.97 does not become 100, as a time cannot fall by that much."""
    if 99 <= number < 100:
        return f"{min(number, 99.99):.2f}"
    if number < 1 or number >= 1e6:
        return f"{number:.2g}"
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}"
