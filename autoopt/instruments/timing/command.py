"""The command line: `runs` and `instructions`, each printing `METRIC name=value` lines."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from autoopt.instruments import numbers
from autoopt.instruments.entry import Parser, guarded, whole
from autoopt.instruments.timing import instructions, runs


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Measure a command; return the exit code. What goes wrong is one line on standard error."""
    return guarded(lambda: print(*_measured(_arguments(argv), environ), sep="\n"))


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m autoopt.instruments.timing", description="What a command costs.")
    sub = parser.add_subparsers(dest="what", required=True)
    several = sub.add_parser("runs", help="time several runs in a row")
    several.add_argument("--runs", type=whole("runs", 2), default=10, help="how many are timed; at least 2")
    several.add_argument("--warmup", type=whole("warmup", 0), default=1, help="how many before them are not")
    several.add_argument(
        "--timer", choices=("auto", "hyperfine", "own"), default="auto", help="what times them"
    )
    counted = sub.add_parser("instructions", help="count the processor's instructions of one run")
    counted.add_argument(
        "--counter", choices=("auto", "perf", "valgrind"), default="auto", help="what counts them"
    )
    for each in (several, counted):
        each.add_argument("--command", required=True, help="shell command to run in the working directory")
    return parser.parse_args(argv)


def _measured(arguments: argparse.Namespace, environ: Mapping[str, str]) -> list[str]:
    if arguments.what == "instructions":
        count = instructions.count(arguments.command, arguments.counter, environ)
        return numbers.metric_lines({"instructions": count})
    timed = runs.timed(arguments.command, arguments.runs, arguments.warmup, arguments.timer, environ)
    return numbers.metric_lines(timed)
