"""Runs commands: `run` gives each a supervisor, a time limit, capped logs and an end without leftovers.

`run_together` does so for several at the same moment.

Nothing here raises for what a command does: exit codes, timeouts and floods of output are in `Completed`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from autoopt.errors import ResourceError, UsageError
from autoopt.processes import leftovers
from autoopt.processes.sandbox.plan import plan
from autoopt.processes.sandbox.watching import watched
from autoopt.processes.supervision import Job, supervise
from autoopt.processes.walls import Kind, Walls
from autoopt.records import Failure

OUTPUT_CAP = 64 << 20
"""Bytes each of standard output and standard error may have before the command is ended."""

RUNNING = "running"
"""The file beside a command's output that says what runs, for `leftovers.end` after a crash."""

_TAIL_BYTES = 1 << 16
_TAIL_COLUMNS = 500
_NO_PYTHON = re.compile(r"(?:^|: )python: (?:command )?not found$", re.MULTILINE)
_PYTHON_HINT = " (python: command not found; write python3, or ${python} in a recipe, which is autoopt's own)"
_WALLS_HINT = " (it may write to its checkout, HOME and TMPDIR; writable=[DIRECTORY] lets it write elsewhere)"
_DENIALS = {Kind.LANDLOCK: "Permission denied", Kind.SANDBOX_EXEC: "Operation not permitted"}
"""What a command says that may not write, where it is not `Read-only file system`."""
_DENIAL_OF_SQLITE = "attempt to write a readonly database"
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
        code: The shell's exit code; negative is the signal that ended it, behind walls also 128 + its number.
        wall_s: From its start until the shell's end.
        cpu_s: User and system time of the shell and all its descendants.
        peak_bytes: Largest resident set of any of them; never less than that of the supervisor, about 9 MB.
        timed_out: Whether it was ended for the time it took.
        overflowed: Whether it was ended for the output it wrote.
        stdout, stderr: Files with its output, at most `OUTPUT_CAP` bytes each.
        leftovers: Descendants that were still there afterwards and had to be ended.
        kind: What kept it from writing elsewhere.
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
    kind: Kind = Kind.NONE


