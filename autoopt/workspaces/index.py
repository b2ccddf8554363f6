"""git's index of a worktree whose files are known: written whole, in version 2, never read."""

from __future__ import annotations

import hashlib
import os
import struct
from bisect import bisect_left, insort
from collections.abc import Iterable
from pathlib import Path

from autoopt.files import sync_directory
from autoopt.workspaces.directory import Signature, signature
from autoopt.workspaces.formats import SHA1
from autoopt.workspaces.locks import release, replace_locked
from autoopt.workspaces.store import GITLINK, Entry, Files

_NUMBERS = struct.Struct(">10L")
_FLAGS = struct.Struct(">H")
_LONGEST_NAME = 0xFFF
_WORD = 0xFFFFFFFF


class Index:
    """One index file."""

    def __init__(self, path: Path, root: Path, intent: Path, algorithm: str = SHA1) -> None:
        """`root` is the worktree; `intent` a file name of our own for locking; `algorithm` makes the ids."""
        self._path = path
        self._root = root
        self._intent = intent
        self._algorithm = algorithm
        self._entries: dict[bytes, bytes] = {}
        self._order: list[bytes] = []
        self._written: Signature | None = None

    def recover(self) -> None:
        """Remove the lock that a killed process of ours left."""
        release(self._intent, [self._path.with_name(self._path.name + ".lock")])

    def write(
        self, expected: Files, changed: Iterable[str] = (), edited: frozenset[str] = frozenset()
    ) -> None:
        """Make the index agree with the files on disk, which are as expected.

        What the index says is kept in memory, so that only what changed is looked at. A crash may lose the
        file, and the next process writes all of it anew.

        Args:
            changed: Those that may differ from the last call; the first one looks at all.
            edited: Those that are not as expected after all: git will look at their content.
        """
        if self._entries:
            for path in changed:
                self._set(path, expected.get(path), path in edited)
        else:
            names = {os.fsencode(path): path for path in expected}
            self._order = sorted(names)
            self._entries = {
                name: self._entry(path, name, expected[path], path in edited) for name, path in names.items()
            }
        body = struct.pack(">4s2L", b"DIRC", 2, len(self._order)) + b"".join(
            map(self._entries.__getitem__, self._order)
        )
        checksum = hashlib.new(self._algorithm, body, usedforsecurity=False).digest()
        replace_locked(self._path, body + checksum, self._intent, lambda: True, durable=False)
        self._written = signature(self._path.lstat())

    def _set(self, path: str, entry: Entry | None, edited: bool) -> None:
        # Byte order of the names, as git sorts; surrogates of undecodable names would sort otherwise.
        name = os.fsencode(path)
        if entry is None:
            if self._entries.pop(name, None) is not None:
                del self._order[bisect_left(self._order, name)]
            return
        if name not in self._entries:
            insort(self._order, name)
        self._entries[name] = self._entry(path, name, entry, edited)

    def sync(self) -> None:
        """Make what was written durable."""
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_directory(self._path.parent)

    def touched(self) -> bool:
        """Whether somebody else wrote the index since we did (`git add` in the desk)."""
        try:
            return self._written != signature(self._path.lstat())
        except FileNotFoundError:
            return True

    def _entry(self, path: str, name: bytes, entry: Entry, edited: bool) -> bytes:
        nothing = (*(0,) * 6, entry.mode, *(0,) * 3)  # git looks at the content then
        numbers = nothing if edited else self._stat(path, entry) or nothing
        flags = min(len(name), _LONGEST_NAME)
        header = _NUMBERS.pack(*[number & _WORD for number in numbers]) + bytes.fromhex(entry.sha)
        record = header + _FLAGS.pack(flags) + name
        return record + b"\0" * (8 - len(record) % 8)

    def _stat(self, path: str, entry: Entry) -> tuple[int, ...] | None:
        try:
            found = os.lstat(f"{self._root}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            return None  # somebody was quick
        size = 0 if entry.mode == GITLINK else found.st_size
        times = (*divmod(found.st_ctime_ns, 10**9), *divmod(found.st_mtime_ns, 10**9))
        return (*times, found.st_dev, found.st_ino, entry.mode, found.st_uid, found.st_gid, size)
