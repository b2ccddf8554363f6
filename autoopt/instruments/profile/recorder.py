"""Records the process it is loaded into and, at its end, writes what it saw; copied as `sitecustomize.py`.

It runs in whatever Python the command uses, before anything else, so it imports little and never fails.
"""

import atexit
import cProfile
import importlib
import json
import os
import sys
import threading

_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is slow to import
_PROCESS = os.getpid()


def _next_of_kin() -> None:
    """Load the `sitecustomize` that this one stands before, if there is one."""
    place = [entry for entry in sys.path if entry and os.path.abspath(entry) == _FOLDER]  # noqa: PTH100
    for entry in place:
        sys.path.remove(entry)
    mine = sys.modules.pop("sitecustomize", None)
    try:
        importlib.import_module("sitecustomize")
    except ImportError:
        if mine is not None:
            sys.modules["sitecustomize"] = mine


def _write(profile: cProfile.Profile) -> None:
    profile.disable()
    if os.getpid() != _PROCESS:  # a forked child has its parent's times in it
        return
    profile.create_stats()
    rows = [
        [*place, calls, own, whole, [[*caller, took[2]] for caller, took in callers.items()]]
        for place, (_, calls, own, whole, callers) in profile.stats.items()
    ]
    path = os.path.join(_FOLDER, f"seen-{_PROCESS}-{threading.get_ident()}.json")  # noqa: PTH118
    with open(path, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        json.dump(rows, file)


if __name__ == "sitecustomize":
    _next_of_kin()
    _profile = cProfile.Profile()
    atexit.register(_write, _profile)
    _profile.enable()
