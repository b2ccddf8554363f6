import dataclasses
import json
import shlex

import pytest
from support.folders import Folders, arms

from autoopt.errors import UsageError
from autoopt.proposers.rewrites import rewrites
from autoopt.records import Status
from autoopt.schema import MetricConfig
from autoopt.testing import proposer_suite
from autoopt.testing.proposer_suite import ProposerSuite, brief, judged

TEXT = "SELECT 1\n"
IDEAS = [
    {
        "description": f"write {n}",
        "hypothesis": f"{n} is quicker",
        "area": "a.sql: n",
        "edits": {"a.sql": f"SELECT {n}\n"},
    }
    for n in (2, 3)
]
INCUMBENT = "0" * 40


def printing(value):
    return f"echo run >> $COUNT; echo {shlex.quote(json.dumps(value))}"


@pytest.fixture
def make(tmp_path):
    bench = Folders(tmp_path / "bench", {INCUMBENT: {"a.sql": TEXT}, "1" * 40: {"a.sql": "SELECT 2\n"}})

    def build(command):
        metric = MetricConfig(command="true", env={"COUNT": str(tmp_path / "runs")})
        ready = arms(bench, tmp_path / "logs", metric, {"PATH": "/usr/bin:/bin"})
        return rewrites(command, ready, tmp_path / "rewrites.json")

    return build


@pytest.fixture
def desk(tmp_path):
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "a.sql").write_text(TEXT)
    return folder


class TestRewrites(ProposerSuite):
    def proposer(self, state):
        bench = Folders(state / "bench", {INCUMBENT: {"a.sql": TEXT}})
        ready = arms(bench, state / "logs", environ={"PATH": "/usr/bin:/bin"})
        return rewrites(f"echo {shlex.quote(json.dumps(IDEAS))}", ready, state / "rewrites.json")

    def fill(self, desk):
        (desk / "a.sql").write_text(TEXT)


def test_what_the_command_prints_is_proposed_in_its_order(make, desk):
    proposer = make(printing(IDEAS))
    first = proposer.ask(brief(desk))

    assert (first.description, first.hypothesis, first.area, first.source) == (
        *("write 2", "2 is quicker", "a.sql: n", "rewrites"),
    )
    assert [(edit.path, edit.content) for edit in first.edits] == [("a.sql", b"SELECT 2\n")]
    assert proposer.ask(brief(desk)).description == "write 3"
    assert proposer.ask(brief(desk)) is None


def test_the_command_runs_once_for_each_incumbent_and_not_again_on_resume(make, desk, tmp_path):
    command = printing(IDEAS)
    make(command).ask(brief(desk))
    make(command).ask(brief(desk))
    assert (tmp_path / "runs").read_text() == "run\n"

    make(command).ask(dataclasses.replace(brief(desk), incumbent="1" * 40))
    assert (tmp_path / "runs").read_text() == "run\nrun\n"


def test_another_command_is_not_answered_from_memory(make, desk):
    make(printing(IDEAS)).ask(brief(desk))

    assert make(printing(IDEAS[1:])).ask(brief(desk)).description == "write 3"


def test_a_file_may_be_made_or_deleted_and_one_off_limits_is_left_out(make, desk):
    (desk / "b.sql").write_text("SELECT 9\n")
    given = {**IDEAS[0], "edits": {"new.sql": "SELECT 4\n", "a.sql": None}}
    closed = {**IDEAS[1], "edits": {"b.sql": "SELECT 5\n"}}
    asked = dataclasses.replace(brief(desk), scope=("a.sql",))
    proposer = make(printing([closed, given]))

    assert {edit.path: edit.content for edit in proposer.ask(asked).edits} == {
        "new.sql": b"SELECT 4\n",
        "a.sql": None,
    }
    assert proposer.ask(asked) is None


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo oops >&2; exit 3", "propose.rewrites: exit code 3\noops"),
        ("echo nonsense", "its output is no JSON"),
        ("echo '{}'", "it printed a JSON dict; print a list"),
        ("echo '[3]'", "entry 1 lacks a field"),
        (printing([IDEAS[0], {**IDEAS[1], "area": " "}]), "entry 2 lacks a field"),
        (printing([{**IDEAS[0], "edits": {}}]), "entry 1 lacks a field"),
        (printing([{**IDEAS[0], "edits": {"a.sql": 3}}]), "entry 1 has an edit that is no text"),
    ],
)
def test_a_command_that_never_worked_is_a_mistake_in_the_recipe(make, desk, command, said):
    with pytest.raises(UsageError) as caught:
        make(command).ask(brief(desk))

    assert said in str(caught.value)


def test_a_command_that_fails_later_has_no_ideas_and_the_run_goes_on(make, desk):
    command = f"grep -q 1 a.sql && {{ {printing(IDEAS)}; }}"
    proposer = make(command)
    assert proposer.ask(brief(desk)) is not None

    kept = judged(proposer.ask(brief(desk)), 1, 0.3, Status.keep)
    later = dataclasses.replace(brief(desk, (kept,)), incumbent="1" * 40)
    assert make(command).ask(later) is None


def test_an_idea_that_leaves_the_file_as_it_is_is_passed_over(make, desk):
    same = {**IDEAS[0], "edits": {"a.sql": TEXT}}

    assert make(printing([same, IDEAS[1]])).ask(proposer_suite.brief(desk)).description == "write 3"


@pytest.mark.parametrize("path", ["a\0b", "a.sql/x", "x" * 300])
def test_a_path_that_no_file_can_have_is_left_to_the_workspace_to_refuse(make, desk, path):
    idea = {"description": "d", "hypothesis": "h", "area": "a", "edits": {path: "x"}}
    proposal = make(printing([idea])).ask(brief(desk))

    assert proposal is not None
    assert [edit.path for edit in proposal.edits] == [path]
