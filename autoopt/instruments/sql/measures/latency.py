"""Time queries: the clock runs while a statement executes and its rows are fetched, and only then."""

from __future__ import annotations

import gc
import time

from autoopt.instruments.sql.database import engines
from autoopt.instruments.sql.database.errors import EngineError, QueryError
from autoopt.instruments.sql.database.location import Location
from autoopt.instruments.sql.measures import Effort
from autoopt.instruments.sql.text.queries import TOTAL, Query, Workload


def measure(
    session: engines.Session, location: Location, workload: Workload, effort: Effort
) -> dict[str, float]:
    """Milliseconds of all queries and of each.

    A query counts with the fastest of its repeats: whatever else the machine does can only add to the time
    of the same work. The total is the sum over queries.
    """
    fastest = _fastest(session, workload.queries, effort.repeats)
    return {
        f"{TOTAL}_ms": sum(fastest.values()) / 1e6,
        **{f"{name}_ms": nanoseconds / 1e6 for name, nanoseconds in fastest.items()},
    }


def _fastest(session: engines.Session, queries: tuple[Query, ...], repeats: int) -> dict[str, int]:
    gc.disable()  # rows by the hundred thousand would set the collector off in the middle of a query
    try:
        rounds = [{query.name: _time(session, query) for query in queries} for _ in range(repeats)]
    finally:
        gc.enable()
    return {query.name: min(one[query.name] for one in rounds) for query in queries}


def _time(session: engines.Session, query: Query) -> int:
    """Nanoseconds of the file's statements."""
    spent = 0
    for statement in query.statements:
        try:
            begin = time.perf_counter_ns()
            result = session.execute(statement)
            spent += time.perf_counter_ns() - begin
        except EngineError as error:
            raise QueryError(f"{query.path}: {error}") from error
        del result
    session.forget()
    return spent
