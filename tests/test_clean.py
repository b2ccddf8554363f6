import os
import shutil
import signal
import subprocess
import sys

import pytest
from support.parallel_runs import finished, here, recipe
from support.workspace_repos import git, snapshot

from autoopt import journal


@pytest.fixture
def project(tmp_path, monkeypatch):
    return here(tmp_path, monkeypatch, {"worse": recipe("a", 12)})


def start(project, name):
    finished(project, name, b"1\n" if name == "a" else None)


def desk(project, name):
    return project.root.parent / f"app-{name}"


def everything(project):
    """Every ref, worktree and file of ours."""
    files = list(project.root.glob("autoresearch-*"))
    return [project.git("for-each-ref"), project.git("worktree", "list"), files, project.states()]


def test_a_run_that_gained_nothing_leaves_nothing(project, capsys):
    before, refs = snapshot(project.root), project.git("for-each-ref")
    assert project.run(capsys, "recipe=worse", "run_id=worse")[0] == 0
    assert "/autoresearch-*.tsv" in (project.root / ".git/info/exclude").read_text()

    code, out, _ = project.run(capsys, "clean", "worse", "--yes")

    assert code == 0
    assert "worse is removed." in out
    after = snapshot(project.root)
    assert {name: content for name, (content, _) in after.items()} == {
        name: content for name, (content, _) in before.items()
    }
    assert project.git("for-each-ref") == refs
    assert not desk(project, "worse").exists()
    assert len(project.git("worktree", "list").splitlines()) == 1
    assert [path for path in project.state.rglob("*") if path.is_file()] == []
    project.in_order()


def test_unmerged_keeps_are_refused_with_what_to_do(project, capsys):
    start(project, "a")
    before = everything(project)

    code, _, err = project.run(capsys, "clean", "a", "--yes")

    assert code == 3
    assert "autoopt merge a" in err
    assert "--keep-branch" in err
    assert everything(project) == before


def test_all_runs_or_none_are_removed(project, capsys):
    start(project, "a")
    start(project, "worse")
    before = everything(project)

    assert project.run(capsys, "clean", "worse", "a", "--yes")[0] == 3
    assert everything(project) == before


@pytest.mark.parametrize("how", ["merge", "squash", "tag"])
def test_a_result_that_somebody_else_holds_may_go(project, capsys, how):
    start(project, "a")
    if how == "merge":
        git(project.root, "merge", "-q", "--ff-only", "autoresearch/a")
    elif how == "squash":
        git(project.root, "merge", "-q", "--squash", "autoresearch/a")
        git(project.root, "commit", "-qm", "faster")
    else:
        git(project.root, "tag", "good", "autoresearch/a")

    assert project.run(capsys, "clean", "a", "--yes")[0] == 0
    assert project.branches() == ["main"]
    project.in_order()


def test_a_branch_may_be_kept(project, capsys):
    start(project, "a")
    tip = project.git("rev-parse", "autoresearch/a")

    code, out, _ = project.run(capsys, "clean", "a", "--yes", "--keep-branch")

    assert code == 0
    assert "autoresearch/a stays" in out
    assert project.git("rev-parse", "autoresearch/a") == tip
    assert project.git("for-each-ref", "refs/autoopt") == ""
    assert project.states() == []


def test_force_removes_what_was_never_merged(project, capsys):
    start(project, "a")

    assert project.run(capsys, "clean", "a", "--yes", "--force")[0] == 0
    assert project.branches() == ["main"]


def test_without_a_terminal_nothing_goes_unless_it_was_agreed_to(project, capsys):
    start(project, "worse")
    before = everything(project)

    code, out, err = project.run(capsys, "clean", "worse")

    assert code == 2
    assert "add --yes" in err
    assert str(desk(project, "worse")) in out
    assert "branch autoresearch/worse: nothing was gained" in out
    assert everything(project) == before


