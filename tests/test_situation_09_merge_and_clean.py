"""After parallel runs: merge what composes, take it, and clean up, by the commands that are printed."""

import shlex
import subprocess

import pytest
from support.parallel_runs import FILES, here, recipe
from support.workspace_repos import ENVIRONMENT


@pytest.fixture
def project(tmp_path, monkeypatch):
    least = "echo METRIC n=$(cat src/*/n | sort -n | head -1)"
    recipes = {"a": recipe("a", 1), "b": recipe("b", 4), "late": recipe("c", 8, least)}
    return here(tmp_path, monkeypatch, recipes, {**FILES, "src/c/n": "9\n"})


def test_the_printed_commands_lead_from_runs_to_a_tidy_repository(project, capsys):
    for name in ("a", "b", "late"):
        assert project.run(capsys, f"recipe={name}", f"run_id={name}")[0] == 0

    code, out, err = project.run(capsys, "merge", "late", "b", "a")

    assert code == 0, err
    assert "18 → 5: 72.2 % lower, 2 fresh pairs" in out
    assert out.count("left out: ") == 1
    commands = [line.strip().partition("    #")[0] for line in out.split("Next\n")[1].splitlines()]
    (take,) = [shlex.split(line) for line in commands if line.startswith("git merge")]
    (clean,) = [shlex.split(line) for line in commands if line.startswith("autoopt clean")]
    subprocess.run(take, cwd=project.root, env=ENVIRONMENT, check=True, capture_output=True)

    assert (project.root / "src/a/n").read_text() == "1\n"
    assert (project.root / "src/b/n").read_text() == "4\n"
    assert project.run(capsys, *clean[1:], "--yes")[0] == 0
    assert project.run(capsys, "clean", "late", "--yes")[0] == 3  # what it kept is nowhere else
    assert project.run(capsys, "clean", "late", "--yes", "--force")[0] == 0
    assert [name for name in project.branches() if "merge" not in name] == ["main"]
    assert len(project.git("worktree", "list").splitlines()) == 1
    assert project.git("for-each-ref", "refs/autoopt") == ""
    assert "autoresearch" not in (project.root / ".git/info/exclude").read_text()
    assert not list(project.root.glob("autoresearch-*"))
    assert project.records() == []
    project.in_order()
