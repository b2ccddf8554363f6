"""Making the copy: as a template where nobody else is connected, else by pg_dump and pg_restore."""

from __future__ import annotations

import subprocess
import time

from autoopt.errors import ResourceError, UsageError
from autoopt.instruments.sql.database.errors import EngineError
from autoopt.instruments.sql.database.location import Location
from autoopt.instruments.sql.server import admin, programs
from autoopt.instruments.sql.server.connection import Writer, quoted

_LOOKS, _PAUSE_S = 10, 0.05
_IN_USE, _FORBIDDEN = "55006", "42501"
_WITHOUT_INDEXES = "options.copy=none measures on the database itself, without indexes"


def from_template(writer: Writer, template: str, name: str) -> None:
    """Copy a database that is nobody's but ours, with the server's own means."""
    writer.end_orphans(template)
    writer.run(f"CREATE DATABASE {quoted(name)} TEMPLATE {quoted(template)}")


def from_source(writer: Writer, location: Location, source: str, name: str, way: str) -> bool:
    """Copy the user's database, which is only read; return whether the copy has statistics of its own.

    Raises:
        ResourceError: pg_dump or pg_restore fails.
        UsageError: the server does not let this role copy; says what can be done.
    """
    if way == "auto" and _is_in_use(writer, source) and programs.find("pg_dump"):
        way = "dump"
    if way != "dump":
        try:
            writer.run(f"CREATE DATABASE {quoted(name)} TEMPLATE {quoted(source)}")
        except EngineError as error:
            refused = _refusal(error)
            if way == "template" or refused is None or not programs.find("pg_dump"):
                raise _explained(error, writer, source) from error
        else:
            return False
    try:
        writer.run(f"CREATE DATABASE {quoted(name)} TEMPLATE template0 {admin.locale_of(writer, source)}")
    except EngineError as error:
        raise _explained(error, writer, source) from error
    _load(location, name)
    return True


def _is_in_use(writer: Writer, source: str) -> bool:
    """Whether somebody stays connected; the server would wait five seconds to say so."""
    for _ in range(_LOOKS):
        if not writer.rows("SELECT 1 FROM pg_stat_activity WHERE datname = %s LIMIT 1", source):
            return False
        time.sleep(_PAUSE_S)  # a session of ours that is just ending
    return True


def _load(location: Location, name: str) -> None:
    read, environ = programs.target(location)
    write, _ = programs.target(location.of(name))
    dump = programs.need("pg_dump", "options.copy=dump")
    restore = programs.need("pg_restore", "options.copy=dump")
    plain = ["--no-owner", "--no-privileges"]
    with subprocess.Popen(
        [dump, "--format=custom", "--compress=0", *plain, f"--dbname={read}"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as dumping:
        done = subprocess.run(
            [restore, "--exit-on-error", *plain, f"--dbname={write}"],
            env=environ,
            stdin=dumping.stdout,
            capture_output=True,
            check=False,
        )
        complaint = dumping.stderr.read() if dumping.stderr else b""
    for program, code, said in (
        ("pg_dump", dumping.returncode, complaint),
        ("pg_restore", done.returncode, done.stderr),
    ):
        if code:
            raise ResourceError(f"options.copy: {program} failed: {_last(said)}; {_WITHOUT_INDEXES}.")


def _last(said: bytes) -> str:
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if "error" in line.lower()]
    return lines[0] if lines else said.decode("utf-8", "replace").strip().rpartition("\n")[2]


def _refusal(error: EngineError) -> str | None:
    """The code of a refusal that a dump can get around."""
    code = getattr(error.__cause__, "sqlstate", None)
    may_create = "create database" not in str(error)
    return code if code == _IN_USE or (code == _FORBIDDEN and may_create) else None


def _explained(error: EngineError, writer: Writer, source: str) -> UsageError | ResourceError:
    code = getattr(error.__cause__, "sqlstate", None)
    other = (
        f"have options.allow_ddl name a scratch database that options.url points to, or {_WITHOUT_INDEXES}"
    )
    if code == _IN_USE:
        return ResourceError(
            f"options.url: {source} cannot be copied while others are connected to it; "
            f"disconnect them, install pg_dump and give options.copy=dump, {other}."
        )
    if code == _FORBIDDEN:
        ((role,),) = writer.rows("SELECT quote_ident(current_user)")
        return UsageError(
            f"options.url: {role} may not make the copy of {source} in which commits are measured ({error}); "
            f"ALTER ROLE {role} CREATEDB as an administrator, {other}."
        )
    return ResourceError(f"options.url: the copy of {source} cannot be made: {error}; {_WITHOUT_INDEXES}.")
