"""Parameters worth searching: an index for each way the queries reach into a table, and engine settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoopt.instruments.sql.candidates import settings
from autoopt.instruments.sql.database.engines import Session
from autoopt.instruments.sql.text import names, ordering, statements
from autoopt.instruments.sql.text.queries import Workload

if TYPE_CHECKING:
    from autoopt.instruments.sql.candidates.predicates import Access
    from autoopt.instruments.sql.database.catalog import Catalog, Table

MAX_INDEXES = 16
MIN_ROWS = 100  # a smaller table is one or two pages: no index is quicker
# How much is to be hoped of an index: one looked up for each row of an outer query saves most, one that only
# bounds a column on one side seldom saves anything.
_LOOKED_UP, _JOINED, _NARROWED, _EQUAL, _BOUNDED = 16, 4, 4, 2, 1


@dataclass(frozen=True, slots=True)
class Index:
    """Columns of one table; the order of `equal` among themselves does not matter, that of `tail` does."""

    table: str
    equal: tuple[str, ...]
    tail: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns in order."""
        return self.equal + self.tail


def find(
    session: Session,
    engine: str,
    workload: Workload,
    setup: Path,
    *,
    indexes: bool = True,
    costs: bool = False,
) -> dict[str, dict[str, Any]]:
    """Parameters by name, the most promising first.

    Args:
        setup: The file they stand in.
        indexes: Whether indexes can be tried; settings always can.
        costs: Whether the planner's costs are the metric, so that no setting may say what things cost.
    """
    found = _in_the_database(session, engine, workload, setup) if indexes else {}
    for keyword, name, choices, first in settings.worth_trying(session, engine, costs=costs):
        site = {"file": str(setup), "sql": f"{keyword} {name}", "choices": [None, *choices], "first": first}
        found[name] = site
    return found


def _in_the_database(
    session: Session, engine: str, workload: Workload, setup: Path
) -> dict[str, dict[str, Any]]:
    """Indexes, and statistics where there are none."""
    from autoopt.instruments.sql.database import catalog

    ordering.require_parser()
    tables = catalog.read(session, engine)
    found: dict[str, dict[str, Any]] = {}
    for index in ranked(workload, engine, tables):
        name, line = _create(index, tables, folds=engine == "postgresql")
        found[name] = {"file": str(setup), "line": line, "first": [True]}
    if engine != "duckdb" and not tables.has_statistics:
        found["analyze"] = {"file": str(setup), "line": "ANALYZE;", "first": [True]}
    return found


def ranked(workload: Workload, engine: str, catalog: Catalog) -> list[Index]:
    """Indexes that no present one stands in for, by table rows times the hopes of all queries."""
    found = _accesses(workload, engine, catalog)
    popularity = Counter((access.table, column) for _, access in found for column in access.columns)
    hopes: dict[Index, dict[str, int]] = {}
    for query, access in found:
        for hope, shape in _shapes(access, engine):
            queries = hopes.setdefault(_canonical(shape, popularity), {})
            queries[query] = max(hope, queries.get(query, 0))
    wanted = [index for index in hopes if _is_new(index, catalog.tables[index.table])]

    def worth(index: Index) -> tuple[int, int]:
        return catalog.tables[index.table].rows * sum(hopes[index].values()), -len(index.columns)

    return _distinct(sorted(wanted, key=worth, reverse=True))[:MAX_INDEXES]


def _accesses(workload: Workload, engine: str, catalog: Catalog) -> list[tuple[str, Access]]:
    from autoopt.instruments.sql.candidates import predicates

    return [
        (query.name, access)
        for query in workload.queries
        for statement in filter(statements.is_reading, query.statements)
        for access in predicates.accesses(statement, engine, catalog)
    ]


def _shapes(access: Access, engine: str) -> Iterator[tuple[int, Index]]:
    """Indexes that serve one mention of a table, each with how much is to be hoped for it."""
    equal = tuple(access.equal)
    if engine == "duckdb":  # its indexes serve equality with a constant on one column and nothing else
        yield from ((_EQUAL, Index(access.table, (column,))) for column in equal)
        return
    for partner, columns in access.joins.items():
        joined = tuple(columns)
        hope = _LOOKED_UP if partner in access.correlated else _JOINED
        yield hope, Index(access.table, joined)
        if equal:
            yield hope, Index(access.table, joined + equal)
        for column in access.ranges:
            yield hope, Index(access.table, joined, (column,))
    if equal:
        yield _EQUAL, Index(access.table, equal)
    for column in access.ranges:
        yield (_NARROWED if equal else _BOUNDED), Index(access.table, equal, (column,))
    if access.order:
        yield _NARROWED, Index(access.table, equal, access.order)


def _canonical(index: Index, popularity: Mapping[tuple[str, str], int]) -> Index:
    """The same index however the query spells it, the columns that most queries ask for first."""
    equal = sorted(set(index.equal), key=lambda column: (-popularity[index.table, column], column))
    tail = tuple(column for column in dict.fromkeys(index.tail) if column not in equal)
    return Index(index.table, tuple(equal), tail)


def _distinct(indexes: list[Index]) -> list[Index]:
    """The list without later indexes on the same columns in the same order."""
    first: dict[tuple[str, tuple[str, ...]], Index] = {}
    for index in indexes:
        first.setdefault((index.table, index.columns), index)
    return list(first.values())


def _is_new(index: Index, table: Table) -> bool:
    """Whether no present index begins with the same columns, and no unique one finds the row already."""
    if table.rows < MIN_ROWS or not index.columns:
        return False
    if any(set(unique) <= set(index.equal) for unique in table.unique):
        return False
    return not any(_covers(present, index) for present in table.indexes)


def _covers(present: tuple[str, ...], index: Index) -> bool:
    head = len(index.equal)
    return set(present[:head]) == set(index.equal) and present[head : len(index.columns)] == index.tail


def _create(index: Index, catalog: Catalog, *, folds: bool) -> tuple[str, str]:
    spelled = partial(names.identifier, folds=folds)
    table = catalog.tables[index.table]
    name = names.index(index.table, index.columns, catalog.names)
    columns = ", ".join(spelled(table.columns[column]) for column in index.columns)
    schema = "" if index.table == table.name.lower() else spelled(table.schema) + "."
    on = schema + spelled(table.name)
    return name, f"CREATE INDEX IF NOT EXISTS {name} ON {on} ({columns});"
