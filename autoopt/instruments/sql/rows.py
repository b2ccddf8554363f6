"""What the queries answer, as JSON that two commits can be compared by."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

from autoopt.instruments.sql.database import engines
from autoopt.instruments.sql.database.errors import EngineError, QueryError
from autoopt.instruments.sql.text import ordering, statements
from autoopt.instruments.sql.text.queries import Query

_PLAIN = (bool, int, str, type(None))


def answers(session: engines.Session, queries: tuple[Query, ...], engine: str) -> dict[str, Any]:
    """For each SELECT its columns, its rows, and what its ORDER BY promises about their order.

    The last one of a file has the query's name; those before it, which are timed too, have their number also.
    """
    ordering.require_parser()
    found = {}
    for query in queries:
        *earlier, last = _selects(session, query)
        found[query.name] = _answer(*last, engine)
        for number, one in enumerate(earlier, start=1):
            found[f"{query.name} (SELECT {number})"] = _answer(*one, engine)
    return found


def _answer(asked: str, result: engines.Result, engine: str) -> dict[str, Any]:
    order = ordering.of(asked, engine, result.columns)
    return {
        "ordered": order.ordered,
        "keys": order.keys,
        "columns": list(result.columns),
        "rows": [[plain(value) for value in row] for row in result.rows],
    }


def _selects(session: engines.Session, query: Query) -> list[tuple[str, engines.Result]]:
    """The reading statements with their rows, at least one; every statement runs."""
    found = []
    for statement in query.statements:
        try:
            result = session.execute(statement)
        except EngineError as error:
            raise QueryError(f"{query.path}: {error}") from error
        if result is not None and statements.is_reading(statement):
            found.append((statement, result))
    session.forget()
    if not found:
        raise QueryError(f"{query.path}: it gives no rows; a query must end in a SELECT.")
    return found


def plain(value: Any) -> Any:
    """The value as JSON can hold it.

    Exact numbers become text without trailing zeros, so that they are compared exactly; floats stay numbers,
    and those that JSON has no number for become `NaN`, `Infinity` and `-Infinity`. Bytes become hex digits,
    moments and days ISO 8601, lists and structures are taken apart, anything else is what it prints as.
    """
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _not_finite(value)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value.is_finite() else _not_finite(float(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value)


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
