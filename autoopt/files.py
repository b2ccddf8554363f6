"""Writing files so that a crash or a power loss leaves the old content or the new, never half of it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def replace(path: Path, content: bytes, *, mark: str | None = None, mode: int = 0o644) -> None:
    """Write the file whole or not at all, durably: temporary file, fsync, rename, fsync of the directory.

    Args:
        mark: Part of the temporary file's name, this process's number by default. Where only one process at
            a time writes the file, a fixed mark lets the next one replace what a killed one left.
        mode: Its permissions, before the umask.
    """
    temporary = path.with_name(f".{path.name}.{mark or os.getpid()}.tmp")
    with naming(path):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):  # what went wrong before is told, not this
                temporary.unlink(missing_ok=True)
            raise
    sync_directory(path.parent)


def sweep(folder: Path) -> None:
    """Remove what `replace` had not finished in this folder when its process was killed."""
    for path in folder.glob(".*.tmp"):
        owner = path.name.rsplit(".", 2)[1]
        if owner.isdigit() and not _is_alive(int(owner)):
            path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def alone(place: Path) -> Iterator[None]:
    """Let one process at a time go on, of all that name this directory, or this file, which is made.

    A file serves network file systems, too: some lock only what is open for writing. Who is killed lets go.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY if place.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(place, flags | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make the directory's entries durable (a rename or a new file survives power loss only then)."""
    with naming(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_directory(path: Path) -> None:
    """Make the directory and those above it that are missing, durably; one that is there is fine.

    A file that is synced in a directory that is not can be gone after a power loss, with the directory.
    """
    missing = [path]
    while not missing[-1].is_dir() and missing[-1] != missing[-1].parent:
        missing.append(missing[-1].parent)
    path.mkdir(parents=True, exist_ok=True)
    for new in missing[:-1]:
        sync_directory(new.parent)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let what the system refuses in the block say which file it was: a failed write does not by itself."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = os.fspath(path)
        raise
