"""What the loop drives, where an experiment is, and what measuring it brought."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from autoopt import judge
from autoopt.protocols import Bound, Guard, Meter, Proposer, Reporter, Workspace
from autoopt.records import Experiment, Failure, Pair, Sample, Task, Verdict


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


@dataclass(slots=True)
class Stages:
    """Tells the reporter where an experiment is, and adds up the seconds of each stage."""

    reporter: Reporter
    number: int
    seconds: dict[str, float] = field(default_factory=dict)
    _stage: str = ""
    _since: float = field(default_factory=monotonic)

    def enter(self, stage: str, detail: str = "") -> None:
        """The experiment is at this stage from now on."""
        now = monotonic()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now
        self.reporter.on_stage(self.number, stage, detail)

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
