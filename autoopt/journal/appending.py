"""Adding to a journal: a line is in the file, durably, or the file is as it was, also on a full disk."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from autoopt import shortage
from autoopt.errors import ResourceError

RESERVE = "reserve"
"""The file beside the journal whose room is given up for the last lines of a run on a full disk."""
_RESERVED = 1 << 20
_UNSYNCED_S = 1.0
"""So much of a run may be lost with the power, of what only makes a resume quicker."""


def reserve(state: Path) -> None:
    """Set room aside for the last lines, unless it is there already.

    Raises:
        OSError: there is none.
    """
    descriptor = os.open(state / RESERVE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_size < _RESERVED:
            os.pwrite(descriptor, os.urandom(_RESERVED), 0)  # zeros could be stored in no room at all
    finally:
        os.close(descriptor)


def unreserve(state: Path) -> bool:
    """Give the room back; whether there was any."""
    with contextlib.suppress(OSError):
        (state / RESERVE).unlink()
        return True
    return False


class Tail:
    """The end of one journal file, for the one process that writes to it."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened or written yet."""
        self._path = path
        self._unsure = False
        self._synced = 0.0

    def cut(self, size: int) -> None:
        """Take off what a crash left half written behind the first `size` bytes.

        Raises:
            ResourceError: it cannot be done.
        """
        try:
            os.truncate(self._path, size)
        except OSError as error:
            raise self._refused(error) from error

    def add(self, line: bytes, *, durable: bool = True) -> ResourceError | None:
        """Append; returns why nothing more may be done, where only the reserve made this line fit.

        Args:
            durable: Whether the line, and with it all before it, has to outlast a power loss. None is lost
                with the process.

        Raises:
            ResourceError: the line is not in the file.
        """
        durable = durable or time.monotonic() - self._synced > _UNSYNCED_S
        try:
            self._write(line, durable)
        except OSError as error:
            if not shortage.is_full(error) or not unreserve(self._path.parent):
                raise self._refused(error) from error
            full = self._refused(error)
        else:
            return None
        try:
            self._write(line, durable)
        except OSError as error:
            raise self._refused(error) from error
        return full

    def _write(self, line: bytes, durable: bool) -> None:
        if self._unsure:
            raise ResourceError(
                f"{self._path}: an earlier line was neither written nor taken back; `autoopt resume` goes "
                "on from what is in the file."
            )
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            size = os.fstat(descriptor).st_size
            try:
                rest = line
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                if durable:
                    os.fsync(descriptor)
                    self._synced = time.monotonic()
            except BaseException:
                # Whether it is in the file has to be known: the next line is chained to the one before it.
                self._unsure = True
                os.ftruncate(descriptor, size)
                self._unsure = False
                raise
        finally:
            os.close(descriptor)

    def _refused(self, error: OSError) -> ResourceError:
        error.filename = os.fspath(self._path)
        told = shortage.explained(error)
        return told or ResourceError(f"{self._path}: the journal cannot be written: {error.strerror}.")