def run(
    command: str,
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float | None,
    logs: Path,
    walls: Walls | None = None,
) -> Completed:
    """Run `bash -c COMMAND` to its end and report; no process of it is left when this returns or raises.

    Standard input is empty. Output goes to `logs/stdout` and `logs/stderr`, which are written anew. While it
    runs `logs/running` tells what, so that whoever goes on after this process was killed can end it.

    Args:
        command: The shell command.
        cwd: Where it runs.
        env: Its whole environment, but for the variable by which its processes are told.
        timeout_s: Limit of its wall time, None for none; it then gets TERM and, 2 s later, KILL.
        logs: Directory of its output, made when missing.
        walls: What it may write, see and reach; None for all that autoopt may.

    Raises:
        UsageError: the command or its environment cannot be passed to a program.
        ResourceError: this machine could not run it, record its output, or get rid of it.
    """
    order = Order(command=command, cwd=cwd, env=env, timeout_s=timeout_s, logs=logs, walls=walls)
    return run_together([order])[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command to run, as `run` takes it.

    Attributes:
        cores: The processors it is kept to; none for any.
        walls: What it may write, see and reach; None for all that autoopt may.
    """

    command: str
    cwd: Path
    env: Mapping[str, str]
    timeout_s: float | None
    logs: Path
    cores: Collection[int] = ()
    walls: Walls | None = None


def run_together(orders: Sequence[Order]) -> list[Completed]:
    """Run commands side by side, each as `run` does; several start within a millisecond of each other.

    Whatever interrupts this ends all of them.
    """
    results = [_unreported(order) for order in orders]
    started = time.monotonic()
    with contextlib.ExitStack() as logs:
        jobs = [
            Job(
                order=_encoded(order, mark, waits=len(orders) > 1),
                restricts_itself=order.walls is not None and order.walls.mechanism.kind is Kind.LANDLOCK,
                stdout=logs.enter_context(_log(result.stdout)),
                stderr=logs.enter_context(_log(result.stderr)),
                mark=mark,
                running=order.logs / RUNNING,
            )
            for order, result in zip(orders, results, strict=True)
            for mark in (leftovers.new_mark(),)
        ]
        with watched([order.walls for order in orders]):
            reports = supervise(jobs)
    wall_s = time.monotonic() - started
    return [
        # Without a report the supervisor itself was killed: by the command, or for want of memory.
        _fill(result, order.command, report) if report else replace(result, wall_s=wall_s)
        for order, result, report in zip(orders, results, reports, strict=True)
    ]


def _unreported(order: Order) -> Completed:
    """What is known of a command whose supervisor was killed."""
    return Completed(
        code=-signal.SIGKILL,
        wall_s=0.0,
        cpu_s=0.0,
        peak_bytes=0,
        timed_out=False,
        overflowed=False,
        stdout=order.logs / "stdout",
        stderr=order.logs / "stderr",
        leftovers=0,
        kind=order.walls.mechanism.kind if order.walls else Kind.NONE,
    )


def _fill(result: Completed, command: str, report: Mapping[str, str]) -> Completed:
    """The result with what the supervisor reported."""
    if fault := report.get("fault"):
        raise ResourceError(f"`{_short(command)}`: {fault}. Check the disk and the machine, then resume.")
    if report["walled"] == "0":
        said = "".join(_last_lines(result.stderr)[-1:])
        raise ResourceError(
            f"`{_short(command)}` was not started, as its sandbox could not be put up: {said}. "
            "Run `autoopt doctor` to see what works on this machine, or add sandbox=none."
        )
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


def complaint(completed: Completed, denied: str = _WALLS_HINT) -> str | None:
    """What went wrong with a command, for a person; None when it ended by itself with exit code 0.

    Args:
        denied: What to add where it wrote what it may not write.
    """
    hint = {126: " (not executable)", 127: " (command not found)"}.get(completed.code, "")
    if not hint and _was_denied(completed):
        hint = denied
    if completed.code == 127 and _NO_PYTHON.search("\n".join(_last_lines(completed.stderr))):
        hint = _PYTHON_HINT
    return cut_short(completed) or (f"exit code {completed.code}{hint}" if completed.code else None)


def _was_denied(completed: Completed) -> bool:
    """Whether a command that failed says so of a place where it might not write."""
    if completed.kind is Kind.NONE or not completed.code:
        return False
    said = (_DENIALS.get(completed.kind, "Read-only file system"), _DENIAL_OF_SQLITE)
    return any(denial in line for line in _last_lines(completed.stderr) for denial in said)


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


def _encoded(order: Order, mark: str, *, waits: bool) -> bytes:
    """What the supervisor reads: the length, then the fields of an `orders.Order` between NULs.

    Args:
        waits: Whether it says when it is ready and starts the command only when told to.
    """
    limit = "inf" if order.timeout_s is None else repr(order.timeout_s)
    prefix, rules = plan(order.walls, order.cwd)
    fields = [
        limit,
        str(OUTPUT_CAP),
        ",".join(map(str, sorted(order.cores))),
        str(int(waits)),
        str(order.cwd),
        *_counted(prefix),
        *_counted(rules),
        shell(order.env),
        order.command,
        *(f"{name}={value}" for name, value in {**order.env, leftovers.MARK: mark}.items()),
    ]
    if any("\0" in field for field in fields) or any("=" in name or not name for name in order.env):
        raise UsageError(
            f"`{_short(order.command)}`: a command and its environment cannot hold NUL, nor a name `=`."
        )
    data = b"\0".join(os.fsencode(field) for field in fields)
    return b"%08d" % len(data) + data


def _counted(words: Sequence[str]) -> list[str]:
    return [str(len(words)), *words]
