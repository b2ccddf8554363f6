"""What was recorded, as a table for people: functions in the scope first, then what they spend time in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

Place = tuple[str, int, str]
"""File, line and name of a function; built-in ones have the file `~`."""

ELSEWHERE = 10


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


def lines(rows: Sequence[Row], root: Path, scope: Sequence[str], top: int) -> Iterator[str]:
    """The table; paths are relative to `root`, percentages are of all recorded time."""
    merged = _merged(rows)
    total = sum(row.own for row in merged) or 1.0
    mine = [row for row in merged if _in_scope(_relative(row.place[0], root), scope)]
    others = [row for row in merged if row not in mine]
    yield f"{total:.2f} s under the profiler, which makes many small calls look slower than they are"
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
    return f"{row.own / total:6.1%} {row.whole / total:6.1%} {row.calls:10}  {_name(row.place, root)}"


def _name(place: Place, root: Path) -> str:
    file, line, name = place
    return name if file == "~" else f"{_relative(file, root)}:{line} {name}"


def _relative(file: str, root: Path) -> str:
    path = root / file  # as it stands when it is absolute
    for base in (root, root.resolve()):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return file


def _in_scope(path: str, scope: Sequence[str]) -> bool:
    if path.startswith(("/", "<", "~")):
        return False
    return not scope or any(
        pattern in (".", "./")
        or path == pattern
        or path.startswith(f"{pattern.rstrip('/')}/")
        or _fits(path, pattern)
        for pattern in scope
    )


def _fits(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path, pattern.replace("**/", ""))
