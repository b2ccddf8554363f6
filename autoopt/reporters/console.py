"""A run as it happens: a live region on a terminal, plain lines where there is none."""

from __future__ import annotations

import atexit
import contextlib
import select
import sys
import time
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Protocol

from rich.console import Console
from rich.text import Text

from autoopt.protocols import Reporter
from autoopt.records import Call, Confirmation, Experiment, Usage, Verdict
from autoopt.reporters import words
from autoopt.reporters.account import tally
from autoopt.reporters.live.glance import RECENT, Glance
from autoopt.reporters.live.region import Region, redraws
from autoopt.reporters.live.screen import TITLES, Size, lines
from autoopt.reporters.live.status import Now
from autoopt.reporters.shielding import failed, shielded
from autoopt.reporters.tables import experiment_line
from autoopt.schema import Direction

_HEARTBEAT_S = 30.0
_PATIENCE_S = 120.0


class Watcher(Reporter, Protocol):
    """A reporter that can also be told where another process is."""

    def at(self, now: Now) -> None:
        """The run is there."""
        ...

    def leave(self, why: str) -> None:
        """Stop telling, although the run has not ended."""
        ...


def reporter_for(console: Console, glance: Glance) -> Watcher:
    """A live region where the console can redraw one, else plain lines; `glance` is where the run begins."""
    if redraws(console):
        return LiveReporter(console, glance)
    return PlainReporter(console, direction=glance.direction)


class PlainReporter:
    """One line per event: the start, each decision, a sign of life in long measurements, the end."""

    def __init__(
        self, console: Console, *, direction: Direction = Direction.lower, heartbeat_s: float = _HEARTBEAT_S
    ) -> None:
        """Write to the console's stream; stages are told at most every `heartbeat_s` seconds."""
        self.warned = False
        self._console = console
        self._direction = direction
        self._heartbeat_s = heartbeat_s
        self._unit = ""
        self._evidence = ""
        self._day = ""
        self._spoke = monotonic()

    @shielded
    def on_start(self, run_id: str, goal: str, unit: str, experiments: int | None) -> None:
        """Say which run it is."""
        self._unit = unit
        budget = "" if experiments is None else f", {words.count(experiments, 'experiment')} at most"
        self._say(f"run {words.one_line(run_id)}: {words.one_line(goal) or 'no goal given'}{budget}")

    @shielded
    def on_stage(self, number: int, stage: str, detail: str) -> None:
        """Give a sign of life when nothing has been said for a while."""
        if detail.startswith("pair 1 "):
            self._evidence = ""
        if monotonic() - self._spoke >= self._heartbeat_s:
            said = (f"#{number} … {TITLES.get(stage, stage)}", words.one_line(detail), self._evidence)
            self._say("  ".join(filter(None, said)))

    @shielded
    def on_call(self, call: Call, total: Usage) -> None:
        """Say what an agent took."""
        here, so_far = words.usage(call.usage), words.usage(total)
        self._say(f"#{call.number} … {call.stage} by {words.one_line(call.agent)}: {here} (so far {so_far})")

    @shielded
    def on_note(self, number: int, text: str) -> None:
        """Say it."""
        self._say(f"#{number} … {words.one_line(text)}")

    @shielded
    def on_verdict(self, number: int, verdict: Verdict) -> None:
        """Remember the evidence for the next sign of life."""
        self._evidence = words.evidence(verdict, self._direction, self._unit)

    @shielded
    def on_experiment(self, experiment: Experiment, incumbent: Experiment) -> None:
        """Say what was decided."""
        self._evidence = ""
        self._say(experiment_line(experiment, self._unit))

    @shielded
    def on_finish(
        self, reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None
    ) -> None:
        """Say why it ended."""
        self._say(_end(reason, history, confirmation))

    @shielded
    def at(self, now: Now) -> None:
        """Give a sign of life of another process."""
        if now.stage.verdict is not None:
            self.on_verdict(now.stage.number, now.stage.verdict)
        if now.stage.name:
            self.on_stage(now.stage.number, now.stage.name, now.stage.detail)

    @shielded
    def leave(self, why: str) -> None:
        """Say why."""
        self._say(why)

    def _say(self, line: str | Text) -> None:
        """Write the line with the time, after the date where a day begins; it is there at once."""
        self._spoke, now = monotonic(), datetime.now()
        day = f"{now:%Y-%m-%d}"
        if day != self._day:
            self._day = day
            self._write(Text(f"{now:%H:%M:%S} {day}", style="dim"))
        self._write(Text.assemble((f"{now:%H:%M:%S} ", "dim"), line))

    def _write(self, line: Text) -> None:
        """One write and one flush a line, in colour where somebody forces that upon a pipe (FORCE_COLOR)."""
        stream = self._console.file
        encoding = getattr(stream, "encoding", None) or "utf-8"
        with self._console.capture() as said:
            self._console.print(line, soft_wrap=True)
        stream.write(words.encodable(said.get(), encoding))
        stream.flush()


