"""The command line: `prepare`, `run`, `mlflow` and `report`."""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt.instruments import numbers
from autoopt.instruments.entry import Parser, acted, whole
from autoopt.instruments.training import running, scores, seeds

TOLD = 80
"""Lines of the training's output that a report shows: the last ones."""


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one subcommand; return the exit code. What goes wrong is one line on the standard error."""
    return acted(_parser, argv, environ)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m autoopt.instruments.training", description="A training's score as a metric."
    )
    for name, command in parser.subcommands(
        ("run", _run, "train, and print the numbers it said as METRIC lines"),
        ("mlflow", _mlflow, "train, and print the metrics of the MLflow run it made as METRIC lines"),
        ("prepare", _prepare, "make the checkout's own MLflow store, which takes seconds"),
        ("report", _report, "train, and print the end of what it said"),
    ):
        if name in {"mlflow", "prepare"}:
            command.add_argument(
                "--uri", default="", help="tracking URI; by default a store of the checkout's own"
            )
        if name != "prepare":
            command.add_argument("--command", required=True, help="shell command that trains")
        if name in {"run", "mlflow"}:
            command.add_argument("--folds", type=_folds, help="folds of one split, each a sample")
            command.add_argument("--metric", required=True, help="name of the score")
            command.add_argument(
                "--step", choices=("last", "best"), default="last", help="which of its values"
            )
            command.add_argument(
                "--direction", type=_direction, choices=("lower", "higher"), default="higher"
            )
    return parser


def _direction(text: str) -> str:
    """The direction, also as `Direction.higher`: that is how a recipe's interpolation spells it."""
    return text.rpartition(".")[2]


def _folds(text: str) -> int | None:
    return None if text in {"", "null", "None"} else whole("folds", 2)(text)


def _run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    environment = running.environment(environ, arguments.folds)
    done = running.train(arguments.command, environment, running.relay)
    found = scores.values(done.series, arguments.metric, arguments.step, arguments.direction)
    _tell({"train_s": done.wall_s} | found)


def _mlflow(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    from autoopt.instruments.training import tracking

    store = tracking.Store.at(arguments.uri, environ, Path.cwd())
    environment, tag = store.environment(running.environment(environ, arguments.folds))
    done = running.train(arguments.command, environment, running.relay)
    found = store.values(tag, arguments.metric, arguments.step, arguments.direction)
    _tell({"train_s": done.wall_s} | found)


def _prepare(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    from autoopt.instruments.training import tracking

    tracking.Store.at(arguments.uri, environ, Path.cwd()).make()


def _report(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    told: deque[str] = deque(maxlen=TOLD)
    done = running.train(arguments.command, running.environment(environ, None), told.append)
    if fixed := seeds.advice(arguments.command, Path.cwd()):
        print(fixed)
    print(f"The training takes {done.wall_s:.1f} s; the end of what it says:", *told, sep="\n")


def _tell(found: Mapping[str, float]) -> None:
    sys.stderr.flush()
    print(*numbers.metric_lines(found), sep="\n")
