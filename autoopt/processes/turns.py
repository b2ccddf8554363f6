"""Turns of the commands of all runs on this machine: what is timed has it to itself, the rest shares it.

Each turn is a ticket: a file in one directory of the machine, which its process holds locked. A ticket's turn
has come when no live one before it stands in its way, so whoever came first is first. The kernel lets go of
the lock however a process ends; a ticket that nobody holds is nobody's. No process ever waits for the right
to take a ticket, so that one which is stopped anywhere keeps nobody from lining up and seeing it.

A thread that has a turn has it for whatever it runs meanwhile, and what it waited for is added up: that is
one thing for the whole thread, as its commands are started in many places.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from autoopt import signals
from autoopt.processes.environment import read_regular

PLACE = "AUTOOPT_TURNS"
"""The environment variable that names another directory for tickets."""
WITHIN = "AUTOOPT_RUN"
"""The environment variable that every command of a run has: while it runs, the run has a turn."""
_MEMORY, _TMP = Path("/dev/shm"), Path("/tmp")
_NAME = "autoopt-turns"
_FOR_ALL = 0o1777  # everybody lines up, and nobody takes another's ticket away
_RUN_BYTES = 200
_SOON_S = 0.5  # a wait that is over by then is not worth a word
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True, order=True)
class Ticket:
    """A place in the line, as its file's name says it.

    Attributes:
        number: Tickets are served in the order of their numbers, then of their names.
        alone: Whether its commands have the machine to themselves.
        pid: The process that waits or works.
    """

    number: int
    name: str
    alone: bool
    pid: int

    def yields_to(self, other: Ticket) -> bool:
        """Whether it has to wait for another one that is alive."""
        return other < self and (self.alone or other.alone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who stands in the line of this machine.

    Attributes:
        run: The name of the run.
        alone: Whether what it runs is timed.
        waits: Whether others are before it.
    """

    run: str
    pid: int
    alone: bool
    waits: bool


class _Mine(threading.local):
    """What this thread has of turns."""

    def __init__(self) -> None:
        self.has_turn = False
        self.waited_s = 0.0
        self.tell: Callable[[str], None] | None = None


_mine = _Mine()


def waited_s() -> float:
    """Seconds that this thread has waited for turns so far."""
    return _mine.waited_s


def has_turn() -> bool:
    """Whether this thread has a turn now."""
    return _mine.has_turn


def tell(listener: Callable[[str], None]) -> None:
    """Let `listener` know, from now on, whom this thread waits for; an empty text when the wait is over."""
    _mine.tell = listener


def place(environ: Mapping[str, str]) -> Path:
    """The directory of the tickets: not the state directory, which several machines may share."""
    given = environ.get(PLACE, "")
    if given.startswith("/"):
        return Path(given)
    return (_MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else _TMP) / _NAME


