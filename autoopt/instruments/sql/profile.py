"""Which query takes how long and why: every query's time and its analysed plan, the slowest first."""

from __future__ import annotations

import time
from collections.abc import Iterator

from autoopt.instruments.sql.database import engines, plans
from autoopt.instruments.sql.database.errors import EngineError, QueryError
from autoopt.instruments.sql.text import statements
from autoopt.instruments.sql.text.queries import Query


def lines(session: engines.Session, queries: tuple[Query, ...], engine: str) -> Iterator[str]:
    """The profile; each query's paragraph begins with the path of its file."""
    session.execute("SELECT 1")  # the first query must not pay for an engine that is only waking up
    times = {query.path: seconds(session, query) for query in queries}
    total = sum(times.values())
    for query in sorted(queries, key=lambda query: -times[query.path]):
        spent = times[query.path]
        share = spent / total if total else 0.0
        yield f"{query.path.as_posix()}: {spent * 1e3:.1f} ms, {share:.0%} of all queries"
        yield from (f"  {line}" for line in _plan(session, query, engine))


def seconds(session: engines.Session, query: Query) -> float:
    """Wall seconds of the file's statements, run once."""
    begin = time.perf_counter()
    for statement in query.statements:
        _run(session, query, statement)
    spent = time.perf_counter() - begin
    session.forget()
    return spent


def _plan(session: engines.Session, query: Query, engine: str) -> list[str]:
    found: list[str] = []
    for statement in query.statements:
        if not statements.is_reading(statement):
            if statements.is_setting(statement):  # anything else is still there from being timed
                _run(session, query, statement)
            continue
        try:
            found += plans.analyzed(session, engine, statement)
        except EngineError as error:
            found.append(f"(no plan: {error})")
            session.forget()
    session.forget()
    return found


def _run(session: engines.Session, query: Query, statement: str) -> None:
    try:
        session.execute(statement)
    except EngineError as error:
        raise QueryError(f"{query.path}: {error}") from error
