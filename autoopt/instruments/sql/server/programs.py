"""PostgreSQL's own programs (pg_dump, pg_restore, pgbench): where they are, and what they connect to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from autoopt.errors import ResourceError
from autoopt.instruments.sql.database.location import Location

_PLACES = ("/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt")


def find(name: str) -> str | None:
    """The program's path; distributions keep the newest one off PATH."""
    return next(iter(_versioned(name)), None) or shutil.which(name)


def need(name: str, what_for: str) -> str:
    """The program's path.

    Raises:
        ResourceError: it is not installed.
    """
    found = find(name)
    if found is None:
        raise ResourceError(
            f"{what_for} needs {name}, which is not installed; install PostgreSQL's programs."
        )
    return found


def target(location: Location) -> tuple[str, dict[str, str]]:
    """What to connect to, without the password, and the environment that has it."""
    from psycopg import conninfo

    given = {name: str(value) for name, value in conninfo.conninfo_to_dict(location.dsn).items()}
    password = given.pop("password", None)
    environ = dict(os.environ) if password is None else {**os.environ, "PGPASSWORD": password}
    return conninfo.make_conninfo("", **given), environ


def _versioned(name: str) -> list[str]:
    found = [
        path for place in _PLACES for path in Path(place).glob(f"*/bin/{name}") if os.access(path, os.X_OK)
    ]
    return [
        str(path) for path in sorted(found, key=lambda path: _version(path.parent.parent.name), reverse=True)
    ]


def _version(folder: str) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.removeprefix("postgresql@").split(".") if part.isdigit())
