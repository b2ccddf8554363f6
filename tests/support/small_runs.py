"""A real run in a small repository, with scripted ideas, that can be opened as another process would."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from support.folders import arms

from autoopt import journal as journals
from autoopt import loop
from autoopt.guards.command import CommandGuard
from autoopt.guards.constraint import Constraint
from autoopt.journal import Journal
from autoopt.judge import Judge
from autoopt.measure import Parts
from autoopt.meters.shell import ShellMeter
from autoopt.protocols import Bound
from autoopt.records import Proposal, Task
from autoopt.schema import (
    BudgetConfig,
    Config,
    ConstraintConfig,
    ExtractConfig,
    Extraction,
    GuardConfig,
    MetricConfig,
)
from autoopt.scope import Scope
from autoopt.testing.doubles import RecordingReporter, ScriptedProposer, proposal
from autoopt.workspaces.git import GitWorkspace

EXACT = "echo METRIC t=$(cat src/value.txt)"


def git(repo: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=repo, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make(root: Path) -> Path:
    (root / "src").mkdir(parents=True)
    (root / "src" / "value.txt").write_text("10")
    (root / "src" / "other.txt").write_text("x\n")
    (root / "outside.txt").write_text("keep out\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start")
    return root


def value(number: str) -> Proposal:
    return proposal("src/value.txt", number, f"set the value to {number}")


def comment(number: int) -> Proposal:
    return proposal("src/other.txt", f"# {number}\n", f"comment {number}")


class Run:
    """Options of `metric` go by name, budgets as `budget=`, constraints as `constraints=`."""

    def __init__(
        self,
        repo: Path,
        command: str = EXACT,
        *,
        budget: BudgetConfig | None = None,
        constraints: dict[str, ConstraintConfig] | None = None,
        kind: Extraction = Extraction.named,
        **metric: Any,
    ) -> None:
        self.repo = repo
        self.state = repo.parent / "state"
        self.state.mkdir()
        self.scope = Scope(["src"])
        extract = ExtractConfig(kind=kind, pattern="t" if kind is Extraction.named else "")
        metric = {"warmups": 0, "probe": False, **metric}
        self.config = Config(
            goal="a smaller number",
            scope=["src"],
            metric=MetricConfig(command=command, extract=extract, **metric),
            budget=budget or BudgetConfig(),
            constraints=constraints or {},
        )
        self.workspace = GitWorkspace.create(repo, "run", self.state, self.scope)
        self.journal = Journal.create(
            self.state / "journal.jsonl", run_id="run", base=self.workspace.base, goal=""
        )

    def reopen(self) -> None:
        self.workspace = GitWorkspace.reopen(self.state, self.scope)
        self.journal = Journal(self.state / "journal.jsonl")

    def parts(
        self,
        proposals: Sequence[Proposal] = (),
        guards: dict[str, str] | None = None,
        at_stage: Callable[[int, str, str], None] = lambda *_: None,
        bounds: Sequence[Bound] = (),
    ) -> Parts:
        metric = self.config.metric
        ready = arms(self.workspace, self.state / "logs", metric)
        bounds = (*bounds, *(Constraint(name, bound) for name, bound in self.config.constraints.items()))
        commands = tuple(
            CommandGuard(name, GuardConfig(), command, ready) for name, command in (guards or {}).items()
        )
        self.proposer = ScriptedProposer(proposals)
        self.reporter = RecordingReporter(at_stage)
        return Parts(
            proposer=self.proposer,
            workspace=self.workspace,
            meter=ShellMeter(metric, ready, None),
            guards=(*bounds, *commands),
            bounds=bounds,
            reporter=self.reporter,
            judge=Judge(self.config.verdict, metric.direction, metric.unit, metric.test_share),
            publish=partial(journals.publish, table=self.repo / "run.tsv", prose=self.repo / "run.log"),
            task=Task(goal=self.config.goal),
        )

    def go(self, proposals: Sequence[Proposal] = (), **more: Any) -> str:
        self.latest = self.parts(proposals, **more)
        return loop.run(self.config, self.latest, self.journal)

    def statuses(self) -> list[str]:
        return [experiment.status.value for experiment in self.journal.history]

    def notes(self) -> list[str]:
        return [str(event[1]) for name, event in self.reporter.events if name == "note"]
