"""A desk in the hands of a command of ours, whose git may die and leave locks there.

Such a lock is proven to be the command's when it was not there before the command, all of the command's
processes are gone, and no git that somebody runs in the desk can have made it meanwhile. What was there
before is on disk, so that whoever goes on after a crash has the same proof.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PROC = Path("/proc")


class Lending:
    """Remembers the locks there are when a desk is lent."""

    def __init__(self, note: Path, locks: Callable[[], Iterable[Path]], places: Iterable[Path]) -> None:
        """Nothing is lent yet.

        Args:
            note: File of our own for what was there before.
            locks: Tells where git's locks on the desk are, as far as there are any.
            places: The desk and its bookkeeping, by which a git at work in it is told.
        """
        self._note = note
        self._locks = locks
        self._places = [os.fsencode(place) for place in places]

    @contextmanager
    def lent(self) -> Iterator[None]:
        """The time in which a command has the desk; when it is over, none of its processes is left."""
        self._note.write_text(json.dumps(sorted(self._present().values())))
        try:
            yield
        finally:
            self.free()

    def free(self) -> None:
        """Remove the locks that the command left to which the desk was lent last, if it was."""
        try:
            before = set(json.loads(self._note.read_bytes()))
        except FileNotFoundError:
            return
        except (ValueError, TypeError):  # torn: the command was not started
            before = set(self._present().values())
        new = [lock for lock, identity in self._present().items() if identity not in before]
        for lock in new:
            if not self._in_use(lock):
                lock.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _present(self) -> dict[Path, str]:
        found = {}
        for lock in self._locks():
            with suppress(FileNotFoundError):
                now = lock.lstat()
                found[lock] = f"{now.st_dev} {now.st_ino}"
        return found

    def _in_use(self, lock: Path) -> bool:
        """Whether a living process has it open or is a git at work in the desk; yes where nothing tells."""
        if sys.platform != "linux":
            return True
        numbers = [item.name for item in os.scandir(_PROC) if item.name.isdigit()]
        return any(_has_open(pid, lock) or self._is_git_here(pid) for pid in numbers)

    def _is_git_here(self, pid: str) -> bool:
        if not _read(pid, "comm").startswith(b"git"):
            return False
        told = [_read(pid, "cmdline"), _read(pid, "environ"), _link(f"{pid}/cwd") + b"/"]
        return any(place in text for place in self._places for text in told)


def _has_open(pid: str, lock: Path) -> bool:
    try:
        descriptors = list((_PROC / pid / "fd").iterdir())
    except OSError:
        return False  # gone, or somebody else's, who cannot write here
    return any(_link(f"{pid}/fd/{one.name}") == os.fsencode(lock) for one in descriptors)


def _link(name: str) -> bytes:
    try:
        return os.fsencode((_PROC / name).readlink())
    except OSError:
        return b""


def _read(pid: str, name: str) -> bytes:
    try:
        return (_PROC / pid / name).read_bytes()
    except OSError:
        return b""
