"""Where a commit's queries are to be run: on this checkout's copy of the user's database, or on that itself.

A copy may be quicker than what it was copied from: pg_restore leaves no dead rows, and fresh statistics. So
either all commits of a run are measured in copies, of the same moment and made in the same way, or none is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.instruments.sql.database import engines
from autoopt.instruments.sql.database.location import Location, Permission
from autoopt.instruments.sql.server import admin, copying, indexes
from autoopt.instruments.sql.server.admin import Copy
from autoopt.instruments.sql.server.connection import Writer, maintenance
from autoopt.instruments.sql.server.identity import Owner
from autoopt.instruments.sql.text.queries import Ddl

_RIGHTS = """
SELECT quote_ident(rolname), rolcreatedb OR rolsuper, pg_is_in_recovery()
FROM pg_roles WHERE rolname = current_user
"""


def location(
    given: Location, wanted: Sequence[Ddl], scratch: Path, owner: Owner, permission: Permission
) -> Location:
    """The database in which setup.sql holds; made ready now unless it is.

    It is a copy even for a setup.sql that changes nothing, wherever copies can be made.

    Raises:
        UsageError, ResourceError: it cannot be made; with what to do.
        QueryError: a statement of setup.sql fails.
    """
    if permission.allow_ddl:
        _in_place(given, wanted, owner, permission.allow_ddl)
        return given
    with closing(engines.PostgresSession(given)) as session:
        against = _obstacle(session, permission)
        if against is None:
            source, copies = _look(session, owner)
    if against is not None:
        _refuse(wanted, against)
        return given
    name = owner.copy_name(source, scratch)
    if not any(copy.name == name and copy.ready == _digest(wanted) for copy in copies):
        with closing(maintenance(given, source, owner)) as writer:
            _prepare(writer, _Making(given, source, name, owner, permission.copy), wanted)
    return given.of(name)


def clean(given: Location, owner: Owner, permission: Permission) -> None:
    """Drop every copy of this run and of runs that have ended, and every index where they were allowed."""
    source = name_of(given)
    with closing(maintenance(given, source, owner)) as writer:
        admin.drop_leftovers(writer, owner, own=True)
    if permission.allow_ddl:
        _expect(source, permission.allow_ddl)
        with closing(Writer(given, owner)) as writer:
            writer.end_orphans(source, [f"autoopt/{owner.digest}"])
            indexes.drop_all(writer, owner)


def name_of(given: Location) -> str:
    """What the server calls the database of a location."""
    with closing(engines.PostgresSession(given)) as session:
        return str(engines.rows(session, "SELECT current_database()")[0][0])


def obstacle(given: Location, permission: Permission) -> str | None:
    """Why no index can be tried here; None when nothing is known against it."""
    if permission.allow_ddl:
        return None
    with closing(engines.PostgresSession(given)) as session:
        return _obstacle(session, permission)


def built(session: engines.Session, owner: Owner) -> Mapping[str, float]:
    """What the indexes of this run in the open database cost: seconds to build, and MB."""
    ours = [index for index in indexes.of(session) if owner.owns(index.owner)]
    return {
        "index_build_s": sum(index.build_s for index in ours),
        "index_mb": sum(index.mb for index in ours),
    }


def _obstacle(session: engines.Session, permission: Permission) -> str | None:
    """Why no copy can be made, so that everything is measured on the user's database."""
    if permission.copy == "none":
        return "no index can be tried: options.copy is none; take that out for copies of the database"
    ((role, may, standby),) = engines.rows(session, _RIGHTS)
    if standby:
        return "no index can be tried: options.url is a standby, which makes no copies; name its primary"
    if may:
        return None
    return (
        f"no index can be tried: {role} may not make a copy of the database; ALTER ROLE {role} CREATEDB as "
        "an administrator, or name a scratch database in options.allow_ddl"
    )


def _refuse(wanted: Sequence[Ddl], against: str) -> None:
    for ddl in wanted:
        raise UsageError(f"{ddl.path}: {against}.")


