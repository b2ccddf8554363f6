"""Replacing a file under git's lock protocol, so that a lock left by a killed run can be proven ours.

git locks `x` by creating `x.lock`. Ours is created by hard-linking a prepared file, the intent, to that name:
as long as both names are one file, nobody but us made the lock, whoever finds it.
"""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from autoopt.errors import RepositoryError
from autoopt.files import naming, sync_directory

_PATIENCE_S = 2.0
_PAUSE_S = 0.02


def replace_locked(
    path: Path, content: bytes, intent: Path, may: Callable[[], bool], *, durable: bool = True
) -> bool:
    """Replace the file if `may` says so while its lock is held; return whether it did.

    Args:
        intent: Our own file name on the same file system, never used by two processes at once.
        durable: Whether it has to outlast a power loss; what can be made again need not.

    Raises:
        RepositoryError: somebody else holds the lock and does not let go.
    """
    _prepare(intent, content, durable)
    lock = path.with_name(path.name + ".lock")
    try:
        _take(intent, lock)
        try:
            if not may():
                return False
            lock.replace(path)
        finally:
            release(intent, [lock])
    finally:
        intent.unlink(missing_ok=True)
    if durable:
        _sync(path.parent)
    return True


def remove_locked(path: Path, intent: Path, may: Callable[[], bool]) -> bool:
    """Remove the file if `may` says so while its lock is held; return whether it is gone.

    Args:
        intent: Our own file name on the same file system, never used by two processes at once.

    Raises:
        RepositoryError: somebody else holds the lock and does not let go.
    """
    _prepare(intent, b"", durable=False)
    lock = path.with_name(path.name + ".lock")
    try:
        try:
            _take(intent, lock)
        except FileNotFoundError:
            return may()  # there is no such directory (any more): git removes those that become empty
        try:
            if not may():
                return False
            path.unlink(missing_ok=True)
        finally:
            release(intent, [lock])
    finally:
        intent.unlink(missing_ok=True)
    _sync(path.parent)
    return True


def _sync(folder: Path) -> None:
    with suppress(FileNotFoundError):  # git has packed all in it meanwhile, and made that durable
        sync_directory(folder)


def release(intent: Path, locks: Iterable[Path]) -> None:
    """Remove those locks that are the intent under another name; leave all others alone."""
    try:
        ours = intent.lstat()
    except FileNotFoundError:
        return
    for lock in locks:
        try:
            found = lock.lstat()
        except FileNotFoundError:
            continue
        if (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino):
            lock.unlink()


def _prepare(intent: Path, content: bytes, durable: bool = True) -> None:
    # Unlink first: after a crash the intent may still be the finished file's second name.
    intent.unlink(missing_ok=True)
    descriptor = os.open(intent, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    with naming(intent), os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(file.fileno())


def _take(intent: Path, lock: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            os.link(intent, lock)
            return
        except FileExistsError as error:
            if time.monotonic() > deadline:
                raise RepositoryError(_held(lock)) from error
        time.sleep(_PAUSE_S)


def _held(lock: Path) -> str:
    try:
        found = lock.lstat()
        told = f"made by {_name(found.st_uid)} {time.time() - found.st_mtime:.0f} s ago"
    except FileNotFoundError:
        told = "gone again"
    return f"{lock}: locked by another git process ({told}); if none is running, delete it and run again."


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
