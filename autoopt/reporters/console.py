"""A run as it happens: a live region on a terminal, plain lines where there is none."""

from __future__ import annotations

import atexit
import contextlib
import logging
import select
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from statistics import fmean
from threading import Event, Thread
from time import monotonic
from typing import IO, Concatenate, ParamSpec, Protocol, TypeVar

from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live
from rich.text import Text

from autoopt.protocols import Reporter
from autoopt.records import Call, Confirmation, Experiment, Status, Usage, Verdict
from autoopt.reporters import words
from autoopt.reporters.account import tally
from autoopt.reporters.tables import STYLES, experiment_line
from autoopt.schema import Direction

_RECENT = 6
_TICK_S = 0.25
_HEARTBEAT_S = 30.0
_PATIENCE_S = 120.0
_TITLES = {
    "confirm": "final comparison",
    "holdout": "final comparison by the holdout",
    "leave-one-out": "what each kept change is worth",
    "restart": "the incumbent anew",
    "target": "is the target reached?",
}
"""Stages that are no part of an experiment, as they are called in its place."""

_log = logging.getLogger(__name__)


class _Shielded(Protocol):
    warned: bool


_Self = TypeVar("_Self", bound=_Shielded)
_Arguments = ParamSpec("_Arguments")


def _shielded(
    method: Callable[Concatenate[_Self, _Arguments], None],
) -> Callable[Concatenate[_Self, _Arguments], None]:
    """The method, whose errors are logged (the first one) and go no further."""

    @wraps(method)
    def call(self: _Self, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        # A closed terminal or pipe, a mistake in here: hours of measuring are worth more than a line.
        except Exception as error:  # noqa: BLE001
            level = logging.DEBUG if self.warned else logging.WARNING
            self.warned = True
            _log.log(level, "the progress display failed, the run goes on: %s", error)

    return call


def reporter_for(
    console: Console, direction: Direction = Direction.lower, history: tuple[Experiment, ...] = ()
) -> Reporter:
    """A live region where the console can redraw one, else plain lines; `history` is a resumed run's."""
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveReporter(console, direction=direction, history=history)
    return PlainReporter(console.file, direction=direction)


class PlainReporter:
    """One line per event: the start, each decision, a sign of life in long measurements, the end."""

    def __init__(
        self, stream: IO[str], *, direction: Direction = Direction.lower, heartbeat_s: float = _HEARTBEAT_S
    ) -> None:
        """Write to the stream; stages are told at most every `heartbeat_s` seconds."""
        self.warned = False
        self._stream = stream
        self._direction = direction
        self._heartbeat_s = heartbeat_s
        self._unit = ""
        self._evidence = ""
        self._spoke = monotonic()

    @_shielded
    def on_start(self, run_id: str, goal: str, unit: str, experiments: int | None) -> None:
        """Say which run it is."""
        self._unit = unit
        budget = "" if experiments is None else f", {words.count(experiments, 'experiment')} at most"
        self._say(f"run {words.one_line(run_id)}: {words.one_line(goal) or 'no goal given'}{budget}")

    @_shielded
    def on_stage(self, number: int, stage: str, detail: str) -> None:
        """Give a sign of life when nothing has been said for a while."""
        if detail.startswith("pair 1 "):
            self._evidence = ""
        if monotonic() - self._spoke >= self._heartbeat_s:
            self._say(
                "  ".join(
                    filter(
                        None,
                        (f"#{number} … {_TITLES.get(stage, stage)}", words.one_line(detail), self._evidence),
                    )
                )
            )

    @_shielded
    def on_call(self, call: Call, total: Usage) -> None:
        """Say what an agent took."""
        here, so_far = words.usage(call.usage), words.usage(total)
        self._say(f"#{call.number} … {call.stage} by {words.one_line(call.agent)}: {here} (so far {so_far})")

    @_shielded
    def on_note(self, number: int, text: str) -> None:
        """Say it."""
        self._say(f"#{number} … {words.one_line(text)}")

    @_shielded
    def on_verdict(self, number: int, verdict: Verdict) -> None:
        """Remember the evidence for the next sign of life."""
        self._evidence = words.evidence(verdict, self._direction, self._unit)

    @_shielded
    def on_experiment(self, experiment: Experiment, incumbent: Experiment) -> None:
        """Say what was decided."""
        self._evidence = ""
        self._say(experiment_line(experiment, self._unit).plain)

    @_shielded
    def on_finish(
        self, reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None
    ) -> None:
        """Say why it ended."""
        self._say(_end(reason, history, confirmation))

    def _say(self, line: str) -> None:
        self._spoke = monotonic()
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.write(words.encodable(line, encoding) + "\n")
        self._stream.flush()


def _end(reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None) -> str:
    confirmed = (
        "" if confirmation is None else f"; compared in {words.count(confirmation.pairs, 'fresh pair')}"
    )
    return f"ended: {words.one_line(reason)}; {tally(history)}{confirmed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What the region shows; replaced whole, because another thread draws it."""

    run_id: str = ""
    goal: str = ""
    unit: str = ""
    experiments: int | None = None
    number: int = 0
    stage: str = ""
    detail: str = ""
    stage_began: float = 0.0
    evidence: str = ""
    spent: str = ""
    baseline: Experiment | None = None
    incumbent: Experiment | None = None
    decided: int = 0
    recent: tuple[Experiment, ...] = ()


class LiveReporter:
    """One small region at the foot of the terminal; what leaves it stays above as permanent lines."""

    def __init__(
        self,
        console: Console,
        *,
        direction: Direction = Direction.lower,
        history: tuple[Experiment, ...] = (),
    ) -> None:
        """Draw on the console; `history` is what a resumed run has decided before."""
        self.warned = False
        self._console = console
        self._direction = direction
        self._state = _State()
        for experiment in history:
            self._state = _decided(self._state, experiment)
        self._live = Live(
            console=console, auto_refresh=False, transient=True, get_renderable=lambda: _Region(self._state)
        )
        self._paused = False
        self._over = Event()
        self._ticker = Thread(target=self._tick, name="autoopt-display", daemon=True)

    @_shielded
    def on_start(self, run_id: str, goal: str, unit: str, experiments: int | None) -> None:
        """Open the region."""
        self._state = replace(self._state, run_id=run_id, goal=goal, unit=unit, experiments=experiments)
        self._live.start()
        atexit.register(self.close)  # whatever ends the process, the terminal gets its cursor back
        self._ticker.start()

    @_shielded
    def on_stage(self, number: int, stage: str, detail: str) -> None:
        """Show where the experiment is; the clock runs from the stage's first word."""
        state = self._state
        if (number, stage) != (state.number, state.stage):
            state = replace(state, number=number, stage=stage, stage_began=monotonic())
        evidence = state.evidence if stage == state.stage and not detail.startswith("pair 1 ") else ""
        self._state = replace(state, detail=detail, evidence=evidence)
        self._live.refresh()

    @_shielded
    def on_call(self, call: Call, total: Usage) -> None:
        """Show what agents have taken so far."""
        self._state = replace(self._state, spent=words.usage(total))
        self._live.refresh()

    @_shielded
    def on_note(self, number: int, text: str) -> None:
        """Leave it above the region as a line."""
        self._console.print(Text(f"#{number} … {words.one_line(text)}", style="yellow"))

    @_shielded
    def on_verdict(self, number: int, verdict: Verdict) -> None:
        """Show the evidence so far."""
        evidence = words.evidence(verdict, self._direction, self._state.unit)
        self._state = replace(self._state, evidence=evidence)
        self._live.refresh()

    @_shielded
    def on_experiment(self, experiment: Experiment, incumbent: Experiment) -> None:
        """Show the decision; the oldest one shown moves up for good."""
        before = self._state.recent
        self._state = replace(_decided(self._state, experiment), incumbent=incumbent)
        if len(before) == _RECENT:
            self._console.print(experiment_line(before[0], self._state.unit))
        self._live.refresh()

    @_shielded
    def on_finish(
        self, reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None
    ) -> None:
        """Close the region and leave every line of it behind."""
        self.close()
        self._console.print(Text(_end(reason, history, confirmation)))

    @_shielded
    def close(self) -> None:
        """Give the terminal back; the decisions in the region stay as lines. Twice is once."""
        if self._over.is_set():
            return
        self._over.set()
        atexit.unregister(self.close)
        self._live.stop()
        for experiment in self._state.recent:
            self._console.print(experiment_line(experiment, self._state.unit))

    def ask(self, question: str, patience_s: float = _PATIENCE_S) -> bool:
        """Put a question to whoever is at the terminal; no, where nobody answers in time."""
        self._paused = True
        self._live.stop()
        try:
            return _answered(self._console, question, patience_s)
        finally:
            self._live.start()
            self._paused = False

    def _tick(self) -> None:
        while not self._over.wait(_TICK_S):
            if not self._paused:
                self._redraw()

    @_shielded
    def _redraw(self) -> None:
        self._live.refresh()


def _answered(console: Console, question: str, patience_s: float) -> bool:
    """Whether somebody typed yes; a run that goes on through the night must not wait for them."""
    console.print(Text(f"{words.one_line(question)} [y/N, {words.duration(patience_s)}] "), end="")
    with contextlib.suppress(OSError, ValueError):  # standard input is closed, or nothing one can wait for
        if select.select([sys.stdin], [], [], patience_s)[0]:
            return sys.stdin.readline().strip().lower() in ("y", "yes")
    console.print("no answer: no")
    return False


def _decided(state: _State, experiment: Experiment) -> _State:
    """The state after this decision, in the run or before it was resumed."""
    is_baseline = experiment.status is Status.baseline
    return replace(
        state,
        baseline=experiment if is_baseline else state.baseline,
        incumbent=experiment if is_baseline or experiment.status is Status.keep else state.incumbent,
        decided=state.decided + (not is_baseline),
        recent=(*state.recent, experiment)[-_RECENT:],
        evidence="",
    )


@dataclass(frozen=True, slots=True)
class _Region:
    """The region's lines, cut to the width: a line that wraps would be drawn over at the next change."""

    state: _State

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for line in self._lines(options.max_width):
            line.no_wrap, line.overflow = True, "ellipsis"
            yield line

    def _lines(self, width: int) -> Iterator[Text]:
        state = self.state
        yield Text("─" * min(width, 60), style="dim")
        goal = f"  {words.one_line(state.goal)}" if state.goal else ""
        yield Text.assemble((words.one_line(state.run_id), "bold"), goal)
        yield self._progress()
        if best := self._best():
            yield Text(best)
        if state.evidence:
            yield Text(state.evidence, style="italic")
        if state.spent:
            yield Text(f"agents: {state.spent}", style="dim")
        for experiment in reversed(state.recent):
            yield self._recent(experiment, width)

    def _progress(self) -> Text:
        state = self.state
        total = "" if state.experiments is None else f" of {state.experiments}"
        where = "baseline" if state.number == 0 else f"experiment {state.number}{total}"
        where = _TITLES.get(state.stage, where)
        elapsed_s = int(monotonic() - state.stage_began)
        spent = words.duration(elapsed_s) if state.stage and elapsed_s else ""
        stage = "" if state.stage in _TITLES else state.stage
        doing = " ".join(filter(None, (stage, words.one_line(state.detail))))
        return Text(" · ".join(filter(None, (where, doing, spent, self._left()))))

    def _left(self) -> str:
        """Experiments left, and the time they take if they are like the latest."""
        if self.state.experiments is None:
            return ""
        left = max(0, self.state.experiments - self.state.decided)
        lately = [sum(e.seconds.values()) for e in self.state.recent if e.status is not Status.baseline]
        about = f", about {words.duration(left * fmean(lately))}" if left and lately else ""
        return f"{left} left{about}"

    def _best(self) -> str:
        best, baseline = self.state.incumbent, self.state.baseline
        if best is None or best.value is None:
            return ""
        shown = f"incumbent {words.number(best.value, self.state.unit)}"
        if best.status is Status.baseline:
            return f"{shown} (baseline)"
        if baseline is None or baseline.value is None:
            return f"{shown} (#{best.number})"
        gained = words.raw_change(baseline.value, best.value)
        against = f"baseline {words.number(baseline.value, self.state.unit)}"
        return f"{shown} (#{best.number}), {against}, {gained} so far" if gained else f"{shown}, {against}"

    def _recent(self, experiment: Experiment, width: int) -> Text:
        """Status and verdict first: on a narrow terminal they are what is left."""
        line = Text.assemble(
            f"#{experiment.number:<3}", (f"{words.status(experiment):<9}", STYLES[experiment.status])
        )
        why = words.decision(experiment) or words.moved(experiment, self.state.unit)
        line.append(f" {why}")
        if width >= 60:
            line.append(f"  {words.one_line(experiment.description)}", style="dim")
        return line
