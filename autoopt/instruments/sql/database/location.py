"""Where the database is: the `--url` of every subcommand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from autoopt.errors import UsageError

EXAMPLES = "sqlite:///data/app.db, duckdb:///data/app.duckdb or postgresql://user@localhost/app"

COPY = ("auto", "template", "dump", "none")
"""Values of options.copy."""

_ENGINES = {"sqlite": "sqlite", "duckdb": "duckdb", "postgresql": "postgresql", "postgres": "postgresql"}
_PASSWORD = re.compile(r"//[^:/@?]*:(.+)@|[?&]password=([^&]*)")
_URL = re.compile(r"(?P<scheme>[A-Za-z0-9]+)(\+\w+)?://(?P<rest>.*)", re.DOTALL)  # `+driver` is SQLAlchemy's


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A database.

    Attributes:
        engine: sqlite, duckdb or postgresql.
        path: The database file; None on a server and for DuckDB in memory.
        dsn: What libpq connects with; empty for embedded engines.
    """

    engine: str
    path: Path | None = None
    dsn: str = ""

    def of(self, database: str) -> Location:
        """Another database of the same server."""
        from psycopg import conninfo

        return replace(self, dsn=conninfo.make_conninfo(self.dsn, dbname=database))

    def masked(self, text: str) -> str:
        """The text without any part of the password, which a driver may quote from a URL it misreads."""
        given = [match[1] or match[2] for match in _PASSWORD.finditer(self.dsn)]
        pieces = {piece for part in given for piece in (part, unquote(part), *re.split("[@:/?]", part))}
        for piece in sorted(filter(None, pieces), key=len, reverse=True):
            text = text.replace(piece, "***")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """How indexes may be made on a server.

    Attributes:
        allow_ddl: Name of the one database that may be changed; empty for none.
        copy: How copies are made, one of `COPY`; with none, there are no indexes.
    """

    allow_ddl: str = ""
    copy: str = "auto"


def is_server(url: str) -> bool:
    """Whether the URL means a server rather than a file, which may not be there any more."""
    match = _URL.fullmatch(url)
    return match is not None and _ENGINES.get(match["scheme"].lower()) == "postgresql"


def given(url: str, environ: Mapping[str, str]) -> str:
    """The URL that `env:NAME` stands for, which nobody writes down then; any other one as it is.

    Raises:
        UsageError: the variable is not set.
    """
    name = url.removeprefix("env:")
    if name == url:
        return url
    if not environ.get(name):
        raise UsageError(
            f"options.url is {url!r}, but {name} is not set where the queries run; export it, and have "
            f"metric.pass_env name it, as in metric.pass_env=[{name}]."
        )
    return environ[name]


def parse(url: str) -> Location:
    """The location a URL means.

    Raises:
        UsageError: the URL is not one of the three engines', or its file is not there.
    """
    match = _URL.fullmatch(url)
    engine = _ENGINES.get(match["scheme"].lower()) if match else None
    if match is None or engine is None:
        raise UsageError(f"options.url is {_shown(url)!r}, which is no database URL; use {EXAMPLES}.")
    if engine == "postgresql":
        return Location(engine=engine, dsn=f"postgresql://{match['rest']}")
    return Location(engine=engine, path=_file(engine, match["rest"]))


def _file(engine: str, rest: str) -> Path | None:
    if engine == "duckdb" and rest in ("", "/", "/:memory:"):
        return None
    if not rest.startswith("/") or rest in ("/", "/:memory:") or "?" in rest:
        raise UsageError(
            f"options.url is '{engine}://{rest}'; a file is three slashes and its path, as in "
            f"{engine}:///data/app.db (four for an absolute path), without parameters."
        )
    path = Path(unquote(rest[1:]))
    if not path.is_file():
        raise UsageError(
            f"options.url: no database file at {path} in the checkout; give its path relative to the "
            f"repository root, and link it when it is untracked (workspace.link=[{path}])."
        )
    return path.resolve()


def _shown(url: str) -> str:
    """The URL without a password."""
    return re.sub(r"(?<=[?&]password=)[^&]*", "***", re.sub(r"(//[^/@:]*):[^/]*@", r"\1:***@", url))