def _in_place(given: Location, wanted: Sequence[Ddl], owner: Owner, allowed: str) -> None:
    with closing(Writer(given, owner)) as writer:
        ((name,),) = writer.rows("SELECT current_database()")
        _expect(name, allowed)
        writer.end_orphans(name, [f"autoopt/{owner.digest}"])
        indexes.reconcile(writer, wanted, owner)


def _expect(name: str, allowed: str) -> None:
    if name != allowed:
        raise UsageError(
            f"options.allow_ddl is {allowed!r}, but the database of options.url is {name!r}; "
            "only a database that both name is changed."
        )


def _look(session: engines.Session, owner: Owner) -> tuple[str, list[Copy]]:
    """What the server calls the database, and the copies that this run has there."""
    source = str(engines.rows(session, "SELECT current_database()")[0][0])
    found = engines.rows(session, admin.OURS)
    copies = [admin.described(name, text) for name, text in found]
    return source, [copy for copy in copies if copy.name.startswith(owner.prefix)]


@dataclass(frozen=True, slots=True)
class _Making:
    """Which copy is wanted of what, and how."""

    given: Location
    source: str
    name: str
    owner: Owner
    way: str


def _prepare(writer: Writer, making: _Making, wanted: Sequence[Ddl]) -> None:
    owner, name = making.owner, making.name
    # Held by the session: where a killed command's copy is still being made, until that is done.
    writer.rows("SELECT pg_advisory_lock(hashtext(%s))", owner.prefix)
    admin.drop_leftovers(writer, owner, own=False)
    there = {copy.name: copy for copy in admin.copies(writer) if copy.name.startswith(owner.prefix)}
    copy = there.get(name, Copy(name=name))
    if copy.owner is None or copy.analyzed:
        admin.drop(writer, name)
        copy = _made(writer, making, there.values())
    if indexes.may_analyze(wanted):
        _keep_whole(writer, making, there.values())
    # Whoever finds it like this knows that it is whole, but not which statistics it has got by now.
    admin.note(writer, replace(copy, ready="", analyzed=True), owner)
    writer.end_orphans(name)
    with closing(Writer(making.given.of(name), owner)) as inside:
        analyzed = indexes.reconcile(inside, wanted, owner)
    admin.note(writer, replace(copy, ready=_digest(wanted), analyzed=analyzed), owner)


def _whole(making: _Making, there: Iterable[Copy]) -> list[str]:
    """The run's other copies that still have the statistics they were made with."""
    return [
        other.name
        for other in there
        if other.owner and other.source == making.source and not other.analyzed and other.name != making.name
    ]


def _keep_whole(writer: Writer, making: _Making, there: Iterable[Copy]) -> None:
    """Copy the copy once more where it is the last one whose statistics are as they were.

    The next commit's copy is made of that: the user's database may have other rows by then.
    """
    if _whole(making, there):
        return
    kept = making.owner.kept_name(making.source)
    admin.drop(writer, kept)
    copying.from_template(writer, making.name, kept)
    admin.note(writer, Copy(name=kept, source=making.source), making.owner)


def _made(writer: Writer, making: _Making, there: Iterable[Copy]) -> Copy:
    """A new copy: of another copy of the run where there is one, so that all hold the same rows."""
    copy = Copy(name=making.name, source=making.source, owner=making.owner)
    whole = _whole(making, there)
    if whole:
        copying.from_template(writer, whole[0], making.name)
    elif copying.from_source(writer, making.given, making.source, making.name, making.way):
        with closing(Writer(making.given.of(making.name), making.owner)) as inside:
            inside.run("VACUUM (ANALYZE)")  # a dump has neither statistics nor a visibility map
    admin.adopt_settings(writer, making.source, making.name)
    return copy


def _digest(wanted: Sequence[Ddl]) -> str:
    return hashlib.sha256("\0".join(ddl.statement for ddl in wanted).encode()).hexdigest()[:16]
