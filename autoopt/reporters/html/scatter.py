"""Two numbers of every experiment against each other, those nothing beats in both joined by a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autoopt.records import Experiment
from autoopt.reporters import words
from autoopt.reporters.html.elements import Html, element
from autoopt.reporters.html.marks import mark, size_for
from autoopt.reporters.html.scale import Scale, label

_WIDTH, _HEIGHT = 460.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 16.0, 22.0, 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One experiment: its metric across, the other number up, and whether nothing beats it in both."""

    experiment: Experiment
    across: float
    up: float
    is_best: bool


def picture(points: Sequence[Point], across: str, up: str, unit: str, up_unit: str = "") -> Html | None:
    """The points with their axes' names; None for fewer than two."""
    if len(points) < 2:
        return None
    x = _scale([point.across for point in points], _LEFT, _WIDTH - _RIGHT)
    y = _scale([point.up for point in points], _HEIGHT - _BOTTOM, _TOP)
    said = f"{up} against {across}"
    best = sorted((point for point in points if point.is_best), key=lambda point: point.across)
    size = size_for(len(points))
    front = " ".join(f"{x.place(point.across):g},{y.place(point.up):g}" for point in best)
    return element(
        "svg",
        element("title", said),
        *_axes(x, y, unit, up_unit),
        element("text", up, class_="start", x=4, y=12),
        element("text", across, class_="end", x=_WIDTH - _RIGHT, y=_HEIGHT - 6),
        element("polyline", class_="front", points=front) if len(best) > 1 else None,
        *(_mark(point, x, y, unit, up, up_unit, size) for point in points),
        class_="chart scatter",
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        role="img",
        aria_label=said,
    )


def _scale(values: Sequence[float], start: float, end: float) -> Scale:
    low, high = min(values), max(values)
    edge = 0.08 * (high - low) or abs(high) * 0.1 or 1.0
    return Scale(low - edge, high + edge, start, end)


def _axes(x: Scale, y: Scale, unit: str, up_unit: str) -> Iterator[Html]:
    for value in y.ticks(4):
        at = y.place(value)
        yield element("line", class_="tick", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=at, y2=at)
        yield element("text", label(value, up_unit), class_="end", x=_LEFT - 8, y=at + 3.5)
    for value in x.ticks(4):
        at = x.place(value)
        yield element("line", class_="tick", x1=at, x2=at, y1=_TOP, y2=_HEIGHT - _BOTTOM)
        yield element("text", label(value, unit), x=at, y=_HEIGHT - _BOTTOM + 14)


def _mark(point: Point, x: Scale, y: Scale, unit: str, up: str, up_unit: str, size: float) -> Html:
    one = point.experiment
    numbers = f"{words.number(point.across, unit)}, {up} {words.number(point.up, up_unit)}"
    said = f"#{one.number} {one.status}: {numbers}, {words.one_line(one.description)}"
    return mark(one, x.place(point.across), y.place(point.up), said, size)
