"""The database whose queries are to become faster, where the repository has exactly one."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from autoopt.detect import files
from autoopt.detect.place import Place
from autoopt.errors import UsageError

MISSING = (
    "options.url: no SQLite or DuckDB file was found in the repository; name the database, as in "
    "options.url=postgresql://user@localhost/app, options.url=sqlite:///data/app.db or "
    "options.url=env:DATABASE_URL for one whose URL is in the environment."
)

MISSING_MEASURE = "options.measure: nothing is given; give options.measure=latency."

_FILES = {"sqlite": "a SQLite", "duckdb": "a DuckDB"}
_SERVERS_ONLY = ("execution", "cost", "tps")
_ENDINGS = (".db", ".sqlite", ".sqlite3", ".db3", ".duckdb", ".ddb")
_HEAD = 16
_SHOWN = 3


def url(place: Place) -> str | None:
    """The URL of the only database file, told by its first bytes.

    Raises:
        UsageError: there are several.
    """
    found = [one for path in _paths(place.root) if (one := _url(place.root, path)) is not None]
    if len(found) > 1:
        more = ", ..." if len(found) > _SHOWN else ""
        raise UsageError(
            f"options.url: {len(found)} databases were found ({', '.join(found[:_SHOWN])}{more}); say which, "
            f"as in options.url={found[0]}."
        )
    return found[0] if found else None


def measure(place: Place) -> str | None:
    """What is measured, as the options say it.

    Raises:
        UsageError: it is a server's number, and the database is a file.
    """
    wanted = str(place.options.get("measure") or "")
    if wanted in _SERVERS_ONLY:
        url = str(place.options.get("url") or "")
        url = place.environ.get(url.removeprefix("env:"), "") if url.startswith("env:") else url
        if (kind := _FILES.get(url.partition(":")[0].partition("+")[0].lower())) is not None:
            raise UsageError(
                f"options.measure={wanted} is PostgreSQL only, and options.url is {kind} database; "
                "use recipe=sql-latency, whose options.measure is latency."
            )
    return wanted or None


def _paths(root: Path) -> list[str]:
    """Files that may be databases: of `data` too, which is often ignored and then linked into checkouts."""
    listed = [*files.below(root)]
    if not (root / "data").is_symlink():
        listed += [f"data/{path}" for path in files.below(root / "data")]
    return sorted({path for path in listed if path.lower().endswith(_ENDINGS)})


def _url(root: Path, path: str) -> str | None:
    head = files.head(root, path, _HEAD) or b""
    engine = "sqlite" if head == b"SQLite format 3\0" else "duckdb" if head[8:12] == b"DUCK" else None
    return f"{engine}:///{quote(path)}" if engine else None
