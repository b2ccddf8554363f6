"""Where a job's time goes: its queries with their physical plans, and its slowest stages."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

from autoopt.instruments.spark.eventlog import Log, Window

_STAGES = 8
_QUERIES = 4
_PLAN_LINES = 90


def lines(log: Log | None, window: Window) -> Iterator[str]:
    """The profile of the last run, the slowest first; nothing without an event log."""
    if log is None:
        return
    numbers = log.numbers(window)
    yield ", ".join(f"{name} {value:g}" for name, value in numbers.items())
    yield from _stages(log, window)
    queries = [number for number, (begin, _) in log.spans.items() if window.contains(begin)]
    queries.sort(key=lambda number: log.spans[number][0] - log.spans[number][1])
    for number in queries[:_QUERIES]:
        begin, end = log.spans[number]
        yield f"query {number}: {(end - begin) / 1e3:.2f} s"
        yield from (f"  {line}" for line in log.plans[number].rstrip().splitlines()[:_PLAN_LINES])
    if len(queries) > _QUERIES:
        yield f"({len(queries) - _QUERIES} quicker queries are left out)"


def explained(known: dict[str, Any]) -> Iterator[str]:
    """Plans of the job's DataFrames, where the engine's event log is out of reach."""
    frames = {name: value for name, value in known.items() if hasattr(value, "explain") and name[0] != "_"}
    for name, frame in list(frames.items())[-_QUERIES:]:
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            frame.explain(mode="formatted")
        yield f"DataFrame {name}"
        yield from (f"  {line}" for line in text.getvalue().rstrip().splitlines()[:_PLAN_LINES])


def _stages(log: Log, window: Window) -> Iterator[str]:
    found = [stage for stage in log.stages.values() if window.contains(stage.get("Submission Time", 0))]
    found.sort(key=_seconds, reverse=True)
    for stage in found[:_STAGES]:
        sums = {name.rpartition("metrics.")[2]: value for name, value in _accumulated(stage)}
        yield (
            f"stage {stage['Stage ID']}: {_seconds(stage):.2f} s, {stage['Number of Tasks']} tasks, "
            f"shuffle read {sums.get('localBytesRead', 0) + sums.get('remoteBytesRead', 0):,} B, "
            f"written {sums.get('bytesWritten', 0):,} B, spilled {sums.get('diskBytesSpilled', 0):,} B: "
            f"{stage['Stage Name']}"
        )


def _seconds(stage: dict[str, Any]) -> float:
    return float(stage.get("Completion Time", 0) - stage.get("Submission Time", 0)) / 1e3


def _accumulated(stage: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """The sums that Spark itself keeps of a stage: reads and writes of shuffles only, by their last word."""
    for one in stage.get("Accumulables", []):
        name = str(one["Name"])
        if ".shuffle.read." in name or ".shuffle.write." in name or name.endswith("diskBytesSpilled"):
            last = name.rpartition(".")[2]
            yield ("metrics." + last, int(one["Value"]))
