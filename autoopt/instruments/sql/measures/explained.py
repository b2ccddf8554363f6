"""What PostgreSQL's EXPLAIN says of the queries: how long they run, what they touch, what they may cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autoopt.instruments.sql.database import engines
from autoopt.instruments.sql.database.errors import EngineError, QueryError
from autoopt.instruments.sql.database.location import Location
from autoopt.instruments.sql.measures import Effort
from autoopt.instruments.sql.text import statements
from autoopt.instruments.sql.text.queries import TOTAL, Query, Workload

_ANALYZE = (
    "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)"  # a clock at every row would be most of the time
)
_PLAN = "EXPLAIN (FORMAT JSON)"
_BLOCKS = ("Shared Hit Blocks", "Shared Read Blocks")
# What one unit of cost means; costs under two opinions of it cannot be compared.
_OPINIONS = """
SELECT name FROM pg_settings
WHERE (name ~ '_cost$' OR name = 'effective_cache_size') AND setting IS DISTINCT FROM reset_val
"""


def execution(
    session: engines.Session, location: Location, workload: Workload, effort: Effort
) -> dict[str, float]:
    """Milliseconds in the server's executor, of all queries and of each, then shared blocks touched.

    A query counts with the fastest of its repeats, and with the blocks of its last.
    """
    rounds = [
        {query.name: _plans(session, query, _ANALYZE) for query in workload.queries}
        for _ in range(effort.repeats)
    ]
    times = {name: min(_sum(one[name], "Execution Time") for one in rounds) for name in rounds[0]}
    blocks = {name: _blocks(plans) for name, plans in rounds[-1].items()}
    return {
        f"{TOTAL}_ms": sum(times.values()),
        **{f"{name}_ms": spent for name, spent in times.items()},
        f"{TOTAL}_blocks": sum(blocks.values()),
        **{f"{name}_blocks": count for name, count in blocks.items()},
    }


def cost(
    session: engines.Session, location: Location, workload: Workload, effort: Effort
) -> dict[str, float]:
    """The planner's estimate of all queries and of each; nothing is executed, so it never varies."""
    costs = {
        query.name: sum(
            float(plan["Plan"]["Total Cost"]) for plan in _plans(session, query, _PLAN, fair=True)
        )
        for query in workload.queries
    }
    return {f"{TOTAL}_cost": sum(costs.values()), **{f"{name}_cost": value for name, value in costs.items()}}


def _plans(
    session: engines.Session, query: Query, explain: str, *, fair: bool = False
) -> list[dict[str, Any]]:
    """What EXPLAIN says of each reading statement of the file; the others are run."""
    found = []
    for statement in query.statements:
        reads = statements.is_reading(statement)
        try:
            result = session.execute(f"{explain} {statement}" if reads else statement)
        except EngineError as error:
            raise QueryError(f"{query.path}: {error}") from error
        if reads and result is not None:
            found.append(result.rows[0][0][0])
    if fair:
        _refuse_opinions(session, query)
    session.forget()
    return found


def _refuse_opinions(session: engines.Session, query: Query) -> None:
    """Raise when a SET has changed what a unit of cost means: any plan would look cheap."""
    changed = [str(name) for (name,) in engines.rows(session, _OPINIONS)]
    if changed:
        raise QueryError(
            f"{query.path}: {', '.join(changed)} is not what the server has, so its cost cannot be compared; "
            "take the SET out, or measure options.measure=latency."
        )


def _sum(plans: Iterable[dict[str, Any]], key: str) -> float:
    return sum(float(plan[key]) for plan in plans)


def _blocks(plans: Iterable[dict[str, Any]]) -> int:
    return sum(int(plan["Plan"].get(key, 0)) for plan in plans for key in _BLOCKS)
