import os
import shutil
import signal
import subprocess
import sys

import pytest
from support.kept_runs import Kept, Step
from support.parallel_runs import finished, here, recipe
from support.workspace_repos import git, snapshot

from autoopt import journal
from autoopt.schema import LinkBy


@pytest.fixture
def project(tmp_path, monkeypatch):
    return here(tmp_path, monkeypatch, {"worse": recipe("a", 12)})


def start(project, name):
    finished(project, name, b"1\n" if name == "a" else None)


def desk(project, name):
    return project.root.parent / f"app-{name}"


A, B = Step(description="a", files={"src/a/n": "1\n"}), Step(description="b", files={"src/b/n": "2\n"})


def finish(project, capsys, *words):
    """A run with two kept changes whose result is on a branch of its own."""
    Kept(steps=[A, B]).make(project)
    assert project.run(capsys, "finish", "r", *words)[0] == 0


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
    assert project.records() == []
    project.in_order()


def test_unmerged_keeps_are_refused_with_what_to_do(project, capsys):
    start(project, "a")
    before = everything(project)

    code, _, err = project.run(capsys, "clean", "a", "--yes")

    assert code == 3
    assert "autoopt finish a" in err
    assert "--keep-branch" in err
    assert everything(project) == before


@pytest.mark.parametrize("words", [(), ("--keep-branch",)])
def test_a_keep_that_the_branch_has_not_come_to_is_not_lost(project, capsys, words):
    start(project, "a")
    project.git("update-ref", "refs/heads/autoresearch/a", "main")  # killed before it was moved
    git(desk(project, "a"), "reset", "-q", "--hard")
    before = everything(project)

    code, _, err = project.run(capsys, "clean", "a", "--yes", *words)

    assert (code, "what it kept is on no other branch" in err) == (3, True)
    assert everything(project) == before


def test_runs_that_go_together_do_not_hold_each_others_result(project, capsys):
    start(project, "a")
    start(project, "worse")
    project.git("update-ref", "refs/heads/autoresearch/worse", "autoresearch/a")
    git(desk(project, "worse"), "reset", "-q", "--hard")
    before = everything(project)

    assert project.run(capsys, "clean", "a", "worse", "--yes")[0] == 3
    assert everything(project) == before
    assert project.run(capsys, "clean", "a", "--yes")[0] == 0  # the other one has it
    assert project.run(capsys, "clean", "worse", "--yes")[0] == 3


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
    finished(project, "worse", link_by=LinkBy.link)
    finished(project, "other", link_by=LinkBy.link)

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
    if str(path).endswith("journal.jsonl"):
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


# -- branches that finish made


@pytest.mark.parametrize("name", ["autoresearch/r-final", "tidy"])
def test_a_finished_branch_that_nothing_else_holds_stays_and_holds_the_result(project, capsys, name):
    finish(project, capsys, "--name", name)
    git(project.root, "update-ref", f"refs/remotes/origin/{name}", name)

    code, out, _ = project.run(capsys, "clean", "r", "--yes")

    assert code == 0
    assert f"r is removed; {name} stays." in out
    assert project.branches() == sorted([name, "main"])
    assert project.states() == []
    project.in_order()


@pytest.mark.parametrize("how", ["merge", "squash", "fast-forward"])
def test_a_finished_branch_that_was_merged_goes(project, capsys, how):
    finish(project, capsys)
    if how == "merge":
        git(project.root, "merge", "-q", "--no-ff", "--no-edit", "autoresearch/r-final")
    elif how == "squash":
        git(project.root, "merge", "-q", "--squash", "autoresearch/r-final")
        git(project.root, "commit", "-qm", "faster")
    else:
        git(project.root, "merge", "-q", "--ff-only", "autoresearch/r-final")

    code, out, _ = project.run(capsys, "clean", "r")

    assert code == 2  # nobody is there to agree
    assert "branch autoresearch/r-final: it is in " in out
    assert project.run(capsys, "clean", "r", "--yes")[0] == 0
    assert project.branches() == ["main"]
    project.in_order()


def test_a_result_merged_without_what_was_dropped_may_go(project, capsys):
    finish(project, capsys, "--drop", "2")
    git(project.root, "merge", "-q", "--squash", "autoresearch/r-final")
    git(project.root, "commit", "-qm", "faster")
    git(project.root, "branch", "-qD", "autoresearch/r-final")

    assert project.run(capsys, "clean", "r", "--yes")[0] == 0
    assert project.branches() == ["main"]


