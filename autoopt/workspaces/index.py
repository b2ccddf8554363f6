"""git's index of a worktree whose files are known: written whole, in version 2, never read."""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

from autoopt.workspaces.directory import Signature, signature
from autoopt.workspaces.locks import release, replace_locked
from autoopt.workspaces.store import GITLINK, Entry, Files

_HEADER = struct.Struct(">10L20sH")
_LONGEST_NAME = 0xFFF
_WORD = 0xFFFFFFFF


class Index:
    """One index file."""

    def __init__(self, path: Path, root: Path, intent: Path) -> None:
        """`root` is the worktree; `intent` a file name of our own for locking."""
        self._path = path
        self._root = root
        self._intent = intent
        self._entries: dict[str, bytes] = {}
        self._written: Signature | None = None

    def recover(self) -> None:
        """Remove the lock that a killed process of ours left."""
        release(self._intent, [self._path.with_name(self._path.name + ".lock")])

    def write(
        self, expected: Files, changed: Files | None = None, edited: frozenset[str] = frozenset()
    ) -> None:
        """Make the index agree with the files on disk, which are as expected.

        Args:
            changed: Those that may differ from the last call; by default all.
            edited: Those that are not as expected after all: git will look at their content.
        """
        if changed is None or not self._entries:
            self._entries, changed = {}, expected
        for path in self._entries.keys() - expected.keys():
            del self._entries[path]
        self._entries.update(
            {path: self._entry(path, entry, path in edited) for path, entry in changed.items()}
        )
        # Byte order of the names, as git sorts; surrogates of undecodable names would sort otherwise.
        entries = [self._entries[path] for path in sorted(self._entries, key=os.fsencode)]
        body = struct.pack(">4s2L", b"DIRC", 2, len(entries)) + b"".join(entries)
        checksum = hashlib.sha1(body, usedforsecurity=False).digest()
        replace_locked(self._path, body + checksum, self._intent, lambda: True)
        self._written = signature(self._path.lstat())

    def touched(self) -> bool:
        """Whether somebody else wrote the index since we did (`git add` in the desk)."""
        try:
            return self._written != signature(self._path.lstat())
        except FileNotFoundError:
            return True

    def _entry(self, path: str, entry: Entry, edited: bool) -> bytes:
        name = os.fsencode(path)
        numbers = (*(0,) * 6, entry.mode, *(0,) * 3) if edited else self._stat(path, entry)
        flags = min(len(name), _LONGEST_NAME)
        header = _HEADER.pack(*(number & _WORD for number in numbers), bytes.fromhex(entry.sha), flags)
        record = header + name
        return record + b"\0" * (8 - len(record) % 8)

    def _stat(self, path: str, entry: Entry) -> tuple[int, ...]:
        found = (self._root / path).lstat()
        size = 0 if entry.mode == GITLINK else found.st_size
        times = (*divmod(found.st_ctime_ns, 10**9), *divmod(found.st_mtime_ns, 10**9))
        return (*times, found.st_dev, found.st_ino, entry.mode, found.st_uid, found.st_gid, size)
