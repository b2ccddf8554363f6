"""The command line: prints the inventory that must stay the same."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.instruments import numbers, shell
from autoopt.instruments.answers import settling
from autoopt.instruments.answers.written import BINARY, Written
from autoopt.instruments.entry import Parser, guarded

LINES = 40
"""Lines of the output that are compared, and shown, one by one; the others count together."""
CLOCK_S = 2.0
"""Steps in which archives hold the time at which they were made."""

Lines = list[settling.Line]


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print a command's answers; return the exit code. What goes wrong is one line on standard error."""
    return guarded(lambda: _print(argv, environ))


def _print(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    parser = Parser(prog="python -m autoopt.instruments.answers", description="What a command answers.")
    parser.add_argument("--command", required=True, help="shell command to run in the working directory")
    parser.add_argument(
        "--tests",
        nargs="?",
        help="another guard's command; without one, a command with no answers to compare is refused",
    )
    arguments = parser.parse_args(argv)
    found, stays = _answers(arguments.command, environ)
    if not arguments.tests and not any(map(settling.says, found.values())):
        raise UsageError(
            "nothing checks that the answers stay the same: there are no tests, and the command prints "
            "nothing but times and writes no file into the checkout; give guards.tests.command=COMMAND, "
            "or guards.answers.command=null to go without."
        )
    print(numbers.inventory(same=found, stays=stays))


def _answers(command: str, environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """By name, what is the same in both runs: times and sizes aside, and those times and sizes."""
    root = Path.cwd()
    before = Written.below(root)
    texts = [_run(command, environ, root)]
    if any(lines and lines[0].startswith(BINARY) for lines in texts[0][1].values()):
        time.sleep(CLOCK_S)  # else both hold the same time by chance
    texts.append(_run(command, environ, root))
    files = [name for name in Written.below(root).since(before) if all(name in text[1] for text in texts)]
    said = settling.settled(texts[0][0], texts[1][0])
    found, stays = _lines(said), settling.exact(said)
    for name in files:
        lines = settling.settled(texts[0][1][name], texts[1][1][name])
        found[name] = settling.digest(lines)
        stays.update(settling.exact(lines, name))
    return found, stays


def _run(command: str, environ: Mapping[str, str], root: Path) -> tuple[Lines, dict[str, Lines]]:
    """The lines of the output, and of each file that was written."""
    before = Written.below(root)
    done = shell.succeed(command, environ)
    hidden = settling.Hidden.of(root, environ)
    written = Written.below(root).texts(before)
    return hidden.lines(done.stdout), {name: hidden.lines(text) for name, text in written.items()}


def _lines(lines: Sequence[str]) -> dict[str, str]:
    """The first lines one by one, the others as one."""
    found = {f"line {number}": line for number, line in enumerate(lines[:LINES], start=1) if line}
    if len(lines) > LINES:
        found[f"the lines after {LINES}"] = settling.digest(lines[LINES:])
    return found
