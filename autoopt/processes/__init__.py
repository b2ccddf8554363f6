"""Runs commands: `run` gives each a supervisor, a time limit, capped logs and an end without leftovers.

Nothing here raises for what a command does: exit codes, timeouts and floods of output are in `Completed`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from autoopt.errors import ResourceError, UsageError
from autoopt.records import Failure

if TYPE_CHECKING:
    import sh

OUTPUT_CAP = 64 << 20
"""Bytes each of standard output and standard error may have before the command is ended."""

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_LOADER = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_PR_SET_CHILD_SUBREAPER = 36
_TAIL_BYTES = 1 << 16
_TAIL_COLUMNS = 500
_NO_PYTHON = re.compile(r"(?:^|: )python: (?:command )?not found$", re.MULTILINE)
_PYTHON_HINT = " (python: command not found; write python3, or ${python} in a recipe, which is autoopt's own)"
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, links
    r"|\x1b[@-Z\\-_]"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A command that is over, together with everything it started.

    Attributes:
        code: The shell's exit code; negative is the signal that ended it.
        wall_s: From its start until the shell's end.
        cpu_s: User and system time of the shell and all its descendants.
        peak_bytes: Largest resident set of any of them; never less than that of the supervisor, about 9 MB.
        timed_out: Whether it was ended for the time it took.
        overflowed: Whether it was ended for the output it wrote.
        stdout, stderr: Files with its output, at most `OUTPUT_CAP` bytes each.
        leftovers: Descendants that were still there afterwards and had to be ended.
    """

    code: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    timed_out: bool
    overflowed: bool
    stdout: Path
    stderr: Path
    leftovers: int


def run(command: str, *, cwd: Path, env: Mapping[str, str], timeout_s: float | None, logs: Path) -> Completed:
    """Run `bash -c COMMAND` to its end and report; no process of it is left when this returns or raises.

    Standard input is empty. Output goes to `logs/stdout` and `logs/stderr`, which are written anew.

    Args:
        command: The shell command.
        cwd: Where it runs.
        env: Its whole environment.
        timeout_s: Limit of its wall time, None for none; it then gets TERM and, 2 s later, KILL.
        logs: Directory of its output, made when missing.

    Raises:
        UsageError: the command or its environment cannot be passed to a program.
        ResourceError: this machine could not run it, record its output, or get rid of it.
    """
    order = _order(command, env, timeout_s)
    result = Completed(
        code=-signal.SIGKILL,
        wall_s=0.0,
        cpu_s=0.0,
        peak_bytes=0,
        timed_out=False,
        overflowed=False,
        stdout=logs / "stdout",
        stderr=logs / "stderr",
        leftovers=0,
    )
    started = time.monotonic()
    with _log(result.stdout) as stdout, _log(result.stderr) as stderr:
        report = _supervise(order, cwd, stdout, stderr)
    if not report:  # the supervisor itself was killed: by the command, or for want of memory
        return replace(result, wall_s=time.monotonic() - started)
    return _fill(result, command, report)


def _fill(result: Completed, command: str, report: Mapping[str, str]) -> Completed:
    """The result with what the supervisor reported."""
    if fault := report.get("fault"):
        raise ResourceError(f"`{_short(command)}`: {fault}. Check the disk and the machine, then resume.")
    if report["survivors"] != "0":
        raise ResourceError(
            f"`{_short(command)}` left processes that do not end, and they would disturb every measurement. "
            "End them, then resume."
        )
    return replace(
        result,
        code=int(report["code"]),
        wall_s=float(report["wall_s"]),
        cpu_s=float(report["cpu_s"]),
        peak_bytes=int(report["peak_bytes"]),
        timed_out=report["timed_out"] == "1",
        overflowed=report["overflowed"] == "1",
        leftovers=int(report["leftovers"]),
    )


def cut_short(completed: Completed) -> str | None:
    """What ended a command before it was done, for a person; None when it ended by itself."""
    if completed.timed_out:
        return f"ended after {completed.wall_s:.1f} s, its time limit"
    if completed.overflowed:
        return f"ended because it printed more than {OUTPUT_CAP >> 20} MB"
    # The shell itself dies of a signal when it has replaced itself by the command, else it reports 128 + n.
    number = -completed.code if completed.code < 0 else completed.code - 128
    if number not in set(signal.Signals):
        return None
    return f"killed by {signal.Signals(number).name}{' (out of memory?)' if number == signal.SIGKILL else ''}"


def complaint(completed: Completed) -> str | None:
    """What went wrong with a command, for a person; None when it ended by itself with exit code 0."""
    hint = {126: " (not executable)", 127: " (command not found)"}.get(completed.code, "")
    if completed.code == 127 and _NO_PYTHON.search("\n".join(_last_lines(completed.stderr))):
        hint = _PYTHON_HINT
    return cut_short(completed) or (f"exit code {completed.code}{hint}" if completed.code else None)


def failure(completed: Completed, reason: str) -> Failure:
    """The failure of a command, with the last lines of its output."""
    return Failure(reason=reason, tail=tail(completed), timeout=completed.timed_out)


