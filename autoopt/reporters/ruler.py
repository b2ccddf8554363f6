"""The line on which gains are drawn: zero in its place, worse to the left, better to the right."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autoopt.reporters import words
from autoopt.schema import Direction

_MARGIN = 0.06  # of the whole, kept free at either end
_APART = 0.17  # of the whole, between two labels
_SHARES = (0.001, 0.01, 0.03, 0.1, 0.3, 0.5, 0.9, 0.99, 1.0, 3.0, 9.0, 99.0)
_BOUND = 1e300


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruler:
    """A line for gains: even within the noise, ever denser beyond, so that 1 % and 90 % both have room.

    Attributes:
        knee: Where it stops being even; about the noise of a pair.
        low, high: Its ends as gains; zero lies between.
    """

    knee: float
    low: float
    high: float

    @classmethod
    def around(cls, gains: Sequence[float], noise: float) -> Ruler:
        """A line that shows all these gains, and at least twice the noise on either side of zero.

        Args:
            noise: What a pair says by chance; 0 where nobody knows.
        """
        finite = [gain for gain in gains if math.isfinite(gain) and abs(gain) < _BOUND]
        largest = max(map(abs, finite), default=0.0)
        knee = max(noise, largest * 1e-3) or 1.0
        ends = _bent(min([*finite, -2 * knee]), knee), _bent(max([*finite, 2 * knee]), knee)
        margin = _MARGIN * (ends[1] - ends[0])
        low, high = (knee * math.sinh(end) for end in (ends[0] - margin, ends[1] + margin))
        return cls(knee=knee, low=low, high=high)

    def place(self, gain: float) -> float:
        """Where the gain lies, from 0 at the left end to 1 at the right; the ends hold what is beyond."""
        low, high = _bent(self.low, self.knee), _bent(self.high, self.knee)
        bounded = min(max(gain, self.low), self.high)
        return (_bent(bounded, self.knee) - low) / (high - low)

    def ticks(self, direction: Direction, unit: str, *, is_ratio: bool) -> tuple[tuple[float, str], ...]:
        """Round gains along it with their labels, far enough apart to be read; zero is not among them."""
        shown: list[tuple[float, str]] = []
        taken = [self.place(0.0)]
        for gain, label in _candidates(self, direction, unit, is_ratio=is_ratio):
            place = self.place(gain)
            if all(abs(place - other) >= _APART for other in taken) and 0.07 < place < 0.93:
                taken.append(place)
                shown.append((gain, label))
        return tuple(sorted(shown))


def _bent(gain: float, knee: float) -> float:
    return math.asinh(gain / knee)


def _candidates(
    ruler: Ruler, direction: Direction, unit: str, *, is_ratio: bool
) -> Iterator[tuple[float, str]]:
    """Round gains within the line with their labels, the outermost first."""
    sizes = _SHARES if is_ratio else _decades(max(-ruler.low, ruler.high))
    for size in sorted(sizes, reverse=True):
        for signed in (size, -size):
            gain = _gain_of(signed, direction) if is_ratio else signed
            if gain is not None and ruler.low < gain < ruler.high:
                yield gain, _percent(signed) if is_ratio else words.number(signed, unit)


def _percent(share: float) -> str:
    return f"{100 * share:g} %".replace("-", "−")


def _gain_of(share: float, direction: Direction) -> float | None:
    """The log gain that is this share of the metric; None where nothing can be: 100 % faster."""
    if direction is Direction.lower:
        return -math.log1p(-share) if share < 1 else None
    return math.log1p(share) if share > -1 else None


def _decades(largest: float) -> tuple[float, ...]:
    """Powers of ten, and their halves, up to the largest."""
    top = math.floor(math.log10(largest)) if largest > 0 else 0
    return tuple(step * 10.0**power for power in range(top - 3, top + 1) for step in (1.0, 5.0))
