"""Has tracemalloc watch the process and, at its end, writes the most bytes that were allocated at one time.

It runs in whatever Python the command uses, before anything else, so it imports little and never fails.
"""

import atexit
import json
import os
import tracemalloc

_PROCESS = os.getpid()


def start(folder: str) -> None:
    """Watch every allocation from now on; write `seen-*.json` into the folder when the process ends."""
    atexit.register(_write, folder)
    tracemalloc.start(1)


def _write(folder: str) -> None:
    if os.getpid() != _PROCESS:  # a forked child began with what its parent held
        return
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    with open(os.path.join(folder, f"seen-{_PROCESS}.json"), "w") as file:  # noqa: PTH118, PTH123
        json.dump(peak, file)
