"""One run, one process: on this machine by a lock, and between machines that share a disk by signs of life.

A lock may not reach from one machine to another, depending on how the disk is shared. So whoever holds a run
says on which boot of which machine, and touches the file every few seconds: another machine that finds it
unlocked believes that only once the signs have stopped. Ages are told by the disk's own clock.
"""

from __future__ import annotations

import fcntl
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from autoopt.errors import BusyError

BEAT_S = 10.0
SILENT_S = 90.0
"""After which a machine without a sign has stopped; network disks show what others write up to 60 s late."""
_PAUSES_S = (0.01, 0.04, 0.15, 0.0)


@contextmanager
def held(state: Path) -> Iterator[None]:
    """Hold the run for this process; the lock is gone with it, however it ends.

    Raises:
        BusyError: another process has the run open, on this machine or on another.
    """
    descriptor = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not _locked(descriptor):
            raise BusyError(
                f"run {state.name} is being worked on by {_owner(descriptor)}; wait for it or stop it."
            )
        if (silent_s := _elsewhere(descriptor, state)) is not None:
            raise BusyError(
                f"run {state.name} is being worked on by {_owner(descriptor)}, another machine, which gave a "
                f"sign {silent_s:.0f} s ago; stop it there, or if that machine is gone try again in "
                f"{SILENT_S - silent_s:.0f} s."
            )
        os.ftruncate(descriptor, 0)
        who = f"process {os.getpid()} on {socket.gethostname()}\n{_boot()}\n"
        os.pwrite(descriptor, who.encode(), 0)
        try:
            with _beating(descriptor):
                yield
        finally:
            os.ftruncate(descriptor, 0)  # it ends in order: nobody has to wait for its silence
    finally:
        os.close(descriptor)


def is_held(state: Path) -> bool:
    """Whether some process works on the run now, here or on another machine."""
    try:
        descriptor = os.open(state / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return _elsewhere(descriptor, state) is not None
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock the file, unless another process holds it; one that only looks at it does so for a moment."""
    for pause_s in _PAUSES_S:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(pause_s)
    return False


def _owner(descriptor: int) -> str:
    text = os.pread(descriptor, 400, 0).decode(errors="replace")
    return text.partition("\n")[0].strip() or "another process"


def _elsewhere(descriptor: int, state: Path) -> float | None:
    """How long ago another machine that holds the unlocked run gave a sign; None where none does."""
    _, *boot = os.pread(descriptor, 400, 0).decode(errors="replace").split("\n")
    if boot[1:] != [""] or boot[0] == _boot():  # cut short: its machine lost power while it wrote that
        return None
    silent_s = _now(state) - os.fstat(descriptor).st_mtime
    return max(0.0, silent_s) if silent_s < SILENT_S else None


def _now(folder: Path) -> float:
    """The time by the clock that stamps files there."""
    probe = folder / f".now-{socket.gethostname()}-{os.getpid()}-{threading.get_ident()}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:  # it may only be read
        return time.time()
    finally:
        with suppress(OSError):
            probe.unlink()


@contextmanager
def _beating(descriptor: int) -> Iterator[None]:
    """Touch the file every few seconds."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(BEAT_S):
            with suppress(OSError):  # a disk that is away for a moment
                os.utime(descriptor)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@cache
def _boot() -> str:
    """What tells this boot of this machine from any other."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()
