"""The file a search is kept in: mended after a crash, and locked so that a crash leaves no lock."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


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


def mend(path: Path) -> None:
    """Cut off a last line that a crash left half written; the lines before it stay."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
