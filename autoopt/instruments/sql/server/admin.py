"""The server's databases: which of them are copies, making one, dropping it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from autoopt.errors import ResourceError
from autoopt.instruments.sql.database.errors import EngineError
from autoopt.instruments.sql.server import identity
from autoopt.instruments.sql.server.connection import Writer, literal, quoted
from autoopt.instruments.sql.server.identity import Owner

_FORCE_FROM = 130_000  # DROP DATABASE … WITH (FORCE)
OURS = """
SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database
WHERE starts_with(datname, 'autoopt_') AND pg_has_role(datdba, 'MEMBER')
"""
_SETTINGS = """
SELECT split_part(entry, '=', 1), substr(entry, strpos(entry, '=') + 1)
FROM pg_db_role_setting AS s
JOIN pg_database AS d ON d.oid = s.setdatabase AND d.datname = %s
CROSS JOIN unnest(s.setconfig) AS entry
JOIN pg_settings AS g ON g.name = split_part(entry, '=', 1)
WHERE (s.setrole = 0 OR s.setrole = (SELECT oid FROM pg_roles WHERE rolname = current_user))
  AND (g.context = 'user' OR g.context = 'superuser' AND current_setting('is_superuser') = 'on')
ORDER BY s.setrole
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy of a database.

    Attributes:
        name: What the server calls it.
        source: The database it was copied from.
        owner: The run that made it; None when the copy was never finished.
        ready: A digest of the statements that have been applied; empty when they are not.
        analyzed: Whether it has other statistics than what it was copied from.
    """

    name: str
    source: str = ""
    owner: Owner | None = None
    ready: str = ""
    analyzed: bool = False


def copies(writer: Writer) -> list[Copy]:
    """All databases that look like copies and that this role may drop."""
    return [described(name, text) for name, text in writer.rows(OURS)]


def described(name: str, text: str | None) -> Copy:
    """A copy by its name and its comment; a half-made one has none."""
    mark = identity.read(text)
    if mark is None:
        return Copy(name=name)
    owner, more = mark
    return Copy(
        name=name,
        source=str(more.get("source", "")),
        owner=owner,
        ready=str(more.get("ready", "")),
        analyzed=bool(more.get("analyzed")),
    )


def note(writer: Writer, copy: Copy, owner: Owner) -> None:
    """Write down on the server how far a copy is."""
    text = identity.comment(owner, source=copy.source, ready=copy.ready, analyzed=copy.analyzed)
    writer.run(f"COMMENT ON DATABASE {quoted(copy.name)} IS {literal(text)}")


def drop(writer: Writer, name: str) -> None:
    """Drop a copy, whoever of ours is still connected to it.

    Raises:
        ResourceError: the server refuses.
    """
    try:
        if writer.rows("SELECT current_setting('server_version_num')::int")[0][0] >= _FORCE_FROM:
            writer.run(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")
        else:
            writer.end_orphans(name)
            writer.run(f"DROP DATABASE IF EXISTS {quoted(name)}")
    except EngineError as error:
        raise ResourceError(f"options.url: the copy {name} cannot be dropped: {error}.") from error


def drop_leftovers(writer: Writer, owner: Owner, *, own: bool) -> int:
    """Drop the copies of runs that have ended, and those of this run if told so; return how many."""
    gone = [copy.name for copy in copies(writer) if _may_go(copy, owner, own=own)]
    for name in gone:
        drop(writer, name)
    return len(gone)


def _may_go(copy: Copy, owner: Owner, *, own: bool) -> bool:
    if copy.name.startswith(owner.prefix):
        return own
    return copy.owner is not None and copy.name.startswith(copy.owner.prefix) and copy.owner.is_dead()


def adopt_settings(writer: Writer, source: str, copy: str) -> None:
    """Give the copy what `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET` gave the source."""
    for name, value in writer.rows(_SETTINGS, source):
        writer.rows("SELECT set_config(%s, %s, false)", name, value)  # lists keep their meaning that way
        writer.run(f"ALTER DATABASE {quoted(copy)} SET {quoted(name)} FROM CURRENT")
        writer.run(f"RESET {quoted(name)}")


def locale_of(writer: Writer, source: str) -> str:
    """The part of CREATE DATABASE that makes text sort as in the source."""
    ((row, encoding),) = writer.rows(
        "SELECT to_jsonb(d)::text, pg_encoding_to_char(encoding) FROM pg_database AS d WHERE datname = %s",
        source,
    )
    known = json.loads(row)
    parts = [f"ENCODING {literal(encoding)}"]
    parts += [
        f"{word} {literal(known[column])}"
        for word, column in (("LC_COLLATE", "datcollate"), ("LC_CTYPE", "datctype"))
        if known.get(column)
    ]
    further = known.get("daticulocale") or known.get("datlocale")
    if known.get("datlocprovider") == "i" and further:
        parts.append(f"LOCALE_PROVIDER icu ICU_LOCALE {literal(further)}")
    elif known.get("datlocprovider") == "b" and further:
        parts.append(f"LOCALE_PROVIDER builtin BUILTIN_LOCALE {literal(further)}")
    return " ".join(parts)
