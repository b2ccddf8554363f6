"""The log of pi-autoresearch: `.auto/log.jsonl`, one JSON object for each session, experiment and hook.

A session object (`"type": "config"`) names the number and its direction and begins a segment; an experiment
has a `run`. Where the number changed on the way, only experiments on the last one are taken: the others say
nothing of it. Its own reader takes an unknown status for a keep and a missing number for 0; here both are
left out, and said to be. A crash's 0 is no number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autoopt.errors import UsageError
from autoopt.interop import log
from autoopt.interop.log import Log
from autoopt.records import Claim, Status

SOURCE = "pi-autoresearch"
_UNITS = {"µs": "µs", "us": "µs", "ns": "ns", "ms": "ms", "sec": "s", "s": "s", "kb": "KB", "mb": "MB"}
_NOTE = 1000


@dataclass(frozen=True, slots=True)
class _Session:
    name: str = ""
    metric: str = "metric"
    unit: str = ""
    direction: str = ""


def read(path: Path) -> Log:
    """What the log says was tried.

    Raises:
        UsageError: it cannot be read, or holds no experiment.
    """
    session, found = _Session(), list[tuple[_Session, Claim]]()
    bad: list[int] = []
    odd: list[int] = []
    lines = log.lines(path)
    begins = True
    for place, written in enumerate(lines, start=1):
        entry = log.parsed(written)
        if entry is None:
            bad += [place] if written.strip() else []
        elif entry.get("type") == "config":
            session, begins = _session(entry, session), True
        elif "run" in entry and entry.get("type") != "hook" and not log.is_idle(entry.get("status")):
            claim = _claim(entry, begins=begins)
            if claim is None:
                odd.append(place)
            else:
                found.append((session, claim))
                begins = False
    if not found:
        raise UsageError(
            f"{path}: holds no experiment of {SOURCE} (lines such as "
            '{"run": 1, "metric": 12.5, "status": "keep", "description": "..."}); is it another log?'
        )
    return _log(session, found, list(_remarks(bad, odd, torn=bad[-1:] == [len(lines)])))


def _remarks(bad: list[int], odd: list[int], *, torn: bool) -> Iterator[str]:
    if torn:  # as whoever wrote it was stopped
        bad = bad[:-1]
        yield "its last line is torn and left out"
    if bad:
        yield log.unreadable(bad, "being no JSON objects")
    if odd:
        yield log.unreadable(odd, "as their status or number is not known")


def _log(session: _Session, found: list[tuple[_Session, Claim]], remarks: list[str]) -> Log:
    last = found[-1][0]
    claims = [claim for one, claim in found if (one.metric, one.direction) == (last.metric, last.direction)]
    if len(claims) < len(found):
        remarks.append(f"{len(found) - len(claims)} experiments on other numbers than {last.metric} left out")
    return Log(
        source=SOURCE,
        name=session.name or last.name,
        metric=last.metric,
        unit=last.unit or _unit(last.metric),
        direction=last.direction,
        claims=log.latest(claims, remarks),
        remarks=tuple(remarks),
    )


def _session(entry: Mapping[str, Any], before: _Session) -> _Session:
    """What is said of the session; ports of the tool write the names otherwise."""
    direction = entry.get("bestDirection", entry.get("direction", "lower"))
    return _Session(
        name=log.line(entry.get("name"), 200) or before.name,
        metric=log.line(entry.get("metricName", entry.get("metric_name")), 100) or before.metric,
        unit=log.line(entry.get("metricUnit", entry.get("metric_unit")), 40),
        direction="higher" if direction == "higher" else "lower",
    )


def _claim(entry: Mapping[str, Any], *, begins: bool) -> Claim | None:
    """The experiment; None where its status or its number is not known."""
    status, number = log.status(entry.get("status")), log.number(entry.get("run"))
    if status is None or number is None or not number.is_integer():
        return None
    value = None if status is Status.crash else log.number(entry.get("metric"))
    if value is None and status is not Status.crash:
        return None
    said = entry.get("asi")
    more = said if isinstance(said, dict) else {}
    numbers = entry.get("metrics")
    claim = Claim(
        number=int(number),
        status=Status.baseline if begins and status is Status.keep else status,
        value=value,
        description=log.line(entry.get("description")) or "(not described)",
        hypothesis=log.line(more.get("hypothesis")),
        note=log.line("; ".join(_notes(more)), _NOTE),
        numbers=_numbers(numbers if isinstance(numbers, dict) and value is not None else {}),
    )
    # Only what was kept has a commit of its own: the others name the one they were reverted to.
    return replace(claim, commit=log.line(entry.get("commit"), 64)) if status is Status.keep else claim


def _notes(more: Mapping[str, Any]) -> Iterator[str]:
    """What the agent noted besides its hypothesis."""
    for key, value in more.items():
        if key != "hypothesis":
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{key.replace('_', ' ')}: {text}"


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    found = {log.line(name, 100): log.number(value) for name, value in list(values.items())[:100]}
    return {name: value for name, value in found.items() if name and value is not None}


def _unit(metric: str) -> str:
    """The unit that a number's name ends in, as in `total_ms`."""
    return _UNITS.get(metric.rpartition("_")[2], "") if "_" in metric else ""
