"""Where the database is: the `--url` of every subcommand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from autoopt.errors import UsageError

EXAMPLES = "sqlite:///data/app.db, duckdb:///data/app.duckdb or postgresql://user@localhost/app"

_ENGINES = {"sqlite": "sqlite", "duckdb": "duckdb", "postgresql": "postgresql", "postgres": "postgresql"}
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
    return re.sub(r"(//[^/@:]*):[^/]*@", r"\1:***@", url)
