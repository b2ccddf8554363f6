"""Runs one command and sees to it that nothing of it is left: a process of its own, forked by the `nursery`.

A tree of processes can only be ended reliably by its ancestor, that ancestor must outlive autoopt's own
`kill -9`, and a small one keeps autoopt's memory out of the command's peak: hence `_signal`, the C half of
`signal`, and a report of `name=value` lines.

Standard input carries the order and is the lifeline afterwards: its end means that autoopt is gone or has
given up, and the command is ended. Standard output and error are the command's log files.
"""

import _signal  # type: ignore[import-not-found]  # no stubs: it is the C half of `signal`
import os
import select
import sys
import time

import gate  # type: ignore[import-not-found]  # both are found by their places
import orders  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autoopt.processes.orders import Order
    from autoopt.processes.sandbox.gate import Gate

SETTLE_S = 0.2
"""How long what the command has started may take to end by itself, as the `tee` in `> >(tee log)` does."""
GRACE_S = 2.0
"""Between TERM and KILL."""
KILL_S = 5.0
"""Before processes that do not die of KILL are reported as survivors."""
LONGEST_WAIT_S = 3600.0
"""Of one poll, whose argument is a C int of milliseconds."""
CHUNK = 1 << 16
PIPE = 1 << 20
"""Output that may wait to be copied: the most that Linux grants to everybody."""
PAUSE_S = 0.01
"""Between looks at a trickle of output: a command must not compete with a wake-up for each line it prints."""
LIFELINE = 0
LINUX = sys.platform == "linux"
ENDING = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP)
RESET = (*ENDING, _signal.SIGQUIT, _signal.SIGPIPE, _signal.SIGCHLD, _signal.SIGXFSZ)


class Stream:
    """One output of the command: a pipe that is copied to a log file until the log is full."""

    def __init__(self, target: int, room: int) -> None:
        """Copy to descriptor `target`, at most `room` bytes."""
        self.source, self.writer = os.pipe()
        os.set_blocking(self.source, False)
        self.trickle = _enlarge(self.source) // 4
        self.target = target
        self.room = room
        self.overflowed = False

    def copy(self) -> int:
        """Move what is there; returns how much that was, -1 when there is nothing at the moment.

        What does not fit is read all the same, so that a command that is being ended is not stuck writing.
        """
        try:
            data = os.read(self.source, CHUNK)
        except BlockingIOError:
            return -1
        self.overflowed |= len(data) > self.room
        kept = memoryview(data)[: self.room]
        self.room -= len(kept)
        while kept:
            kept = kept[os.write(self.target, kept) :]
        return len(data)