@pytest.mark.skipif(shutil.which("script") is None, reason="script (bsdutils) makes the terminal")
def test_at_a_terminal_it_asks_once(project, capsys):
    start(project, "worse")
    script = f"{sys.executable} -m autoopt clean worse"

    done = subprocess.run(
        ["script", "-qec", script, "/dev/null"],
        cwd=project.root,
        env=project.environ,
        input="n\n",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.count("Remove all of it?") == 1
    assert done.returncode == 2
    assert len(project.states()) == 1


def test_a_live_run_is_not_removed(project, capsys):
    start(project, "worse")
    with journal.held(project.states()[0]):
        code, _, err = project.run(capsys, "clean", "worse", "--yes", "--force")

    assert code == 5
    assert "is being worked on" in err


def test_edits_in_the_desk_are_not_lost(project, capsys):
    start(project, "worse")
    (desk(project, "worse") / "src" / "idea").write_text("mine\n")

    code, _, err = project.run(capsys, "clean", "worse", "--yes")

    assert code == 3
    assert "src/idea" in err
    assert project.run(capsys, "clean", "worse", "--yes", "--force")[0] == 0
    assert not desk(project, "worse").exists()


def test_edits_that_were_set_aside_are_not_lost(project, capsys):
    start(project, "worse")
    aside = project.states()[0] / "set-aside" / "1"
    aside.mkdir(parents=True)
    (aside / "idea").write_text("mine\n")

    code, _, err = project.run(capsys, "clean", "worse", "--yes")

    assert code == 3
    assert "set-aside/1" in err


def test_a_directory_that_took_the_place_of_the_desk_is_left_alone(project, capsys):
    start(project, "worse")
    git(project.root, "worktree", "remove", str(desk(project, "worse")))
    desk(project, "worse").mkdir()
    (desk(project, "worse") / "notes").write_text("mine\n")

    code, _, _ = project.run(capsys, "clean", "worse", "--yes", "--force")

    assert code == 0
    assert (desk(project, "worse") / "notes").read_text() == "mine\n"
    project.in_order()


def test_a_worktree_that_was_moved_is_not_forgotten(project, capsys):
    start(project, "worse")
    git(project.root, "worktree", "move", str(desk(project, "worse")), str(project.root.parent / "mine"))

    code, _, err = project.run(capsys, "clean", "worse", "--yes")

    assert code == 3
    assert "git worktree remove it first" in err


def test_a_table_that_was_committed_stays(project, capsys):
    start(project, "worse")
    git(project.root, "add", "-f", "autoresearch-worse.tsv")
    git(project.root, "commit", "-qm", "results")

    assert project.run(capsys, "clean", "worse", "--yes")[0] == 0
    assert (project.root / "autoresearch-worse.tsv").exists()
    assert not (project.root / "autoresearch-worse.log").exists()
    project.in_order()


def test_a_branch_that_is_checked_out_stays(project, capsys):
    start(project, "a")
    git(project.root, "merge", "-q", "--ff-only", "autoresearch/a")
    git(desk(project, "a"), "checkout", "-q", "--detach")
    git(project.root, "checkout", "-q", "autoresearch/a")

    code, out, _ = project.run(capsys, "clean", "a", "--yes")

    assert code == 0
    assert "autoresearch/a stays: it is checked out in" in out
    assert git(project.root, "status", "--porcelain") == ""
    assert project.git("symbolic-ref", "HEAD") == "refs/heads/autoresearch/a"


def test_lines_of_the_user_and_of_other_runs_stay_in_the_exclude_file(project, capsys):
    (project.root / ".gitignore").write_text(".venv/\n")
    git(project.root, "add", ".gitignore")
    git(project.root, "commit", "-qm", "ignore")
    (project.root / ".venv").mkdir()
    exclude = project.root / ".git" / "info" / "exclude"
    exclude.write_text("/mine\n")
    start(project, "worse")
    start(project, "other")

    project.run(capsys, "clean", "worse", "--yes")
    between = exclude.read_text()
    project.run(capsys, "clean", "other", "--yes")

    assert {"/autoresearch-*.tsv", "/.venv"} <= set(between.split())
    assert exclude.read_text() == "/mine\n"


def test_a_branch_of_packed_refs_goes_too(project, capsys):
    start(project, "worse")
    git(project.root, "pack-refs", "--all")

    assert project.run(capsys, "clean", "worse", "--yes")[0] == 0
    assert project.branches() == ["main"]
    assert project.git("for-each-ref", "refs/autoopt") == ""


def test_a_clean_that_was_killed_goes_on_the_next_time(project, capsys, monkeypatch):
    start(project, "worse")
    kill = f"""
import os, signal, sys
from autoopt import cli
from autoopt.workspaces import cleaning
real = cleaning.remove_whole
def dying(path):
    if str(path).endswith("bench"):
        os.kill(os.getpid(), {int(signal.SIGKILL)})
    real(path)
cleaning.remove_whole = dying
sys.exit(cli.main(["clean", "worse", "--yes"]))
"""
    died = subprocess.run([sys.executable, "-c", kill], cwd=project.root, env=os.environ, check=False)
    assert died.returncode == -signal.SIGKILL

    code, _, err = project.run(capsys, "clean", "worse", "--yes")

    assert code == 0, err
    assert project.branches() == ["main"]
    assert project.states() == []
    project.in_order()


@pytest.mark.parametrize("words", [[], ["--yes"], ["worse", "--all"], ["worse", "x=1"], ["nothing"]])
def test_clean_wants_runs_and_its_own_flags(project, capsys, words):
    assert project.run(capsys, "clean", *words)[0] == 2
