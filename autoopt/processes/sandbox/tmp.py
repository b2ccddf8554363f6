"""A /tmp of a command's own, in which what is in the real one is still found."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

from autoopt.processes.sandbox.places import within
from autoopt.removing import clear

TMP = "/tmp"
SEEN = "/dev/tmp"
"""Where the real one is seen, read-only: a place that is in no one's way, as /dev is made anew."""
_MADE_ANEW = ("codex-",)
"""What programs insist on having as directories of their own, and make where there are none."""
_TICK_NS = 50_000_000
"""Coarser than any clock that stamps files."""
_REMEMBERED = 8
_Mark = tuple[int, int, int]
_Links = dict[str, _Mark]
_right: dict[tuple[int, int], _Links] = {}
"""Links that were read and lead to the right place, by directory and name. To read hundreds for each command
takes as long as its walls."""
_mark: Callable[[os.stat_result], _Mark] = attrgetter("st_ino", "st_mtime_ns", "st_ctime_ns")
"""What changes about a link with whatever is done to it; no program can set the ctime."""


def renew(private: Path, places: list[str]) -> list[str]:
    """Empty the private directory but for links to what is in the real one; what else is to be mounted.

    A mount for each entry would do without links, and take a second where there are hundreds. Only the way to
    what will be mounted is made of mounts, as a mount cannot go through links. Making hundreds of links takes
    10 ms, so those that nobody has touched since are left.

    Args:
        private: A directory that only commands write to.
        places: What will be mounted, below the real /tmp or elsewhere.
    """
    way = {_entry(path) for path in places if within(path, TMP) and path != TMP}
    wanted = {path[len(TMP) + 1 :] for path in entries()} - way
    private.chmod(0o700)
    folder = os.open(private, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _forget(folder)
        ours = _ours(folder, wanted)
        for name in set(os.listdir(folder)) - ours:  # noqa: PTH208
            clear(folder, name)
        for name in wanted - ours:
            os.symlink(f"{SEEN}/{name}", name, dir_fd=folder)
    finally:
        os.close(folder)
    return sorted(f"{TMP}/{name}" for name in way)


def entries() -> list[str]:
    """What is in the real one, but for what programs make anew."""
    return [f"{TMP}/{name}" for name in os.listdir(TMP) if not name.startswith(_MADE_ANEW)]  # noqa: PTH208


def _entry(path: str) -> str:
    return path[len(TMP) + 1 :].partition("/")[0]


def _ours(folder: int, wanted: set[str]) -> set[str]:
    """Those that are links as they were made here: their times, too, could tell something."""
    known = _known(folder)
    with os.scandir(folder) as entries:
        found = {entry.name: _mark(entry.stat(follow_symlinks=False)) for entry in entries}
    ours = {name for name, _ in found.items() & known.items()}
    for name in known.keys() - found.keys():
        del known[name]
    settled_ns = time.time_ns() - _TICK_NS
    for name in found.keys() - ours:
        if _is_right(folder, name, found[name]):
            ours.add(name)
            if found[name][2] < settled_ns:  # else a change could leave it as it is
                known[name] = found[name]
    return ours & wanted


def _is_right(folder: int, name: str, mark: _Mark) -> bool:
    try:
        return mark[1] == mark[2] and os.readlink(name, dir_fd=folder) == f"{SEEN}/{name}"
    except OSError:  # no link
        return False


def _known(folder: int) -> _Links:
    """What is remembered of an open directory's links."""
    status = os.fstat(folder)
    place = (status.st_dev, status.st_ino)
    found = _right.pop(place, {})
    while len(_right) >= _REMEMBERED:
        _right.pop(next(iter(_right)), None)
    _right[place] = found  # the latest one is last
    return found


def _forget(folder: int) -> None:
    """Take away what a command may have noted on the directory itself."""
    with contextlib.suppress(OSError):  # not every file system has attributes
        for name in os.listxattr(folder):
            with contextlib.suppress(OSError):
                os.removexattr(folder, name)
    os.utime(folder, (0, 0))
