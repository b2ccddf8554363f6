"""The command line: `peak` prints `METRIC` lines, `profile` a table of the lines that hold the most."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt.instruments import injection, numbers
from autoopt.instruments.entry import Parser, guarded
from autoopt.instruments.memory import table

_PEAK = Path(__file__).with_name("peak.py")
_PLACES = Path(__file__).with_name("places.py")


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Measure a command's memory; return the exit code. What goes wrong is one line on standard error."""
    return guarded(lambda: print(*_said(_arguments(argv), environ), sep="\n"))


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="python -m autoopt.instruments.memory", description="What a command holds in memory."
    )
    sub = parser.add_subparsers(dest="what", required=True)
    peak = sub.add_parser("peak", help="the most that Python had allocated at one time, by tracemalloc")
    profile = sub.add_parser("profile", help="the lines that had allocated it")
    profile.add_argument(
        "--profiler",
        choices=("auto", "memray", "tracemalloc"),
        default="auto",
        help="who watches; auto is memray where the command's Python has it",
    )
    profile.add_argument("--top", type=int, default=25, help="lines of the scope to show")
    for each in (peak, profile):
        each.add_argument("--command", required=True, help="shell command to run in the working directory")
    profile.add_argument("paths", nargs="*", metavar="PATH", help="files, directories or globs of the scope")
    return parser.parse_args(argv)


def _said(arguments: argparse.Namespace, environ: Mapping[str, str]) -> list[str]:
    if arguments.what == "peak":
        peaks = injection.recorded(arguments.command, _PEAK, environ)
        # Processes may live one after the other: their sum need never have been there at one time.
        return numbers.metric_lines({"peak_bytes": max(peaks), "processes": len(peaks)})
    settings = {"AUTOOPT_MEMORY_PROFILER": arguments.profiler}
    seen = injection.recorded(arguments.command, _PLACES, environ, settings)
    return list(table.lines(seen, Path.cwd(), arguments.paths, arguments.top))
