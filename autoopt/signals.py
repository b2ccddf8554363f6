"""Ctrl-C and the like: when they take effect, so that nothing is left half done or half known.

INT, TERM, HUP and QUIT become exceptions in the main thread, so that everything open is closed on the way
out. A block can hold them off: for the moment of one write, or, Ctrl-C alone and once, until an experiment is
over. What is listened to is one thing for the whole process, and so is the state here. Handlers are not
exchanged for each block: an exception that a signal raises in the middle of that would leave the wrong ones.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType

from autoopt.errors import Terminated

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@dataclass(slots=True)
class _Listening:
    """What arrives, and what is done with it.

    Attributes:
        blocks: How many blocks hold signals off at the moment.
        came: What arrived meanwhile.
        say: Told of a Ctrl-C that waits; None where none does.
        waits: Whether there was one.
        relay: Told of everything that arrives, where others are to end by it; None where nobody is.
    """

    blocks: int = 0
    came: list[int] = field(default_factory=list)
    say: Callable[[], None] | None = None
    waits: bool = False
    relay: Callable[[int], None] | None = None

    def arrived(self, number: int, _frame: FrameType | None = None) -> None:
        if self.relay is not None:
            self.came.append(number)
            self.relay(number)
        elif self.blocks:
            self.came.append(number)
        elif number != signal.SIGINT:
            raise Terminated(number)
        elif self.say is None or self.waits:
            raise KeyboardInterrupt
        else:
            self.waits = True
            self.say()


_listening = _Listening()


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Turn what asks the process to end into an exception, for the time of the block."""
    before = {}
    if threading.current_thread() is threading.main_thread():  # no other thread is ever interrupted
        for number in _ENDING:
            # A signal that is ignored stays so: that is what nohup asks for.
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, _listening.arrived)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Put off what signals raise until the block is done: what it writes is then also known to be written."""
    _listening.blocks += 1
    try:
        yield
    finally:
        _listening.blocks -= 1
        if _listening.came and not _listening.blocks:
            first = _listening.came[0]
            _listening.came.clear()
            _listening.arrived(first)


@contextlib.contextmanager
def patient(say: Callable[[], None]) -> Iterator[None]:
    """Let a first Ctrl-C wait until the block is done, and `say` so; a second one ends it at once.

    Raises:
        KeyboardInterrupt: at the end, when Ctrl-C was pressed in it.
    """
    _listening.say, _listening.waits = say, False
    try:
        yield
    finally:
        waits, _listening.say, _listening.waits = _listening.waits, None, False
    if waits:
        raise KeyboardInterrupt


@contextlib.contextmanager
def relayed(relay: Callable[[int], None]) -> Iterator[None]:
    """Tell `relay` of each signal, in the midst of whatever is going on: the block waits for others to end.

    Raises:
        KeyboardInterrupt: at the end, when there was one; what the first of them stands for.
    """
    outer, _listening.relay = _listening.relay, relay
    try:
        yield
    finally:
        _listening.relay = outer
    if _listening.came and not _listening.blocks:
        first = _listening.came[0]
        _listening.came.clear()
        raise KeyboardInterrupt if first == signal.SIGINT else Terminated(first)


def forget() -> None:
    """Begin anew in a process that was forked in the midst of a block: nothing has arrived here."""
    _listening.blocks, _listening.waits = 0, False
    _listening.say, _listening.relay = None, None
    _listening.came.clear()


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Let Ctrl-C end the block without waiting for what is around it: it only waits itself."""
    say, _listening.say = _listening.say, None
    try:
        yield
    finally:
        _listening.say = say
