"""What is measured at the end of a run, on real repositories and real commands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.folders import arms

from autoopt import loop
from autoopt.errors import UsageError
from autoopt.journal import Journal
from autoopt.judge import Judge
from autoopt.measure import Parts, final
from autoopt.meters.shell import ShellMeter
from autoopt.records import Outcome, Proposal, Task
from autoopt.schema import (
    Config,
    ExtractConfig,
    Extraction,
    FinalConfig,
    HoldoutConfig,
    MetricConfig,
)
from autoopt.scope import Scope
from autoopt.testing.doubles import RecordingReporter, ScriptedProposer, proposal
from autoopt.workspaces.git import GitWorkspace

# Each file with "fast" in it takes one off; a and b stand in for one another.
COMMAND = "n=10; grep -q fast src/a src/b && n=$((n-1)); grep -q fast src/c && n=$((n-1)); echo METRIC t=$n"
HIDDEN = "echo METRIC t=$(grep -q fast src/c && echo 77731.5 || echo 88831.5)"


def git(repo: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=repo, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def metric(command: str) -> MetricConfig:
    extract = ExtractConfig(kind=Extraction.named, pattern="t")
    return MetricConfig(command=command, extract=extract, warmups=0, probe=False)


class Run:
    def __init__(self, folder: Path) -> None:
        self.repo, self.state = folder / "project", folder / "state"
        (self.repo / "src").mkdir(parents=True)
        self.state.mkdir()
        for name in "abc":
            (self.repo / "src" / name).write_text("slow\n")
        git(self.repo, "init", "-q", "-b", "main")
        git(self.repo, "add", ".")
        git(self.repo, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start")
        self.config = Config(scope=["src"], metric=metric(COMMAND))
        self.workspace = GitWorkspace.create(self.repo, "run", self.state, Scope(["src"]))
        self.journal = Journal.create(
            self.state / "journal.jsonl", run_id="run", base=self.workspace.base, goal=""
        )

    def go(self, proposals: list[Proposal], stage: object = None, holdout: str | None = None) -> None:
        self.proposer = ScriptedProposer(proposals)
        self.reporter = RecordingReporter(stage) if stage else RecordingReporter()  # type: ignore[arg-type]
        config = self.config
        ready = arms(self.workspace, self.state / "logs", config.metric)
        parts = Parts(
            proposer=self.proposer,
            workspace=self.workspace,
            meter=ShellMeter(config.metric, ready, None),
            guards=(),
            reporter=self.reporter,
            judge=Judge(config.verdict, config.metric.direction, ""),
            publish=lambda history: None,
            task=Task(goal=""),
            holdout=ShellMeter(metric(holdout), ready, None) if holdout else None,
        )
        loop.run(config, parts, self.journal)

    def reopen(self) -> None:
        self.workspace = GitWorkspace.reopen(self.state, Scope(["src"]))
        self.journal = Journal(self.state / "journal.jsonl")


def fast(name: str) -> Proposal:
    return proposal(f"src/{name}", "fast\n")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_each_kept_change_is_left_out_once_and_what_pays_stays(run: Run) -> None:
    run.go([fast("a"), fast("c")])

    assert [omission.number for omission in run.journal.omissions] == [2, 1]
    assert all(omission.pays for omission in run.journal.omissions)
    assert {one.verdict.outcome for one in run.journal.omissions if one.verdict} == {Outcome.worse}


def test_a_single_kept_change_is_not_measured_twice(run: Run) -> None:
    run.go([fast("a")])

    assert run.journal.confirmation is not None
    assert run.journal.omissions == []


def test_leaving_out_can_be_turned_off(run: Run) -> None:
    run.config.final = FinalConfig(leave_one_out=False)
    run.go([fast("a"), fast("c")])

    assert run.journal.omissions == []


def test_an_ended_process_goes_on_with_the_pieces_that_are_missing(run: Run) -> None:
    def stop(number: int, stage: str, detail: str) -> None:
        if detail.startswith("without #1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.go([fast("a"), fast("c")], stop, HIDDEN)
    assert [omission.number for omission in run.journal.omissions] == [2]
    run.reopen()
    run.go([], None, HIDDEN)

    events = (run.state / "journal.jsonl").read_text()
    assert [omission.number for omission in run.journal.omissions] == [2, 1]
    assert events.count('"CONFIRMED"') == events.count('"HELD_OUT"') == 1
    assert events.count('"OMITTED"') == 2


def test_a_holdout_without_a_number_is_told_with_its_reason(run: Run) -> None:
    run.go([fast("a")], None, "echo nothing")

    assert run.journal.holdout is None
    assert any("the holdout gave no number: " in repr(event) for event in run.reporter.events)


def test_the_holdout_is_measured_at_the_end_and_no_proposer_learns_of_it(run: Run) -> None:
    run.go([fast("a"), fast("c")], None, HIDDEN)
    run.reopen()
    run.go([fast("b")], None, HIDDEN)

    assert run.journal.holdout is not None
    assert (run.journal.holdout.baseline, run.journal.holdout.final) == (88831.5, 77731.5)
    known = repr((run.proposer.briefs, run.proposer.told))
    assert "77731.5" not in known
    assert "88831.5" not in known
    assert run.proposer.briefs


def test_what_loses_on_the_holdout_is_not_kept_where_it_is_asked_each_time(run: Run) -> None:
    overfitted = "echo METRIC t=$(grep -q fast src/a && echo 88831.5 || echo 77731.5)"
    run.config.final.holdout.each_keep = True

    run.go([fast("a"), fast("c")], None, overfitted)

    assert [past.status.value for past in run.journal.history] == ["baseline", "inspector-reject", "keep"]
    (finding,) = run.journal.history[1].findings
    assert (finding.guard, finding.suspect) == ("holdout", False)
    assert not {"77731", "88831"} & {word[:5] for word in repr(run.proposer.briefs).split()}


def test_a_holdout_that_is_asked_each_time_has_to_work_at_the_base(run: Run) -> None:
    run.config.final.holdout.each_keep = True

    with pytest.raises(UsageError, match=r"final\.holdout\.command: .*, at the commit the run starts from"):
        run.go([fast("a")], None, "echo nothing")


@pytest.mark.parametrize(
    "config",
    [
        FinalConfig(max_pairs=1),
        FinalConfig(holdout=HoldoutConfig(timeout_s=3.0)),
        FinalConfig(holdout=HoldoutConfig(each_keep=True)),
    ],
)
def test_settings_that_cannot_work_are_refused(config: FinalConfig) -> None:
    with pytest.raises(UsageError, match=r"final\."):
        final.check(config)
