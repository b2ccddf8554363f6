"""What an experiment's file operations depend on: counted, because seconds depend on the machine."""

import os
import shutil
import sys
from collections import Counter

import pytest
from support.workspace_repos import git, make_repository, open_workspace, propose, referee

from autoopt.records import Edit

_COUNTED = ("open", "os.scandir", "os.listdir", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link")
_seen: list[tuple[str, str]] | None = None


def _hear(event, arguments):
    if _seen is not None and event in _COUNTED:
        _seen.append((event, os.fspath(arguments[0]) if isinstance(arguments[0], str | os.PathLike) else ""))


sys.addaudithook(_hear)  # nothing can take it away again; it does next to nothing outside `heard`


def heard(act):
    """The operations on files, with their paths as far as they have some, while it acts."""
    global _seen  # an audit hook can reach nothing else
    _seen = []
    try:
        act()
        return _seen
    finally:
        _seen = None


def repository(folder, files):
    many = {f"src/package{n // 10}/module{n}.py": f"{n}\n" for n in range(files)}
    return make_repository(folder, {"src/fast.py": "1\n", "README": "x\n", **many})


def experiment(workspace, number, *, keep=False):
    with workspace.attempt(propose(content=b"%d tries\n" % number), number) as attempt:
        workspace.scratch(attempt.change.commit)
        if keep:
            attempt.keep()


def warm(root):
    """A workspace in which everything was done once, a kept change included."""
    workspace = open_workspace(root)
    workspace.scratch(workspace.base)
    experiment(workspace, 1)
    experiment(workspace, 2, keep=True)
    experiment(workspace, 3)
    return workspace


@pytest.mark.parametrize("keep", [False, True])
def test_an_experiment_costs_as_many_file_operations_in_a_large_repository_as_in_a_small_one(tmp_path, keep):
    counts = []
    for files in (10, 400):
        workspace = warm(repository(tmp_path / str(files), files))
        found = heard(lambda workspace=workspace: experiment(workspace, 4, keep=keep))
        counts.append(Counter(event for event, _ in found))

    assert counts[0] == counts[1]
    assert sum(counts[0].values()) > 20  # it was really listened to


def test_no_directory_of_desk_or_bench_is_listed_for_a_listed_edit(tmp_path):
    workspace = warm(repository(tmp_path, 40))
    listed = [path for event, path in heard(lambda: experiment(workspace, 4)) if event == "os.scandir"]

    assert [path for path in listed if "/tree" in path or path.startswith(str(workspace.desk))] == []


def test_a_checkout_that_was_handed_out_is_looked_at_before_it_holds_another_commit(tmp_path):
    workspace = warm(repository(tmp_path, 40))
    with workspace.attempt(propose(content=b"4\n"), 4) as attempt:
        arm = workspace.checkout(attempt.change.commit)
    (arm / "README").write_text("y\n")
    (arm / "left").write_text("")
    experiment(workspace, 5)

    assert (arm / "README").read_text() == "x\n"
    assert not (arm / "left").exists()


def test_an_edit_made_by_hand_is_found_wherever_it_is(tmp_path):
    workspace = warm(repository(tmp_path, 40))
    (workspace.desk / "src" / "package3" / "module33.py").write_text("by hand\n")
    nothing_listed = propose()
    nothing_listed = type(nothing_listed)(description="by hand", hypothesis="", area="a", source="t")
    with workspace.attempt(nothing_listed, 4) as attempt:
        assert attempt.change.paths == ("src/package3/module33.py",)


def test_gits_index_is_written_for_a_kept_change_and_not_for_one_that_was_put_back(tmp_path):
    root = repository(tmp_path, 10)
    workspace = warm(root)
    index = next((root / ".git" / "worktrees").iterdir()) / "index"
    before = index.stat().st_ino
    experiment(workspace, 4)
    unwritten = index.stat().st_ino
    experiment(workspace, 5, keep=True)

    assert unwritten == before
    assert index.stat().st_ino != before
    referee(workspace, root)


def test_git_sees_no_difference_after_a_change_was_put_back(tmp_path):
    root = repository(tmp_path, 10)
    workspace = warm(root)
    experiment(workspace, 4)

    assert git(workspace.desk, "status", "--porcelain") == ""
    assert git(workspace.desk, "diff", "--name-only", "HEAD") == ""
    workspace.close()
    assert git(workspace.desk, "diff-files", "--name-only") == ""


def test_files_that_come_and_go_leave_no_directory(tmp_path):
    root = repository(tmp_path, 10)
    workspace = warm(root)
    for number in (4, 5):
        with workspace.attempt(propose("src/new/deep/er.py", b"%d\n" % number), number) as attempt:
            arm = workspace.scratch(attempt.change.commit).parent / "tree"
            assert (arm / "src" / "new" / "deep" / "er.py").exists()
    experiment(workspace, 6)

    assert not (arm / "src" / "new").exists()
    assert not (workspace.desk / "src" / "new").exists()
    referee(workspace, root)


def test_a_desk_taken_away_during_an_experiment_is_whole_afterwards(tmp_path):
    root = repository(tmp_path, 10)
    workspace = warm(root)
    with workspace.attempt(propose(content=b"4\n"), 4):
        shutil.rmtree(workspace.desk)

    assert (workspace.desk / "README").read_text() == "x\n"
    referee(workspace, root)


def test_what_the_user_edits_in_the_checkout_never_gets_into_desk_or_bench(tmp_path):
    root = repository(tmp_path, 100)
    for path in (root / "src").rglob("module*.py"):
        path.write_text("the user's own\n")
    workspace = open_workspace(root)
    arm = workspace.checkout(workspace.base)

    for place in (arm, workspace.desk):
        assert (place / "src" / "package0" / "module7.py").read_text() == "7\n"
    referee(workspace, root)


def test_two_edits_of_which_one_leads_through_the_other_are_told_from_the_directory(tmp_path):
    workspace = warm(repository(tmp_path, 10))
    edits = (Edit(path="src/fast.py", content=None), Edit(path="src/fast.py/inner.py", content=b"x\n"))
    proposal = type(propose())(description="d", hypothesis="h", area="a", source="s", edits=edits)
    with workspace.attempt(proposal, 4) as attempt:
        assert attempt.change.paths == ("src/fast.py", "src/fast.py/inner.py")
    assert (workspace.desk / "src" / "fast.py").is_file()
