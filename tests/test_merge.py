import os
import subprocess

import pytest
from support.parallel_runs import here, recipe
from support.workspace_repos import git, snapshot

from autoopt import journal
from autoopt.workspaces.merges import Merges


@pytest.fixture
def project(tmp_path, monkeypatch):
    least = "echo METRIC n=$(cat src/a/n src/b/n | sort -n | head -1)"
    mixed = "echo METRIC n=$(($(cat src/a/n) + 20 - $(cat src/b/n)))"
    not_both = "guards: {one: {command: 'test $(cat src/a/n) -gt 4 || test $(cat src/b/n) -gt 4'}}\n"
    recipes = {
        "a": recipe("a", 1),
        "a-less": recipe("a", 5),
        "b": recipe("b", 4),
        "a-least": recipe("a", 1, least),
        "b-least": recipe("b", 5, least),
        "a-mixed": recipe("a", 1, mixed),
        "b-guarded": recipe("b", 4, more=not_both),
        "worse": recipe("a", 12),
    }
    return here(tmp_path, monkeypatch, recipes)


def start(project, capsys, name, *words):
    code, out, err = project.run(capsys, f"recipe={name}", f"run_id={name}", *words)
    assert code == 0, out + err


def merged_branch(project):
    (branch,) = [name for name in project.branches() if name.startswith("autoresearch/merge-")]
    return branch


def test_what_composes_is_on_a_branch_of_its_own_with_its_gain_confirmed(project, capsys):
    start(project, capsys, "a")
    start(project, capsys, "b")
    before = snapshot(project.root)

    code, out, _ = project.run(capsys, "merge", "b", "a")

    assert code == 0
    branch = merged_branch(project)
    assert project.git("show", f"{branch}:src/a/n") == "1"
    assert project.git("show", f"{branch}:src/b/n") == "4"
    assert project.git("log", "--format=%s", "--first-parent", "main.." + branch).splitlines() == [
        "merge b",
        "experiment: n 9 → 1",
    ]
    rows = [line for line in out.splitlines() if "merged: " in line]
    assert [row.split()[0] for row in rows] == ["a", "b"]  # the larger gain first
    assert "merged: 50.0 % lower" in rows[1]  # 10 → 5, where it was 18 → 13 by itself
    assert "18 → 5: 72.2 % lower, 2 fresh pairs" in out
    assert f"git merge --ff-only {branch}" in out
    assert snapshot(project.root) == before
    project.in_order()
    assert [path.name for path in project.state.glob("autoopt/*/.*")] == []


def test_merging_again_gives_the_same_branch(project, capsys):
    start(project, capsys, "a")
    start(project, capsys, "b")
    _, first, _ = project.run(capsys, "merge", "a", "b")
    refs = project.git("for-each-ref")
    left = project.states()[0].parent / ".merging-1"
    left.mkdir()
    (left / "cut-short").touch()

    code, second, _ = project.run(capsys, "merge", "b", "a")

    assert (code, second) == (0, first)
    assert project.git("for-each-ref") == refs
    assert not left.exists()


def test_what_does_not_pay_on_top_of_the_others_is_left_out(project, capsys):
    start(project, capsys, "a-least")
    start(project, capsys, "b-least")

    _, out, _ = project.run(capsys, "merge", "a-least", "b-least")

    assert "left out: does not pay any more on top of a-least: 1 → 1: 0.0 % lower" in out
    assert project.git("rev-parse", merged_branch(project)) == project.git(
        "rev-parse", "autoresearch/a-least"
    )
    assert "9 → 1: 88.9 % lower" in out


def test_what_costs_another_run_its_gain_is_left_out(project, capsys):
    start(project, capsys, "a-mixed")
    start(project, capsys, "b")

    _, out, _ = project.run(capsys, "merge", "a-mixed", "b")

    assert "left out: costs what a-mixed gained: 12 → 17: 41.7 % higher" in out


def test_a_guard_that_fails_on_the_merge_leaves_its_run_out(project, capsys):
    start(project, capsys, "a")
    start(project, capsys, "b-guarded")

    _, out, _ = project.run(capsys, "merge", "a", "b-guarded")

    assert "left out: does not pass on top of a: one: " in out


def test_a_conflict_is_shown_and_never_guessed(project, capsys):
    start(project, capsys, "a")
    start(project, capsys, "a-less")
    code, out, _ = project.run(capsys, "merge", "a-less", "a")

    assert code == 0
    assert "left out: conflict: src/a/n: the same lines were changed since" in out
    assert project.git("show", f"{merged_branch(project)}:src/a/n") == "1"


def test_runs_from_different_commits_of_one_line_meet_at_the_newest(project, capsys):
    start(project, capsys, "a")
    (project.root / "README").write_text("more\n")
    git(project.root, "commit", "-qam", "more")
    start(project, capsys, "b")

    _, out, _ = project.run(capsys, "merge", "a", "b")

    branch = merged_branch(project)
    assert project.git("show", f"{branch}:README") == "more"
    assert project.git("show", f"{branch}:src/a/n") == "1"
    assert project.git("show", f"{branch}:src/b/n") == "4"
    assert project.git("merge-base", branch, "main") == project.git("rev-parse", "main")
    assert "18 → 5" in out


def test_runs_from_different_lines_of_history_are_refused(project, capsys):
    start(project, capsys, "a")
    git(project.root, "commit", "-q", "--amend", "-m", "another start")
    start(project, capsys, "b")

    code, _, err = project.run(capsys, "merge", "a", "b")

    assert code == 3
    assert "different lines of history" in err
    assert len(project.branches()) == 3


