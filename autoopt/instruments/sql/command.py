"""The command line: subcommands that share `--url` and the paths of the scope."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.instruments.entry import Parser, guarded, whole
from autoopt.instruments.numbers import metric_lines
from autoopt.instruments.sql import measures
from autoopt.instruments.sql.database import copies, engines, location
from autoopt.instruments.sql.text import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every subcommand works on."""

    location: location.Location
    workload: queries.Workload
    paths: tuple[str, ...]
    scratch: Path
    environ: Mapping[str, str]
    arguments: argparse.Namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A database in which setup.sql holds, and what its indexes cost."""

    session: engines.Session
    location: location.Location
    built: Mapping[str, float]


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one subcommand; return the exit code. What goes wrong is one line on the standard error."""
    return guarded(partial(_run, argv, environ))


def _run(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    arguments = _parser().parse_args(argv)
    if not arguments.url:
        raise UsageError(f"options.url is not given; name the database, as in {location.EXAMPLES}.")
    arguments.url = location.given(arguments.url, environ)
    if arguments.act is _cleanup:
        _cleanup(arguments, environ)
        return
    with _scratch(environ, needed=arguments.act is _prepare) as scratch:
        arguments.act(_task(arguments, scratch, environ))


def _parser() -> Parser:
    parser = Parser(prog="python -m autoopt.instruments.sql", description="Query latency as a metric.")
    for name, command in parser.subcommands(
        ("prepare", _prepare, "copy the database and apply setup.sql to the copy"),
        ("time", _time, "measure every query and print METRIC lines"),
        ("rows", _rows, "print what every query answers, as JSON"),
        ("candidates", _candidates, "print parameters worth searching, as JSON"),
        ("plan", _plan, "print every query's time and plan, the slowest first"),
        ("rewrites", _rewrites, "print rewrites of the queries that change their plans, as JSON"),
        ("cleanup", _cleanup, "drop the copies that the run AUTOOPT_RUN has made on a PostgreSQL server"),
    ):
        command.add_argument("--url", default="", help=f"the database: {location.EXAMPLES}")
        command.add_argument(
            "--allow-ddl", default="", help="the one PostgreSQL database that may be changed"
        )
        command.add_argument(
            "--copy", choices=location.COPY, default="auto", help="how a PostgreSQL database is copied"
        )
        if name != "cleanup":
            command.add_argument("paths", nargs="+", metavar="PATH", help="SQL files, directories or globs")
            command.add_argument("--measure", choices=measures.NAMES, default="latency")
        if name == "time":
            _add_effort(command)
    return parser


def _add_effort(command: argparse.ArgumentParser) -> None:
    plain = measures.Effort()
    for name, default, summary in (
        ("repeats", plain.repeats, "times each query; the fastest counts"),
        ("seconds", plain.seconds, "how long pgbench runs (--measure tps)"),
        ("clients", plain.clients, "how many connections pgbench has (--measure tps)"),
    ):
        command.add_argument(f"--{name}", type=whole(name, 1), default=default, help=summary)


def _task(arguments: argparse.Namespace, scratch: Path, environ: Mapping[str, str]) -> Task:
    where = location.parse(arguments.url)
    return Task(
        location=where,
        workload=queries.load(arguments.paths, where.engine),
        paths=tuple(arguments.paths),
        scratch=scratch,
        environ=environ,
        arguments=arguments,
    )


@contextmanager
def _scratch(environ: Mapping[str, str], *, needed: bool) -> Iterator[Path]:
    """The directory for copies: the checkout's own, else one for this command only."""
    given = environ.get("AUTOOPT_SCRATCH", "")
    if given:
        directory = Path(given)
        directory.mkdir(parents=True, exist_ok=True)
        yield directory
    elif needed:
        raise UsageError(
            "AUTOOPT_SCRATCH is not set, so a prepared copy has no place; set it to a directory."
        )
    else:
        with tempfile.TemporaryDirectory(prefix="autoopt-sql-") as temporary:
            yield Path(temporary)


@contextmanager
def _opened(task: Task) -> Iterator[Opened]:
    """A session in which setup.sql holds: on the prepared copy, or on a server's database itself."""
    setups = task.workload.setups
    if task.location.engine == "postgresql":
        with _on_server(task) as opened:
            yield opened
        return
    copy = copies.prepared(task.location, setups, task.scratch)
    with closing(engines.connect(task.location, copy)) as session:
        copies.apply_settings(session, setups)
        yield Opened(session=session, location=task.location, built=copies.built(copy))


@contextmanager
def _on_server(task: Task) -> Iterator[Opened]:
    from autoopt.instruments.sql.server import identity, prepared

    setups, allowed = task.workload.setups, _permission(task.arguments)
    passing = not task.environ.get("AUTOOPT_SCRATCH") and not allowed.allow_ddl
    owner = identity.passing(task.environ, task.scratch) if passing else identity.of(task.environ)
    copied = passing and prepared.obstacle(task.location, allowed) is None
    try:
        where = prepared.location(task.location, queries.ddl(setups), task.scratch, owner, allowed)
        with closing(engines.connect(where, None)) as session:
            copies.apply_settings(session, setups)
            yield Opened(session=session, location=where, built=prepared.built(session, owner))
    finally:
        if copied:
            prepared.clean(task.location, owner, allowed)  # nobody else would know that copy again


def _permission(arguments: argparse.Namespace) -> location.Permission:
    return location.Permission(allow_ddl=arguments.allow_ddl, copy=arguments.copy)


def _prepare(task: Task) -> None:
    with _opened(task):
        pass  # a setting that the engine refuses shows here, before anything is measured


def _time(task: Task) -> None:
    arguments = task.arguments
    measure = measures.of(arguments.measure, task.location.engine)
    effort = measures.Effort(repeats=arguments.repeats, seconds=arguments.seconds, clients=arguments.clients)
    with _opened(task) as opened:
        found = measure(opened.session, opened.location, task.workload, effort)
    print(*metric_lines({**found, **opened.built}), sep="\n")


def _rows(task: Task) -> None:
    from autoopt.instruments.sql import rows

    with _opened(task) as opened:
        found = rows.answers(opened.session, task.workload.queries, task.location.engine)
    print(json.dumps(found, allow_nan=False))


def _candidates(task: Task) -> None:
    from autoopt.instruments.sql import candidates

    setup, obstacle = queries.setup_path(task.paths), _obstacle(task)
    if obstacle is not None:
        print(f"autoopt: {obstacle}.", file=sys.stderr)
    with _opened(task) as opened:
        found = candidates.find(
            opened.session,
            task.location.engine,
            task.workload,
            setup,
            indexes=obstacle is None,
            costs=task.arguments.measure == "cost",
        )
    print(json.dumps(found, indent=2))


def _plan(task: Task) -> None:
    from autoopt.instruments.sql import profile

    with _opened(task) as opened:
        print(*profile.lines(opened.session, task.workload.queries, task.location.engine), sep="\n")
    if (obstacle := _obstacle(task)) is not None:
        print(f"({obstacle})")


def _rewrites(task: Task) -> None:
    from autoopt.instruments.sql.text import ordering

    ordering.require_parser()
    from autoopt.instruments.sql import rewrites

    with _opened(task) as opened:
        print(json.dumps(rewrites.find(opened.session, task.location.engine, task.workload), indent=2))


def _cleanup(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Nothing is left to do for files: their copies are in scratch directories."""
    if not location.is_server(arguments.url):
        return
    from autoopt.instruments.sql.server import identity, prepared

    prepared.clean(location.parse(arguments.url), identity.of(environ), _permission(arguments))


def _obstacle(task: Task) -> str | None:
    """Why no index can be tried; None when nothing is known against it."""
    if task.location.engine != "postgresql":
        return None
    from autoopt.instruments.sql.server import prepared

    return prepared.obstacle(task.location, _permission(task.arguments))
