"""A straight scale from values to places on a picture, and what is written at its strokes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autoopt.reporters import words

_LETTERS = 7  # of a label, for which there is room on a narrow screen
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high`, drawn from `start` to `end`; what is beyond lies at the edge."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Where the value is drawn."""
        share = (min(max(value, self.low), self.high) - self.low) / ((self.high - self.low) or 1.0)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, about: int, *, whole: bool = False) -> list[float]:
        """Round values along it, about so many.

        Args:
            whole: Whether only whole numbers make sense.
        """
        rough = (self.high - self.low) / about
        if not (math.isfinite(rough) and rough > 0):
            return [self.low]
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * factor for factor in _STEPS if size * factor >= rough * 0.999)
        step = max(1.0, math.ceil(step)) if whole else step
        first = math.ceil(self.low / step - 1e-9)
        return [step * place for place in range(first, math.floor(self.high / step + 1e-9) + 1)]


def label(value: float, unit: str) -> str:
    """The value as it stands at a stroke: with its unit where there is room for it."""
    said = words.number(value, unit)
    return said if len(said) <= _LETTERS else words.number(value)