class Watch:
    """The command, its descendants and its output."""

    def __init__(self, order: "Order") -> None:
        """Prepare to start the command; with walls, start what becomes the command when it is let go."""
        self.order = order
        self.status: int | None = None
        self.wall_s = self.cpu_s = 0.0
        self.peak = 0
        self.childless = self.abandoned = False
        self.fault = ""
        self.ended: set[int] = set()
        self.streams = {stream.source: stream for stream in (Stream(1, order.cap), Stream(2, order.cap))}
        self.open = set(self.streams)
        self.wake = _wake_on_signals()
        self.paused_until = 0.0
        self.all, self.urgent = select.poll(), select.poll()
        for source in (LIFELINE, self.wake, *self.streams):
            self.all.register(source, select.POLLIN)
        for source in (LIFELINE, self.wake):
            self.urgent.register(source, select.POLLIN)
        self.outputs = [stream.writer for stream in self.streams.values()]
        self.gate = _gate(order, self.outputs)
        self.pid = 0
        if self.gate is not None:
            self.pid = self.gate.pid
            self.fault = self.gate.wait(LIFELINE, layered=bool(order.prefix))
        self.started = time.perf_counter()

    def go(self) -> None:
        """Start the command; its clock runs from here."""
        self.started = time.perf_counter()
        if self.gate is None:
            self.pid = _spawn(self.order.prefix + self.order.argv, self.order.environment, self.outputs)
        elif not self.fault:
            self.gate.open()
        for output in self.outputs:
            os.close(output)

    @property
    def overflowed(self) -> bool:
        return any(stream.overflowed for stream in self.streams.values())

    def step(self, limit_s: float) -> None:
        """Wait until something happens, at most `limit_s`, and take note of it."""
        pause_s = self.paused_until - time.perf_counter()
        if pause_s > 0:
            events = self.urgent.poll(min(limit_s, pause_s) * 1000)
        else:
            events = self.all.poll(min(limit_s, LONGEST_WAIT_S) * 1000)
        self.reap()
        for source, _ in events:
            if source == self.wake:
                self.abandoned |= any(number in ENDING for number in os.read(source, 512))
            elif source == LIFELINE:
                self.abandoned = True
                self.all.unregister(source)
                self.urgent.unregister(source)
            else:
                self.look(source)

    def look(self, source: int) -> None:
        """Copy what is there of an output, and unless that is much, leave it alone for a moment."""
        moved = 0
        while moved < PIPE and (size := self.copy(source)) > 0:
            moved += size
        if moved < self.streams[source].trickle:
            self.paused_until = time.perf_counter() + PAUSE_S

    def copy(self, source: int) -> int:
        """Copy a chunk of output to its log; returns how much that was, nothing or less for none."""
        try:
            size = self.streams[source].copy()
        except OSError as error:  # the disk is full: the command must not be blamed for it
            self.fault = self.fault or f"its output could not be written: {error.strerror}"
            self.streams[source].room = 0
            return 0
        if size == 0 and source in self.open:
            self.open.remove(source)
            self.all.unregister(source)
        return size

    def reap(self) -> None:
        """Collect whoever has died, with the time and memory they used."""
        while not self.childless:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self.childless = True
                return
            if not pid:
                return
            self.cpu_s += usage.ru_utime + usage.ru_stime
            self.peak = max(self.peak, usage.ru_maxrss)
            if pid == self.pid:
                self.status, self.wall_s = status, time.perf_counter() - self.started

    def alive(self) -> bool:
        """Whether any process of the command is left.

        As orphans become children of this process, to be without children is to be alone. Where orphans go
        elsewhere (not Linux), the command's process group is asked as well.
        """
        if not self.childless or LINUX:
            return not self.childless
        try:
            os.killpg(self.pid, 0)
        except OSError:
            return False
        return True

    def signal(self, number: int) -> None:
        """Send a signal to every process of the command."""
        layers = self.gate.layers if self.gate else []
        for pid in _descendants(os.getpid()) if LINUX else [-self.pid]:
            if pid in layers and number != _signal.SIGKILL:
                continue  # it would die of it before the command does, and with it the command's exit code
            if pid not in layers and not self.is_command(pid):
                self.ended.add(pid)
            try:
                os.kill(pid, number)
            except OSError:
                continue  # it has just died, or runs as somebody else and shows up among the survivors

    def is_command(self, pid: int) -> bool:
        """Whether this is the command's own first process."""
        return self.gate.is_command(pid) if self.gate else pid == self.pid

    def linger(self, limit_s: float) -> None:
        """Wait until no process of the command is left, at most `limit_s`."""
        limit = time.perf_counter() + limit_s
        while self.alive() and (left := limit - time.perf_counter()) > 0:
            self.step(min(left, 0.02))

    def end(self) -> None:
        """TERM, then KILL again and again, until no process of the command is left or hope is lost."""
        self.signal(_signal.SIGTERM)
        self.linger(GRACE_S)
        limit = time.perf_counter() + KILL_S
        while self.alive() and time.perf_counter() < limit:
            self.signal(_signal.SIGKILL)
            self.linger(0.02)

    def drain(self) -> None:
        """Copy what the dead have left in the pipes."""
        for source in self.streams:
            while not self.overflowed and self.copy(source) > 0:
                pass


def _gate(order: "Order", outputs: list[int]) -> "Gate | None":
    """The command's process before it is the command, waiting for its walls; None when it needs none."""
    if not order.rules and gate.GO not in order.prefix:
        return None
    found: Gate = gate.Gate()
    before = _set_oom_score(b"500")
    if order.prefix:
        found.run(order.prefix, order.argv, lambda words: _spawn(words, order.environment, outputs))
    else:
        import landlock  # type: ignore[import-not-found]  # found by its place

        found.fork(order.argv, order.environment, outputs, lambda: landlock.restrict(order.rules), RESET)
    if before:
        _set_oom_score(before)
    return found


