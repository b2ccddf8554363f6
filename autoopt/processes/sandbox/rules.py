"""Rules for `landlock.restrict`, which knows no exceptions in a place: all around one is named instead."""

from __future__ import annotations

import os

from autoopt.processes.sandbox import landlock
from autoopt.processes.sandbox.places import Access, gpu_nodes, in_order, within
from autoopt.processes.sandbox.syscalls import call_filter
from autoopt.processes.walls import Walls

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm")


def rules(walls: Walls) -> list[str]:
    """What may be written and, where something is hidden, what may be read.

    A place that is read-only in a writable one stays writable.
    """
    places = in_order(walls)
    hidden = [path for path, access in places if access is Access.HIDE]
    writable = [path for path, access in places if access is Access.WRITE]
    kept = [path for path, access in places if access is not Access.HIDE]
    devices = [f"/dev/{name}" for name in _DEVICES] + gpu_nodes()
    return [
        *(landlock.WRITE + path for path in (*writable, *devices)),
        *(landlock.READ + path for path in (_around("/", hidden, kept) if hidden else [])),
        *([] if walls.network else [landlock.NO_NETWORK]),
        landlock.FILTER + call_filter(attributes=False).hex(),
    ]


def _around(place: str, hidden: list[str], kept: list[str]) -> list[str]:
    """What lies in a place, in the largest pieces that hold nothing hidden.

    Files that appear later beside something hidden cannot be read.
    """
    if place in hidden:
        return [path for path in kept if within(path, place)]
    if not any(within(path, place) for path in hidden):
        return [place]
    try:
        entries = [entry.path for entry in os.scandir(place) if not entry.is_symlink()]
    except OSError:
        return []
    return [path for entry in entries for path in _around(entry, hidden, kept)]
