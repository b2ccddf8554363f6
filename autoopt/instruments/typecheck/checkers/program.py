"""Where a checker is, and running it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autoopt.errors import ResourceError
from autoopt.instruments import shell

INSTALL = {
    "ty": "pip install 'autoopt[types]'",
    "pyright": "pip install pyright (it needs Node.js, which `pip install 'pyright[nodejs]'` brings)",
    "mypy": "pip install mypy",
}


class CheckerError(ResourceError):
    """The checker did not check: it crashed, or its settings are wrong. Never taken for no errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a checker is asked to do.

    Attributes:
        python: The interpreter whose packages imports are resolved with; None leaves it to the checker.
        paths: What is checked; by default what the project's settings say, else everything.
        directory: Where it runs: the top of the project.
        cache: Directory for what it remembers between runs on the same files; None for nowhere.
        environ: Its environment.
    """

    python: str | None
    paths: tuple[str, ...] = ()
    directory: Path = field(default_factory=Path.cwd)
    cache: Path | None = None
    environ: Mapping[str, str]


def command(name: str, asked: Asked) -> list[str]:
    """The checker as the beginning of a command: the project's own, else the one beside us, else the PATH's.

    Raises:
        ResourceError: it is nowhere; with how to install it.
    """
    places = [Path(asked.python).parent] if asked.python else []
    for place in (*places, Path(sys.executable).parent):
        program = (asked.directory / place / name).absolute()
        if os.access(program, os.X_OK):
            return [str(program)]
    found = shutil.which(name, path=asked.environ.get("PATH"))
    if found is None:
        raise ResourceError(
            f"{name} is not installed: {INSTALL[name]}; or choose another with options.checker."
        )
    return [found]


def run(name: str, words: Sequence[str], asked: Asked, fine: Sequence[int] = (0, 1)) -> shell.Ran:
    """Run the checker with its arguments.

    Raises:
        CheckerError: it ended in another way than by finding errors or none.
    """
    line = shlex.join([*command(name, asked), *words])
    ran = shell.run(f"cd {shlex.quote(str(asked.directory))} && exec {line}", asked.environ)
    if ran.code not in fine:
        raise broken(name, said(ran) or f"it ended with exit code {ran.code}")
    return ran


def broken(name: str, reason: str) -> CheckerError:
    """The error for a checker that did not check, in one line."""
    return CheckerError(f"{name} could not check the project: {' '.join(reason.split())[:600]}")


def said(ran: shell.Ran) -> str:
    """Its complaint as text, which is on the standard error, else on the standard output."""
    return ran.stderr.strip() or ran.stdout.strip()


def relative(path: str, directory: Path) -> str:
    """The path as the scope writes it; what lies elsewhere stays as it is."""
    absolute = Path(directory, path)
    for top in (directory, directory.resolve()):
        if absolute.is_relative_to(top):
            return absolute.relative_to(top).as_posix()
    return absolute.as_posix()
