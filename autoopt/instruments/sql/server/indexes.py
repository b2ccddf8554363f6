"""Indexes that setup.sql asks for: made with a mark in one transaction, known by it, and dropped again.

A server that is killed, or a client, leaves an index with its mark or none at all.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from autoopt.errors import BusyError, ResourceError
from autoopt.instruments.sql.database import engines
from autoopt.instruments.sql.database.errors import EngineError, QueryError
from autoopt.instruments.sql.server import identity
from autoopt.instruments.sql.server.connection import Writer, literal, quoted
from autoopt.instruments.sql.server.identity import Owner
from autoopt.instruments.sql.text import statements
from autoopt.instruments.sql.text.queries import Ddl

_LOCK_S = 10
_CONCURRENTLY = re.compile(r"(CREATE\s+(?:UNIQUE\s+)?INDEX)\s+CONCURRENTLY\b", re.IGNORECASE)
_MARKED = """
SELECT c.oid, n.nspname, c.relname, obj_description(c.oid, 'pg_class'), c.relkind = 'I',
  pg_total_relation_size(c.oid)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_description AS d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
WHERE c.relkind IN ('i', 'I') AND d.description LIKE '{"autoopt": 1,%'
ORDER BY c.relkind = 'I' DESC, c.oid
"""
# What this very transaction has made, and nothing that somebody else makes at the same moment.
_JUST_MADE = """
SELECT c.oid, n.nspname, c.relname, i.indexprs IS NOT NULL, t.relname, tn.nspname
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_index AS i ON i.indexrelid = c.oid
JOIN pg_class AS t ON t.oid = i.indrelid
JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
WHERE c.relkind IN ('i', 'I') AND c.xmin::text = (txid_current() % 4294967296)::text
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """An index with a mark; `statement` is a digest of what made it."""

    name: str
    owner: Owner
    statement: str
    build_s: float
    mb: float


def marked(rows: Iterable[tuple[Any, ...]]) -> list[Marked]:
    """The indexes among rows of the catalog that some run has made."""
    found = []
    for _, schema, name, text, _, size in rows:
        if (mark := identity.read(text)) is not None:
            owner, more = mark
            found.append(
                Marked(
                    name=f"{quoted(schema)}.{quoted(name)}",
                    owner=owner,
                    statement=str(more.get("statement", "")),
                    build_s=float(str(more.get("build_s", 0.0))),
                    mb=size / 1e6,
                )
            )
    return found


def of(session: engines.Session) -> list[Marked]:
    """The indexes in the database of an open session that some run has made."""
    found = marked(engines.rows(session, _MARKED))
    session.forget()
    return found


def may_analyze(wanted: Iterable[Ddl]) -> bool:
    """Whether making them may change statistics: any but an index on plain columns."""
    return any(
        not statements.makes_index(ddl.statement) or ddl.statement.count("(") > 1  # an expression has its own
        for ddl in wanted
    )


def reconcile(writer: Writer, wanted: Sequence[Ddl], owner: Owner) -> bool:
    """Make the owner's indexes exactly the wanted ones; return whether statistics were made.

    Raises:
        BusyError: another run is at work in this database.
        QueryError: a statement of setup.sql fails.
    """
    writer.run(
        f"SET lock_timeout = '{_LOCK_S}s'"
    )  # waiting for a lock, DDL would hold up everybody behind it
    present = marked(writer.rows(_MARKED.replace("%", "%%")))
    _refuse_company(present, owner)
    keep = {_digest(ddl.statement) for ddl in wanted}
    for index in present:
        if not (owner.owns(index.owner) and index.statement in keep):
            _drop(writer, index)
    there = {index.statement for index in present if owner.owns(index.owner)}
    analyzed = False
    for ddl in wanted:
        if statements.makes_index(ddl.statement):
            analyzed |= _digest(ddl.statement) not in there and _make(writer, ddl, owner)
        else:
            _run(writer, ddl.statement, ddl)
            analyzed = True
    return analyzed


def drop_all(writer: Writer, owner: Owner) -> int:
    """Drop what this run, or a dead one, has made here; return how many."""
    writer.run(f"SET lock_timeout = '{_LOCK_S}s'")
    gone = [
        index
        for index in marked(writer.rows(_MARKED.replace("%", "%%")))
        if owner.owns(index.owner) or index.owner.is_dead()
    ]
    for index in gone:
        _drop(writer, index)
    return len(gone)


def _refuse_company(present: Iterable[Marked], owner: Owner) -> None:
    for index in present:
        if not owner.owns(index.owner) and not index.owner.is_dead():
            raise BusyError(
                f"options.allow_ddl: run {index.owner.run} has {index.name} in this database at this moment; "
                "wait for it to end, or give this run another database."
            )


def _drop(writer: Writer, index: Marked) -> None:
    try:
        writer.run(f"DROP INDEX IF EXISTS {index.name}")  # those of partitions go with their parent's
    except EngineError as error:
        raise ResourceError(
            f"options.url: the index {index.name}, which a run made, cannot be dropped now: {error}; "
            "the next command of the run tries again."
        ) from error


def _make(writer: Writer, ddl: Ddl, owner: Owner) -> bool:
    """Create one index with its mark; return whether its table's statistics were made."""
    statement = _CONCURRENTLY.sub(r"\1", ddl.statement)  # only a transaction can hold the mark too
    with writer.together():
        begin = time.perf_counter()
        _run(writer, statement, ddl)
        build_s = round(time.perf_counter() - begin, 6)
        made = writer.rows(_JUST_MADE.replace("%", "%%"))
        for _, schema, name, *_ in made:
            mark = identity.comment(owner, statement=_digest(ddl.statement), build_s=build_s)
            writer.run(f"COMMENT ON INDEX {quoted(schema)}.{quoted(name)} IS {literal(mark)}")
            build_s = 0.0  # counted once, although partitions have an index each
        tables = {
            f"{quoted(schema)}.{quoted(table)}" for *_, is_expression, table, schema in made if is_expression
        }
        for table in sorted(tables):  # nothing is known about an expression before
            writer.run(f"ANALYZE {table}")
    return bool(tables)


def _run(writer: Writer, statement: str, ddl: Ddl) -> None:
    try:
        writer.run(statement)
    except EngineError as error:
        raise QueryError(f"{ddl.path}: {error}") from error


def _digest(statement: str) -> str:
    return hashlib.sha256(" ".join(statement.split()).encode()).hexdigest()[:16]
