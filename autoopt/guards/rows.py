"""A guard that compares rows: what queries return must not change, only how fast they return it."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoopt.errors import UsageError
from autoopt.processes.arms import Arms
from autoopt.records import Change, Failure, Finding, Proposal, Trial
from autoopt.schema import GuardConfig

Row = Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one query returned.

    Attributes:
        ordered: Whether the query asks for an order.
        keys: Columns that the order is by; None for all, in the exact sequence of the rows.
        columns: Names.
        rows: As many values each as there are columns.
    """

    ordered: bool
    keys: tuple[int, ...] | None
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


class RowsGuard:
    """Passes a change when its command prints the rows that the base commit's prints.

    What must be in order is decided by the base alone: a change cannot free itself from its ORDER BY.
    """

    def __init__(self, name: str, config: GuardConfig, command: str, arms: Arms, base: str) -> None:
        """Compare with commit `base`, in checkouts of `arms`."""
        self._name = name
        self._config = config
        self._command = command
        self._arms = arms
        self._base = base
        self._wanted: Mapping[str, Result] | None = None

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        """Compare the change's rows with the base commit's.

        Raises:
            UsageError: the command gives no rows at the base commit, or not the same ones twice.
        """
        if self._wanted is None:
            self._wanted = self._base_results()
        found = self._results(change.commit)
        if isinstance(found, Failure):
            objection: str | None = f"{found.reason}\n{found.tail}".rstrip()
        else:
            objection = difference(self._wanted, found, self._config.tolerance)
        return Finding(guard=self._name, passed=objection is None, message=objection or "")

    def _base_results(self) -> Mapping[str, Result]:
        """What the command prints at the base, asked twice: if that differs, no change could ever pass."""
        first, second = self._base_result(), self._base_result()
        if (unstable := difference(first, second, self._config.tolerance)) is not None:
            raise UsageError(
                f"guards.{self._name}.command does not give the same rows twice at the base commit "
                f"({unstable}), so no change could pass. Make its queries deterministic, then run again."
            )
        return first

    def _base_result(self) -> Mapping[str, Result]:
        found = self._results(self._base)
        if isinstance(found, Failure):
            raise UsageError(
                f"guards.{self._name}.command must work at the base commit, with whose rows all others are "
                f"compared, but: {found.reason}. Mend it, then run again.\n{found.tail}".rstrip()
            )
        return found

    def _results(self, commit: str) -> Mapping[str, Result] | Failure:
        """What the command prints at the commit."""
        what, timeout_s = f"guard-{self._name}", self._config.timeout_s
        return self._arms.output(commit, self._command, what, timeout_s, parse)


def parse(output: bytes) -> Mapping[str, Result]:
    """The results in what a command printed, one JSON object.

    Raises:
        ValueError: it is none, or not of the form that is wanted.
    """
    try:
        found = json.loads(output.decode("utf-8"), object_pairs_hook=_without_repetition)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"its output is not one JSON object ({error})") from error
    if not isinstance(found, dict) or not found:
        raise ValueError("its output is not a JSON object of queries")
    return {query: _result(query, value) for query, value in found.items()}


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("its output has a JSON object with the same key twice")
    return found


def _result(query: str, value: Any) -> Result:
    match value:
        case {"ordered": bool(ordered), "columns": [*columns], "rows": [*rows]}:
            keys = value.get("keys")
        case _:
            raise ValueError(f"query {query}: wanted an object with ordered, keys, columns and rows")
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise ValueError(
            f"query {query}: every row must be a list of {len(columns)} values, one for each column"
        )
    if keys is not None and not (isinstance(keys, list) and all(key in range(len(columns)) for key in keys)):
        raise ValueError(f"query {query}: keys must be null or a list of column indexes")
    return Result(
        ordered=ordered,
        keys=None if keys is None else tuple(keys),
        columns=tuple(map(str, columns)),
        rows=tuple(rows),
    )


def difference(wanted: Mapping[str, Result], found: Mapping[str, Result], tolerance: float) -> str | None:
    """The first difference between two sets of results, for a person; None when there is none that matters.

    Args:
        wanted: The base's; its queries' order decides what must be in order.
        found: The challenger's.
        tolerance: Largest relative difference between two floats that are equal.
    """
    if wanted.keys() != found.keys():
        missing, extra = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
        return f"other queries than at the base: missing {missing}, new {extra}"
    for query, result in wanted.items():
        if objection := _difference(result, found[query], tolerance):
            return f"query {query}: {objection}"
    return None


