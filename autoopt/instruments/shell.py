"""Running a user's command from within an instrument."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

from autoopt.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one execution of a command left.

    Attributes:
        code: Exit code; negative when a signal ended it.
        stdout, stderr: Its output, decoded with replacement.
        wall_s: Seconds from start to end.
    """

    code: int
    stdout: str
    stderr: str
    wall_s: float

    @property
    def last_line(self) -> str:
        """The last thing it said, preferably on the standard error."""
        said = self.stderr.strip() or self.stdout.strip()
        return said.rpartition("\n")[2]


def run(command: str, environ: Mapping[str, str]) -> Ran:
    """Run a shell command in the working directory, its input closed, failing where any part of a pipe does.

    No supervisor here: whoever runs the instrument has one, and it ends all of its descendants.
    """
    begin = perf_counter()
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail\n{command}"],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return Ran(
        code=done.returncode,
        stdout=done.stdout.decode("utf-8", "replace"),
        stderr=done.stderr.decode("utf-8", "replace"),
        wall_s=perf_counter() - begin,
    )


def succeed(command: str, environ: Mapping[str, str]) -> Ran:
    """The same for a command that must exit with 0.

    Raises:
        UsageError: it did not; with the last line it said.
    """
    done = run(command, environ)
    if done.code:
        raise UsageError(f"the command ended with exit code {done.code}: {done.last_line}")
    return done
