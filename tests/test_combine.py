from dataclasses import replace

import pytest
from support.workspace_repos import make_repository, open_workspace

from autoopt.proposers.candidates import Candidates
from autoopt.proposers.patches.combine import Combine
from autoopt.records import Edit, Outcome, Proposal, Status
from autoopt.testing.proposer_suite import ProposerSuite, brief, judged

CODE = "".join(f"line {number}\n" for number in range(1, 31))


class Run:
    """A run in a real repository whose experiments end as a test wants them to."""

    def __init__(self, folder):
        self.workspace = open_workspace(make_repository(folder, {"src/a.py": CODE, "src/b.py": CODE}))
        self.history = ()
        self.combine = Candidates(Combine(self.workspace.commits))

    def experiment(self, *edits, effect=0.01, probability=0.8, keep=False, **changes):
        """An experiment that writes its number to these lines, as in `"a 3"`, and how it was judged."""
        number = len(self.history) + 1
        wanted = {}
        for name, line in (edit.split() for edit in edits):
            path = f"src/{name}.py"
            now = wanted.get(path) or (self.workspace.desk / path).read_bytes()
            wanted[path] = now.replace(f"line {line}\n".encode(), f"by {number}\n".encode())
        return self.try_out(
            Proposal(
                description=f"do {number}",
                hypothesis="h",
                area=f"area {number}",
                source="agent",
                edits=tuple(Edit(path=path, content=content) for path, content in wanted.items()),
            ),
            effect=effect,
            probability=probability,
            keep=keep,
            **changes,
        )

    def try_out(
        self, proposal, *, effect=0.0, probability=0.5, keep=False, outcome=Outcome.unclear, **changes
    ):
        number = len(self.history) + 1
        with self.workspace.attempt(proposal, number) as attempt:
            change = attempt.change
            if keep:
                attempt.keep()
        experiment = judged(proposal, number, effect, Status.keep if keep else Status.discard)
        verdict = replace(experiment.verdict, probability=probability, outcome=outcome)
        known = {"commit": change.commit, "parent": change.parent, "fingerprint": change.fingerprint}
        experiment = replace(experiment, **{"verdict": verdict, **known, **changes})
        self.history = (*self.history, experiment)
        self.combine.tell(experiment)
        return experiment

    def ask(self):
        past = brief(self.workspace.desk, self.history)
        return self.combine.ask(replace(past, incumbent=self.workspace.incumbent))

    def all(self):
        """Everything it proposes, one after the other, each discarded."""
        said = []
        while proposal := self.ask():
            said.append(proposal.description)
            self.try_out(proposal)
        return said


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


class WithPast:
    """A combiner in a run that has near misses already."""

    def __init__(self, run):
        self._past = run.history
        self._combine = Candidates(Combine(run.workspace.commits))
        self.repair, self.tell = self._combine.repair, self._combine.tell

    def ask(self, question):
        past = tuple(replace(experiment, number=experiment.number - 10) for experiment in self._past)
        return self._combine.ask(replace(question, history=past + question.history))


class TestCombine(ProposerSuite):
    def proposer(self, state):
        folder = state / f"try{len(list(state.iterdir()))}"
        folder.mkdir()
        run = Run(folder)
        for line in (3, 13, 23):
            run.experiment(f"a {line}", effect=line / 1000)
        return WithPast(run)

    def fill(self, desk):
        (desk / "src").mkdir()
        for name in "ab":
            (desk / "src" / f"{name}.py").write_text(CODE)


def test_two_near_misses_are_tried_together(run):
    run.experiment("a 3", probability=0.84)
    run.experiment("a 20", "b 7", probability=0.77)
    proposal = run.ask()

    assert proposal.description == "do 1 + do 2 (#1 with #2)"
    assert proposal.hypothesis == (
        "do 1 and do 2 should improve the metric together because each alone was probably a gain "
        "(84% and 77% sure), only too small a one to be confirmed"
    )
    assert (proposal.source, proposal.area) == ("combine", "area 1, area 2")
    assert {edit.path: edit.content.decode() for edit in proposal.edits} == {
        "src/a.py": CODE.replace("line 3\n", "by 1\n").replace("line 20\n", "by 2\n"),
        "src/b.py": CODE.replace("line 7\n", "by 2\n"),
    }


