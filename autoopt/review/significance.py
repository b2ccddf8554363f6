"""Significance: does the gain matter?"""

from __future__ import annotations

from collections.abc import Iterator

from autoopt.review.evidence import Evidence, Gained
from autoopt.review.figures import Amount, Gain, Share, Size
from autoopt.review.records import Axis, Point, point
from autoopt.schema import Direction

SIZES = (0.0, 0.03, 0.1, 0.25, 0.5)
"""What the lower end of the gain has to exceed for a point each: the share of the metric that is gone."""
LOUD, AUDIBLE = 10.0, 3.0
"""Gains in units of what one pair varies by, for two points and for one."""


def significance(evidence: Evidence) -> Axis:
    """How much the gain matters."""
    question = "Does it matter?"
    gained = evidence.gained
    if gained is None:
        points = [point(0, 9, "nothing was gained")]
    elif not gained.is_confirmed:
        points = [point(0, 9, "claimed step by step and never confirmed: ", gained.said)]
    else:
        points = list(_points(evidence, gained))
    return Axis(name="Significance", question=question, points=tuple(points))


def _points(evidence: Evidence, gained: Gained) -> Iterator[Point]:
    yield _size(gained)
    yield _above_noise(evidence, gained)
    yield _target(evidence, gained)


def _size(gained: Gained) -> Point:
    share, lacked = gained.relative(gained.low), gained.room(gained.low)
    given = sum(max(share, lacked or 0.0) > size for size in SIZES)
    least = Gain(gained.low, gained.is_ratio)
    if gained.low <= 0:
        return point(0, 5, "it may be no gain at all: the interval is ", gained.ends)
    if lacked is not None and lacked > share:
        return point(given, 5, "at least ", least, ": ", Share(lacked), " of what it lacked")
    return point(given, 5, "at least ", least, ", by the lower end of the interval")


def _above_noise(evidence: Evidence, gained: Gained) -> Point:
    if not evidence.measured:
        return point(0, 2, "how much the number varies is not known")
    if not evidence.is_noted:
        return point(0, 2, "what one pair varies by was not noted")
    if evidence.noise <= 0:
        return point(2 if gained.low > 0 else 0, 2, "the number repeats exactly, so none of it is noise")
    times = gained.low / evidence.noise
    if times <= 0:
        return point(0, 2, "all of it may be noise: the interval has no gain in it")
    given = 2 if times >= LOUD else 1 if times >= AUDIBLE else 0
    noise = Size(evidence.noise, gained.is_ratio)
    return point(given, 2, f"its lower end is {times:.1f} times what one pair varies by (", noise, ")")


def _target(evidence: Evidence, gained: Gained) -> Point:
    target = evidence.config.metric.target
    if target is None:
        given = sum(gained.relative(gained.low) > size for size in SIZES[1:3])
        return point(given, 2, "no target was set: it is held against its size alone")
    final = evidence.confirmation.final if evidence.confirmation else gained.baseline
    way = target - gained.baseline
    share = (final - gained.baseline) / way if way else 1.0
    if (final <= target) if gained.direction is Direction.lower else (final >= target):
        return point(2, 2, "the target, ", Amount(target, in_unit=True), ", is reached")
    given = 1 if share >= 0.5 else 0
    return point(
        given, 2, Share(max(0.0, share)), " of the way to the target, ", Amount(target, in_unit=True)
    )
