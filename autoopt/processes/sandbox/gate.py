"""Starts a command behind walls: they are put up first, then it is let go, and only then its clock runs.

A part of the supervisor, which knows no packages and finds this file by its place: nothing but the standard
library is imported, and of that little, as its start is paid for by every command (`_socket` is the C half of
`socket`, which takes another 8 ms).
"""

import _signal  # type: ignore[import-not-found]  # no stubs: it is the C half of `signal`
import _socket
import os
import select
from _collections_abc import Callable  # `collections.abc` would load `collections`

LIMIT_S = 30.0
"""For the walls; they take milliseconds, unless a disk or a server of files does not answer."""
READY = b"@ready"
"""Stands for the descriptor that is closed as soon as everything is in place."""
GO = b"@go"
"""Stands for the descriptor that a byte is read from before the command starts."""
FILTER = b"@filter:"
"""Begins a word that stands for a descriptor from which the rest of it, in hexadecimal, is read."""
_QUIET = getattr(_socket, "MSG_NOSIGNAL", 0)


class Gate:
    """A process that becomes the command when it is let go, and what stands between it and the supervisor.

    There are two lines to it: it hangs up the one when its walls stand, and then reads the other.

    Attributes:
        pid: What the supervisor has started.
        layers: Those that put up walls and wait: the program outside, and the first process inside, if there
            are process numbers of its own.
        built_s: Processor time the walls took, which is not the command's.
    """

    def __init__(self) -> None:
        """Open the lines; nothing is started yet."""
        self._ready, ready = _socket.socketpair()
        self._go, go = _socket.socketpair()
        self._ready.shutdown(_socket.SHUT_WR)  # whoever reads the other end finds it empty, not silent
        self._inside = {READY: ready, GO: go}
        self._sent = False
        self.pid = 0
        self.layers: list[int] = []
        self.built_s = 0.0
        self._first = 0
        self._init: list[int] = []

    def run(self, prefix: list[bytes], argv: list[bytes], spawn: Callable[[list[bytes]], int]) -> None:
        """Start the program that puts up the walls and then waits here.

        Args:
            prefix: Its words, with `READY` and `GO` where it wants the lines, and with `FILTER`.
            spawn: Starts a program.
        """
        for line in self._inside.values():
            os.set_inheritable(line.fileno(), True)
        numbers = {word: line.fileno() for word, line in self._inside.items()}
        numbers |= {word: _readable(word) for word in prefix if word.startswith(FILTER)}
        words = [str(numbers[word]).encode() if word in numbers else word for word in prefix]
        self.pid = spawn(words + argv)
        self._hang_up()
        for word in numbers.keys() - self._inside.keys():
            os.close(numbers[word])

    def fork(
        self,
        argv: list[bytes],
        environment: dict[bytes, bytes],
        outputs: list[int],
        restrict: Callable[[], None],
        reset: tuple[int, ...],
    ) -> None:
        """Start a child that restricts itself and then waits here.

        Args:
            outputs: Descriptors that become its standard output and error.
            reset: Signals that it handles as by default.
        """
        self.pid = os.fork()
        if self.pid:
            self._hang_up()
            return
        try:
            os.setpgid(0, 0)
            for number in reset:
                _signal.signal(number, _signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for number, output in enumerate(outputs, start=1):
                os.dup2(output, number)
            restrict()
            self._inside[READY].close()
            if self._inside[GO].recv(1):
                os.execve(argv[0], argv, environment)
        except OSError as error:
            os.write(2, f"{error.strerror}\n".encode())
        finally:
            os._exit(127)  # nothing of the supervisor may go on here

    def _hang_up(self) -> None:
        for line in self._inside.values():
            line.close()

    def wait(self, lifeline: int, *, layered: bool) -> str:
        """Wait until the walls stand; what went wrong, if anything did.

        That they could not be put up is no such thing: `passed` tells it, at the end.

        Args:
            lifeline: Ends when nobody wants the command any more.
            layered: Whether a program puts them up.
        """
        poll = select.poll()
        for source in (self._ready.fileno(), lifeline):
            poll.register(source, select.POLLIN)
        ended = [source for source, _ in poll.poll(LIMIT_S * 1000)]
        inside = _children(self.pid) if layered else []
        self.built_s = _spent_s([self.pid, *inside])
        self._first = inside[0] if inside else self.pid
        if len(numbers := _numbers(self._first)) > len(_numbers(os.getpid())):
            self._init = numbers
        self.layers = [self.pid, *inside] if self._init else [self.pid] if layered else []
        if self._ready.fileno() in ended:
            return ""
        return "nobody wants it any more" if ended else "its walls do not stand: a disk does not answer"

    def open(self) -> None:
        """Let the command go."""
        try:
            self._sent = self._go.send(b"!", _QUIET) > 0
        except OSError:
            self._sent = False  # it has died

    def passed(self) -> bool:
        """Whether the command went through, once it is over; else the word was never taken."""
        try:
            return self._sent and self._go.recv(1) == b""
        except OSError:
            return False

    def is_command(self, pid: int) -> bool:
        """Whether this is the command's own first process; inside, it is the second of all."""
        if self._init:
            return _numbers(pid)[len(self._init) - 1 :] == [2]
        return pid == self._first


def _readable(word: bytes) -> int:
    """A descriptor from which what the word says is read; short enough for a pipe to hold."""
    reader, writer = os.pipe()
    os.write(writer, bytes.fromhex(word[len(FILTER) :].decode()))
    os.close(writer)
    os.set_inheritable(reader, True)
    return reader


def _spent_s(pids: list[int]) -> float:
    """The processor time these processes have used so far; 0 where the kernel does not tell exactly."""
    return sum(int((_read(f"/proc/{pid}/schedstat").split() or [b"0"])[0]) for pid in pids) / 1e9


def _numbers(pid: int) -> list[int]:
    """The numbers of a process, from the outermost space of numbers to its own; none when it is gone."""
    _, _, rest = _read(f"/proc/{pid}/status").partition(b"\nNSpid:")
    return [int(number) for number in rest.partition(b"\n")[0].split()]


def _children(pid: int) -> list[int]:
    """The children of a process that has one thread."""
    return [int(number) for number in _read(f"/proc/{pid}/task/{pid}/children").split()]


def _read(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 8192)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