def test_pairs_come_before_triples_and_the_largest_sum_first(run):
    for line, effect in ((3, 0.01), (10, 0.03), (17, 0.02)):
        run.experiment(f"a {line}", effect=effect)

    assert run.all() == [
        "do 2 + do 3 (#2 with #3)",
        "do 1 + do 2 (#1 with #2)",
        "do 1 + do 3 (#1 with #3)",
        "do 1 + do 2 + do 3 (#1 with #2 with #3)",
    ]


@pytest.mark.parametrize(
    "flaw",
    [
        {"outcome": Outcome.worse},
        {"effect": -0.01},
        {"probability": 0.6},
        {"status": Status.inspector_reject},
        {"status": Status.crash, "verdict": None},
        {"parameters": {"size": 3}},
        {"simplifies": True},
        {"source": "combine"},
    ],
    ids=str,
)
def test_what_is_no_near_miss_is_not_combined(run, flaw):
    run.experiment("a 3")
    run.experiment("a 20", **flaw)

    assert run.ask() is None


def test_without_two_there_is_nothing_to_combine(run):
    assert run.ask() is None
    run.experiment("a 3")
    assert run.ask() is None


def test_a_verdict_of_no_difference_may_still_be_a_near_miss(run):
    run.experiment("a 3", outcome=Outcome.same)
    run.experiment("a 20", outcome=Outcome.same)

    assert run.ask() is not None


def test_changes_of_the_same_lines_are_not_combined(run):
    run.experiment("a 3")
    run.experiment("a 3")
    run.experiment("a 4")

    assert run.all() == []


def test_they_go_on_top_of_the_present_incumbent(run):
    run.experiment("a 3")
    run.experiment("a 20")
    run.experiment("a 12", keep=True)
    proposal = run.ask()

    assert proposal.edits[0].content.decode() == (
        CODE.replace("line 3\n", "by 1\n").replace("line 12\n", "by 3\n").replace("line 20\n", "by 2\n")
    )


def test_what_the_incumbent_has_or_contradicts_is_not_combined(run):
    run.experiment("a 3")
    run.experiment("a 20")
    desk = run.workspace.desk / "src/a.py"
    for content in (CODE.replace("line 3\n", "by 1\n"), CODE.replace("line 3\n", "by 9\n")):
        edit = Edit(path="src/a.py", content=content.encode())
        kept = Proposal(description="k", hypothesis="h", area="a", source="agent", edits=(edit,))
        run.try_out(kept, keep=True)

        assert desk.read_text() == content
        assert run.ask() is None


def test_a_near_miss_whose_commit_is_gone_is_passed_over(run):
    run.experiment("a 3")
    run.experiment("a 20")
    run.experiment("b 5", commit="1" * 40)

    assert run.all() == ["do 1 + do 2 (#1 with #2)"]


def test_a_near_miss_that_made_a_file_executable_is_passed_over(run):
    run.experiment("a 3")
    (run.workspace.desk / "src/a.py").chmod(0o755)
    (run.workspace.desk / "src/b.py").write_text(CODE.replace("line 20\n", "by 2\n"))
    by_hand = Proposal(description="do 2", hypothesis="h", area="area 2", source="agent")
    run.try_out(by_hand, effect=0.01, probability=0.8)

    assert run.ask() is None


def test_files_made_and_removed_are_combined_too(run):
    def misses(path, content):
        edit = Edit(path=path, content=content)
        proposal = Proposal(description=path, hypothesis="h", area="a", source="agent", edits=(edit,))
        run.try_out(proposal, effect=0.01, probability=0.9)

    misses("src/new.py", b"new\n")
    misses("src/b.py", None)

    assert run.ask().edits == (Edit(path="src/b.py", content=None), Edit(path="src/new.py", content=b"new\n"))


def test_a_resumed_run_goes_on_where_it_was(run):
    for line in (3, 10, 17):
        run.experiment(f"a {line}")
    run.try_out(run.ask())
    second = run.ask()
    run.combine = Candidates(Combine(run.workspace.commits))

    assert run.ask() == second
