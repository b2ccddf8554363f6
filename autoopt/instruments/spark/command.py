"""The command line: subcommands that share the job, its settings file and the engine."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import autoopt
from autoopt.errors import AutooptError, ResourceError, UsageError
from autoopt.instruments import numbers
from autoopt.instruments.entry import Parser, guarded, whole
from autoopt.instruments.spark import conf, needs
from autoopt.instruments.spark.engine import EXAMPLES, Engine, parse

_BOOT = (
    "import sys; sys.path[:] = [place for place in sys.path if place]; sys.path.insert(0, sys.argv[1]); "
    "from autoopt.instruments.spark import driver; del sys.path[0]; sys.exit(driver.main(sys.argv[2]))"
)
"""autoopt is found only while the driver is imported: it may live in another environment than the job's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every subcommand works on.

    Attributes:
        engine: Where the job runs.
        settings: Those of the settings file.
        python: The interpreter that has PySpark.
    """

    arguments: argparse.Namespace
    engine: Engine
    settings: Mapping[str, str]
    python: str
    environ: Mapping[str, str]


class JobError(AutooptError):
    """The job, or its session, failed; the reason has been told."""

    exit_code = 1


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one subcommand; return the exit code. What goes wrong is one line on the standard error."""
    return guarded(lambda: _act(argv, environ))


def _act(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    arguments = _parser().parse_args(argv)
    engine = parse(arguments.master, environ)
    settings = conf.load(Path(arguments.conf)) if arguments.conf else {}
    arguments.act(
        Task(
            arguments=arguments,
            engine=engine,
            settings=settings,
            python=arguments.python or sys.executable,
            environ=environ,
        )
    )


def _parser() -> Parser:
    parser = Parser(prog="python -m autoopt.instruments.spark", description="A Spark job as a metric.")
    for name, command in parser.subcommands(
        ("run", _run, "run the job and print METRIC lines"),
        ("inventory", _inventory, "run the job and print schema, rows and a hash of what it writes, as JSON"),
        ("profile", _profile, "run the job and print its slowest stages and its queries' plans"),
        ("candidates", _candidates, "print settings worth searching, as JSON"),
    ):
        command.add_argument("--job", required=True, help="Python script, or Databricks notebook (.py)")
        command.add_argument("--args", default="", help="the job's own arguments, as shell words")
        command.add_argument(
            "--output", default="", help="paths, tables or DataFrame variables, as shell words"
        )
        command.add_argument("--conf", default="", help="settings file (spark-defaults.conf); need not exist")
        command.add_argument("--master", default="local[*]", help=EXAMPLES)
        command.add_argument("--python", default="", help="interpreter that has PySpark")
        command.add_argument(
            "--event-log", default="", help="a server's spark.eventLog.dir, when it can be read"
        )
        command.add_argument(
            "--repeats",
            type=whole("repeats", 1),
            default=1,
            help="runs that count; from 2 on, one more is thrown away",
        )
        if name == "run":
            command.add_argument("--measure", default="job_s", help="the number that must be there")
        if name == "candidates":
            command.add_argument("scope", nargs="+", metavar="PATH", help="files that may be edited")
    return parser


def _run(task: Task) -> None:
    arguments = task.arguments
    if task.engine.is_remote and not arguments.event_log and arguments.measure != "job_s":
        raise UsageError(
            f"options.measure: {arguments.measure} is in the event log, and a server's log has to be named: "
            "give options.event_log=DIR, its spark.eventLog.dir, or options.measure=job_s."
        )
    print(*numbers.metric_lines(_driven(task, "run")["numbers"]), sep="\n")


def _inventory(task: Task) -> None:
    if not task.arguments.output:
        raise UsageError("options.output: is empty; name what the job writes: a path, table or DataFrame.")
    print(numbers.inventory(same=_driven(task, "inventory")["same"]))


def _profile(task: Task) -> None:
    print(*_driven(task, "profile")["lines"], sep="\n")


def _candidates(task: Task) -> None:
    from autoopt.instruments.spark import candidates

    arguments = task.arguments
    found = candidates.find(
        task.engine, task.settings, conf=arguments.conf, job=arguments.job, scope=tuple(arguments.scope)
    )
    print(json.dumps(found, indent=2))


def _driven(task: Task, act: str) -> dict[str, Any]:
    """Have the driver run the job; its answer."""
    if not Path(task.arguments.job).is_file():
        raise UsageError(
            f"options.job: {task.arguments.job} is not there; name the job's script or notebook."
        )
    needs.check(task.engine, task.python, task.environ)
    place = task.environ.get("AUTOOPT_SCRATCH") or None
    if place:
        Path(place).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="spark-", dir=place, ignore_cleanup_errors=True) as folder:
        scratch = Path(folder).resolve()
        (scratch / "events").mkdir()
        return _answer(task, act, scratch)


def _answer(task: Task, act: str, scratch: Path) -> dict[str, Any]:
    answer = scratch / "answer.json"
    words = [task.python, "-X", "pycache_prefix=", "-c", _BOOT, _home(), _request(task, act, scratch, answer)]
    # The job prints where it cannot be taken for a metric; no supervisor here: whoever runs this has one.
    done = subprocess.run(
        words, env=_environment(task, scratch), stdin=subprocess.DEVNULL, stdout=2, check=False
    )
    try:
        found = json.loads(answer.read_text())
    except (OSError, ValueError) as error:
        raise ResourceError(
            f"Spark's driver ended with exit code {done.returncode}; see the lines above."
        ) from error
    if "error" in found:
        raise JobError(found["error"])
    return dict(found)


def _home() -> str:
    """The directory that has autoopt."""
    return str(Path(autoopt.__file__).resolve().parent.parent)


def _request(task: Task, act: str, scratch: Path, answer: Path) -> str:
    arguments, engine = task.arguments, task.engine
    events = arguments.event_log if engine.is_remote else str(scratch / "events")
    if events and not Path(events).is_dir():
        raise UsageError(f"options.event_log: {events} is no directory that can be read here.")
    return json.dumps(
        {
            "act": act,
            "job": arguments.job,
            "arguments": shlex.split(arguments.args),
            "engine": {**asdict(engine), "kind": engine.kind.value},
            "settings": dict(task.settings),
            "outputs": shlex.split(arguments.output),
            "repeats": arguments.repeats if act == "run" else 1,
            "events": events,
            "answer": str(answer),
        }
    )


def _environment(task: Task, scratch: Path) -> dict[str, str]:
    file = Path(task.arguments.conf) if task.settings else None
    kept = {name: value for name, value in task.environ.items() if name != "PYSPARK_SUBMIT_ARGS"}
    if not task.engine.is_remote:
        kept.pop("SPARK_REMOTE", None)
    python = task.environ.get("PYSPARK_PYTHON") or str(Path(os.path.abspath(task.python)))  # noqa: PTH100
    return {
        **kept,
        "PYSPARK_PYTHON": python,  # a virtual environment's link must not be resolved
        **task.engine.environment(file, scratch, task.settings),
    }
