"""Notices that a command changed the run's records or git's settings, where nothing prevents it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from autoopt.errors import DamagedStateError
from autoopt.processes.walls import Walls

_Seen = dict[str, tuple[int, int, int, int]]


@contextmanager
def watched(several: Sequence[Walls | None]) -> Iterator[None]:
    """Look at what these commands may not change before and after they run, where they are not kept from it.

    Files are told apart by number, size and times: a few system calls, instead of reading them.

    Raises:
        DamagedStateError: something is not as it was.
    """
    places = {
        str(place) for walls in several if walls and not walls.mechanism.holds for place in walls.watched
    }
    before = _seen(places)
    yield
    after = _seen(places)
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise DamagedStateError(
            f"{changed[0]}{more} changed while a command ran, and only autoopt and you may change that. See "
            "what is in it, put it right, then go on with sandbox=auto, which keeps commands from it."
        )


def _seen(places: set[str]) -> _Seen:
    """What the disk says of these files, and of the files in these directories."""
    found: _Seen = {}
    for place in places:
        try:
            status = os.lstat(place)
            if stat.S_ISDIR(status.st_mode):
                entries = [entry.path for entry in os.scandir(place)]
                found |= {path: _signature(os.lstat(path)) for path in entries}
            else:
                found[place] = _signature(status)
        except OSError:
            continue  # it is not there; if it was before, that shows
    return found


def _signature(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_ino, status.st_mode, status.st_size, status.st_ctime_ns