def _end(reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None) -> str:
    confirmed = (
        "" if confirmation is None else f"; compared in {words.count(confirmation.pairs, 'fresh pair')}"
    )
    return f"ended: {words.one_line(reason)}; {tally(history)}{confirmed}"


class LiveReporter:
    """One small region at the foot of the terminal; what leaves it stays above as permanent lines."""

    def __init__(self, console: Console, glance: Glance) -> None:
        """Draw on the console; `glance` is what there is to see before anything happens."""
        self.warned = False
        self._console = console
        self._glance = glance
        self._region = Region(console, self._lines, lambda error: failed(self, error))
        self._is_over = False

    @shielded
    def on_start(self, run_id: str, goal: str, unit: str, experiments: int | None) -> None:
        """Open the region."""
        budget = replace(self._glance.budget, experiments=experiments)
        self._glance = replace(self._glance, run_id=run_id, goal=goal, unit=unit, budget=budget)
        self._glance = replace(self._glance, worked_at=time.time())
        self._region.open()
        atexit.register(self.close)  # whatever ends the process, its decisions stay on the terminal

    @shielded
    def on_stage(self, number: int, stage: str, detail: str) -> None:
        """Show where the experiment is; the clock runs from the stage's first word."""
        stage_now = self._glance.stage.next(number, stage, detail, time.time())
        self._show(replace(self._glance, stage=stage_now))

    @shielded
    def on_call(self, call: Call, total: Usage) -> None:
        """Show what agents have taken so far."""
        self._show(replace(self._glance, usage=total))

    @shielded
    def on_note(self, number: int, text: str) -> None:
        """Leave it above the region as a line."""
        self._region.print(Text(f"#{number} … {words.one_line(text)}", style="yellow"))

    @shielded
    def on_verdict(self, number: int, verdict: Verdict) -> None:
        """Show the evidence so far."""
        self._show(replace(self._glance, stage=replace(self._glance.stage, verdict=verdict)))

    @shielded
    def on_experiment(self, experiment: Experiment, incumbent: Experiment) -> None:
        """Show the decision; the oldest one shown moves up for good."""
        before = self._glance.recent[-RECENT:]
        glance = replace(self._glance.after([experiment]), incumbent=incumbent)
        self._glance = glance
        if len(before) == RECENT:
            self._region.print(experiment_line(before[0], glance.unit))
        self._region.refresh()

    @shielded
    def on_finish(
        self, reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None
    ) -> None:
        """Close the region and leave every line of it behind."""
        self.close()
        self._console.print(Text(_end(reason, history, confirmation)))

    @shielded
    def close(self) -> None:
        """Give the terminal back; the decisions in the region stay as lines. Twice is once."""
        if self._is_over:
            return
        self._is_over = True
        atexit.unregister(self.close)
        self._region.close()
        for experiment in self._glance.recent[-RECENT:]:
            self._console.print(experiment_line(experiment, self._glance.unit))

    @shielded
    def at(self, now: Now) -> None:
        """Show where another process is."""
        self._show(replace(self._glance, stage=now.stage, worked_s=now.worked_s, worked_at=now.at))

    @shielded
    def leave(self, why: str) -> None:
        """Give the terminal back and say why."""
        self.close()
        self._console.print(Text(why))

    def ask(self, question: str, patience_s: float = _PATIENCE_S) -> bool:
        """Put a question to whoever is at the terminal; no, where nobody answers in time."""
        with self._region.paused():
            return _answered(self._console, question, patience_s)

    def _show(self, glance: Glance) -> None:
        self._glance = glance
        self._region.refresh()

    def _lines(self, size: Size) -> list[Text]:
        return lines(self._glance, size, time.time())


def _answered(console: Console, question: str, patience_s: float) -> bool:
    """Whether somebody typed yes; a run that goes on through the night must not wait for them."""
    console.print(Text(f"{words.one_line(question)} [y/N, {words.duration(patience_s)}] "), end="")
    with contextlib.suppress(OSError, ValueError):  # standard input is closed, or nothing one can wait for
        if select.select([sys.stdin], [], [], patience_s)[0]:
            return sys.stdin.readline().strip().lower() in ("y", "yes")
    console.print("no answer: no")
    return False
