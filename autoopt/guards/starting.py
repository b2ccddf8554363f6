"""How long it takes to start the program that a command begins with, and to do nothing in it."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath

from autoopt.processes import Completed
from autoopt.processes.arms import Arms
from autoopt.records import Failure

_EMPTY = {
    "python": '-c ""',
    "node": "-e 0",
    "ruby": "-e 0",
    "perl": "-e 0",
    "bash": "-c :",
    "sh": "-c :",
}
"""What makes an interpreter do nothing; of all other programs the shell alone is started."""
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_LIMIT_S = 60.0
_RUNS = 3


class Starting:
    """Starts it, in a commit's checkout, when somebody first asks."""

    def __init__(self, command: str, arms: Arms) -> None:
        """Of the program that `command` begins with."""
        self._command = doing_nothing(command)
        self._arms = arms
        self._known: float | None = None

    def __call__(self, commit: str) -> float | None:
        """The least wall seconds of a few starts; None where it cannot be started like that."""
        if self._known is None:
            arm = self._arms.ready(commit)
            if isinstance(arm, Failure):
                return None
            with self._arms.turns.alone():
                taken = [
                    self._arms.run(arm, self._command, "starting", _LIMIT_S, _wall_s) for _ in range(_RUNS)
                ]
            walls = [one for one in taken if isinstance(one, float)]
            self._known = min(walls, default=None)
        return self._known


def doing_nothing(command: str) -> str:
    """A command that starts the same program and ends at once."""
    try:
        words = [word for word in shlex.split(command) if not _ASSIGNMENT.match(word)]
    except ValueError:
        words = []
    program = words[0] if words else ""
    name = re.sub(r"[\d.]*$", "", PurePosixPath(program).name)
    return f"{shlex.quote(program)} {_EMPTY[name]}" if name in _EMPTY else ":"


def _wall_s(done: Completed) -> float:
    return done.wall_s
