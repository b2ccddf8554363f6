"""The whole loop on real repositories and real commands; only the ideas are scripted."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from support.folders import arms

from autoopt import journal as journals
from autoopt import loop
from autoopt.errors import AgentError, BudgetSpentError, IncumbentError, RepositoryError, UsageError
from autoopt.guards.command import CommandGuard
from autoopt.journal import Journal
from autoopt.judge import Judge
from autoopt.measure import Parts
from autoopt.meters.shell import ShellMeter
from autoopt.records import Brief, Call, Outcome, Proposal, Status, Task, Usage
from autoopt.schema import (
    BudgetConfig,
    Config,
    Direction,
    ExtractConfig,
    Extraction,
    GuardConfig,
    MetricConfig,
)
from autoopt.scope import Scope
from autoopt.testing.doubles import RecordingReporter, ScriptedProposer, proposal
from autoopt.workspaces.git import GitWorkspace

# The number in the file, with noise that pairs share by their seed: 10.000 to 10.019 for 10.
NOISY = "echo METRIC t=$(cat src/value.txt).$(printf %03d $((AUTOOPT_SEED * 7919 % 20)))"
EXACT = "echo METRIC t=$(cat src/value.txt)"


def git(repo: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=repo, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "src" / "value.txt").write_text("10")
    (root / "src" / "other.txt").write_text("x\n")
    (root / "outside.txt").write_text("keep out\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start")
    return root


class Bench:
    """A run in a repository, that can be opened again as another process would."""

    def __init__(self, repo: Path, *, command: str = EXACT, **options: object) -> None:
        self.repo = repo
        self.state = repo.parent / "state"
        self.state.mkdir()
        self.scope = Scope(["src"])
        self.config = Config(
            goal="a smaller number",
            scope=["src"],
            metric=MetricConfig(
                command=command,
                extract=ExtractConfig(kind=Extraction.named, pattern="t"),
                warmups=0,
                direction=Direction.lower,
                target=options.pop("target", None),  # type: ignore[arg-type]
                probe=bool(options.pop("probe", False)),
            ),
            budget=BudgetConfig(**options),  # type: ignore[arg-type]
        )
        self.workspace = GitWorkspace.create(repo, "run", self.state, self.scope)
        self.journal = Journal.create(
            self.state / "journal.jsonl", run_id="run", base=self.workspace.base, goal=""
        )

    def reopen(self) -> None:
        self.workspace = GitWorkspace.reopen(self.state, self.scope)
        self.journal = Journal(self.state / "journal.jsonl")

    def run(
        self,
        proposals: Sequence[Proposal],
        *,
        repairs: Sequence[Proposal] = (),
        guards: dict[str, str] | None = None,
        at_stage: Callable[[int, str, str], None] = lambda *_: None,
        proposer: ScriptedProposer | None = None,
    ) -> str:
        self.proposer = proposer or ScriptedProposer(proposals, repairs)
        self.reporter = RecordingReporter(at_stage)
        metric = self.config.metric
        ready = arms(self.workspace, self.state / "logs", metric)
        parts = Parts(
            proposer=self.proposer,
            workspace=self.workspace,
            meter=ShellMeter(metric, ready, None),
            guards=tuple(
                CommandGuard(name, GuardConfig(), command, ready) for name, command in (guards or {}).items()
            ),
            reporter=self.reporter,
            judge=Judge(self.config.verdict, metric.direction, metric.unit),
            publish=partial(journals.publish, table=self.repo / "run.tsv", prose=self.repo / "run.log"),
            task=Task(goal=self.config.goal),
        )
        return loop.run(self.config, parts, self.journal)

    def statuses(self) -> list[str]:
        return [experiment.status.value for experiment in self.journal.history]

    def branch(self) -> str:
        return git(self.repo, "rev-parse", "autoresearch/run")


def value(number: str) -> Proposal:
    return proposal("src/value.txt", number, f"set the value to {number}")


def test_only_improvements_stay_on_the_branch(repo: Path) -> None:
    bench = Bench(repo)

    reason = bench.run([value("9"), value("12"), value("9\n\n"), value("7")])

    assert reason == "nobody has an idea left to try"
    assert bench.statuses() == ["baseline", "keep", "discard", "discard", "keep"]
    assert git(repo, "log", "--format=%s", "main..autoresearch/run").splitlines() == [
        "experiment: set the value to 7",
        "experiment: set the value to 9",
    ]
    assert git(repo, "show", "autoresearch/run:src/value.txt") == "7"
    assert (bench.workspace.desk / "src" / "value.txt").read_text() == "7"


def test_noisy_numbers_are_judged_in_interleaved_pairs(repo: Path) -> None:
    bench = Bench(repo, command=NOISY)

    bench.run([value("9"), value("10\n"), value("11")])

    assert bench.statuses() == ["baseline", "keep", "discard", "discard"]
    kept = bench.journal.history[1]
    assert kept.verdict is not None
    assert kept.verdict.outcome is Outcome.better
    assert kept.verdict.pairs == len(journals.pairs(kept)) >= 2
    assert all(pair.incumbent.seed == pair.challenger.seed for pair in journals.pairs(kept))
    assert bench.journal.confirmation is not None
    assert 9.0 < bench.journal.confirmation.final < bench.journal.confirmation.baseline < 10.1


def test_the_users_checkout_is_as_it_was(repo: Path) -> None:
    (repo / "src" / "other.txt").write_text("work in progress\n")
    (repo / "notes.txt").write_text("mine\n")
    before = {
        path: path.read_bytes() for path in repo.rglob("*") if path.is_file() and ".git" not in path.parts
    }
    index, head, config = ((repo / ".git" / name).read_bytes() for name in ("index", "HEAD", "config"))
    bench = Bench(repo)

    bench.run([value("9"), value("12")])

    assert {path: path.read_bytes() for path in before} == before
    assert [(repo / ".git" / name).read_bytes() for name in ("index", "HEAD", "config")] == [
        index,
        head,
        config,
    ]
    assert git(repo, "rev-parse", "main") == bench.workspace.base
    assert git(repo, "fsck", "--strict") == ""


def test_a_change_that_breaks_the_command_is_a_crash_without_a_number(repo: Path) -> None:
    bench = Bench(repo)

    bench.run([value("nine"), value("9")])

    crash = bench.journal.history[1]
    assert crash.status is Status.crash
    assert crash.value is None
    assert crash.failure is not None
    assert "t" in crash.failure.reason
    assert (repo / "run.tsv").read_text().splitlines()[2].split("\t")[2:4] == ["", "crash"]
    assert bench.statuses()[2] == "keep"


def test_a_repair_amends_the_commit(repo: Path) -> None:
    bench = Bench(repo)

    bench.run([value("nine")], repairs=[value("neun"), value("9")])

    kept = bench.journal.history[1]
    assert kept.status is Status.keep
    assert kept.value == 9.0
    assert len(bench.proposer.failures) == 2
    assert git(repo, "log", "--format=%P", "-1", "autoresearch/run") == bench.workspace.base


def test_two_repairs_are_all_there_are(repo: Path) -> None:
    bench = Bench(repo)

    bench.run([value("a")], repairs=[value("b"), value("c"), value("9")])

    assert bench.statuses() == ["baseline", "crash"]


def test_a_guard_overrules_a_better_number(repo: Path) -> None:
    bench = Bench(repo)

    bench.run([value("3"), value("8")], guards={"sane": "test $(cat src/value.txt) -gt 5"})

    rejected = bench.journal.history[1]
    assert rejected.status is Status.inspector_reject
    assert [finding.guard for finding in rejected.findings if not finding.passed] == ["sane"]
    assert bench.statuses()[2] == "keep"


def test_guards_are_not_run_for_changes_that_bring_nothing(repo: Path) -> None:
    bench = Bench(repo)
    ran = repo.parent / "ran"

    bench.run([value("12"), value("9")], guards={"count": f"echo x >> {ran}"})

    assert bench.statuses() == ["baseline", "discard", "keep"]
    assert ran.read_text().split() == ["x", "x"]  # at the base, and for the keep


def test_an_edit_outside_the_scope_is_rejected_before_anything_is_committed(repo: Path) -> None:
    bench = Bench(repo)

    bench.run([proposal("outside.txt", "changed\n"), value("9")])

    rejected = bench.journal.history[1]
    assert rejected.status is Status.inspector_reject
    assert rejected.commit == ""
    assert "outside.txt" in rejected.findings[0].message
    assert bench.statuses()[2] == "keep"


def test_a_proposal_that_changes_nothing_is_not_measured(repo: Path) -> None:
    bench = Bench(repo)

    bench.run([value("10")])

    assert bench.statuses() == ["baseline", "discard"]
    assert bench.journal.history[1].measurement is None


def test_the_run_stops_at_the_target(repo: Path) -> None:
    bench = Bench(repo, target=8.0)

    reason = bench.run([value("9"), value("8"), value("7")])

    assert reason == "the target 8 is reached"
    assert bench.statuses() == ["baseline", "keep", "keep"]


def test_a_baseline_without_a_number_says_why(repo: Path) -> None:
    bench = Bench(repo, command="echo no number here; exit 3")

    with pytest.raises(UsageError, match="no number here"):
        bench.run([value("9")])


def test_a_metric_that_ignores_the_scope_is_noticed_before_anything_is_spent(repo: Path) -> None:
    bench = Bench(repo, command="echo METRIC t=5", probe=True)

    with pytest.raises(UsageError, match=r"garbage in every file"):
        bench.run([value("9")])
    assert (bench.workspace.desk / "src" / "value.txt").read_text() == "10"


def test_a_metric_that_runs_the_scope_passes_the_probe(repo: Path) -> None:
    bench = Bench(repo, probe=True)

    bench.run([value("9")])

    assert bench.statuses() == ["baseline", "keep"]


def test_an_interrupted_run_reverts_and_resumes_with_a_new_number(repo: Path) -> None:
    bench = Bench(repo, experiments=2)

    def interrupt(number: int, stage: str, detail: str) -> None:
        if (number, stage) == (2, "measure"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run([value("9"), value("8")], at_stage=interrupt)

    assert bench.journal.stopped == loop.INTERRUPTED
    assert git(bench.workspace.desk, "status", "--porcelain") == ""
    bench.reopen()
    assert bench.journal.next_number == 3

    reason = bench.run([value("8"), value("7")])

    assert reason == "the budget of 2 experiments is spent"
    assert [experiment.number for experiment in bench.journal.history] == [0, 1, 3]
    assert [experiment.number for experiment in bench.proposer.told] == [0, 1, 3]
    assert git(repo, "show", "autoresearch/run:src/value.txt") == "8"


def test_a_keep_that_was_decided_but_not_carried_out_is_completed(repo: Path) -> None:
    bench = Bench(repo)
    bench.run([value("9")])
    lines = bench.journal.path.read_bytes().splitlines(keepends=True)
    upto = next(n for n, line in enumerate(lines) if b'"DECIDED"' in line and b'"keep"' in line)
    bench.journal.path.write_bytes(b"".join(lines[: upto + 1]))
    kept = bench.branch()
    git(repo, "update-ref", "refs/heads/autoresearch/run", bench.workspace.base)
    bench.reopen()

    bench.run([value("8")])

    assert bench.statuses() == ["baseline", "keep", "keep"]
    assert git(repo, "rev-parse", "autoresearch/run~1") == kept


def test_a_branch_that_somebody_moved_stops_the_resume(repo: Path) -> None:
    bench = Bench(repo)
    bench.run([value("9")])
    lines = bench.journal.path.read_bytes().splitlines(keepends=True)
    upto = next(n for n, line in enumerate(lines) if b'"DECIDED"' in line and b'"keep"' in line)
    bench.journal.path.write_bytes(b"".join(lines[: upto + 1]))
    tree = git(repo, "rev-parse", "HEAD^{tree}")
    other = git(repo, "-c", "user.name=t", "-c", "user.email=t@t", "commit-tree", tree, "-m", "mine")
    git(repo, "update-ref", "refs/heads/autoresearch/run", other)
    bench.reopen()

    with pytest.raises(RepositoryError, match="moved"):
        bench.run([value("8")])


def test_a_resume_brings_the_judge_to_the_same_mind(repo: Path) -> None:
    once = Bench(repo, command=NOISY)
    once.run([value("9"), value("11"), value("8")])
    bench = Bench.__new__(Bench)
    bench.__dict__ = dict(once.__dict__)
    bench.reopen()

    bench.run([])
    again = [experiment.verdict for experiment in bench.journal.history]

    assert again == [experiment.verdict for experiment in once.journal.history]
    assert bench.journal.confirmation is not None


def test_an_exact_metric_that_turns_out_noisy_goes_on_in_pairs(repo: Path) -> None:
    counter = repo.parent / "count"
    flaky = (
        f"n=$(cat {counter} 2>/dev/null || echo 0); echo $((n + 1)) > {counter}; "
        "echo METRIC t=$(cat src/value.txt).$((n < 5 ? 0 : n % 3))"
    )
    bench = Bench(repo, command=flaky)

    bench.run([value("8")])

    kept = bench.journal.history[1]
    assert kept.verdict is not None
    assert kept.status is Status.keep
    assert kept.verdict.pairs == len(journals.pairs(kept)) >= 2
    assert Journal(bench.journal.path).history == bench.journal.history


def test_a_guard_that_fails_before_anything_is_changed_is_said_at_once(repo: Path) -> None:
    bench = Bench(repo)

    with pytest.raises(
        UsageError, match=r"guards\.tests: does not pass at the commit the run starts from"
    ) as said:
        bench.run([value("9")], guards={"tests": "echo no; false"})

    assert str(said.value).endswith("mend it and commit, or guards.tests.command=null goes without.")


@pytest.mark.parametrize("left", ["src/value.txt", "results.log"])
def test_what_a_command_leaves_behind_does_not_age_one_arm_only(repo: Path, left: str) -> None:
    """A command that gets slower with every run of a checkout, as with a growing history file."""
    command = f"echo 1 >> {left}; echo METRIC t=$((100 + 5 * $(wc -l < {left})))"
    bench = Bench(repo, command=command)

    bench.run([proposal("src/other.txt", f"# {n}\n", f"comment {n}") for n in range(5)])

    assert bench.statuses() == ["baseline", *["discard"] * 5]


def test_a_world_that_changes_is_not_credited_to_a_change(repo: Path) -> None:
    outside = repo.parent / "load"
    outside.write_text("100")
    bench = Bench(repo, command=f"echo METRIC t=$(cat {outside})")

    def change_the_world(number: int, stage: str, detail: str) -> None:
        if (number, stage) == (2, "edit"):
            outside.write_text("90")

    comments = [proposal("src/other.txt", f"# {n}\n", f"comment {n}") for n in range(3)]
    bench.run(comments, at_stage=change_the_world)

    assert bench.statuses() == ["baseline", "discard", "discard", "discard"]
    assert Journal(bench.journal.path).history == bench.journal.history


def test_a_count_may_reach_zero_and_go_on(repo: Path) -> None:
    bench = Bench(repo)

    bench.run([value("3"), value("0"), value("2"), value("-1"), value("5")])
    bench.reopen()
    bench.run([value("-2")])

    assert bench.statuses() == ["baseline", "keep", "keep", "discard", "keep", "discard", "keep"]


def test_a_command_that_fails_now_and_then_does_not_end_the_run(repo: Path) -> None:
    counter = repo.parent / "count"
    flaky = f"echo x >> {counter}; test $(($(wc -l < {counter}) % 5)) -gt 0 && " + NOISY
    bench = Bench(repo, command=flaky)

    bench.run([value("9"), value("10\n"), value("8")])

    assert bench.statuses() == ["baseline", "keep", "discard", "keep"]
    assert bench.journal.confirmation is not None


def test_an_incumbent_that_no_longer_runs_ends_with_an_account(repo: Path) -> None:
    switch = repo.parent / "off"
    bench = Bench(repo, command=f"test ! -e {switch} && " + NOISY)

    def switch_off(number: int, stage: str, detail: str) -> None:
        if (number, stage) == (2, "edit"):
            switch.write_text("")

    with pytest.raises(IncumbentError, match="no longer runs"):
        bench.run([value("9"), value("8")], at_stage=switch_off)

    assert bench.journal.stopped is not None
    assert bench.reporter.events[-1][0] == "finish"
    switch.unlink()
    bench.reopen()
    bench.run([value("8")])
    assert bench.statuses() == ["baseline", "keep", "keep"]


@pytest.mark.parametrize("removal", ["git", "rm"])
@pytest.mark.parametrize("stage", ["ask", "measure"])
def test_a_desk_that_somebody_removes_comes_back(repo: Path, removal: str, stage: str) -> None:
    bench = Bench(repo)

    def remove(number: int, at: str, detail: str) -> None:
        if (number, at) == (2, stage) and bench.workspace.desk.exists():
            if removal == "git":
                git(repo, "worktree", "remove", "--force", str(bench.workspace.desk))
            else:
                shutil.rmtree(bench.workspace.desk)

    bench.run([value("9"), value("8"), value("7")], at_stage=remove)

    assert bench.statuses() == ["baseline", "keep", "keep", "keep"]
    assert git(bench.workspace.desk, "status", "--porcelain") == ""
    assert git(repo, "fsck", "--strict") == ""


def test_a_failure_at_the_head_of_a_pipe_is_no_fast_run(repo: Path) -> None:
    bench = Bench(repo, command="bash src/value.txt | tail -1", probe=False)
    bench.config.metric.extract.kind = Extraction.wall
    bench.config.metric.extract.pattern = ""

    with pytest.raises(UsageError, match="exit code 127"):  # `10` is no command
        bench.run([])


class Editor(ScriptedProposer):
    """Edits the desk itself, as an agent does; `ask` runs the next of some actions on it."""

    def __init__(self, actions: Sequence[Callable[[Path], None]]) -> None:
        super().__init__([])
        self._actions = iter(actions)

    def ask(self, brief: Brief) -> Proposal | None:
        self.briefs.append(brief)
        action = next(self._actions, None)
        if action is None:
            return None
        action(brief.desk)
        return Proposal(description=f"edit {brief.number}", hypothesis="", area="", source="agent")


def write(path: str, content: str) -> Callable[[Path], None]:
    return lambda desk: (desk / path).write_text(content) and None


def test_edits_made_in_the_desk_are_an_experiment(repo: Path) -> None:
    bench = Bench(repo)

    bench.run([], proposer=Editor([write("src/value.txt", "9"), write("src/value.txt", "12")]))

    assert bench.statuses() == ["baseline", "keep", "discard"]
    assert (bench.workspace.desk / "src" / "value.txt").read_text() == "9"


def test_the_same_edit_is_never_measured_twice(repo: Path) -> None:
    bench = Bench(repo)
    slower = proposal("src/other.txt", "slow\n", "first idea")

    bench.run(
        [value("12"), slower, value("9"), value("12"), proposal("src/other.txt", "slow  \n", "it again")]
    )

    assert bench.statuses() == ["baseline", "discard", "discard", "keep", "discard", "discard"]
    same_tree, same_edit = bench.journal.history[4:]
    assert same_tree.measurement is same_edit.measurement is None
    assert [one.findings[0].guard for one in (same_tree, same_edit)] == ["duplicate", "duplicate"]
    assert "#1 was the same" in same_tree.findings[0].message
    assert "#2 was the same" in same_edit.findings[0].message


def test_going_back_to_the_base_is_not_measured_again(repo: Path) -> None:
    bench = Bench(repo)

    bench.run([value("9"), value("10")])

    back = bench.journal.history[2]
    assert (back.status, back.measurement) == (Status.discard, None)
    assert "#0" in back.findings[0].message


def test_parameters_may_be_tried_again_on_another_incumbent(repo: Path) -> None:
    bench = Bench(repo)

    def search(content: str) -> Proposal:
        return replace(proposal("src/other.txt", content), parameters={"x": content})

    bench.run([search("a\n"), value("9"), search("a\n")])

    assert all(experiment.measurement is not None for experiment in bench.journal.history)


def test_a_repair_that_repeats_the_crash_is_not_measured(repo: Path) -> None:
    bench = Bench(repo)
    ran = repo.parent / "ran"
    bench.config.metric.command = f"echo x >> {ran}; {EXACT}"

    bench.run([value("nine")], repairs=[value("nine"), value("9")])

    assert bench.statuses() == ["baseline", "crash"]
    baseline, crash = 5, 2  # the failing command gets a second chance, and the incumbent is asked
    assert len(ran.read_text().split()) == baseline + crash + 1


def test_a_budget_for_agents_ends_the_run_in_order_and_tidies_the_desk(repo: Path) -> None:
    bench = Bench(repo)

    def broke(desk: Path) -> None:
        (desk / "src" / "value.txt").write_text("half an edit")
        raise BudgetSpentError("budget.cost_usd: 5 of 5 is spent")

    reason = bench.run([], proposer=Editor([write("src/value.txt", "9"), broke]))

    assert reason == "budget.cost_usd: 5 of 5 is spent"
    assert bench.statuses() == ["baseline", "keep"]
    assert git(bench.workspace.desk, "status", "--porcelain") == ""
    assert bench.journal.confirmation is not None


def test_what_agents_took_is_on_the_experiment(repo: Path) -> None:
    bench = Bench(repo)

    def call(desk: Path) -> None:
        usage = Usage(calls=1, cost_usd=0.25, input_tokens=10, output_tokens=5)
        bench.journal.spent(Call(number=1, stage="edit", agent="a", transcript="0001-1-edit", usage=usage))
        (desk / "src" / "value.txt").write_text("9")

    bench.run([], proposer=Editor([call]))

    assert bench.journal.history[1].usage.cost_usd == 0.25
    assert Journal(bench.journal.path).calls == bench.journal.calls


def test_a_simplification_has_only_to_hold_the_metric(repo: Path) -> None:
    (repo / "src" / "other.txt").write_text("x\ny\n")
    git(repo, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "two lines")
    bench = Bench(repo)
    shorter = replace(proposal("src/other.txt", "x\n", "drop y"), simplifies=True)
    longer = replace(proposal("src/other.txt", "x\ny\nz\n", "add z"), simplifies=True)

    bench.run([longer, shorter])

    assert bench.statuses() == ["baseline", "discard", "keep"]
    assert bench.journal.history[2].value == 10.0


def test_the_brief_says_where_the_run_stands(repo: Path) -> None:
    bench = Bench(repo)

    bench.run([value("9"), value("12")])

    first, second, third = bench.proposer.briefs
    assert (first.number, first.incumbent, first.task.goal) == (1, bench.workspace.base, "a smaller number")
    assert second.scope == ("src/other.txt", "src/value.txt")
    assert [past.number for past in third.history] == [0, 1, 2]
    assert third.incumbent == bench.branch()


def test_an_agent_that_fails_later_ends_the_run_in_order(repo: Path) -> None:
    bench = Bench(repo)

    def fail(desk: Path) -> None:
        raise AgentError("the agent failed 2 times in a row")

    reason = bench.run([], proposer=Editor([write("src/value.txt", "9"), fail]))

    assert reason == "the agent failed 2 times in a row"
    assert bench.journal.confirmation is not None


def test_an_agent_that_never_worked_is_an_error(repo: Path) -> None:
    bench = Bench(repo)

    def fail(desk: Path) -> None:
        raise AgentError("the agent failed 2 times in a row")

    with pytest.raises(AgentError):
        bench.run([], proposer=Editor([fail]))
    assert bench.journal.stopped == "it could not go on: the agent failed 2 times in a row"
