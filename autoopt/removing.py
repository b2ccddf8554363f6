"""Removing directories with all they hold, however deep somebody has nested them; no link is followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_whole(path: Path) -> None:
    """Delete whatever is there, if anything, even read-only directories (a Go module cache)."""
    clear(None, os.fspath(path))


def clear(parent: int | None, name: str) -> None:
    """Remove what has this name in an open directory, if anything; a directory with all it holds.

    Args:
        parent: The directory; None where the name is a whole path.
    """
    try:
        is_folder = stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return
    if is_folder:
        _take_apart(parent, name)
        return
    try:
        os.unlink(name, dir_fd=parent)
    except PermissionError:  # a command made the directory read-only
        if parent is None:
            raise
        os.fchmod(parent, 0o700)
        os.unlink(name, dir_fd=parent)


def _take_apart(parent: int | None, name: str) -> None:
    """Empty and remove a directory.

    Directories in it are moved up into it before they are emptied, so that no path grows with the depth, no
    call is nested, and three directories are open at most.
    """
    with _opened(parent, name) as top:
        left = _without_files(top)
        taken = frozenset(left)
        fresh = (new for number in count() if (new := f"autoopt-removed-{number}") not in taken)
        while left:
            here = left.pop()
            with _opened(top, here) as folder:
                for below in _without_files(folder):
                    left.append(next(fresh))
                    _move(folder, below, top, left[-1])
            os.rmdir(here, dir_fd=top)
    try:
        os.rmdir(name, dir_fd=parent)
    except PermissionError:
        if parent is None:
            raise
        os.fchmod(parent, 0o700)
        os.rmdir(name, dir_fd=parent)


@contextmanager
def _opened(parent: int | None, name: str) -> Iterator[int]:
    """An open directory in which we may do what we like."""
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent)
        descriptor = os.open(name, _FOLDER, dir_fd=parent)
    try:
        if os.fstat(descriptor).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            os.fchmod(descriptor, stat.S_IRWXU)
        yield descriptor
    finally:
        os.close(descriptor)


def _without_files(folder: int) -> list[str]:
    """Remove all but directories from an open one; their names."""
    with os.scandir(folder) as items:
        found = [(item.name, item.is_dir(follow_symlinks=False)) for item in items]
    for name in (name for name, is_folder in found if not is_folder):
        os.unlink(name, dir_fd=folder)
    return [name for name, is_folder in found if is_folder]


def _move(source: int, name: str, target: int, new: str) -> None:
    try:
        os.rename(name, new, src_dir_fd=source, dst_dir_fd=target)
    except PermissionError:  # its own parent is written in it, and it is read-only
        os.chmod(name, stat.S_IRWXU, dir_fd=source)
        os.rename(name, new, src_dir_fd=source, dst_dir_fd=target)
