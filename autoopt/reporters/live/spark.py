"""Experiments as a row of letters: how far each came as a bar, and below it what became of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autoopt.records import Status
from autoopt.schema import Direction


@dataclass(frozen=True, slots=True)
class Letters:
    """What rows are drawn with.

    Attributes:
        bars: From the lowest to the highest.
        marks: One for each status; they differ in more than colour.
        rule: Between a run's region and what is above it.
    """

    bars: str
    marks: dict[Status, str]
    rule: str


UNICODE = Letters(
    bars="▁▂▃▄▅▆▇█",
    marks={
        Status.baseline: "○",
        Status.keep: "▲",
        Status.follow: "△",
        Status.discard: "·",
        Status.inspector_reject: "×",
        Status.crash: "!",
    },
    rule="─",
)
ASCII = Letters(
    bars="_.-:=+*#",
    marks={
        Status.baseline: "o",
        Status.keep: "K",
        Status.follow: "F",
        Status.discard: ".",
        Status.inspector_reject: "x",
        Status.crash: "!",
    },
    rule="-",
)


def bars(levels: Sequence[float | None], direction: Direction, width: int, letters: Letters) -> str:
    """The latest experiments that fit, higher for better; blank where there was no number.

    The worst count as no worse than the baseline is bad beside the best, so that one disaster does not hide
    everything else.
    """
    known = [level for level in levels if level is not None]
    if not known:
        return ""
    signed = [None if level is None else _better(level, direction, min(known) > 0) for level in levels]
    first = next(level for level in signed if level is not None)
    best = max(level for level in signed if level is not None)
    lowest = max(min(level for level in signed if level is not None), first - (best - first or 1.0))
    span = best - lowest or 1.0
    top = len(letters.bars) - 1
    return "".join(
        " " if level is None else letters.bars[max(0, round((level - lowest) / span * top))]
        for level in signed[-width:]
    )


def _better(level: float, direction: Direction, is_ratio: bool) -> float:
    """The number on a scale on which larger is better and equal steps are equal gains."""
    scaled = math.log(level) if is_ratio else level
    return -scaled if direction is Direction.lower else scaled
