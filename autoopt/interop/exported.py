"""Reading what `autoopt export --to jsonl` wrote: another run's experiments, as claims like anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoopt.errors import UsageError
from autoopt.interop import log
from autoopt.interop.log import Log
from autoopt.interop.rows import SCHEMA
from autoopt.records import Claim, Status


def is_one(path: Path) -> bool:
    """Whether the file's first object is an exported experiment."""
    first = next((text for text in log.lines(path) if text.strip()), "")
    entry = log.parsed(first)
    return entry is not None and str(entry.get("schema", "")).startswith("autoopt.experiment/")


def read(path: Path) -> Log:
    """What the exported run tried.

    Raises:
        UsageError: it is of another version, or holds no experiment.
    """
    claims: list[Claim] = []
    odd: list[int] = []
    last: Mapping[str, Any] = {}
    for place, text in enumerate(log.lines(path), start=1):
        entry = log.parsed(text)
        if entry is not None and entry.get("schema") != SCHEMA:
            raise UsageError(
                f"{path}, line {place}: is {entry.get('schema')!r}, this autoopt reads {SCHEMA}."
            )
        claim = None if entry is None else _claim(entry)
        if claim is None or entry is None:
            odd += [place] if text.strip() and not (entry and log.is_idle(entry.get("status"))) else []
            continue
        claims.append(claim)
        last = entry
    if not claims:
        raise UsageError(f"{path}: holds no experiment that can be understood; nothing to import.")
    remarks = [log.unreadable(odd, "as they cannot be understood")] if odd else []
    return Log(
        source=f"autoopt run {log.line(last.get('run'), 100)}",
        unit=log.line(last.get("unit"), 40),
        direction="higher" if last.get("direction") == "higher" else "lower",
        claims=log.latest(claims, remarks),
        remarks=tuple(remarks),
    )


def _claim(entry: Mapping[str, Any]) -> Claim | None:
    status, number = log.status(entry.get("status")), log.number(entry.get("number"))
    if status is None or number is None:
        return None
    return Claim(
        number=int(number),
        status=status,
        value=None if status is Status.crash else log.number(entry.get("value")),
        description=log.line(entry.get("description")) or "(not described)",
        hypothesis=log.line(entry.get("hypothesis")),
        area=log.line(entry.get("area"), 100),
        note=log.line(entry.get("why")),
        commit=log.line(entry.get("commit"), 64),
    )
