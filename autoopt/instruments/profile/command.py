"""The command line: runs a command, gathers what its Python processes recorded, prints a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt.instruments import injection
from autoopt.instruments.entry import Parser, guarded
from autoopt.instruments.profile import table

_RECORDERS = {"cprofile": "recorder.py", "pyinstrument": "sampler.py"}


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print the profile of a command; return the exit code. What goes wrong is one line on standard error."""
    return guarded(lambda: _profile(argv, environ))


def _profile(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    parser = Parser(
        prog="python -m autoopt.instruments.profile",
        description="Where a command's Python programs spend time.",
    )
    parser.add_argument("--command", required=True, help="shell command to run in the working directory")
    parser.add_argument("--top", type=int, default=25, help="functions of the scope to show")
    parser.add_argument(
        "--profiler", choices=list(_RECORDERS), default="cprofile", help="which one watches the functions"
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files, directories or globs of the scope")
    arguments = parser.parse_args(argv)
    recorder = Path(__file__).with_name(_RECORDERS[arguments.profiler])
    seen = injection.recorded(arguments.command, recorder, environ)
    rows = [table.Row.of(fields) for process in seen for fields in process]
    text = table.lines(rows, Path.cwd(), arguments.paths, arguments.top, arguments.profiler)
    print(*text, sep="\n")