def test_a_run_that_kept_nothing_is_left_out(project, capsys):
    start(project, capsys, "worse")

    code, out, _ = project.run(capsys, "merge", "worse")

    assert code == 0
    assert "left out: nothing was kept" in out
    assert "Nothing was merged" in out


def test_a_gain_that_was_never_confirmed_is_confirmed_first(project, capsys):
    start(project, capsys, "a")
    (state,) = project.states()
    lines = (state / "journal.jsonl").read_bytes().splitlines(keepends=True)
    confirmed = next(at for at, line in enumerate(lines) if b"CONFIRMED" in line)
    (state / "journal.jsonl").write_bytes(b"".join(lines[:confirmed]))

    code, out, _ = project.run(capsys, "merge", "a")

    assert code == 0
    assert "18 → 10: 44.4 % lower" in out
    assert journal.Journal(state / "journal.jsonl").confirmation is not None


@pytest.mark.parametrize("words", [[], ["a", "--force"], ["a", "x=1"]])
def test_merge_wants_runs(project, capsys, words):
    assert project.run(capsys, "merge", *words)[0] == 2


def test_a_run_that_is_worked_on_is_not_merged(project, capsys):
    start(project, capsys, "a")
    with journal.held(project.states()[0]):
        code, _, err = project.run(capsys, "merge", "a")

    assert code == 5
    assert "is being worked on" in err


def test_no_merge_driver_hook_or_filter_ever_runs(project, capsys):
    marker = project.root.parent / "ran"
    git(project.root, "config", "merge.evil.driver", f"touch {marker}")
    git(project.root, "config", "filter.evil.clean", f"touch {marker}; cat")
    (project.root / ".git" / "info" / "attributes").write_text("src/** merge=evil\nREADME filter=evil\n")
    for name in ("post-commit", "post-merge", "reference-transaction"):
        hook = project.root / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
        hook.chmod(0o755)
    start(project, capsys, "a")
    start(project, capsys, "b")

    code, _, _ = project.run(capsys, "merge", "a", "b")

    assert code == 0
    assert not marker.exists()


def commit(root, parent, **files):
    """A commit on top of another one, made by git, with files as given; None removes one."""
    index = {**os.environ, "GIT_INDEX_FILE": str(root.parent / "index")}

    def run(*words, data=None):
        done = subprocess.run(
            ["git", *words], cwd=root, env=index, capture_output=True, text=True, input=data, check=True
        )
        return done.stdout.strip()

    run("read-tree", parent)
    for name, text in files.items():
        path = name.replace("__", "/")
        if text is None:
            run("update-index", "--force-remove", path)
        else:
            blob = run("hash-object", "-w", "--stdin", data=text)
            run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    tree = run("write-tree")
    return run("-c", "user.name=t", "-c", "user.email=t@t", "commit-tree", tree, "-p", parent, "-m", "x")


@pytest.fixture
def merges(project):
    found = Merges(project.root / ".git")
    yield found
    found.close()


def test_both_sides_of_one_file_are_merged_by_lines(project, merges):
    lines = [f"{n}\n" for n in range(9)]
    base = commit(project.root, "HEAD", src__long="".join(lines))
    ours = commit(project.root, base, src__long="".join(["first\n", *lines[1:]]))
    theirs = commit(project.root, base, src__long="".join([*lines[:8], "last\n"]), src__new="new\n")

    joined = merges.join(ours, base, theirs, "m")

    assert project.git("show", f"{joined}:src/long").split() == ["first", *"1234567", "last"]
    assert project.git("show", f"{joined}:src/new") == "new"
    assert project.git("rev-list", "--parents", "-1", str(joined)).split()[1:] == [ours, theirs]


def test_a_file_where_the_other_side_has_a_directory_is_a_conflict(project, merges):
    base = project.git("rev-parse", "HEAD")
    folder = commit(project.root, base, src__x__y="1\n")
    file = commit(project.root, base, src__x="1\n")

    assert [str(one) for one in merges.join(folder, base, file, "m")] == [
        "src/x: is a file on one side and a directory on the other"
    ]
    assert [str(one) for one in merges.join(file, base, folder, "m")] == [
        "src/x/y: is a file on one side and a directory on the other"
    ]


def test_every_conflict_is_named(project, merges):
    base = project.git("rev-parse", "HEAD")
    ours = commit(project.root, base, src__a__n="2\n", src__b__n=None)
    theirs = commit(project.root, base, src__a__n="3\n", src__b__n="3\n", src__both="other\n")

    assert [str(one) for one in merges.join(ours, base, theirs, "m")] == [
        "src/a/n: the same lines were changed since (line 1)",
        "src/b/n: is gone",
    ]


def test_a_mode_that_changed_is_a_conflict_not_a_guess(project, merges):
    base = project.git("rev-parse", "HEAD")
    (project.root / "src/both").chmod(0o755)
    git(project.root, "commit", "-qam", "mode")

    changed = project.git("rev-parse", "HEAD")
    other = commit(project.root, base, src__a__n="1\n")
    found = merges.join(other, base, changed, "m")

    assert merges.join(base, base, changed, "m") == changed  # nothing to merge it with
    assert [str(one) for one in found] == [
        "src/both: changes who may execute it; proposals change contents only."
    ]


def test_a_branch_that_somebody_moved_is_left_alone(project, capsys):
    start(project, capsys, "a")
    project.run(capsys, "merge", "a")
    branch = merged_branch(project)
    git(project.root, "branch", "-f", branch, "main")

    code, _, err = project.run(capsys, "merge", "a")

    assert code == 3
    assert "rename it" in err
    assert project.git("rev-parse", branch) == project.git("rev-parse", "main")
