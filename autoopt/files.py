"""Writing files so that a crash leaves the old content or the new, never half of it."""

from __future__ import annotations

import os
from pathlib import Path


def replace(path: Path, content: bytes, *, mark: str | None = None) -> None:
    """Write the file whole or not at all, durably: temporary file, fsync, rename, fsync of the directory.

    Args:
        mark: Part of the temporary file's name, this process's number by default. Where only one process at
            a time writes the file, a fixed mark lets the next one replace what a killed one left.
    """
    temporary = path.with_name(f".{path.name}.{mark or os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the directory's entries durable (a rename or a new file survives power loss only then)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