def _difference(wanted: Result, found: Result, tolerance: float) -> str | None:
    if wanted.columns != found.columns:
        return f"columns {_shown(found.columns)} instead of {_shown(wanted.columns)}"
    if len(wanted.rows) != len(found.rows):
        return f"{len(found.rows)} rows instead of {len(wanted.rows)}"
    if wanted.ordered:
        keys = range(len(wanted.columns)) if wanted.keys is None else wanted.keys
        for number, (left, right) in enumerate(zip(wanted.rows, found.rows, strict=True), start=1):
            if not all(_equal(left[key], right[key], tolerance) for key in keys):
                return f"row {number} is {_shown(right)} instead of {_shown(left)}, and their order counts"
    unmatched = _unmatched(wanted.rows, found.rows, len(wanted.columns), tolerance)
    return (
        None if unmatched is None else f"row {_shown(unmatched)} is missing, though others are in its place"
    )


def _shown(row: Row) -> str:
    text = json.dumps(row, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:197]}..."


def _equal(left: Any, right: Any, tolerance: float) -> bool:
    """Whether two values are the same: floats within the tolerance, NaN and null each equal to itself."""
    if isinstance(left, float) or isinstance(right, float):
        if not (_numeric(left) and _numeric(right)):
            return False
        return math.isclose(left, right, rel_tol=tolerance) or (math.isnan(left) and math.isnan(right))
    return _exact(left) == _exact(right)


def _numeric(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _exact(value: Any) -> str:
    """A text that only equal values share; `1`, `"1"` and `true` do not."""
    return json.dumps(value, sort_keys=True)


def _unmatched(wanted: Sequence[Row], found: Sequence[Row], width: int, tolerance: float) -> Row | None:
    """A wanted row that has no counterpart among as many found rows, whatever their order."""
    inexact = [
        column for column in range(width) if any(isinstance(row[column], float) for row in (*wanted, *found))
    ]
    exact = [column for column in range(width) if column not in inexact]
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in found:
        groups[tuple(_exact(row[column]) for column in exact)].append(row)
    lefts: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in wanted:
        lefts[tuple(_exact(row[column]) for column in exact)].append(row)
    for key, rows in lefts.items():
        unmatched = _unmatched_floats(rows, groups[key], inexact, tolerance)
        if unmatched is not None:
            return unmatched
    return None


def _unmatched_floats(
    wanted: list[Row], found: list[Row], columns: Sequence[int], tolerance: float
) -> Row | None:
    """The same for rows that differ in columns with floats only.

    In sorted order counterparts stand at the same place, except where values that count as equal have
    changed places; then each row looks for its counterpart among those that are near in the first column.
    """
    if len(found) < len(wanted):
        return wanted[0]

    def order(row: Row) -> tuple[Any, ...]:
        return tuple(_rank(row[column]) for column in columns)

    def same(left: Row, right: Row) -> bool:
        return all(_equal(left[column], right[column], tolerance) for column in columns)

    wanted, found = sorted(wanted, key=order), sorted(found, key=order)
    if len(wanted) == len(found) and all(map(same, wanted, found)):
        return None
    firsts = [order(row)[:1] for row in found]
    for row in wanted:
        place = _first_near(firsts, row[columns[0]], tolerance) if columns else 0
        while place < len(found) and not same(row, found[place]):
            if (
                columns
                and firsts[place] > order(row)[:1]
                and not _equal(row[columns[0]], found[place][columns[0]], tolerance)
            ):
                return row
            place += 1
        if place == len(found):
            return row
        del found[place], firsts[place]
    return None


def _rank(value: Any) -> tuple[int, Any]:
    """A key by which the values of a column with floats can be sorted."""
    if not _numeric(value):
        return (2, _exact(value))
    return (1, 0.0) if math.isnan(value) else (0, value)


def _first_near(ranks: list[tuple[Any, ...]], value: Any, tolerance: float) -> int:
    """The first place in sorted ranks whose value may equal this one."""
    kind, rank = _rank(value)
    if kind == 0 and math.isfinite(rank):
        rank -= 2 * tolerance * abs(rank)
    return bisect_left(ranks, ((kind, rank),))
