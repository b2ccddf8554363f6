"""Records the process under cProfile and, at its end, writes what it saw.

It runs in whatever Python the command uses, before anything else, so it imports little and never fails.
"""

import atexit
import cProfile
import json
import os
import sys
import threading

TYPE_CHECKING = False  # typing takes long to import
if TYPE_CHECKING:
    from typing import Any

_PROCESS = os.getpid()


def start(folder: str) -> None:
    """Watch every function from now on; write `seen-*.json` into the folder when the process ends."""
    profile = cProfile.Profile()
    atexit.register(_write, profile, folder)
    profile.enable()
    _stay(profile)


def _stay(profile: cProfile.Profile) -> None:
    """Have nobody take the profile off: pytest-benchmark does, and fails when it cannot put it back."""
    replace = sys.setprofile

    def setprofile(function: "Any") -> None:
        present: Any = sys.getprofile()
        if present is not profile or not (function is None or function is profile):
            replace(function)

    sys.setprofile = setprofile


def _write(profile: cProfile.Profile, folder: str) -> None:
    profile.disable()
    if os.getpid() != _PROCESS:  # a forked child has its parent's times in it
        return
    profile.create_stats()
    rows = [
        [*place, calls, own, whole, [[*caller, took[2]] for caller, took in callers.items()]]
        for place, (_, calls, own, whole, callers) in profile.stats.items()
    ]
    path = os.path.join(folder, f"seen-{_PROCESS}-{threading.get_ident()}.json")  # noqa: PTH118
    with open(path, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        json.dump(rows, file)
