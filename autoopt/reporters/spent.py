"""Where the wall time of a run went, from the moments its journal notes and the stages of its experiments."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoopt.journal.moments import Moment
from autoopt.records import WAIT, Experiment
from autoopt.reporters import markup, words
from autoopt.reporters.account import Account

NAMES = {
    "prepare": "getting ready, and the baseline",
    "ask": "having ideas",
    "edit": "editing",
    "repair": "repairing what crashed",
    WAIT: "waiting for a turn on the machine",
    "measure": "measuring",
    "inspect": "guards",
    "restart": "measuring the incumbent anew",
    "confirm": "final comparison",
    "holdout": "holdout",
    "leave-one-out": "what each kept change is worth",
    "other": "between these, and interrupted attempts",
}
"""What the time was spent on, in the order it is told."""
_STAGES = ("ask", "edit", "repair", WAIT, "measure", "inspect")
_ENDINGS = {
    "RESTARTED": "restart",
    "CONFIRMED": "confirm",
    "HELD_OUT": "holdout",
    "OMITTED": "leave-one-out",
    "STOPPED": "other",
}
COLUMNS = ("wall time went into", "time", "share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of the run's own time that went into one thing.

    Attributes:
        kind: One of `NAMES`.
        number: The experiment it belongs to; None where it belongs to none.
    """

    kind: str
    start: float
    end: float
    number: int | None = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


def spans(account: Account) -> tuple[Span, ...]:
    """The run from its beginning to its last word without gaps; none where its journal was not read."""
    return tuple(_spans(account.moments, {one.number: one for one in account.history}))


def _spans(moments: Sequence[Moment], history: Mapping[int, Experiment]) -> Iterator[Span]:
    reached = 0.0
    for moment in moments:
        now = max(reached, moment.elapsed_s)
        if moment.event == "DECIDED" and (one := history.get(moment.number or 0)) is not None:
            yield from _experiment(one, reached, now)
        elif (kind := _ENDINGS.get(moment.event)) is not None:
            yield from _stretch(kind, reached, now, None)
        else:
            continue
        reached = now


def _experiment(one: Experiment, reached: float, end: float) -> Iterator[Span]:
    """What came before it, then its stages; the baseline is part of getting ready."""
    if not one.is_try and not one.number:
        yield from _stretch("prepare", reached, end, one.number)
        return
    stages = {stage: one.seconds.get(stage, 0.0) for stage in _STAGES}
    total = math.fsum(stages.values())
    scale = min(1.0, (end - reached) / total) if total > 0 else 0.0
    at = end - scale * total
    yield from _stretch("other", reached, at, None)
    for stage, seconds in stages.items():
        yield from _stretch(stage, at, at + scale * seconds, one.number)
        at += scale * seconds


def _stretch(kind: str, start: float, end: float, number: int | None) -> Iterator[Span]:
    if end > start:
        yield Span(kind=kind, start=start, end=end, number=number)


def shares(account: Account) -> tuple[tuple[str, float, float], ...]:
    """Kind, seconds and share of the whole of everything that took time, in the order of `NAMES`."""
    found = spans(account)
    seconds = {kind: math.fsum(span.seconds for span in found if span.kind == kind) for kind in NAMES}
    total = math.fsum(seconds.values())
    return tuple((kind, spent, spent / total) for kind, spent in seconds.items() if spent > 0)


def cells(share: tuple[str, float, float]) -> tuple[str, str, str]:
    """A share as the cells of a table: `COLUMNS`."""
    kind, seconds, part = share
    return NAMES[kind], words.duration(seconds), words.percent(part)


def section(account: Account) -> str:
    """Where the time went as a table of the Markdown report; empty where nobody knows."""
    rows = [cells(share) for share in shares(account)]
    return f"## Where the time went\n\n{markup.table(COLUMNS, rows, right=(1, 2))}" if rows else ""
