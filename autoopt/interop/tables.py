"""Tables with tabs: karpathy/autoresearch's `results.tsv`, uditgoenka/autoresearch's `*-results.tsv` and kin.

The columns are taken by their names, in whatever order: a status, a description, a commit, the number
(`metric`, or the column that is none of the known ones, as in `val_bpb`). A crash's 0 is no number. Nothing
in karpathy's table says which way the number is better; what was kept suggests it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.interop import log
from autoopt.interop.log import Log
from autoopt.records import Claim, Status

KARPATHY, UDITGOENKA, OURS = "karpathy/autoresearch", "uditgoenka/autoresearch", "autoopt"
_DIRECTION = re.compile(r"#\s*metric_direction:\s*(higher|lower)", re.IGNORECASE)
_NUMBERS = ("iteration", "run", "number", "experiment", "exp", "#")
_TEXTS = ("description", "hypothesis", "idea", "change", "experiment", "notes", "title")
_OTHERS = {"commit", "status", "delta", "guard", "guard-metric", "timestamp", "branch", "date", "time"}


@dataclass(slots=True)
class _Table:
    columns: list[str]
    rows: list[dict[str, str]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    short: list[int] = field(default_factory=list)
    direction: str = ""


def read(path: Path) -> Log:
    """What the table says was tried.

    Raises:
        UsageError: it cannot be read, is no such table, or has no row that can be understood.
    """
    table = _table(log.lines(path), path)
    metric = _metric(table, path)
    remarks: list[str] = []
    claims, odd = _claims(table, metric)
    if not claims:
        raise UsageError(
            f"{path}: has no row with a status such as keep, discard or crash; nothing to import."
        )
    if table.short:
        remarks.append(log.unreadable(table.short, "lacking a column"))
    if odd:
        remarks.append(log.unreadable(odd, "as their status or number is not known"))
    suggested = "" if table.direction else _suggested(claims)
    return Log(
        source=_source(table),
        metric="" if metric == "metric" else metric,
        direction=table.direction or suggested,
        guessed=bool(suggested),
        claims=log.latest(claims, remarks),
        remarks=tuple(remarks),
    )


def _table(lines: list[str], path: Path) -> _Table:
    table: _Table | None = None
    direction = ""
    for place, written in enumerate(lines, start=1):
        if found := _DIRECTION.match(written):
            direction = found[1].lower()
        elif not written.strip() or (table is None and written.startswith("#")):
            continue
        elif table is None:
            table = _Table([name.strip().lower() for name in written.split("\t")])
        else:
            _add(table, written.split("\t"), place)
    if table is None or "status" not in table.columns or len(set(table.columns)) < len(table.columns):
        raise UsageError(
            f"{path}: no table that can be read: wanted a head line with tabs, as in "
            "commit, val_bpb, memory_gb, status, description."
        )
    table.direction = direction
    return table


def _add(table: _Table, cells: list[str], place: int) -> None:
    """Take a row; a tab too many belongs to the last column, which is what was done."""
    wanted = len(table.columns)
    if len(cells) < wanted:
        table.short.append(place)
        return
    cells = [*cells[: wanted - 1], " ".join(cells[wanted - 1 :])]
    table.rows.append(dict(zip(table.columns, map(str.strip, cells), strict=True)))
    table.places.append(place)


def _metric(table: _Table, path: Path) -> str:
    """The column with the number."""
    if "metric" in table.columns:
        return "metric"
    known = _OTHERS | {*_NUMBERS, *_TEXTS}
    for name in table.columns:
        if name not in known and any(log.number(row[name]) is not None for row in table.rows):
            return name
    raise UsageError(
        f"{path}: none of its columns has numbers ({', '.join(table.columns)}); nothing to import."
    )


def _claims(table: _Table, metric: str) -> tuple[list[Claim], list[int]]:
    told = next((name for name in _TEXTS if name in table.columns and not _counts(table, name)), "")
    numbered = next((name for name in _NUMBERS if name in table.columns and _counts(table, name)), "")
    others = [name for name in table.columns if name not in {*_OTHERS, *_TEXTS, *_NUMBERS, metric}]
    found: list[Claim] = []
    odd: list[int] = []
    for row, place in zip(table.rows, table.places, strict=True):
        if log.is_idle(row["status"]):
            continue
        status = _status(row["status"])
        value = None if status is Status.crash else log.number(row[metric])
        if status is None or (value is None and status is not Status.crash):
            odd.append(place)
            continue
        if not found and status is Status.keep:
            status = Status.baseline
        found.append(
            Claim(
                number=int(float(row[numbered])) if numbered else len(found),
                status=status,
                value=value,
                description=log.line(row.get(told, "")) or "(not described)",
                numbers=_numbers(row, others) if value is not None else {},
                commit=log.line(row.get("commit", ""), 64).strip("-"),
            )
        )
    return found, odd


def _counts(table: _Table, name: str) -> bool:
    """Whether a column holds whole numbers, so that it numbers the rows."""
    values = [log.number(row[name]) for row in table.rows]
    return bool(values) and all(value is not None and value.is_integer() for value in values)


def _status(word: str) -> Status | None:
    """What the word means; some add why, as in `reverted_worse`."""
    return log.status(word) or log.status(re.split(r"[_\s(:]", word.strip(), maxsplit=1)[0])


def _numbers(row: Mapping[str, str], names: Sequence[str]) -> dict[str, float]:
    values = {name: log.number(row[name]) for name in names}
    return {name: value for name, value in values.items() if name and value is not None}


def _suggested(claims: Sequence[Claim]) -> str:
    """Which way the number was driven, where most of what was kept went one way; else empty."""
    kept = [
        one.value for one in claims if one.status in (Status.keep, Status.baseline) and one.value is not None
    ]
    steps = [after - before for before, after in pairwise(kept) if after != before]
    down = sum(step < 0 for step in steps)
    if not steps or 4 * max(down, len(steps) - down) < 3 * len(steps):
        return ""
    return "lower" if 2 * down > len(steps) else "higher"


def _source(table: _Table) -> str:
    if table.columns == ["experiment", "commit", "metric", "status", "description"]:
        return OURS
    return UDITGOENKA if {"iteration", "delta"} & set(table.columns) else KARPATHY
