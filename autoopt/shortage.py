"""What the machine did not have or not do, as one line for the person who has to see to it."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from autoopt.errors import ResourceError

_WORDS = {
    errno.ENOSPC: "the disk is full; make room there",
    errno.EDQUOT: "your disk quota is used up; make room there",
    errno.EFBIG: "the file may not grow any more (`ulimit -f`); raise the limit",
    errno.EROFS: "the file system is read-only; see whether its disk has failed (`dmesg`), or remount it",
    errno.EACCES: "permission denied; let this user read and write there",
    errno.EPERM: "not permitted; let this user read and write there",
    errno.EIO: "the disk or its file system has failed (input/output error); see `dmesg`",
    errno.EMFILE: "too many open files; raise the limit (`ulimit -n`)",
    errno.ENFILE: "too many open files on this machine; end what holds them",
    errno.ENOMEM: "out of memory; leave this process more",
    errno.EAGAIN: "no more processes may be started (`ulimit -u`); raise the limit",
    errno.ENAMETOOLONG: "the name is too long for this file system; use shorter names",
    errno.ESTALE: "the network file system has lost it; mount it again",
    errno.ENODEV: "the device is gone; mount it again",
    errno.ENXIO: "the device is gone; mount it again",
    errno.ETIMEDOUT: "the file system does not answer; see to its server",
    errno.ENOLCK: "the file system gives out no locks; keep state elsewhere (XDG_STATE_HOME)",
}
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_AGAIN = "then go on with `autoopt resume`."


def explained(error: OSError | MemoryError) -> ResourceError | None:
    """The error of the machine in words; None for one that has to be a mistake of this program."""
    if isinstance(error, MemoryError):
        return ResourceError(f"{_WORDS[errno.ENOMEM]}, {_AGAIN}")
    if error.errno not in _WORDS:
        return None
    place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    return ResourceError(f"{place}{_WORDS[error.errno]}, {_AGAIN}")


def is_full(error: OSError) -> bool:
    """Whether there is no room to write."""
    return error.errno in _FULL


def check_room(place: Path, wanted: int, why: str) -> None:
    """See that the file system a directory is or will be on has room.

    Args:
        wanted: Bytes.
        why: What they are for, as in "three checkouts".

    Raises:
        ResourceError: it has less.
    """
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < wanted:
        raise ResourceError(
            f"{place}: {_size(free)} free, and {_size(wanted)} are wanted ({why}); make room there, or ask "
            "for less with workspace.min_free_gb."
        )


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e7 else f"{count / 1e6:.2f} MB"
