"""The command line: subcommands that share `--url` and the paths of the scope."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from autoopt.errors import AutooptError, ResourceError, UsageError
from autoopt.instruments.sql.database import copies, engines, location
from autoopt.instruments.sql.text import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every subcommand works on."""

    location: location.Location
    workload: queries.Workload
    paths: tuple[str, ...]
    scratch: Path


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one subcommand; return the exit code. What goes wrong is one line on the standard error."""
    try:
        arguments = _parser().parse_args(argv)
        if not arguments.url:
            raise UsageError(f"options.url is not given; name the database, as in {location.EXAMPLES}.")
        with _scratch(environ, needed=arguments.act is _prepare) as scratch:
            arguments.act(_task(arguments, scratch), arguments)
    except AutooptError as error:
        return _complain(error, error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror or error}", ResourceError.exit_code)
    return 0


class _Parser(argparse.ArgumentParser):
    """Argument parser whose complaints are one line like everybody else's."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `python -m autoopt.instruments.sql --help`.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m autoopt.instruments.sql", description="Query latency as a metric.")
    commands = parser.add_subparsers(required=True, metavar="SUBCOMMAND")
    for name, act, summary in (
        ("prepare", _prepare, "copy the database into AUTOOPT_SCRATCH and apply setup.sql to the copy"),
        ("time", _time, "run every query and print METRIC lines"),
        ("rows", _rows, "print what every query answers, as JSON"),
        ("candidates", _candidates, "print parameters worth searching, as JSON"),
        ("plan", _plan, "print every query's time and plan, the slowest first"),
        ("rewrites", _rewrites, "print rewrites of the queries that change their plans, as JSON"),
    ):
        command = commands.add_parser(name, help=summary, description=summary)
        command.add_argument("--url", default="", help=f"the database: {location.EXAMPLES}")
        command.add_argument("paths", nargs="+", metavar="PATH", help="SQL files, directories or globs")
        command.set_defaults(act=act)
        if name == "time":
            command.add_argument(
                "--repeats", type=_count, default=1, help="times each query; the fastest counts"
            )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 (options.repeats)")
    return int(text)


def _task(arguments: argparse.Namespace, scratch: Path) -> Task:
    where = location.parse(arguments.url)
    return Task(
        location=where,
        workload=queries.load(arguments.paths, where.engine),
        paths=tuple(arguments.paths),
        scratch=scratch,
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
def _session(task: Task) -> Iterator[engines.Session]:
    copy = copies.prepared(task.location, task.workload.setups, task.scratch)
    with closing(engines.connect(task.location, copy)) as session:
        copies.apply_settings(session, task.workload.setups)
        yield session


def _prepare(task: Task, arguments: argparse.Namespace) -> None:
    with _session(task):
        pass  # a setting that the engine refuses shows here, before anything is measured


def _time(task: Task, arguments: argparse.Namespace) -> None:
    from autoopt.instruments.sql import timing

    with _session(task) as session:
        print(*timing.lines(session, task.workload.queries, arguments.repeats), sep="\n")


def _rows(task: Task, arguments: argparse.Namespace) -> None:
    from autoopt.instruments.sql import rows

    with _session(task) as session:
        print(json.dumps(rows.answers(session, task.workload.queries, task.location.engine), allow_nan=False))


def _candidates(task: Task, arguments: argparse.Namespace) -> None:
    from autoopt.instruments.sql import candidates

    setup = queries.setup_path(task.paths)
    with _session(task) as session:
        print(json.dumps(candidates.find(session, task.location.engine, task.workload, setup), indent=2))


def _plan(task: Task, arguments: argparse.Namespace) -> None:
    from autoopt.instruments.sql import profile

    with _session(task) as session:
        print(*profile.lines(session, task.workload.queries, task.location.engine), sep="\n")


def _rewrites(task: Task, arguments: argparse.Namespace) -> None:
    from autoopt.instruments.sql.text import ordering

    ordering.require_parser()
    from autoopt.instruments.sql import rewrites

    with _session(task) as session:
        print(json.dumps(rewrites.find(session, task.location.engine, task.workload), indent=2))


def _complain(error: object, code: int) -> int:
    print(f"autoopt: {' '.join(str(error).split())}", file=sys.stderr)
    return code
