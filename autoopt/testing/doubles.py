"""Scripted stand-ins for what cannot be had in a test: somebody with ideas, and somebody who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from autoopt.records import Brief, Call, Confirmation, Edit, Experiment, Failure, Proposal, Usage, Verdict


class ScriptedProposer:
    """Proposes what it was given, in order, and remembers what it was asked and told."""

    def __init__(self, proposals: Iterable[Proposal], repairs: Iterable[Proposal] = ()) -> None:
        """Propose each of `proposals` once; answer each crash with the next of `repairs`."""
        self._proposals = iter(proposals)
        self._repairs = iter(repairs)
        self.briefs: list[Brief] = []
        self.failures: list[Failure] = []
        self.told: list[Experiment] = []

    def ask(self, brief: Brief) -> Proposal | None:
        """The next proposal of the script."""
        self.briefs.append(brief)
        return next(self._proposals, None)

    def repair(self, proposal: Proposal, failure: Failure) -> Proposal | None:
        """The next repair of the script."""
        self.failures.append(failure)
        return next(self._repairs, None)

    def tell(self, experiment: Experiment) -> None:
        """Remember it."""
        self.told.append(experiment)


class RecordingReporter:
    """Remembers every event as (method, arguments); calls `at_stage` when an experiment enters a stage."""

    def __init__(self, at_stage: Callable[[int, str, str], None] = lambda *_: None) -> None:
        """Listen."""
        self._at_stage = at_stage
        self.events: list[tuple[str, tuple[object, ...]]] = []

    def on_start(self, run_id: str, goal: str, unit: str, experiments: int | None) -> None:
        """Remember it."""
        self.events.append(("start", (run_id, goal, unit, experiments)))

    def on_stage(self, number: int, stage: str, detail: str) -> None:
        """Remember it."""
        self.events.append(("stage", (number, stage, detail)))
        self._at_stage(number, stage, detail)

    def on_call(self, call: Call, total: Usage) -> None:
        """Remember it."""
        self.events.append(("call", (call, total)))

    def on_note(self, number: int, text: str) -> None:
        """Remember it."""
        self.events.append(("note", (number, text)))

    def on_verdict(self, number: int, verdict: Verdict) -> None:
        """Remember it."""
        self.events.append(("verdict", (number, verdict)))

    def on_experiment(self, experiment: Experiment, incumbent: Experiment) -> None:
        """Remember it."""
        self.events.append(("experiment", (experiment, incumbent)))

    def on_finish(
        self, reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None
    ) -> None:
        """Remember it."""
        self.events.append(("finish", (reason, history, confirmation)))


def proposal(path: str, content: str, description: str = "") -> Proposal:
    """A proposal that writes one file."""
    return Proposal(
        description=description or f"write {path}",
        hypothesis=f"Writing {path} should improve the metric because the test says so",
        area=path,
        source="script",
        edits=(Edit(path=path, content=content.encode()),),
    )