def tail(completed: Completed, lines: int = 50) -> str:
    """The last lines of standard output, then of standard error, readable by a person and of bounded size."""
    out, err = _last_lines(completed.stdout), _last_lines(completed.stderr)
    of_err = min(len(err), max(lines // 2, lines - len(out)))
    of_out = min(len(out), lines - of_err)
    return "\n".join(out[len(out) - of_out :] + err[len(err) - of_err :])


def plain(text: str) -> str:
    """The text without terminal escape sequences and control characters, with line ends as LF."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def _last_lines(path: Path) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        text = plain(file.read().decode("utf-8", "replace")).rstrip()
    # A progress bar rewrites its line after each carriage return; only what stays visible matters.
    return (
        [line.rstrip("\r").rpartition("\r")[2][-_TAIL_COLUMNS:] for line in text.split("\n")] if text else []
    )


def _log(path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError as error:
        raise ResourceError(f"{path} cannot be written: {error.strerror}. Make room, then resume.") from error


def _short(command: str) -> str:
    line = " ".join(command.split())
    return line if len(line) <= 60 else f"{line[:57]}..."


def shell(env: Mapping[str, str]) -> str:
    """The shell that runs commands in this environment.

    Raises:
        ResourceError: there is none.
    """
    found = shutil.which("bash", path=env.get("PATH", os.defpath))
    if found is None:
        raise ResourceError(
            "bash is not on the PATH, and commands are run by it. Install it, then run again."
        )
    return found


def _order(command: str, env: Mapping[str, str], timeout_s: float | None) -> bytes:
    """What the supervisor reads: the length, then limits, shell, command and environment between NULs."""
    limit = "inf" if timeout_s is None else repr(timeout_s)
    fields = [
        limit,
        str(OUTPUT_CAP),
        shell(env),
        command,
        *(f"{name}={value}" for name, value in env.items()),
    ]
    if any("\0" in field for field in fields) or any("=" in name or not name for name in env):
        raise UsageError(
            f"`{_short(command)}`: a command and its environment cannot hold NUL, nor a name `=`."
        )
    data = b"\0".join(os.fsencode(field) for field in fields)
    return b"%08d" % len(data) + data


def _supervise(order: bytes, cwd: Path, stdout: IO[bytes], stderr: IO[bytes]) -> dict[str, str]:
    """Have the order carried out; the report, empty when the supervisor did not live to give it.

    The supervisor ends the command as soon as the write end of its standard input is closed: by the block
    below, whatever interrupts it, or by the kernel, when this process dies.
    """
    with _pipe() as (receiver, lifeline), _pipe() as (report, reporter), contextlib.ExitStack() as held:
        held.enter_context(_signals_held())
        process = _start(receiver, reporter, cwd, stdout, stderr)
        receiver.close()
        reporter.close()
        try:
            held.close()  # what a signal has to say meanwhile is said here
            with contextlib.suppress(BrokenPipeError):
                _send(lifeline, order)
            text = b"".join(iter(lambda: report.read(4096), b""))
        except BaseException:
            lifeline.close()
            _wait(process)  # an impatient second Ctrl-C goes through, and the supervisor does its work alone
            raise
        _wait(process)
    if not text:
        _end_session(process.pid)
    return dict(line.split("=", 1) for line in text.decode().splitlines())


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


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as source, os.fdopen(writer, "wb", buffering=0) as target:
        yield source, target


def _send(pipe: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[pipe.write(view) :]


def _start(
    receiver: IO[bytes], reporter: IO[bytes], cwd: Path, stdout: IO[bytes], stderr: IO[bytes]
) -> sh.RunningCommand:
    """Start the supervisor."""
    import sh  # 115 ms, which `--help` should not pay

    number = reporter.fileno()
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def adopt_orphans() -> None:
        os.set_inheritable(number, True)  # here, so that no command started meanwhile can inherit it
        if prctl is not None:
            prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # outlives exec, and saves the supervisor ctypes

    try:
        return sh.Command(sys.executable)(
            "-I",
            "-S",
            str(_SUPERVISOR),
            str(number),
            _in=receiver,
            _out=stdout,
            _err=stderr,
            _tty_out=False,
            _no_pipe=True,
            _cwd=str(cwd),
            _env={name: os.environ[name] for name in _LOADER if name in os.environ},  # for the interpreter
            _new_session=True,
            _pass_fds={number},
            _preexec_fn=adopt_orphans,
            _bg=True,
            _bg_exc=False,
            _ok_code=list(range(256)),
        )
    except (sh.ForkException, OSError) as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise ResourceError(f"No command could be started in {cwd}: {reason}.") from error


def _wait(process: sh.RunningCommand) -> None:
    """Collect the supervisor, whose report has ended, and the threads `sh` gave it."""
    import sh

    with contextlib.suppress(sh.ErrorReturnCode):  # how it ended shows in the report
        process.wait()


def _end_session(session: int) -> None:
    """Kill what a killed supervisor has left: its descendants are those of its session."""
    if sys.platform != "linux":
        return  # without /proc nothing tells a session's processes
    for _ in range(3):  # those that were being started meanwhile
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # gone since it was listed
                if int(stat.read_bytes().rpartition(b")")[2].split()[3]) == session:
                    os.kill(int(stat.parent.name), signal.SIGKILL)
