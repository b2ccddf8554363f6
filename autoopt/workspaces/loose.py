"""Object files as they are written here, and what to do about a garbage collection that takes them away.

git's `gc --prune=now` and `prune --expire=now` first look at what refs lead to, and then remove every other
object file, however new: also those that were written meanwhile and are what a ref names since. Whatever is
written is therefore remembered for as long as such a collection may take, and put back when it is gone. The
memory is a file besides, so that it outlives a killed process.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from autoopt.errors import RepositoryError
from autoopt.files import naming, sync_directory

_LASTS_S = 600.0
"""The longest that a collection may take; one of a large repository takes minutes."""
_LARGEST = 16 << 20
_MOST = 64 << 20
"""Bytes remembered, of one object and of all; what is more is at risk during such a collection only."""
_COUNT = 256
"""Objects remembered: those of some fifty experiments."""
_TRIES = 100


class Loose:
    """The object files of one repository that were written by this process, and lately by earlier ones."""

    def __init__(self, folder: Path, name: Callable[[bytes], str], holds: Callable[[str], bool]) -> None:
        """`name` gives the id of an object with its header; `holds` says whether others than we have it."""
        self._folder = folder
        self._name = name
        self._holds = holds
        self._touched: set[Path] = set()
        self._lately: dict[str, tuple[float, bytes]] = {}
        self._size = 0  # of what is remembered
        self._secured = 0.0  # when all of that was looked for
        self._file: Path | None = None
        self._filed = 0  # bytes of that file

    def remember(self, file: Path) -> None:
        """Remember in this file from now on, and put back what the file says and is gone."""
        self._file = file
        now = time.monotonic()
        for content in _records(file):
            self._take(self._name(content), content, now)
        if self._lately:
            self._rewrite()
            self.secure()

    def lately(self, sha: str) -> bytes | None:
        """An object with its header that was written lately, put back in case it is gone."""
        if (found := self._lately.get(sha)) is None:
            return None
        self._put(sha, found[1])
        return found[1]

    def write(self, content: bytes) -> str:
        """Store an object, given with its header; return its id."""
        sha = self._name(content)
        if sha not in self._lately and len(content) <= _LARGEST:
            self._take(sha, content, time.monotonic())
            self._note(content)
        if self._path(sha).exists() or not self._holds(sha):
            self._put(sha, content)
        return sha

    def sync(self) -> None:
        """Make the names of all objects written so far durable; before a ref may name one of them."""
        self.secure()
        for folder in self._touched:
            with suppress(FileNotFoundError):  # it has become empty: all in it is packed, or was put back
                sync_directory(folder)
        if self._touched:
            sync_directory(self._folder)
        self._touched.clear()

    def secure(self, every_s: float = 0.0) -> None:
        """Put back what was written lately and is gone; after a ref names it, and now and then later.

        Args:
            every_s: Do nothing where that was done less than so long ago.
        """
        if not self._lately or (now := time.monotonic()) - self._secured < every_s:
            return
        self._secured = now
        self._forget()
        for sha, (_, content) in list(self._lately.items()):
            if not (self._path(sha).exists() or self._holds(sha)):
                self._put(sha, content)

    def _path(self, sha: str) -> Path:
        return self._folder / sha[:2] / sha[2:]

    def _put(self, sha: str, content: bytes) -> None:
        """Have a file of its own for an object, and one that is not old: collections go by dates, too."""
        path = self._path(sha)
        for _ in range(_TRIES):  # empty directories and unfinished files are collected, too
            with suppress(FileNotFoundError):
                if path.exists():
                    with suppress(PermissionError):  # another user's
                        os.utime(path)
                else:
                    _make(path, content)
                self._touched.add(path.parent)
                return
        raise RepositoryError(f"{path}: is removed as often as it is written; is `git prune` running?")

    def _take(self, sha: str, content: bytes, now: float) -> None:
        self._lately[sha] = now, content
        self._size += len(content)

    def _forget(self) -> None:
        """Let go of what is old, and of what is too much; a dictionary keeps the order."""
        until = time.monotonic() - _LASTS_S
        before = len(self._lately)
        while self._lately:
            sha, (when, content) = next(iter(self._lately.items()))
            if when > until and self._size <= _MOST and len(self._lately) <= _COUNT:
                break
            del self._lately[sha]
            self._size -= len(content)
        if len(self._lately) < before and self._filed > 2 * self._size:
            self._rewrite()

    def _note(self, content: bytes) -> None:
        if self._file is None:
            return
        with suppress(OSError), self._file.open("ab") as file:  # a second copy, which hardly anybody needs
            self._filed += file.write(_record(content))

    def _rewrite(self) -> None:
        """Have in the file what is remembered, and no more."""
        if self._file is None:
            return
        with suppress(OSError):
            temporary = self._file.with_name(f".{self._file.name}.{os.getpid()}.tmp")
            self._filed = temporary.write_bytes(b"".join(_record(one) for _, one in self._lately.values()))
            temporary.replace(self._file)


def _make(path: Path, content: bytes) -> None:
    """Write an object's file, whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    # git's own name for unfinished objects: its gc removes what a crash leaves.
    descriptor, name = tempfile.mkstemp(prefix="tmp_obj_", dir=path.parent)
    try:
        with naming(path.parent), os.fdopen(descriptor, "wb") as file:
            file.write(zlib.compress(content, 1))
            file.flush()
            os.fchmod(descriptor, stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
            os.fsync(descriptor)
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):  # on a full disk it takes what others need
            Path(name).unlink()
        raise


def _record(content: bytes) -> bytes:
    return b"%d\n" % len(content) + content


def _records(file: Path) -> Iterator[bytes]:
    """What the file has, to where a killed process had come."""
    try:
        rest = file.read_bytes()
    except OSError:
        return
    while rest:
        size, end, rest = rest.partition(b"\n")
        if not (end and size.isdigit() and len(rest) >= int(size)):
            return
        yield rest[: int(size)]
        rest = rest[int(size) :]
