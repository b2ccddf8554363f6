import json

import pytest
from support.kept_runs import Kept, Step
from support.parallel_runs import finished, here
from support.workspace_repos import git

from autoopt import journal
from autoopt.commands import resume
from autoopt.schema import BudgetConfig, Config

A = Step(description="a", files={"src/a/n": "1\n"})


@pytest.fixture
def project(tmp_path, monkeypatch):
    return here(tmp_path, monkeypatch, {})


def listed(project, capsys, *words):
    code, out, err = project.run(capsys, "runs", *words)
    assert (code, err) == (0, "")
    return out


def told(project, capsys):
    return {run["run"]: run for run in json.loads(listed(project, capsys, "--json"))["runs"]}


def test_a_run_is_listed_with_state_gain_and_place(project, capsys):
    Kept(steps=[A]).make(project)

    (row,) = [line for line in listed(project, capsys).splitlines() if line.startswith("r ")]

    assert "finished" in row
    assert "22.8 % faster (95 % 21.9–23.7 %)" in row
    assert "../app-r" in row


def test_a_place_is_the_branch_where_the_worktree_is_gone(project, capsys):
    Kept(steps=[A]).make(project)
    git(project.root, "worktree", "remove", str(project.root.parent / "app-r"))

    assert "autoresearch/r" in listed(project, capsys)
    assert told(project, capsys)["r"]["desk"] is None


@pytest.mark.parametrize("how", ["the run branch", "a finished branch", "squashed", "pushed"])
def test_what_was_merged_says_so(project, capsys, how):
    Kept(steps=[A]).make(project)
    assert told(project, capsys)["r"]["state"] == "finished"
    if how == "the run branch":
        git(project.root, "merge", "-q", "autoresearch/r")
    elif how == "a finished branch":
        project.run(capsys, "finish", "r")
        assert told(project, capsys)["r"]["state"] == "finished"
        git(project.root, "merge", "-q", "--no-ff", "--no-edit", "autoresearch/r-final")
    elif how == "squashed":
        git(project.root, "merge", "-q", "--squash", "autoresearch/r")
        git(project.root, "commit", "-qm", "faster")
    else:
        git(project.root, "update-ref", "refs/remotes/origin/autoresearch/r", "autoresearch/r")

    found = told(project, capsys)["r"]
    assert found["state"] == ("finished" if how == "pushed" else "merged")
    assert found["merged_into"] == (None if how == "pushed" else "main")


def test_a_gain_that_was_not_confirmed_is_said_in_two_words(project, capsys):
    Kept(steps=[A], claim=None).make(project)

    (row,) = [line for line in listed(project, capsys).splitlines() if line.startswith("r ")]

    assert "  not confirmed  " in row


@pytest.mark.parametrize(
    ("reason", "ended"),
    [("the budget is spent", True), ("it could not go on: src/a/n: edited by somebody", False)],
)
def test_a_run_that_an_error_ended_has_its_final_comparison_before_it(project, reason, ended):
    Kept(steps=[A], claim=None).make(project)
    (state,) = project.states()
    record = journal.Journal(state / "journal.jsonl")
    record.stop(reason)

    spent = Config(scope=["src"], budget=BudgetConfig(experiments=1))
    assert resume.finished(spent, record) is ended


def test_a_run_branch_that_is_gone_is_put_back_as_it_is_told(project, capsys):
    Kept(steps=[A]).make(project)
    kept = project.git("rev-parse", "autoresearch/r")
    git(project.root, "update-ref", "-d", "refs/heads/autoresearch/r")

    code, _, err = project.run(capsys, "resume", "r")

    assert code == 3
    assert "`autoopt show r`" in err
    assert "`git update-ref refs/heads/autoresearch/r COMMIT`" in err
    assert kept[:10] in project.run(capsys, "show", "r")[1]


def test_every_state_has_its_word(project, capsys):
    for name in ("waits", "stopped", "stumbled", "works", "broken", "lost", "done"):
        finished(project, name)
    states = {path.name: path for path in project.states()}
    for name, reason in (
        ("waits", "it waits for the next try"),
        ("stopped", "interrupted"),
        ("stumbled", "it could not go on: notes.txt: edited while the run has your checkout"),
    ):
        journal.Journal(states[name] / "journal.jsonl").stop(reason)
    with (states["broken"] / "journal.jsonl").open("r+b") as file:
        file.write(b"x")
    (states["lost"] / "workspace.json").write_text("{}")
    with journal.held(states["works"]):
        found = told(project, capsys)
        table = listed(project, capsys)

    assert {name: run["state"] for name, run in found.items()} == {
        "waits": "waiting",
        "stopped": "interrupted",
        "stumbled": "interrupted",
        "works": "running",
        "broken": "damaged",
        "lost": "damaged",
        "done": "finished",
    }
    assert "line 1 " in found["broken"]["result"]
    for name, run in found.items():
        (row,) = [line for line in table.splitlines() if line.split()[:1] == [name]]
        assert run["state"] in row


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_gets_every_word(project, capsys, monkeypatch, width):
    Kept(steps=[A]).make(project)
    monkeypatch.setenv("COLUMNS", str(width))

    out = listed(project, capsys)

    assert max(map(len, out.splitlines())) <= width
    squeezed = "".join(out.split())
    for said in ("finished", "22.8%", "faster", "../app-r"):
        assert said in squeezed


def test_outside_a_repository_the_runs_of_all_are_listed(project, capsys, monkeypatch):
    finished(project, "done")
    monkeypatch.chdir(project.root.parent)

    assert told(project, capsys)["done"]["repository"] == str(project.root)


def test_runs_takes_one_flag(project, capsys):
    assert project.run(capsys, "runs", "last")[0] == 2
    assert json.loads(listed(project, capsys, "--json")) == {"runs": []}
