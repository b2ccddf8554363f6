"""What the user's index says of the files in the checkout; it is read and never written."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.errors import FileFormatException
from dulwich.index import (
    EXTENDED_FLAG_SKIP_WORKTREE,
    ConflictedIndexEntry,
    IndexEntry,
    UnsupportedIndexFormat,
    read_index_dict,
)
from dulwich.object_format import OBJECT_FORMATS

from autoopt.workspaces.directory import Known, signature
from autoopt.workspaces.store import DIRECTORY, Entry


@dataclass(frozen=True, slots=True)
class Staged:
    """The index of a checkout.

    Attributes:
        known: Files whose content it vouches for, as git status does it: by their stat data.
    """

    known: dict[str, Known] = field(default_factory=dict)
    _absent: frozenset[str] = frozenset()
    _folders: tuple[str, ...] = ()

    def leaves_out(self, path: str) -> bool:
        """Whether the file is not in the checkout by intent (a sparse checkout)."""
        return path in self._absent or path.startswith(self._folders)


def staged(root: Path, git_dir: Path, algorithm: str) -> Staged:
    """The index that belongs to the checkout at `root`; an empty one where it cannot be read."""
    try:
        with (git_dir / "index").open("rb") as file:
            entries = read_index_dict(file, OBJECT_FORMATS[algorithm])
    except (FileNotFoundError, ValueError, AssertionError, UnsupportedIndexFormat, FileFormatException):
        return Staged()  # every file is hashed instead
    return _of(root, {os.fsdecode(name): entry for name, entry in entries.items()})


def _of(root: Path, entries: Mapping[str, IndexEntry | ConflictedIndexEntry]) -> Staged:
    known, absent, folders = {}, set(), []
    for path, entry in entries.items():
        if not isinstance(entry, IndexEntry):
            continue
        if stat.S_IFMT(entry.mode) == DIRECTORY:
            folders.append(path.rstrip("/") + "/")  # a sparse index has one entry for all that is below
        elif found := _vouched(root / path, entry):
            known[path] = Known(signature(found), Entry(entry.mode, entry.sha.decode()))
        elif entry.extended_flags & EXTENDED_FLAG_SKIP_WORKTREE:
            absent.add(path)
    return Staged(known, frozenset(absent), tuple(folders))


def _vouched(path: Path, entry: IndexEntry) -> os.stat_result | None:
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    same = (
        found.st_size & 0xFFFFFFFF == entry.size
        and found.st_ino & 0xFFFFFFFF == entry.ino & 0xFFFFFFFF
        and _seconds(found.st_mtime_ns, entry.mtime)
        and _seconds(found.st_ctime_ns, entry.ctime)
        and stat.S_IFMT(found.st_mode) == stat.S_IFMT(entry.mode)
    )
    return found if same else None


def _seconds(ns: int, indexed: int | float | tuple[int, int]) -> bool:
    return isinstance(indexed, tuple) and divmod(ns, 10**9) == indexed
