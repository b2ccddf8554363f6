"""What the loop drives, where an experiment is, and what measuring it brought."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from autoopt import judge
from autoopt.processes import turns
from autoopt.processes.turns import Turns
from autoopt.protocols import Bound, Guard, Meter, Peers, Proposer, Reporter, Workspace
from autoopt.records import WAIT, Claim, Experiment, Failure, Pair, Sample, Task, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the loop drives; built by `autoopt.assemble`."""

    proposer: Proposer
    workspace: Workspace
    meter: Meter
    guards: tuple[Guard, ...]
    reporter: Reporter
    judge: judge.Judge
    publish: Callable[[Sequence[Experiment]], None]
    task: Task
    profile: Callable[[str], str] = lambda commit: ""
    bounds: tuple[Bound, ...] = ()
    holdout: Meter | None = None
    installed: Callable[[], tuple[str, ...]] = tuple
    """Directories of the user's checkout that packages are installed from, whoever imports them."""
    turns: Turns = field(default_factory=Turns)
    ready: Callable[[str], object] = lambda commit: None
    """Makes a commit's checkout ready to be measured in; a failure shows again when it is measured."""

    peers: Peers | None = None
    """The other runs of its search, where it is not alone."""

    claims: tuple[Claim, ...] = ()
    """What others say was tried before the run."""

    @contextmanager
    def turn(self, *commits: str) -> Iterator[None]:
        """The turn for samples of these commits, whose checkouts are made ready before it is waited for."""
        if not turns.has_turn():
            for commit in commits:
                self.ready(commit)
        with self.turns.measuring():
            yield


@dataclass(slots=True)
class Stages:
    """Tells the reporter where an experiment is, and adds up the seconds of each stage.

    Time in which the run waited for its turn on the machine is a stage of its own, whatever it was within.
    """

    reporter: Reporter
    number: int
    seconds: dict[str, float] = field(default_factory=dict)
    _stage: str = ""
    _detail: str = ""
    _since: float = field(default_factory=monotonic)
    _waited: float = field(default_factory=turns.waited_s)

    def enter(self, stage: str, detail: str = "") -> None:
        """The experiment is at this stage from now on."""
        now, waited = monotonic(), turns.waited_s()
        if self._stage:
            self._add(self._stage, now - self._since - (waited - self._waited))
        if waited > self._waited:
            self._add(WAIT, waited - self._waited)
        self._stage, self._detail, self._since, self._waited = stage, detail, now, waited
        turns.tell(self._waits)
        self.reporter.on_stage(self.number, stage, detail)

    def _add(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def _waits(self, whom: str) -> None:
        """Show that it waits for its turn, or where it goes on."""
        self.reporter.on_stage(self.number, WAIT if whom else self._stage, whom or self._detail)

    def total(self) -> dict[str, float]:
        """Seconds by stage, the present one included."""
        self.enter(self._stage)
        return {stage: round(seconds, 3) for stage, seconds in self.seconds.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What measuring a change brought: a verdict, or the failure that prevented one."""

    challengers: tuple[Sample, ...] = ()
    incumbents: tuple[Sample, ...] = ()
    further: tuple[Pair, ...] = ()
    verdict: Verdict | None = None
    failure: Failure | None = None
