"""What the history suggests before the next idea: the seed's streak rules, without any I/O."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from autoopt.records import Brief, Experiment, Status


def question(
    history: Sequence[Experiment],
    *,
    number: int,
    incumbent: str,
    desk: Path,
    scope: tuple[str, ...],
    goal: str,
) -> Brief:
    """The brief a proposer is asked with."""
    return Brief(
        number=number,
        incumbent=incumbent,
        desk=desk,
        scope=scope,
        goal=goal,
        history=tuple(history),
        advice=advice(history),
    )


def advice(history: Sequence[Experiment]) -> str:
    """What the latest streak suggests; empty when there is none.

    Two keeps in one area: go deeper there. Three discards: leave the approach; five: change the strategy.
    A crash: the structure was misread, look before editing again.
    """
    tried = [experiment for experiment in history if experiment.status is not Status.baseline]
    if not tried:
        return ""
    last = tried[-1]
    streak = list(takewhile(lambda e: e.status is last.status, reversed(tried)))
    if last.status is Status.crash:
        return "The last change crashed: read how the parts depend on each other before editing again."
    if last.status is Status.keep:
        here = list(takewhile(lambda e: e.area == last.area, streak))
        return (
            f"{len(here)} changes to {last.area} in a row helped: go deeper there." if len(here) >= 2 else ""
        )
    failed = list(takewhile(lambda e: e.status is not Status.keep, reversed(tried)))
    if len(failed) >= 5:
        return f"{len(failed)} changes in a row brought nothing: take another strategy altogether."
    if len(failed) >= 3:
        return f"{len(failed)} changes in a row brought nothing: leave this approach."
    return ""
