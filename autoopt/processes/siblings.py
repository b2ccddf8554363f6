"""Several pieces of work side by side, each in a process of its own; the one that started them waits.

They are forked: what was imported and composed is there already. Each is a process group, so that Ctrl-C in
the terminal reaches the one that waits alone, which passes on what asks it to end. When it is killed itself,
they are asked to end by the kernel (on Linux).
"""

from __future__ import annotations

import atexit
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress

from autoopt import signals
from autoopt.errors import Terminated

Task = Callable[[], int]
"""Does its work and returns an exit code."""

_PAUSE_S = 0.05
_PR_SET_PDEATHSIG = 1


def run(tasks: Sequence[Task], at_once: int | None = None) -> list[int | None]:
    """Do all of them, and return their exit codes: minus the signal's number for what was killed.

    One that was never begun, as a signal came before, has None.

    Args:
        at_once: How many at the same time; all by default.

    Raises:
        KeyboardInterrupt: this process was asked to end; all of them have been asked, too, and have ended.
    """
    family = _Family()
    codes: list[int | None] = [None] * len(tasks)
    following = iter(range(len(tasks)))
    with signals.relayed(family.tell):
        while True:
            while len(family.living) < (at_once or len(tasks)) and not family.asked:
                if (place := next(following, None)) is None:
                    break
                family.begin(place, tasks[place])
            if not family.living:
                return codes
            for place, code in family.ended():
                codes[place] = code
            time.sleep(_PAUSE_S)


class _Family:
    """The processes that were started and have not ended.

    Attributes:
        living: Which task each of them does, by their numbers.
        asked: The signals that were passed on.
    """

    def __init__(self) -> None:
        self.living: dict[int, int] = {}
        self.asked: list[int] = []

    def tell(self, number: int) -> None:
        """Pass a signal on to all; called in the midst of anything."""
        self.asked.append(number)
        for pid in tuple(self.living):
            _kill(pid, number)

    def begin(self, place: int, task: Task) -> None:
        """Start a process for the task."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # or it would be written twice
        parent = os.getpid()
        if (pid := os.fork()) == 0:
            _be_one(place, task, parent)
        with suppress(OSError):  # it has done so itself, and is somewhere else by now
            os.setpgid(pid, pid)
        self.living[pid] = place
        for number in self.asked:  # while it was being started
            _kill(pid, number)

    def ended(self) -> list[tuple[int, int]]:
        """The places and exit codes of those that have ended meanwhile."""
        found = []
        for pid, place in tuple(self.living.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                del self.living[pid]  # before its number can be given to another, which a signal would reach
                found.append((place, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
        return found


def _kill(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _be_one(place: int, task: Task, parent: int) -> None:
    """Do the task in the process that was forked for it, and leave."""
    code = 1
    try:
        atexit._clear()  # what is the parent's to do at its end
        signals.forget()
        _set_apart(place, parent)
        with signals.handled():
            code = task()
    except Terminated as error:
        code = error.exit_code
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:  # noqa: BLE001 - nothing may reach the stack of the process it is a copy of
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]  # as an interpreter ends: pools and servers go
            atexit._run_exitfuncs()
            _flush()
        os._exit(code)


def _set_apart(place: int, parent: int) -> None:
    os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise Terminated(signal.SIGTERM)  # it was killed before the kernel knew
    multiprocessing.current_process().name = f"Sibling-{place + 1}"
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nothing.fileno(), 0)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
