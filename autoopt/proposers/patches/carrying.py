"""Changes that were made elsewhere, as edits of the files in the desk."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from autoopt import merging
from autoopt.records import Edit, FileChange


class UnfitError(Exception):
    """A change from elsewhere cannot be tried as things are; the message says why, for a person."""


def carried(changes: Iterable[FileChange], desk: Path) -> tuple[Edit, ...]:
    """The edits that do the same to the desk's files; empty when everything is done already.

    Raises:
        UnfitError: the files have changed too much, or there is something else in their place.
    """
    found = merging.carry(changes, lambda path: content(desk, path))
    if isinstance(found, merging.Conflict):
        raise UnfitError(str(found))
    return found


def content(desk: Path, path: str) -> bytes | None:
    """The content of a regular file in the desk, None when there is none; no link is followed.

    Raises:
        UnfitError: the path leads out of the desk, or something else is in its place.
    """
    *folders, name = path.split("/")
    if not {"", ".", ".."}.isdisjoint({*folders, name}) or "\0" in path:
        raise UnfitError(f"{path!r}: not a path inside the repository")
    if any("\ud800" <= letter <= "\udfff" for letter in path):
        raise UnfitError(f"{path!r}: a name that is not UTF-8")
    here = desk
    for folder in folders:
        here /= folder
        mode = _mode(here)
        if mode is not None and not stat.S_ISDIR(mode):
            raise UnfitError(f"{path}: {folder} on its way is not a directory")
    mode = _mode(here / name)
    if mode is not None and not stat.S_ISREG(mode):
        raise UnfitError(f"{path}: not a regular file")
    return None if mode is None else (here / name).read_bytes()


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
