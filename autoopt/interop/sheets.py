"""Experiments as JSON Lines, for programs, and as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

_COLUMNS = (
    *("run", "number", "status", "value", "unit", "gain", "gain_low", "gain_high", "gain_is_ratio"),
    *("probability", "pairs", "description", "hypothesis", "area", "source", "why", "commit", "parent"),
    *("lines_added", "lines_removed", "paths", "parameters", "seconds", "cost_usd", "tokens", "finished"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_LONGEST = 32_000
"""Characters that a spreadsheet's cell can hold."""


def lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """One JSON object on each line."""
    return "".join(f"{json.dumps(row, ensure_ascii=False, allow_nan=False)}\n" for row in rows)


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """A CSV file with the columns people sort by; begins with the mark by which spreadsheets know UTF-8.

    A text that a spreadsheet would take for a formula has an apostrophe before it: what was proposed, or
    printed, may come from anybody. Numbers are left as they are.
    """
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow([_cell(name, row[name]) for name in _COLUMNS])
    return f"\ufeff{file.getvalue()}"


def _cell(name: str, value: Any) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "seconds":
        return round(float(sum(value.values())), 3)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, list):
        return _harmless(", ".join(map(str, value)))
    if isinstance(value, Mapping):
        return _harmless(json.dumps(value, ensure_ascii=False) if value else "")
    return _harmless(str(value))


def _harmless(text: str) -> str:
    plain = "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)[:_LONGEST]
    return f"'{plain}" if plain.lstrip(" ").startswith(_FORMULA) else plain