def test_two_results_of_one_run_do_not_count_as_merged_into_each_other(project, capsys):
    finish(project, capsys, "--name", "one")
    assert project.run(capsys, "finish", "r", "--commits", "groups", "--name", "part")[0] == 0

    assert project.run(capsys, "clean", "r", "--yes")[0] == 0
    assert project.branches() == ["main", "one", "part-1", "part-2"]


def test_of_several_finished_branches_those_that_were_merged_go(project, capsys):
    finish(project, capsys, "--commits", "groups")
    git(project.root, "merge", "-q", "--no-ff", "--no-edit", "autoresearch/r-final-1")

    assert project.run(capsys, "clean", "r", "--yes")[0] == 0
    assert project.branches() == ["autoresearch/r-final-2", "main"]


def test_a_result_of_which_a_finished_branch_is_lost_is_refused(project, capsys):
    finish(project, capsys, "--commits", "groups")
    git(project.root, "branch", "-qD", "autoresearch/r-final-2")
    before = everything(project)

    assert project.run(capsys, "clean", "r", "--yes")[0] == 3
    assert everything(project) == before


def test_a_finished_branch_of_an_earlier_result_holds_nothing(project, capsys):
    finish(project, capsys)
    (state,) = project.states()
    finals = state / "finished.json"
    finals.write_text(finals.read_text().replace(project.git("rev-parse", "autoresearch/r"), "0" * 40))

    assert project.run(capsys, "clean", "r", "--yes")[0] == 3


@pytest.mark.parametrize("act", ["committed", "checked out", "pushed"])
def test_a_finished_branch_that_somebody_uses_stays(project, capsys, act):
    finish(project, capsys)
    if act == "pushed":
        git(project.root, "update-ref", "refs/remotes/origin/autoresearch/r-final", "autoresearch/r-final")
    else:
        git(project.root, "switch", "-q", "autoresearch/r-final")
        if act == "committed":
            git(project.root, "commit", "-q", "--allow-empty", "-m", "mine")
            git(project.root, "switch", "-q", "main")

    code, _, err = project.run(capsys, "clean", "r", "--yes", *(["--force"] if act != "pushed" else []))

    assert code == 0, err
    assert project.branches() == ["autoresearch/r-final", "main"]


def test_force_removes_a_finished_branch_that_was_never_merged(project, capsys):
    finish(project, capsys)

    code, out, _ = project.run(capsys, "clean", "r", "--force")
    assert code == 2
    assert "branch autoresearch/r-final: what it holds is LOST" in out
    assert "branch autoresearch/r: its result is LOST" in out
    assert project.run(capsys, "clean", "r", "--yes", "--force")[0] == 0
    assert project.branches() == ["main"]


def test_keeping_the_branch_keeps_the_finished_one(project, capsys):
    finish(project, capsys)
    git(project.root, "merge", "-q", "--ff-only", "autoresearch/r-final")

    _, out, _ = project.run(capsys, "clean", "r", "--yes", "--keep-branch")

    assert "autoresearch/r, autoresearch/r-final stay." in out
    assert project.branches() == ["autoresearch/r", "autoresearch/r-final", "main"]


def test_a_record_of_finished_branches_that_is_damaged_loses_nothing(project, capsys):
    finish(project, capsys)
    (state,) = project.states()
    (state / "finished.json").write_text("{")

    assert project.run(capsys, "clean", "r", "--yes")[0] == 3
    assert project.run(capsys, "clean", "r", "--yes", "--force")[0] == 0
    assert project.branches() == ["autoresearch/r-final", "main"]


@pytest.mark.parametrize("path", ["finished.json", "journal.jsonl", "worktrees"])
def test_a_clean_with_finished_branches_that_was_killed_goes_on_the_next_time(project, capsys, path):
    finish(project, capsys, "--commits", "groups", "--drop", "2")
    git(project.root, "merge", "-q", "--ff-only", "autoresearch/r-final-1")
    kill = f"""
import os, signal, sys
from autoopt import cli
from autoopt.workspaces import cleaning
real = cleaning.remove_whole
def dying(path):
    real(path)
    if {path!r} in str(path):
        os.kill(os.getpid(), {int(signal.SIGKILL)})
cleaning.remove_whole = dying
sys.exit(cli.main(["clean", "r", "--yes"]))
"""
    died = subprocess.run([sys.executable, "-c", kill], cwd=project.root, env=os.environ, check=False)
    assert died.returncode == -signal.SIGKILL

    code, _, err = project.run(capsys, "clean", "r", "--yes")

    assert code == 0, err
    assert project.branches() == ["main"]
    assert project.states() == []
    project.in_order()
