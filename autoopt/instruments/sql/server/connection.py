"""Connections that may change something: to the maintenance database, to copies, to where DDL is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from autoopt.errors import ResourceError
from autoopt.instruments.sql.database import engines
from autoopt.instruments.sql.database.errors import EngineError, first_line
from autoopt.instruments.sql.database.location import Location
from autoopt.instruments.sql.server.identity import Owner

_MAINTENANCE = ("postgres", "template1")


class Writer:
    """One connection without a transaction around each statement."""

    def __init__(self, location: Location, owner: Owner) -> None:
        """Connect; the server shows whose session it is."""
        self._connection = engines.postgres(location, f"autoopt/{owner.digest}")
        self._connection.autocommit = True

    def run(self, statement: str) -> None:
        """Run exactly one statement.

        Raises:
            EngineError: the server refuses it; its cause is psycopg's own error.
        """
        import psycopg

        try:
            # The extended protocol, which binary results ask for, takes no second statement.
            self._connection.execute(statement.encode(), binary=True)
        except psycopg.Error as error:
            raise EngineError(first_line(error)) from error

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of our own query, with `%s` for the values."""
        import psycopg

        try:
            found: list[tuple[Any, ...]] = self._connection.execute(query, values).fetchall()
        except psycopg.Error as error:
            raise EngineError(first_line(error)) from error
        return found

    @contextmanager
    def together(self) -> Iterator[None]:
        """All of the block's statements, or none of them."""
        with self._connection.transaction():
            yield

    def end_orphans(self, database: str, names: Sequence[str] | None = None) -> None:
        """End sessions in a database that a killed command of ours left; all, unless names are given."""
        self.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s "
            "AND pid <> pg_backend_pid() AND (%s::text[] IS NULL OR application_name = ANY (%s::text[]))",
            *(database, names, names),
        )

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()


def maintenance(location: Location, source: str, owner: Owner) -> Writer:
    """A connection to a database that is not the source, which nobody may use while it is copied.

    Raises:
        ResourceError: the role may connect to none.
    """
    refused = ""
    for name in _MAINTENANCE:
        if name == source:
            continue
        try:
            return Writer(location.of(name), owner)
        except ResourceError as error:
            refused = str(error)
    raise ResourceError(
        f"options.url: a copy of {source} is made from another database, and none of "
        f"{', '.join(_MAINTENANCE)} can be used: {refused}"
    )


def quoted(name: str) -> str:
    """A name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Text in single quotes."""
    mark = "E" if "\\" in text else ""
    return f"{mark}'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
