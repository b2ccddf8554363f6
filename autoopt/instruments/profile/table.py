"""What was recorded, as a table for people: functions in the scope first, then what they spend time in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoopt.instruments.files import relative, within

Place = tuple[str, int, str]
"""File, line and name of a function; built-in ones have the file `~`."""

ELSEWHERE = 10
_CAVEATS = {
    "cprofile": "under the profiler, which makes many small calls look slower than they are",
    "pyinstrument": "seen by pyinstrument once a millisecond, so that calls are not counted",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One function in one process: seconds in it alone, with what it called, and for each caller."""

    place: Place
    calls: int
    own: float
    whole: float
    callers: Mapping[Place, float] = field(default_factory=dict)

    @classmethod
    def of(cls, fields: Sequence[Any]) -> Row:
        """The row that a recorder wrote."""
        file, line, name, calls, own, whole, callers = fields
        return cls((file, line, name), calls, own, whole, {(f, n, w): s for f, n, w, s in callers})


def lines(
    rows: Sequence[Row], root: Path, scope: Sequence[str], top: int, profiler: str = "cprofile"
) -> Iterator[str]:
    """The table; paths are relative to `root`, percentages are of all recorded time."""
    merged = _merged(rows)
    total = sum(row.own for row in merged) or 1.0
    mine = [row for row in merged if within(relative(row.place[0], root), scope)]
    others = [row for row in merged if row not in mine]
    yield f"{total:.2f} s {_CAVEATS[profiler]}"
    yield f"{'own':>6} {'total':>6} {'calls':>10}  function"
    for row in sorted(mine, key=lambda row: -row.own)[:top]:
        yield _line(row, total, root)
    yield "Most of the rest:"
    for row in sorted(others, key=lambda row: -row.own)[:ELSEWHERE]:
        caller = max(row.callers, key=lambda place: row.callers[place], default=None)
        called = "" if caller is None else f", mostly from {_name(caller, root)}"
        yield _line(row, total, root) + called


def _merged(rows: Sequence[Row]) -> list[Row]:
    """One row for each function, whatever the number of processes."""
    found: dict[Place, Row] = {}
    for row in rows:
        before = found.get(row.place, Row(row.place, 0, 0.0, 0.0))
        callers = dict(before.callers)
        for place, seconds in row.callers.items():
            callers[place] = callers.get(place, 0.0) + seconds
        found[row.place] = Row(
            row.place, before.calls + row.calls, before.own + row.own, before.whole + row.whole, callers
        )
    return list(found.values())


def _line(row: Row, total: float, root: Path) -> str:
    return f"{row.own / total:6.1%} {row.whole / total:6.1%} {row.calls or '':10}  {_name(row.place, root)}"


def _name(place: Place, root: Path) -> str:
    file, line, name = place
    return name if file == "~" else f"{relative(file, root)}:{line} {name}"