class Turns:
    """The turns of one run."""

    def __init__(
        self,
        run: str = "",
        folder: Path | None = None,
        timed: Callable[[], bool] = lambda: True,
        complain: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Line up in `folder`; None for a run that takes no turns.

        Args:
            timed: Whether the machine's load shows in the run's number, as is known now.
            complain: Told once, in a sentence, when turns cannot be taken here.
        """
        self._run = run
        self._folder = folder
        self._timed = timed
        self._complain = complain

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """The turn for samples in the block: alone where the run's number is timed."""
        with self._turn(alone=self._timed()):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The machine, for commands that are timed in any case."""
        with self._turn(alone=True):
            yield

    @contextmanager
    def beside(self) -> Iterator[None]:
        """A turn for commands that are not timed: beside others like them, not beside a sample."""
        with self._turn(alone=False):
            yield

    @contextmanager
    def _turn(self, *, alone: bool) -> Iterator[None]:
        if self._folder is None or _mine.has_turn:
            yield
            return
        held: list[_Held] = []
        try:
            self._line_up(self._folder, alone, held)
            for one in held:
                _wait(one)
            _mine.has_turn = True
            yield
        finally:
            _mine.has_turn = False
            for one in held:
                one.leave()

    def _line_up(self, folder: Path, alone: bool, held: list[_Held]) -> None:
        """Put a ticket into `held`, whatever signal comes meanwhile; where none can be had, say so once."""
        try:
            with signals.held():
                held.append(_taken(folder, alone, self._run))
        except OSError as error:
            self._folder = None
            self._complain(
                f"runs on this machine cannot take turns, so they may disturb each other's times: {folder}: "
                f"{error.strerror} ({PLACE}=DIRECTORY names another place)"
            )


@dataclass(frozen=True, slots=True)
class _Held:
    """A ticket of this process."""

    folder: Path
    ticket: Ticket
    descriptor: int

    def leave(self) -> None:
        """Give it back."""
        with signals.held():
            with suppress(OSError):  # somebody may have cleared the directory; the lock is what counts
                (self.folder / self.ticket.name).unlink()
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)  # a process between fork and exec has the file too
            os.close(self.descriptor)

    def stands(self) -> bool:
        """Whether everybody sees it, and nobody lined up behind it without seeing it.

        Between its making and its locking it looks like a dead one's, and may have been taken away.
        """
        return os.fstat(self.descriptor).st_nlink > 0 and _tickets(self.folder)[-1:] == [self.ticket]


def _taken(folder: Path, alone: bool, run: str) -> _Held:
    """A ticket at the end of the line."""
    _make(folder)
    while True:
        before, pid = _tickets(folder), os.getpid()
        number = 1 + (before[-1].number if before else 0)
        name = f"{number}-{'alone' if alone else 'shared'}-{pid}-{secrets.token_hex(4)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(folder / name, flags, 0o644)
        held = _Held(folder, Ticket(number, name, alone, pid), descriptor)
        try:
            if _locked(descriptor, fcntl.LOCK_EX):
                os.write(descriptor, os.fsencode(run)[:_RUN_BYTES])
                if held.stands():
                    return held
        except OSError:
            held.leave()
            raise
        held.leave()


def _make(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(_FOR_ALL)  # the umask does not count here


def _tickets(folder: Path) -> list[Ticket]:
    """All tickets in their order, dead ones among them."""
    names = os.listdir(folder)  # noqa: PTH208 - quicker
    return sorted(found for name in names if (found := _parsed(name)) is not None)


def _seen(folder: Path) -> list[Ticket]:
    """The same while one waits; nobody is in line in a directory that somebody has removed."""
    try:
        return _tickets(folder)
    except OSError:
        return []


def _parsed(name: str) -> Ticket | None:
    """The ticket whose file has this name; None where it is no ticket's."""
    match name.split("-"):
        case [number, ("alone" | "shared") as kind, pid, _] if (number + pid).isdecimal() and number and pid:
            return Ticket(int(number), name, kind == "alone", int(pid))
    return None


def _wait(held: _Held) -> None:
    """Wait until its turn has come; Ctrl-C ends that at once, in an experiment too."""
    if (first := _first_before(held.folder, held.ticket)) is None:
        return
    began, said = monotonic(), ""
    before = _mine.waited_s
    with signals.at_once():
        try:
            while first is not None:
                blocked = _blocked(first[1])
                while blocked.is_alive():
                    if (now := monotonic()) - began >= _SOON_S:
                        said = _told(held, first[0], said)
                    _mine.waited_s = before + now - began
                    blocked.join(_LOOK_S if said else _SOON_S)
                first = _first_before(held.folder, held.ticket)
        finally:
            _mine.waited_s = before + monotonic() - began
            if said and _mine.tell is not None:
                _mine.tell("")


def _blocked(descriptor: int) -> threading.Thread:
    """A thread that ends when a ticket's lock is let go of.

    Waiting like that costs nothing until then: to look again and again would disturb what is timed.
    """

    def wait() -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    thread = threading.Thread(target=wait, name="autoopt-turn", daemon=True)
    thread.start()
    return thread


def _first_before(folder: Path, mine: Ticket) -> tuple[Ticket, int] | None:
    """The first live ticket that this one has to wait for, opened; dead ones are cleared away."""
    for ticket in _seen(folder):
        if mine.yields_to(ticket) and (descriptor := _open_if_live(folder, ticket)) is not None:
            return ticket, descriptor
    return None


def _open_if_live(folder: Path, ticket: Ticket) -> int | None:
    """The ticket's file if a process holds it, for whoever wants to wait; the caller closes it."""
    path = folder / ticket.name
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # it was given back, or is no file that a run has made
        return None
    if not _locked(descriptor, fcntl.LOCK_SH):
        return descriptor
    with suppress(OSError):  # another user's stays, and counts for nothing
        path.unlink()
    os.close(descriptor)
    return None


def _locked(descriptor: int, how: int) -> bool:
    """Lock the file, unless another process holds it now."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _told(held: _Held, first: Ticket, said: str) -> str:
    """Tell whom it waits for, unless that was said last; returns what was said last."""
    text = _waiting(held.folder, held.ticket, first)
    if text != said and _mine.tell is not None:
        _mine.tell(text)
    return text


def _waiting(folder: Path, mine: Ticket, first: Ticket) -> str:
    """Whom this ticket waits for, as a person reads it after the word wait."""
    others = sum(mine.yields_to(one) and one != first for one in _seen(folder))
    more = f" and {others} more" if others else ""
    stopped = f"; that one is stopped: kill -CONT {first.pid}" if _is_stopped(first.pid) else ""
    return f"for its turn behind run {_run_of(folder, first)} (process {first.pid}){more}{stopped}"


def _run_of(folder: Path, ticket: Ticket) -> str:
    """The run's name, which another user may have written."""
    name = (read_regular(folder / ticket.name, _RUN_BYTES) or b"").decode("utf-8", "replace")
    return name if name.isprintable() and name else "?"


def _is_stopped(pid: int) -> bool:
    """Whether somebody has stopped the process, as far as the system tells."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    except (OSError, IndexError):
        return False


def line(environ: Mapping[str, str]) -> Sequence[Standing]:
    """Who works and who waits on this machine now, the first first."""
    folder, live = place(environ), list[Ticket]()
    for ticket in _seen(folder):
        if (descriptor := _open_if_live(folder, ticket)) is not None:
            os.close(descriptor)
            live.append(ticket)
    return tuple(
        Standing(
            run=_run_of(folder, one),
            pid=one.pid,
            alone=one.alone,
            waits=any(one.yields_to(other) for other in live),
        )
        for one in live
    )
