"""The command line: subcommands that share `--tests`, the command that runs the project's tests."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from autoopt.instruments import numbers
from autoopt.instruments.entry import Parser, acted, whole
from autoopt.instruments.testing import covering, inventory, profiles, rates, results, rewrites, running

_SHOWN = 50  # files with a line of their own; all of thousands would go into the journal with every sample
_TRIES = 2  # of a test that fails, before an inventory counts it as failing

Environ = Mapping[str, str]


def main(argv: Sequence[str], environ: Environ) -> int:
    """Run one subcommand; return the exit code. What goes wrong is one line on the standard error."""
    return acted(_parser, argv, environ)


def _parser() -> Parser:
    parser = Parser(prog="python -m autoopt.instruments.testing", description="Test suites as metrics.")
    for name, command in parser.subcommands(
        ("rate", _rate, "run the tests and print how many of them pass, as METRIC lines"),
        ("coverage", _coverage, "run the tests and print what they cover, as METRIC lines"),
        (
            "duration",
            _duration,
            "run the tests, which must pass, and print where their time goes, as METRIC lines",
        ),
        ("inventory", _inventory, "print what an inventory guard holds against the base commit, as JSON"),
        ("failures", _failures, "print why tests fail"),
        ("uncovered", _uncovered, "print what no test runs"),
        ("slowest", _slowest, "print the slowest tests, fixtures and functions"),
        ("rewrites", _rewrites, "print changes of test files that may save time, as JSON"),
    ):
        command.add_argument("--tests", required=True, help="shell command that ends in the project's pytest")
        _add_options(command, name)
    return parser


def _add_options(command: argparse.ArgumentParser, name: str) -> None:
    if name == "rate":
        command.add_argument(
            "--repeats", type=whole("repeats", 0), default=1, help="runs; a test has to pass in all of them"
        )
    if name in ("coverage", "duration"):
        command.add_argument(
            "--failures", type=whole("failures", 0), default=0, help="how many tests may fail"
        )
    if name == "inventory":
        command.add_argument("--assertions", choices=("same", "count"), default="same")
        command.add_argument("--coverage", choices=("none", "statements", "missing"), default="none")
        command.add_argument("--reversed", action="store_true", help="run them in reverse order too")
    if name in ("coverage", "uncovered", "inventory"):
        command.add_argument(
            "--branch", choices=("yes", "no", "true", "false"), default="yes", type=str.lower
        )
        command.add_argument("paths", nargs="*", metavar="PATH", help="files and directories of the product")


def _print(found: Mapping[str, float]) -> None:
    print(*numbers.metric_lines(found), sep="\n")


def _rate(arguments: argparse.Namespace, environ: Environ) -> None:
    runs = max(1, arguments.repeats)
    sessions = [running.run(arguments.tests, environ).session for _ in range(runs)]
    found = rates.of(sessions, Path.cwd())
    _print(found.numbers() | rates.by_file(found, _SHOWN))


def _coverage(arguments: argparse.Namespace, environ: Environ) -> None:
    suite, files = _covered(arguments, environ)
    running.tolerate(suite.session, arguments.failures)
    tests = len(suite.session.tests)
    _print({"coverage": covering.percent(files), **covering.totals(files), "tests": tests})
    partial = sorted((file for file in files if file.percent < 100), key=lambda file: file.percent)
    _print({f"{file.path}:coverage": file.percent for file in partial[:_SHOWN]})


def _duration(arguments: argparse.Namespace, environ: Environ) -> None:
    suite = running.run(arguments.tests, environ, running.Wanted(steady=True))
    running.tolerate(suite.session, arguments.failures)
    tests = suite.session.tests.values()
    phases = {
        f"{when}_s": sum(test.seconds.get(when, 0.0) for test in tests)
        for when in ("setup", "call", "teardown")
    }
    longest = max((sum(test.seconds.values()) for test in tests), default=0.0)
    passed = suite.session.counts[results.PASSED]
    _print({"suite_s": suite.wall_s, "tests_s": sum(phases.values()), **phases, "slowest_s": longest})
    _print({"tests": len(tests), "passed": passed})


def _inventory(arguments: argparse.Namespace, environ: Environ) -> None:
    root, files = Path.cwd(), None
    coverage = None
    if arguments.coverage != "none":
        coverage = covering.options(root, arguments.paths, branch=_branch(arguments))
    suite = running.run(arguments.tests, environ, running.Wanted(assertions=True, coverage=coverage))
    if coverage is not None:
        files = covering.files(suite.coverage, root, arguments.paths)
    sessions = [suite.session, *_again(suite.session, arguments.tests, environ)]
    backwards = running.Wanted(serial=True, backwards=True)
    parts = [
        inventory.of_sessions(sessions),
        inventory.of_order(
            running.run(arguments.tests, environ, backwards).session if arguments.reversed else None
        ),
        inventory.of_files(root, suite.session, same_assertions=arguments.assertions == "same"),
        inventory.of_coverage(files or [], missing=arguments.coverage == "missing"),
        inventory.of_loading(root) if coverage is not None else inventory.Inventory(),
    ]
    print(numbers.inventory(**inventory.joined(parts)))


def _again(session: results.Session, tests: str, environ: Environ) -> Iterable[results.Session]:
    """Further runs of what has not passed yet."""
    failing = tuple(test.name for test in session.having(results.FAILED, results.ERROR))
    for _ in range(_TRIES - 1):
        if not failing:
            return
        again = running.run(tests, environ, running.Wanted(serial=True, only=failing)).session
        yield again
        passed = {test.name for test in again.having(results.PASSED)}
        failing = tuple(name for name in failing if name not in passed)


def _failures(arguments: argparse.Namespace, environ: Environ) -> None:
    _show(profiles.failures(running.run(arguments.tests, environ).session))


def _uncovered(arguments: argparse.Namespace, environ: Environ) -> None:
    _, files = _covered(arguments, environ)
    _show(profiles.uncovered(files, Path.cwd()))


def _slowest(arguments: argparse.Namespace, environ: Environ) -> None:
    suite = running.run(arguments.tests, environ, running.Wanted(profile=True))
    _show(profiles.slowest(suite.session, Path.cwd(), suite.wall_s))


def _rewrites(arguments: argparse.Namespace, environ: Environ) -> None:
    suite = running.run(arguments.tests, environ, running.Wanted(profile=True))
    print(rewrites.as_json(rewrites.found(Path.cwd(), suite.session)))


def _covered(
    arguments: argparse.Namespace, environ: Environ
) -> tuple[running.Suite, Sequence[covering.File]]:
    root = Path.cwd()
    options = covering.options(root, arguments.paths, branch=_branch(arguments))
    suite = running.run(arguments.tests, environ, running.Wanted(coverage=options))
    return suite, covering.files(suite.coverage, root, arguments.paths)


def _branch(arguments: argparse.Namespace) -> bool:
    return arguments.branch in ("yes", "true")


def _show(lines: Iterable[str]) -> None:
    print(*lines, sep="\n")
