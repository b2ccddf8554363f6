"""Contents of committed files, read from a directory that has most of them as files already.

Opening a file costs a fraction of finding and inflating an object. What is read is taken only where its id is
the one that was asked for, so nothing depends on what the directory really holds.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from autoopt.workspaces.descent import Descent
from autoopt.workspaces.store import EXECUTABLE, FILE, Entry, Store, blob_id

_LARGEST = 5_000_000  # bytes; a larger one that is another file after all would be read in vain
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Nearby:
    """Reads contents by path and id."""

    def __init__(self, root: Path, store: Store) -> None:
        """Look in `root` first, then in the objects."""
        self._descent = Descent(root)
        self._store = store

    def __enter__(self) -> Nearby:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is open."""
        self._descent.__exit__(kind, error, trace)

    def content(self, path: str, entry: Entry) -> bytes:
        """What the entry says is at the path."""
        if entry.mode in (FILE, EXECUTABLE):
            with suppress(OSError):  # whatever is in the way there, the objects have it
                data = self._read(path)
                if data is not None and blob_id(data, self._store.algorithm) == entry.sha:
                    return data
        return self._store.blob(entry.sha)

    def _read(self, path: str) -> bytes | None:
        folder, name = self._descent.to(path, make=False, force=False)
        descriptor = os.open(name, _OPEN, dir_fd=folder)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
                return None
            return os.read(descriptor, found.st_size)
        finally:
            os.close(descriptor)
