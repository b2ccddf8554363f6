"""The command line: subcommands that share the checker and the scope."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt.instruments import shell
from autoopt.instruments.entry import Parser, acted
from autoopt.instruments.numbers import inventory, metric_lines
from autoopt.instruments.typecheck import checkers, diagnostics, files, worst
from autoopt.scope import Scope


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one subcommand; return the exit code. What goes wrong is one line on the standard error."""
    return acted(_parser, argv, environ)


def _parser() -> Parser:
    parser = Parser(prog="python -m autoopt.instruments.typecheck", description="Type errors as a metric.")
    for name, command in parser.subcommands(
        ("count", _count, "print METRIC lines: errors in scope, outside, by rule and by file"),
        ("worst", _worst, "print the files with errors, the worst first, with examples"),
        ("inventory", _inventory, "print as JSON what must not change while errors are mended"),
        ("rewrites", _rewrites, "print mechanical fixes that lower the count, as JSON"),
    ):
        command.add_argument(
            "--off-limits", nargs="*", default=[], metavar="PATH", help="not in scope after all"
        )
        command.add_argument(
            "paths", nargs="+", metavar="PATH", help="files, directories or globs of the scope"
        )
        if name != "inventory":
            _add_checker(command)
    return parser


def _add_checker(command: argparse.ArgumentParser) -> None:
    command.add_argument("--checker", default="ty", help="ty, pyright or mypy")
    command.add_argument("--python", help="interpreter whose packages imports are resolved with")
    command.add_argument("--warnings", choices=("true", "false"), default="false", type=str.lower)
    command.add_argument("--check", nargs="*", default=[], metavar="PATH", help="what the checker is given")


def _scope(arguments: argparse.Namespace) -> Scope:
    return Scope(arguments.paths, arguments.off_limits)


def _asked(arguments: argparse.Namespace, environ: Mapping[str, str]) -> checkers.Asked:
    scratch = environ.get("AUTOOPT_SCRATCH")
    return checkers.Asked(
        python=_interpreter(arguments.python, environ),
        paths=tuple(arguments.check),
        cache=Path(scratch, f"{arguments.checker}-cache") if scratch else None,
        environ=environ,
    )


def _interpreter(given: str | None, environ: Mapping[str, str]) -> str | None:
    """The interpreter's path; of several words, such as `uv run python`, the one that they start."""
    words = shlex.split(given or "")
    if len(words) < 2:
        return words[0] if words else None
    return shell.succeed(f"{given} -c 'import sys; print(sys.executable)'", environ).stdout.strip()


def _checked(arguments: argparse.Namespace, environ: Mapping[str, str]) -> diagnostics.Split:
    found = checkers.check(arguments.checker, _asked(arguments, environ))
    return diagnostics.split(found, _scope(arguments), warnings=arguments.warnings == "true")


def _count(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    print(*metric_lines(diagnostics.numbers(_checked(arguments, environ))), sep="\n")


def _worst(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    print(*worst.lines(_checked(arguments, environ), Path.cwd(), arguments.checker), sep="\n")


def _inventory(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    from autoopt.instruments.typecheck.inventory import take

    found = take(Path.cwd(), files.python_files(Path.cwd(), _scope(arguments)))
    print(inventory(no_more=found.no_more, no_fewer=found.no_fewer, same=found.same))


def _rewrites(arguments: argparse.Namespace, environ: Mapping[str, str]) -> None:
    from autoopt.instruments.typecheck import rewrites

    job = rewrites.Job(
        checker=arguments.checker,
        asked=_asked(arguments, environ),
        scope=_scope(arguments),
        warnings=arguments.warnings == "true",
    )
    print(json.dumps(rewrites.find(job), indent=2))
