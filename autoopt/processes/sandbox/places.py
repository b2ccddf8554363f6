"""Puts the places of walls in the order in which they hold: an inner place after the one it lies in."""

from __future__ import annotations

import enum
import os
import stat

from autoopt.processes.walls import Walls

_GPU_NODES = ("nvidia", "dri", "kfd", "accel", "dxg")
"""How their names in /dev begin."""


class Access(enum.Enum):
    """What holds for a place."""

    WRITE = "write"
    READ = "read"
    HIDE = "hide"


def in_order(walls: Walls) -> list[tuple[str, Access]]:
    """The places that exist, without symbolic links on their way, outer ones first.

    Of one place named twice, what makes it writable counts most, then what keeps it readable.
    """
    found: dict[str, Access] = {}
    folders: dict[str, str] = {}
    for places, access in (
        (walls.hidden, Access.HIDE),
        (walls.read_only, Access.READ),
        (walls.writable, Access.WRITE),
    ):
        for place in places:
            path = _real(os.fspath(place), folders)
            if path is not None:
                found[path] = access
    return sorted(found.items(), key=lambda item: item[0].count("/") if item[0] != "/" else 0)


def _real(place: str, folders: dict[str, str]) -> str | None:
    """The place without symbolic links on its way or at its end; None where there is nothing.

    Args:
        folders: The same of directories that were met before: most places are in few of them.
    """
    folder, name = os.path.split(place)
    if name in ("", ".", ".."):
        path = os.path.realpath(place)
    else:
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        path = os.path.join(folders[folder], name)  # noqa: PTH118 - a dozen for each command
        try:
            if not stat.S_ISLNK(os.lstat(path).st_mode):
                return path
        except OSError:
            return None
        path = os.path.realpath(path)
    return path if os.path.lexists(path) else None


def gpu_nodes() -> list[str]:
    """The devices of this machine that compute, and are written to for that."""
    return sorted(f"/dev/{name}" for name in os.listdir("/dev") if name.startswith(_GPU_NODES))  # noqa: PTH208


def within(path: str, place: str | os.PathLike[str]) -> bool:
    """Whether the path is the place or lies in it; both absolute."""
    outer = os.fspath(place).rstrip("/") + "/"
    return f"{path}/".startswith(outer)
