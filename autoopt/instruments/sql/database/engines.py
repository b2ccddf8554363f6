"""The three engines as one small interface; each driver is imported only when its engine is asked for."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from autoopt.errors import ResourceError, UsageError
from autoopt.instruments.sql.database.errors import EngineError, first_line
from autoopt.instruments.sql.database.location import Location

_WATCHES = 140_000  # the first version that can look whether its client is still there


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All rows of one statement."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Session(Protocol):
    """An open connection."""

    def execute(self, statement: str) -> Result | None:
        """Run one statement and fetch all its rows; None when it has no result columns.

        Raises:
            EngineError: the engine refuses it.
        """
        ...

    def settle(self) -> None:
        """Make the settings applied so far outlive what `forget` undoes."""
        ...

    def forget(self) -> None:
        """Undo what a query left behind in the session, where the engine can."""
        ...

    def close(self) -> None:
        """End the connection; a writable one becomes durable."""
        ...


def connect(location: Location, copy: Path | None, *, writable: bool = False) -> Session:
    """Open the prepared copy of an embedded database, or the server read-only.

    Raises:
        ResourceError: a server cannot be reached.
        UsageError: the engine's package is missing, or the file is none of its databases.
    """
    if location.engine == "postgresql":
        return PostgresSession(location)
    if location.engine == "duckdb":
        return DuckdbSession(copy, writable=writable)
    assert copy is not None  # `location.parse` asks SQLite for a file
    return SqliteSession(copy, writable=writable)


def rows(session: Session, statement: str) -> list[tuple[Any, ...]]:
    """The rows of one statement; none when it has no result columns.

    Raises:
        EngineError: the engine refuses it.
    """
    result = session.execute(statement)
    return [] if result is None else result.rows


class SqliteSession:
    """A SQLite file."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        """Open the file; read-only unless told otherwise, and never a second one beside it."""
        mode = "rw" if writable else "ro"
        self._connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None
        )
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)

    def execute(self, statement: str) -> Result | None:
        """Run one statement and fetch all its rows."""
        try:
            cursor = self._connection.execute(statement)
            rows = cursor.fetchall()
        except sqlite3.Error as error:
            raise EngineError(first_line(error)) from error
        if cursor.description is None:
            return None
        return Result(columns=tuple(column[0] for column in cursor.description), rows=rows)

    def settle(self) -> None:
        """Nothing to do: settings hold at once."""

    def forget(self) -> None:
        """Nothing to do: there is no transaction to end."""

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class DuckdbSession:
    """A DuckDB file, or an empty database in memory for queries that read files."""

    def __init__(self, path: Path | None, *, writable: bool = False) -> None:
        """Open the file; read-only unless told otherwise."""
        try:
            import duckdb
        except ImportError as error:
            raise _missing("duckdb") from error
        self._error = duckdb.Error
        read_only = path is not None and not writable
        try:
            self._connection = duckdb.connect(
                str(path or ":memory:"), read_only=read_only, config={"autoinstall_known_extensions": "false"}
            )
        except duckdb.Error as error:
            raise UsageError(f"options.url: DuckDB cannot open the file: {first_line(error)}") from error

    def execute(self, statement: str) -> Result | None:
        """Run one statement and fetch all its rows."""
        try:
            self._connection.execute(statement)
            description = self._connection.description
            rows = self._connection.fetchall() if description else []
        except self._error as error:
            raise EngineError(first_line(error)) from error
        return Result(columns=tuple(column[0] for column in description), rows=rows) if description else None

    def settle(self) -> None:
        """Nothing to do: settings hold at once."""

    def forget(self) -> None:
        """Nothing to do: there is no transaction to end."""

    def close(self) -> None:
        """Close the file; a writable one is checkpointed by that."""
        self._connection.close()


class PostgresSession:
    """A PostgreSQL server, in read-only transactions that are rolled back."""

    def __init__(self, location: Location) -> None:
        """Connect; the server is to notice when this process is killed in the middle of a query."""
        self._connection = postgres(location, "autoopt")
        import psycopg

        self._error = psycopg.Error
        self._connection.read_only = True
        watching = (
            "client_connection_check_interval = 2000; SET "
            if self._connection.info.server_version >= _WATCHES
            else ""
        )
        self._connection.execute(f"SET {watching}standard_conforming_strings = on")
        self._connection.commit()

    def execute(self, statement: str) -> Result | None:
        """Run one statement and fetch all its rows."""
        try:
            cursor = self._connection.execute(statement.encode())  # bytes: psycopg leaves their % alone
            rows = cursor.fetchall() if cursor.description else []
        except self._error as error:
            raise EngineError(first_line(error)) from error
        if cursor.description is None:
            return None
        return Result(columns=tuple(column.name for column in cursor.description), rows=rows)

    def settle(self) -> None:
        """Commit, so that SET lines hold for the rest of the session."""
        self._connection.commit()

    def forget(self) -> None:
        """Roll back, which also undoes a query's own SET."""
        self._connection.rollback()

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()


def postgres(location: Location, application: str) -> Any:
    """A psycopg connection, made within ten seconds; `application` is what the server shows it as.

    Raises:
        ResourceError: the server cannot be reached, or does not let this role in.
        UsageError: psycopg is missing, or the URL is none of its.
    """
    try:
        import psycopg
    except ImportError as error:
        raise _missing("psycopg") from error
    try:
        return psycopg.connect(location.dsn, connect_timeout=10, application_name=application)
    except psycopg.ProgrammingError as error:
        raise UsageError(f"options.url: {location.masked(first_line(error))}") from error
    except psycopg.OperationalError as error:
        said = location.masked(first_line(error))
        raise ResourceError(f"options.url: no connection to PostgreSQL: {said}") from error


def _missing(package: str) -> UsageError:
    return UsageError(f"the Python package {package} is not installed; pip install 'autoopt[sql]'.")
