"""Has supervisors carry orders out and collects what they report.

They are forked by the nursery, which is started for the first command. The only module that imports `sh`, and
it does so late: that takes 115 ms, which `--help` should not pay.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from autoopt.errors import ResourceError
from autoopt.processes import leftovers

_NURSERY = Path(__file__).with_name("nursery.py")
_NUMBER = 10
"""Digits of a process number as the nursery writes it."""
_READY = b"ready\n"
_LOADER = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one supervisor is to do: its order as it reads it, and the logs it writes.

    Attributes:
        restricts_itself: Whether the command's process puts up its walls itself.
        mark: What tells its command's processes.
        running: The file that says what runs, as long as it does.
    """

    order: bytes
    restricts_itself: bool
    stdout: IO[bytes]
    stderr: IO[bytes]
    mark: str
    running: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Supervisor:
    """A supervisor that was started; it ends its command as soon as `lifeline` is closed."""

    lifeline: IO[bytes]
    report: IO[bytes]
    record: leftovers.Record | None


def supervise(jobs: Sequence[Job]) -> list[dict[str, str]]:
    """Have the orders carried out; the reports, empty for a supervisor that did not live to give it.

    A supervisor ends its command as soon as the write end of its standard input is closed: by the block
    below, whatever interrupts it, or by the kernel, when this process dies. With several jobs each
    supervisor waits until all of them are ready.
    """
    started: list[_Supervisor] = []
    with contextlib.ExitStack() as pipes:
        try:
            with _signals_held():
                for job in jobs:
                    started.append(_start(job, pipes))
            texts = _carried_out(jobs, started)  # what a signal had to say meanwhile was said before
        except BaseException:
            for one in started:
                one.lifeline.close()
            for job, one in zip(jobs, started, strict=False):
                _all_of(one.report)  # an impatient second Ctrl-C goes through, and they do their work alone
                job.running.unlink(missing_ok=True)
            raise
    for job, one, text in zip(jobs, started, texts, strict=True):
        if not text and one.record is not None:
            leftovers.end_now(one.record)
        if b"survivors=" not in text or b"survivors=0\n" in text:  # else whoever goes on later tries again
            job.running.unlink(missing_ok=True)
    return [dict(line.split("=", 1) for line in text.decode().splitlines()) for text in texts]


def _carried_out(jobs: Sequence[Job], started: Sequence[_Supervisor]) -> list[bytes]:
    """Give the orders, and when there are several the word to begin; what was reported in the end."""
    for job, one in zip(jobs, started, strict=True):
        if one.record is not None:
            leftovers.write(job.running, one.record)
        _send(one.lifeline, job.order)
    said = [b""] * len(started)
    if len(started) > 1:
        said = [one.report.read(len(_READY)) for one in started]
        for one in started:
            if said == [_READY] * len(started):
                _send(one.lifeline, b"!")
            else:
                one.lifeline.close()  # one cannot start, and says why; so none does
    return [
        first.removeprefix(_READY) + _all_of(one.report) for first, one in zip(said, started, strict=True)
    ]


def _all_of(pipe: IO[bytes]) -> bytes:
    """What a supervisor reports; when that ends, so has the supervisor."""
    return b"".join(iter(lambda: pipe.read(4096), b""))


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Put off what signals raise; in the hooks that Python runs around a fork it would be swallowed."""
    came: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if callable(signal.getsignal(number)):
                before[number] = signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def _send(pipe: IO[bytes], data: bytes) -> None:
    """Write all of it, unless there is nobody any more to read it."""
    view = memoryview(data)
    with contextlib.suppress(BrokenPipeError):
        while view:
            view = view[pipe.write(view) :]


def _pipe(held: contextlib.ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    reader, writer = os.pipe()
    return (
        held.enter_context(os.fdopen(reader, "rb", buffering=0)),
        held.enter_context(os.fdopen(writer, "wb", buffering=0)),
    )


def _start(job: Job, pipes: contextlib.ExitStack) -> _Supervisor:
    """Start a supervisor; `pipes` closes what is left open of it."""
    receiver, lifeline = _pipe(pipes)
    report, reporter = _pipe(pipes)
    lines = [receiver.fileno(), job.stdout.fileno(), job.stderr.fileno(), reporter.fileno()]
    number = _nursery.fork(lines, restricts_itself=job.restricts_itself)
    if number < 0:
        raise ResourceError(f"No command could be started: {os.strerror(-number)}. Make room, then resume.")
    receiver.close()
    reporter.close()
    return _Supervisor(lifeline=lifeline, report=report, record=leftovers.record(number, job.mark))


class _Nursery:
    """The process that forks supervisors; started when it is needed, and again when somebody ended it."""

    def __init__(self) -> None:
        """Nothing is started yet."""
        self._channel: socket.socket | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def fork(self, lines: Sequence[int], *, restricts_itself: bool) -> int:
        """Have a supervisor forked that is given these descriptors.

        Returns:
            Its number; a negative one is the system's number for why there is none.
        """
        word = b"l" if restricts_itself else b"c"
        with self._lock:
            for _ in range(2):
                try:
                    if self._channel is None or self._owner != os.getpid():  # a fork of autoopt has its own
                        self._channel, self._owner = _started(), os.getpid()
                    socket.send_fds(self._channel, [word], lines)
                    if said := self._channel.recv(_NUMBER, socket.MSG_WAITALL):
                        return int(said)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # it was ended since the last command
                self.forget()
        return -errno.ECHILD

    def forget(self) -> None:
        """Let the nursery end, and start another for the next command."""
        if self._channel is not None:
            self._channel.close()
        self._channel = None


_nursery = _Nursery()


def _started() -> socket.socket:
    """The channel to a new nursery."""
    import sh

    ours, its = socket.socketpair()
    number = its.fileno()
    loader = {name: os.environ[name] for name in _LOADER if name in os.environ}  # for the interpreter

    def keep_channel() -> None:
        os.set_inheritable(number, True)  # here, so that no other program inherits it

    try:
        sh.Command(sys.executable)(
            *("-I", "-S", str(_NURSERY), str(number)),
            _in=None,
            _out=os.devnull,
            _err=os.devnull,
            _tty_out=False,
            _no_pipe=True,
            _cwd="/",
            _env=loader,
            _new_session=True,
            _pass_fds={number},
            _preexec_fn=keep_channel,
            _bg=True,
            _bg_exc=False,
            _ok_code=list(range(256)),
        )
    except (sh.ForkException, OSError) as error:
        ours.close()
        reason = str(error).strip().rpartition("\n")[2]
        raise ResourceError(f"No command could be started: {reason}.") from error
    finally:
        its.close()
    return ours
