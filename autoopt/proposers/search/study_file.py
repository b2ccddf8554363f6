"""The file a search is kept in: mended after a crash, and locked so that a crash leaves no lock."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from autoopt.files import sync_directory

MARK = "asking"
"""The attribute of a study whose line says for which experiment the search is asked from there on."""
_MARK = f'"{MARK}":'.encode()


class FileLock:
    """A lock the kernel drops with its owner.

    Optuna's own locks are files that a killed process leaves behind; whoever comes next waits 30 s for each.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self) -> bool:
        """Wait for the lock and take it."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)
        self._descriptor = -1


class MendingLock(FileLock):
    """The lock of a file that several processes write to; whoever takes it finds whole lines only.

    A worker that is killed while it writes leaves half a line, and the next one would write on behind it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path.with_name(path.name + ".flock"))
        self._file = path

    def acquire(self) -> bool:
        """Wait for the lock, take it, and cut off what nobody will finish."""
        taken = super().acquire()
        try:
            self._mend()
        except BaseException:
            self.release()
            raise
        return taken

    def _mend(self) -> None:
        if not self._file.exists() or not _ends_whole(self._file):
            mend(self._file)


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return size == 0 or file.read(1) == b"\n"


def mend(path: Path) -> None:
    """Cut off a last line that a crash left half written; the lines before it stay. Makes a missing file.

    Optuna would make it too, but in a directory that is not synced: a power loss could take it away later.
    """
    if not path.exists():
        path.touch(mode=0o644)
        sync_directory(path.parent)
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)


def rewind(path: Path, number: int) -> bool:
    """Cut off what was written since the search was first asked for this experiment; whether there was any.

    The process that asked died before the experiment was decided. Its trials, and what the sampler noted with
    them, would change what is drawn from here on, and a study cannot take a trial back.
    """
    content = path.read_bytes()
    kept = end = len(content)
    while (found := content.rfind(_MARK, 0, end)) >= 0:
        end = content.rfind(b"\n", 0, found) + 1
        asked = _marked(content[end : content.index(b"\n", found)])
        if asked is None:
            continue  # somebody's parameter is called so
        if asked < number:
            break
        kept = end
    if kept < len(content):
        os.truncate(path, kept)
    return kept < len(content)


def _marked(line: bytes) -> int | None:
    number = json.loads(line).get("user_attr", {}).get(MARK)
    return number if isinstance(number, int) else None
