"""Starts supervisors, has them carry their orders out and collects what they report.

The only module that imports `sh`, and it does so late: that takes 115 ms, which `--help` should not pay.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from autoopt.errors import ResourceError
from autoopt.processes import leftovers

if TYPE_CHECKING:
    import sh

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_READY = b"ready\n"
_LOADER = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one supervisor is to do: its order as it reads it, where, and the logs it writes.

    Attributes:
        mark: What tells its command's processes.
        running: The file that says what runs, as long as it does.
    """

    order: bytes
    cwd: Path
    stdout: IO[bytes]
    stderr: IO[bytes]
    mark: str
    running: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Supervisor:
    """A supervisor that was started; it ends its command as soon as `lifeline` is closed."""

    process: sh.RunningCommand
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
                _wait(one.process)  # an impatient second Ctrl-C goes through, and they do their work alone
                job.running.unlink(missing_ok=True)
            raise
        for one in started:
            _wait(one.process)
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
    if len(started) > 1:
        for one in started:
            one.report.read(len(_READY))
        for one in started:
            _send(one.lifeline, b"!")
    return [_all_of(one.report) for one in started]


def _all_of(pipe: IO[bytes]) -> bytes:
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
    import sh

    receiver, lifeline = _pipe(pipes)
    report, reporter = _pipe(pipes)
    number = reporter.fileno()
    loader = {name: os.environ[name] for name in _LOADER if name in os.environ}  # for the interpreter
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def adopt_orphans() -> None:
        os.set_inheritable(number, True)  # here, so that no command started meanwhile can inherit it
        if prctl is not None:
            prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # outlives exec, and saves the supervisor ctypes

    try:
        process = sh.Command(sys.executable)(
            "-I",
            "-S",
            str(_SUPERVISOR),
            str(number),
            _in=receiver,
            _out=job.stdout,
            _err=job.stderr,
            _tty_out=False,
            _no_pipe=True,
            _cwd=str(job.cwd),
            _env={**loader, leftovers.MARK: job.mark},
            _new_session=True,
            _pass_fds={number},
            _preexec_fn=adopt_orphans,
            _bg=True,
            _bg_exc=False,
            _ok_code=list(range(256)),
        )
    except (sh.ForkException, OSError) as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise ResourceError(f"No command could be started in {job.cwd}: {reason}.") from error
    receiver.close()
    reporter.close()
    record = leftovers.record(process.pid, job.mark)
    return _Supervisor(process=process, lifeline=lifeline, report=report, record=record)


def _wait(process: sh.RunningCommand) -> None:
    """Collect the supervisor, whose report has ended, and the threads `sh` gave it."""
    import sh

    with contextlib.suppress(sh.ErrorReturnCode):  # how it ended shows in the report
        process.wait()
