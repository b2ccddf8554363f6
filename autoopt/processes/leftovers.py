"""What a killed run has left running: commands are on record while they run, and only what matches is ended.

A record names the command's supervisor, so that no other process is ever taken for it: by its number and by
when it started, on the machine as it was booted then. Its command carries a mark in the environment, which
whatever it starts inherits, in a session of its own or not.

Outside Linux nothing tells these things, and there the supervisor is all that ends a command.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from autoopt.errors import ResourceError

MARK = "AUTOOPT_PROCESS"
"""The variable that tells the processes of a command; of one length always, as sizes shift timings."""

_PROC = Path("/proc")
_OWN_END_S = 8.0
"""What a supervisor may need to end its command once nobody wants it any more: 0.2 s, 2 s and 5 s."""
_GRACE_S = 2.0
_KILL_S = 5.0
_PAUSE_S = 0.02
_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A supervisor and the mark of its command.

    Attributes:
        boot: The boot of the machine and the namespace of process numbers in which the others are meant.
        pid: The supervisor's number, which is also that of its session.
        start: When it started, in clock ticks since that boot.
    """

    boot: str
    pid: int
    start: int
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    """A living process as /proc shows it."""

    pid: int
    parent: int
    session: int
    start: int


def new_mark() -> str:
    """A mark that no other command has."""
    return os.urandom(8).hex()


def record(pid: int, mark: str) -> Record | None:
    """What is to be remembered of a supervisor that has just been started; None where nothing tells it."""
    found = _look(pid)
    return None if found is None else Record(boot=_boot(), pid=pid, start=found.start, mark=mark)


def write(path: Path, found: Record) -> None:
    """Put the record on disk, before the command starts: half a record is one whose command never did.

    It does not have to survive the machine, whose processes do not either.

    Raises:
        ResourceError: it cannot be written.
    """
    try:
        path.write_text(json.dumps(asdict(found)))
    except OSError as error:
        raise ResourceError(f"{path} cannot be written: {error.strerror}. Make room, then resume.") from error


def end(records: Iterable[Path]) -> int:
    """End whatever still runs of the commands on record, and forget the records; how many processes it was.

    Only for whoever holds the lock of the run they belong to. A supervisor that lives is ending its command
    by itself, as its run is gone; it is waited for.

    Raises:
        ResourceError: something does not end.
    """
    count = 0
    for path in records:
        found = _read(path)
        if found is not None and found.boot == _boot():
            _await(found)
            count += _end(found, (signal.SIGTERM, _GRACE_S), (signal.SIGKILL, _KILL_S))
        path.unlink(missing_ok=True)
    return count


def end_now(found: Record) -> None:
    """End what a supervisor that was killed a moment ago has left: its session is certainly still its own."""
    for _ in range(_ROUNDS):  # those that were being started meanwhile
        _signal(_members(found, whole_session=True), signal.SIGKILL)


def lives(path: Path) -> bool:
    """Whether the process on record is alive, on this machine; its mark does not matter."""
    found = _read(path)
    if found is None or found.boot != _boot():
        return False
    now = _look(found.pid)
    return now is not None and now.start == found.start


def tell(path: Path, number: int) -> None:
    """Send a signal to the process on record, if it is alive, on this machine."""
    if (found := _read(path)) is not None and lives(path):
        with contextlib.suppress(OSError):
            os.kill(found.pid, number)


def _read(path: Path) -> Record | None:
    try:
        body = json.loads(path.read_bytes())
        kinds = {field.name: int if field.type == "int" else str for field in fields(Record)}
        if not all(type(body[name]) is kind for name, kind in kinds.items()):
            return None
        return Record(**body)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _await(found: Record) -> None:
    limit = time.monotonic() + _OWN_END_S
    while time.monotonic() < limit:
        supervisor = _look(found.pid)
        if supervisor is None or supervisor.start != found.start:
            return
        time.sleep(_PAUSE_S)


def _end(found: Record, *steps: tuple[signal.Signals, float]) -> int:
    """Send signals, each for so many seconds, until nothing is left; how many processes there were."""
    seen: set[int] = set()
    for number, limit_s in steps:
        limit = time.monotonic() + limit_s
        told: set[int] = set()
        while left := _members(found):
            if time.monotonic() > limit:
                break
            again = number == signal.SIGKILL
            _signal([one for one in left if again or one.pid not in told], number)
            told |= {one.pid for one in left}
            seen |= told
            time.sleep(_PAUSE_S)
    if left := _members(found):
        numbers = ", ".join(str(one.pid) for one in left)
        raise ResourceError(
            f"an earlier process of this run has left processes that do not end ({numbers}), and they would "
            "disturb every measurement. End them, then resume."
        )
    return len(seen)


def _signal(processes: Iterable[_Process], number: signal.Signals) -> None:
    for one in processes:
        now = _look(one.pid)
        if now is not None and now.start == one.start:  # it has not just died and made room for another
            with contextlib.suppress(OSError):
                os.kill(one.pid, number)


def _members(found: Record, *, whole_session: bool = False) -> list[_Process]:
    """Who belongs to the recorded command: the supervisor, whoever has the mark, and all below them.

    The whole session too, when one of them is in it: as long as a session has members, its number is given
    to no other.
    """
    living = _living()
    ours = {
        one.pid
        for one in living.values()
        if (one.pid == found.pid and one.start == found.start) or _is_marked(one.pid, found.mark)
    }
    if whole_session or any(living[pid].session == found.pid for pid in ours):
        ours |= {one.pid for one in living.values() if one.session == found.pid}
    while below := {one.pid for one in living.values() if one.parent in ours} - ours:
        ours |= below
    return [living[pid] for pid in sorted(ours - _above(living))]


def _above(living: dict[int, _Process]) -> set[int]:
    """Us and those we are below: whoever resumes a run from what it has left must not end itself."""
    found, pid = set[int](), os.getpid()
    while pid in living and pid not in found:
        found.add(pid)
        pid = living[pid].parent
    return found


def _living() -> dict[int, _Process]:
    if sys.platform != "linux":
        return {}
    numbers = (int(item.name) for item in os.scandir(_PROC) if item.name.isdigit())
    return {one.pid: one for pid in numbers if (one := _look(pid)) is not None}


def _look(pid: int) -> _Process | None:
    """A process, unless it is dead, waited for or not."""
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None  # gone since it was listed, or there is no /proc
    if not fields or fields[0] in (b"Z", b"X"):
        return None
    return _Process(pid=pid, parent=int(fields[1]), session=int(fields[3]), start=int(fields[19]))


def _is_marked(pid: int, mark: str) -> bool:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False  # somebody else's, or gone
    return f"{MARK}={mark}".encode() in environment.split(b"\0")


def _boot() -> str:
    """What makes process numbers comparable: this boot, and the container's numbering where there is one."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""
