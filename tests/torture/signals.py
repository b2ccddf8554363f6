"""Ends autoopt as people and systems do: Ctrl-C, kill, a closed terminal, a reader that leaves, no memory.

`python -m tests.torture.signals [--cases interrupt …] [--rounds 1]` drives the real program in a project of
`kills`, with a metric that takes its time and leaves a process behind. Two seconds after the end nothing of
the run may be alive, the exit code has to tell what ended it, nothing says `Traceback`, and `autoopt resume`
brings the run to where an undisturbed twin is.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import twins
from .kills import Place

_GRACE_S = 2.0
_LIMIT_S = 90.0
_SLOW = "(sleep 300 &); [ -e {ended} ] || sleep 0.4; "
"""Before the metric: something to be left behind, and time to be interrupted in."""
_STOPS = "stops after this experiment"


@dataclass(frozen=True, slots=True)
class Case:
    """How a run is ended.

    Attributes:
        does: Given the process while it measures an experiment.
        codes: Exit codes that tell so.
        said: What standard error or output has to say.
        finishes: Whether the experiment that was being measured is decided; None where either may be.
        terminal: Whether it runs in a terminal of its own.
    """

    name: str
    does: Callable[[Running], None]
    codes: tuple[int, ...]
    said: str = ""
    finishes: bool | None = False
    terminal: bool = False


@dataclass(slots=True)
class Running:
    """The program at work.

    Attributes:
        master: The other end of its terminal, or of the pipe its output goes to.
    """

    process: subprocess.Popen[bytes]
    master: int
    heard: bytes = b""

    def send(self, *numbers: signal.Signals, pause_s: float = 0.15) -> None:
        """Send signals, with a moment between them."""
        for number in numbers:
            self.process.send_signal(number)
            time.sleep(pause_s)

    def type(self, text: bytes) -> None:
        """Type into its terminal."""
        os.write(self.master, text)

    def leave(self) -> None:
        """Close the terminal, or stop reading the output."""
        os.close(self.master)
        self.master = -1

    def starve(self) -> None:
        """Leave it hardly more memory than it has."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + (256 << 10)
        resource.prlimit(self.process.pid, resource.RLIMIT_AS, (most, most))

    def listen(self) -> None:
        """Hear what it has said up to now: a terminal holds little, and it would wait."""
        with contextlib.suppress(OSError):  # it has ended, and its terminal with it
            while select.select([self.master], [], [], 0)[0] and (chunk := os.read(self.master, 1 << 16)):
                self.heard += chunk

    def said(self) -> bytes:
        """Everything it says to its end."""
        found = self.heard
        while self.master >= 0:
            try:
                chunk = os.read(self.master, 1 << 16)
            except OSError:  # a terminal that nobody has open any more
                break
            if not chunk:
                break
            found += chunk
        return found


def _sends(*numbers: signal.Signals) -> Callable[[Running], None]:
    return lambda running: running.send(*numbers)


def _twice(running: Running) -> None:
    running.send(signal.SIGINT, signal.SIGINT)


CASES = {
    case.name: case
    for case in (
        Case("interrupt", _sends(signal.SIGINT), (130,), _STOPS, finishes=True),
        Case("two interrupts", _twice, (130,), _STOPS),
        Case("three interrupts", _sends(*(signal.SIGINT,) * 3), (130, -signal.SIGINT)),
        Case("terminate", _sends(signal.SIGTERM), (143,)),
        Case("terminate twice", _sends(signal.SIGTERM, signal.SIGTERM), (143, -signal.SIGTERM)),
        Case("hang up", _sends(signal.SIGHUP), (129,)),
        Case("quit", _sends(signal.SIGQUIT), (131,)),
        Case("stop and go on", _sends(signal.SIGSTOP, signal.SIGCONT), (0,), finishes=None),
        Case("typed interrupt", lambda run: run.type(b"\x03"), (130,), finishes=True, terminal=True),
        Case("closed terminal", Running.leave, (129,), terminal=True),
        Case("reader leaves", Running.leave, (0, 141), finishes=None),
        Case("little memory", Running.starve, (0, 4), finishes=None),
    )
}


