"""How often all queries together run in a second when several clients ask at once, by pgbench."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from autoopt.instruments.sql.database import engines
from autoopt.instruments.sql.database.errors import QueryError
from autoopt.instruments.sql.database.location import Location
from autoopt.instruments.sql.measures import Effort
from autoopt.instruments.sql.server import programs
from autoopt.instruments.sql.text.queries import TOTAL, Query, Workload

_TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_STATEMENT = re.compile(r"^ +(\d+\.\d+) ", re.MULTILINE)
# As pg_settings shows them, so whichever way the SET was written.
_CHANGED = "SELECT name, current_setting(name) FROM pg_settings WHERE source = 'session' AND context = 'user'"
_OWN = {"client_connection_check_interval", "standard_conforming_strings", "transaction_read_only"}


def measure(
    session: engines.Session, location: Location, workload: Workload, effort: Effort
) -> dict[str, float]:
    """Passes over all queries in a second, and milliseconds of each query.

    A transaction is one pass, in the order of the files: a random choice among them would make one sample
    harder than another.

    Raises:
        QueryError: pgbench fails; with the line that says why.
    """
    program = programs.need("pgbench", "options.measure=tps")
    settings = {name: str(value) for name, value in engines.rows(session, _CHANGED) if name not in _OWN}
    session.forget()
    connection, environ = programs.target(_with(location, settings))
    with tempfile.TemporaryDirectory(prefix="autoopt-pgbench-") as folder:
        script = Path(folder, "pass.sql")
        script.write_text(_script(workload.queries), encoding="utf-8")
        done = subprocess.run(
            [
                program,
                "-n",
                "-r",
                f"-f{script}",
                f"-T{effort.seconds}",
                f"-c{effort.clients}",
                f"-j{effort.clients}",
                connection,
            ],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    found = _TPS.search(done.stdout)
    if done.returncode or found is None:
        raise QueryError(f"pgbench: {location.masked(_complaint(done.stderr))}")
    return {f"{TOTAL}_tps": float(found[1]), **_each(done.stdout, workload.queries)}


def _script(queries: tuple[Query, ...]) -> str:
    """Each query in a transaction that only reads, and that forgets what the query has SET."""
    return "\n".join(
        line
        for query in queries
        for line in ("BEGIN READ ONLY;", *(f"{statement}\n;" for statement in query.statements), "ROLLBACK;")
    )


def _each(report: str, queries: tuple[Query, ...]) -> dict[str, float]:
    """Milliseconds of each query, from the latencies that pgbench reports in the order of the script."""
    listed = [float(spent) for spent in _STATEMENT.findall(report.partition("statement latencies")[2])]
    wanted = [len(query.statements) + 2 for query in queries]
    if len(listed) != sum(wanted):
        return {}  # another version's report; the total is there all the same
    found = {}
    for query, count in zip(queries, wanted, strict=True):
        found[f"{query.name}_ms"] = sum(listed[1 : count - 1])
        listed = listed[count:]
    return found


def _with(location: Location, settings: dict[str, str]) -> Location:
    """The location whose sessions begin with these settings, read-only."""
    from psycopg import conninfo

    given = str(conninfo.conninfo_to_dict(location.dsn).get("options") or "")
    options = " ".join((given, *_options({"default_transaction_read_only": "on", **settings}))).strip()
    return replace(location, dsn=conninfo.make_conninfo(location.dsn, options=options))


def _options(settings: dict[str, str]) -> Iterator[str]:
    for name, value in settings.items():
        escaped = re.sub(r"([\\\s])", r"\\\1", value)
        yield f"-c {name}={escaped}"


def _complaint(said: str) -> str:
    lines = [line for line in said.splitlines() if "ERROR" in line] or said.strip().splitlines()
    return lines[0].strip() if lines else "it gave no tps"
