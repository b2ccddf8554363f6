"""Runs as they lie there when they have ended, made quickly: commits, journal, settings; nothing measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from support.parallel_runs import Project

from autoopt import compose
from autoopt.journal import Journal
from autoopt.places import RunFiles, repository_id
from autoopt.records import (
    Change,
    Confirmation,
    Edit,
    Experiment,
    Finding,
    Omission,
    Outcome,
    Proposal,
    Status,
    Verdict,
)
from autoopt.schema import Config, MetricConfig
from autoopt.schema.report import ReportConfig
from autoopt.scope import Scope
from autoopt.workspaces.git import GitWorkspace

CLAIM = Confirmation(baseline=0.412, final=0.318, effect=0.259, low=0.247, high=0.27, pairs=8, is_ratio=True)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A kept change: what it makes of some files, None where it deletes one."""

    description: str
    files: Mapping[str, str | None]
    hypothesis: str = "it should help because it does less"


@dataclass(kw_only=True)
class Kept:
    """A run with kept changes, and what of its end is to be on record."""

    steps: Sequence[Step]
    name: str = "r"
    goal: str = "Make the queries faster"
    claim: Confirmation | None = CLAIM
    idle: Sequence[int] = ()
    pending: bool = False
    adopt: Mapping[str, str] = field(default_factory=dict)
    experiments: list[Experiment] = field(default_factory=list)

    def make(self, project: Project) -> Kept:
        control = project.root / ".git"
        files = RunFiles(project.state / "autoopt" / repository_id(control) / self.name)
        files.state.mkdir(parents=True)
        metric = MetricConfig(command="python bench.py", unit="s")
        report = ReportConfig(adopt=dict(self.adopt))
        config = Config(goal=self.goal, scope=["src"], metric=metric, report=report)
        files.config.write_text(compose.dump(config))
        workspace = GitWorkspace.create(project.root, self.name, files.state, Scope(["src"]))
        record = Journal.create(files.journal, run_id=self.name, base=workspace.base, goal=self.goal)
        self._decide(record, 0, Status.baseline, Step(description="", files={}), None, workspace.base)
        for number, step in enumerate(self.steps, start=1):
            with workspace.attempt(_proposal(step), number) as attempt:
                self._decide(record, number, Status.keep, step, attempt.change, attempt.change.parent)
                attempt.keep()
        self._end(record, workspace)
        workspace.close()
        return self

    def _end(self, record: Journal, workspace: GitWorkspace) -> None:
        if self.claim is not None and self.steps:
            record.confirmed(self.claim)
        gone: list[str] = []
        for number in self.idle:
            gone.append(self.experiments[number].commit)
            without = workspace.without(*gone)
            assert without is not None
            verdict = _verdict(0.001, -0.004, 0.006, Outcome.holds)
            record.omitted(Omission(number=number, commit=without, verdict=verdict))
        record.stop("the budget is spent")

    def _decide(
        self,
        record: Journal,
        number: int,
        status: Status,
        step: Step,
        change: Change | None,
        parent: str,
    ) -> None:
        record.begin(number, parent, step.description)
        experiment = Experiment(
            number=number,
            status=status,
            commit=parent if change is None else change.commit,
            parent=parent,
            description=step.description,
            hypothesis=step.hypothesis,
            area="a",
            source="t",
            paths=() if change is None else change.paths,
            added=0 if change is None else change.added,
            removed=0 if change is None else change.removed,
            verdict=None if change is None else _verdict(0.031, 0.018, 0.045, Outcome.better),
            findings=(Finding(guard="tests", passed=True, message=""),),
        )
        self.experiments.append(experiment)
        record.decided(experiment)
        if not (self.pending and number == len(self.steps)):
            record.done(number)


def _proposal(step: Step) -> Proposal:
    edits = tuple(
        Edit(path=path, content=None if text is None else text.encode()) for path, text in step.files.items()
    )
    return Proposal(
        description=step.description, hypothesis=step.hypothesis, area="a", source="t", edits=edits
    )


def _verdict(effect: float, low: float, high: float, outcome: Outcome) -> Verdict:
    return Verdict(
        outcome=outcome,
        effect=effect,
        low=low,
        high=high,
        probability=0.99,
        pairs=4,
        is_ratio=True,
        sentence="KEEP",
    )
