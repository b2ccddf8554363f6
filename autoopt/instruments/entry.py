"""What every instrument's command line has in common: one line for a mistake, and its exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from autoopt.errors import AutooptError, ResourceError, UsageError


class Parser(argparse.ArgumentParser):
    """Argument parser whose complaints are one line like everybody else's."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"{message}; see `{self.prog} --help`.")

    def subcommands(self, *rows: tuple[str, Callable[..., object], str]) -> Iterator[tuple[str, Parser]]:
        """Each subcommand's name and parser; its function becomes `arguments.act`.

        Args:
            rows: Name, function and one line for the help.
        """
        commands = self.add_subparsers(required=True, metavar="SUBCOMMAND")
        for name, act, summary in rows:
            command = commands.add_parser(name, help=summary, description=summary)
            command.set_defaults(act=act)
            yield name, command


def whole(option: str, least: int) -> Callable[[str], int]:
    """The `type` of an argument that is a whole number, of which a recipe has made an option of this name."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} (options.{option})")
        return int(text)

    return number


def acted(parser: Callable[[], Parser], argv: Sequence[str], *given: object) -> int:
    """Have a subcommand's function do its work with the arguments and what else is given; the exit code."""

    def work() -> None:
        arguments = parser().parse_args(argv)
        arguments.act(arguments, *given)

    return guarded(work)


def guarded(work: Callable[[], None]) -> int:
    """Do the work; return the exit code. What goes wrong is one line on the standard error."""
    try:
        work()
    except AutooptError as error:
        return _complain(error, error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror or error}", ResourceError.exit_code)
    return 0


def _complain(message: object, code: int) -> int:
    print(f"autoopt: {message}", file=sys.stderr)
    return code