class Machine(Place):
    """A project whose runs are ended."""

    def end(self, case: Case) -> Iterator[str]:
        """Start a run and end it so; what is wrong with how it ended and with how it goes on."""
        self.restore()
        running = self._begin_slowly(terminal=case.terminal)
        try:
            number = self._await_experiment(running)
            case.does(running)
            told = running.said().decode(errors="replace")
            code = running.process.wait(_LIMIT_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                running.process.kill()
            if running.master >= 0:
                os.close(running.master)
        self._ended.touch()  # what goes on need not take its time
        yield from self._complaints(case, code, told)
        if case.finishes is not None and self._decided(number) is not case.finishes:
            yield f"experiment {number} is {'not ' if case.finishes else ''}decided"
        yield from (f"{one.kind}: {one.told}" for _, one in self._judged("", [-code], []).faults)

    @property
    def _ended(self) -> Path:
        """Is there once a run has been ended."""
        return self.path / "ended"

    def _complaints(self, case: Case, code: int, told: str) -> Iterator[str]:
        last = " / ".join(told.splitlines()[-3:])
        if code not in case.codes:
            yield f"exit code {code}: {last}"
        if "Traceback" in told or "Exception ignored" in told:
            yield f"a traceback: {last}"
        if case.said not in told:
            yield f"it does not say that it {case.said}: {last}"
        if alive := twins.left_running(self.path, _GRACE_S)[0]:
            yield f"still running: {alive[0]}"

    def _begin_slowly(self, *, terminal: bool) -> Running:
        slow = f"metric.command={_SLOW.format(ended=self._ended)}"
        words = [word.replace("metric.command=", slow) for word in self.scenario.command]
        master, slave = pty.openpty() if terminal else os.pipe()
        process = subprocess.Popen(
            self._line(words),
            cwd=self.root,
            env={**self.environ, "TERM": "xterm"},
            stdin=slave if terminal else subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=(lambda: _control(0)) if terminal else None,
        )
        os.close(slave)
        return Running(process, master)

    def _await_experiment(self, running: Running) -> int:
        """Wait until a keep and a discard are made and the next experiment is being measured; its number."""
        limit = time.monotonic() + _LIMIT_S
        while time.monotonic() < limit and running.process.poll() is None:
            running.listen()
            events = self._events()
            if events and events[-1]["event"] == "EDITED" and events[-1]["number"] == 2:
                time.sleep(0.2)
                return 2
            time.sleep(0.01)
        raise RuntimeError(f"there was no second experiment: {running.said().decode(errors='replace')}")

    def _decided(self, number: int) -> bool:
        return any(one["event"] == "DECIDED" and one["number"] == number for one in self._events())

    def _events(self) -> list[dict[str, object]]:
        found = list(self.path.glob("state/autoopt/*/r/journal.jsonl"))
        lines = found[0].read_bytes().split(b"\n")[:-1] if found else []
        return [json.loads(line) for line in lines]


def _control(terminal: int) -> None:
    """Make it the terminal that signals this process."""
    import fcntl
    import termios

    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def end_runs(base: Path, names: Sequence[str], rounds: int = 1) -> list[str]:
    """End runs in these ways; what was wrong."""
    machine, wrong = Machine(base / "signals", "queue"), []
    for name in [*names] * rounds:
        faults = [f"{name}: {fault}" for fault in machine.end(CASES[name])]
        print(f"| {name} | {'; '.join(faults) or 'as it should'} |", flush=True)
        wrong += faults
    return wrong


def main() -> int:
    """Print the table; 1 where anything was wrong."""
    asked = argparse.ArgumentParser(prog="python -m tests.torture.signals", description=__doc__)
    asked.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    asked.add_argument("--rounds", type=int, default=1, help="how often each")
    asked.add_argument("--base", type=Path, help="where the project is made")
    chosen = asked.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.base, prefix="signals-") as base:
        return int(bool(end_runs(Path(base), chosen.cases, chosen.rounds)))


if __name__ == "__main__":
    sys.exit(main())