def _enlarge(pipe: int) -> int:
    """Make a pipe as large as it may be; returns its size."""
    if not LINUX:
        return CHUNK
    import fcntl

    try:
        return fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)
    except OSError:  # this user has many pipes already
        return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)


def _wake_on_signals() -> int:
    """Make signals readable: the descriptor that becomes ready with each of them."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    for number in (*ENDING, _signal.SIGCHLD):
        _signal.signal(number, lambda *_: None)
    _signal.set_wakeup_fd(writer)
    return reader


def _spawn(argv: list[bytes], environment: dict[bytes, bytes], outputs: list[int]) -> int:
    """Start the command in a process group of its own, so that its `kill 0` does not reach this process."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        *((os.POSIX_SPAWN_DUP2, writer, number) for number, writer in enumerate(outputs, start=1)),
    ]
    before = _set_oom_score(b"500")
    try:
        return os.posix_spawn(
            argv[0], argv, environment, file_actions=actions, setpgroup=0, setsigdef=RESET, setsigmask=()
        )
    finally:
        if before:
            _set_oom_score(before)


def _set_oom_score(score: bytes) -> bytes:
    """Say who is to die first when memory runs out (the command, not autoopt); returns the score before."""
    try:
        descriptor = os.open("/proc/self/oom_score_adj", os.O_RDWR)
    except OSError:
        return b""
    try:
        before = os.read(descriptor, 16).strip()
        os.write(descriptor, score)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
    return before


def _descendants(root: int) -> list[int]:
    """Every living process below `root`, by the parents that /proc tells of."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            state, _, parent = _read(f"/proc/{entry.name}/stat").rpartition(b") ")[2][:24].partition(b" ")
            if state not in (b"", b"Z", b"X"):
                children.setdefault(int(parent.split()[0]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found[1:]


def _read(path: str) -> bytes:
    """The beginning of a file of /proc; nothing when it has gone since it was listed."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _keep_to(cores: bytes) -> None:
    """Stay on these processors, with the command, which inherits it; anywhere where that is not possible."""
    if not cores or not LINUX:
        return
    try:
        os.sched_setaffinity(0, [int(core) for core in cores.split(b",")])
    except OSError:
        return  # taken away since they were listed; the pair is then merely noisier


def _told_to_go(report: int) -> bool:
    """Say that everything is ready, and wait for the others; False when nobody wants it any more."""
    os.write(report, b"ready\n")
    return bool(os.read(LIFELINE, 1))


def _watch(timeout_s: float, watch: Watch) -> bool:
    """Wait for the command, ending it when it must be; returns whether that was for the time it took."""
    timed_out = False
    while watch.status is None and not (watch.abandoned or watch.overflowed or watch.fault or timed_out):
        left = watch.started + timeout_s - time.perf_counter()
        timed_out = left <= 0
        if not timed_out:
            watch.step(left)
    if watch.status is not None:
        watch.linger(SETTLE_S)
    if watch.alive():
        watch.end()
    watch.drain()
    return timed_out


def carry_out(report: int) -> None:
    """Run the command that is ordered and report."""
    order: Order = orders.read(LIFELINE)
    try:
        os.chdir(order.cwd)
        _keep_to(order.cores)
        watch = Watch(order)
        if order.waits and not _told_to_go(report):
            watch.end()
            os._exit(1)  # autoopt has died or given up
        watch.go()
    except OSError as error:
        place = os.fsdecode(order.cwd)
        os.write(report, f"fault=it could not be started in {place}: {error.strerror}\n".encode())
        return
    timed_out = _watch(order.timeout_s, watch)
    lines = {
        "code": -_signal.SIGKILL if watch.status is None else os.waitstatus_to_exitcode(watch.status),
        "wall_s": watch.wall_s or time.perf_counter() - watch.started,
        "cpu_s": max(0.0, watch.cpu_s - (watch.gate.built_s if watch.gate else 0.0)),
        "peak_bytes": watch.peak * (1024 if LINUX else 1),
        "timed_out": int(timed_out),
        "overflowed": int(watch.overflowed),
        "leftovers": len(watch.ended),
        "survivors": int(watch.alive()),
        "walled": int(watch.gate is None or watch.gate.passed()),
        "fault": watch.fault,
    }
    os.write(report, "".join(f"{name}={value}\n" for name, value in lines.items()).encode())
