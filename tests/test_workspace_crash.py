"""Killing the process at file system operations, then going on as `autoopt resume` does."""

import os
import sys

import pytest
from support.workspace_repos import git, make_repository, open_workspace, propose, referee, snapshot, state_of

from autoopt.errors import DamagedStateError, RepositoryError
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace

WRITES = {"os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir", "os.symlink", "os.chmod"}


def is_write(event, arguments):
    return event in WRITES or (
        event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
    )


def in_a_child(work, dies_at):
    """Do the work in a forked process that dies before its n-th write; how many it made, if it lived."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        seen = 0

        def count(event, arguments):
            nonlocal seen
            if is_write(event, arguments):
                seen += 1
                if seen == dies_at:
                    os._exit(9)

        sys.addaudithook(count)
        work()
        os.write(writer, b"%d" % seen)
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as pipe:
        made = pipe.read()
    return int(made) if made else None


def one_of_each(root):
    """Creation, a keep with a repair, a revert."""
    workspace = open_workspace(root)
    workspace.checkout(workspace.base)
    with workspace.attempt(propose(content=b"first\n"), 1) as attempt:
        attempt.amend(propose("src/new/x.py", b"kept\n"))
        workspace.checkout(attempt.change.commit)
        attempt.keep()
    with workspace.attempt(propose(content=b"discarded\n"), 2) as attempt:
        workspace.checkout(attempt.change.commit)


def go_on(root):
    """As a resume does it; a creation cut short is done again."""
    try:
        return GitWorkspace.reopen(state_of(root), Scope(["src"]))
    except DamagedStateError:
        return open_workspace(root)


def test_a_run_killed_at_any_write_goes_on(tmp_path):
    total = in_a_child(lambda: one_of_each(make_repository(tmp_path / "whole")), 0)
    assert total > 100

    for dies_at in range(1, total, 9):
        root = make_repository(tmp_path / str(dies_at))
        before = snapshot(root)
        in_a_child(lambda root=root: one_of_each(root), dies_at)
        workspace = go_on(root)
        referee(workspace, root)
        assert len(workspace.kept()) in (0, 1), dies_at
        assert (workspace.checkout(workspace.base) / "bench.py").read_text() == "print(1)\n"
        with workspace.attempt(propose(content=b"after\n"), 3) as attempt:
            arm = workspace.checkout(attempt.change.commit)
            assert (arm / "src" / "fast.py").read_text() == "after\n"
            attempt.keep()
        referee(workspace, root)
        after = snapshot(root)
        assert {name: after[name] for name in before} == before, dies_at


def leave_lock(root, run_id, name):
    """Die while holding the lock of one of our own files."""

    def work():
        workspace = GitWorkspace.reopen(state_of(root, run_id), Scope(["src"]))
        sys.addaudithook(
            lambda event, arguments: os._exit(9) if is_rename_to(event, arguments, name) else None
        )
        with workspace.attempt(propose(), 1) as attempt:
            attempt.keep()

    in_a_child(work, 0)


def is_rename_to(event, arguments, name):
    return event == "os.rename" and os.fspath(arguments[0]).endswith(f"{name}.lock")


@pytest.mark.parametrize("name", ["r1", "index", "autoopt/r1/1"])
def test_a_lock_a_killed_run_left_is_removed_on_reopening(tmp_path, name):
    root = make_repository(tmp_path)
    open_workspace(root)
    leave_lock(root, "r1", name)
    assert list((root / ".git").rglob("*.lock"))
    workspace = GitWorkspace.reopen(state_of(root), Scope(["src"]))

    referee(workspace, root)


def test_a_lock_of_somebody_else_on_the_run_branch_is_left_and_named(tmp_path):
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    lock = root / ".git" / "refs" / "heads" / "autoresearch" / "r1.lock"
    lock.write_text("")
    GitWorkspace.reopen(state_of(root), Scope(["src"]))

    with pytest.raises(RepositoryError, match=r"r1\.lock"), workspace.attempt(propose(), 1) as attempt:
        attempt.keep()
    assert lock.exists()


def test_edits_lying_in_the_desk_after_a_crash_are_gone_on_reopening(tmp_path):
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    (workspace.desk / "src" / "fast.py").write_text("half an edit")
    (workspace.desk / "bench.py").unlink()
    (workspace.desk / "junk").mkdir()
    (workspace.desk / "junk" / "x").write_text("")
    again = GitWorkspace.reopen(state_of(root), Scope(["src"]))

    referee(again, root)
    assert not (again.desk / "junk").exists()


def test_a_keep_decided_before_the_crash_is_finished_by_advancing(tmp_path):
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    with workspace.attempt(propose(content=b"decided\n"), 1) as attempt:
        change = attempt.change
    again = GitWorkspace.reopen(state_of(root), Scope(["src"]))
    again.advance(change.parent, change.commit)

    referee(again, root)
    assert (again.desk / "src" / "fast.py").read_text() == "decided\n"
    assert git(root, "rev-parse", "autoresearch/r1").strip() == change.commit


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"run_id": "r1"}'])
def test_a_damaged_record_of_the_places_is_refused(tmp_path, content):
    root = make_repository(tmp_path)
    open_workspace(root)
    (state_of(root) / "workspace.json").write_bytes(content)

    with pytest.raises(DamagedStateError, match=r"workspace\.json"):
        GitWorkspace.reopen(state_of(root), Scope(["src"]))


def test_a_branch_that_the_user_has_checked_out_is_not_moved_under_them(tmp_path):
    root = make_repository(tmp_path)
    workspace = open_workspace(root)
    with (
        pytest.raises(RepositoryError, match=rf"checked out in {root}"),
        workspace.attempt(propose(), 1) as attempt,
    ):
        git(root, "checkout", "-q", "--ignore-other-worktrees", "autoresearch/r1")
        attempt.keep()
    with pytest.raises(RepositoryError, match=rf"checked out in {root}"), workspace.attempt(propose(), 2):
        pass

    assert git(root, "status", "--porcelain", "-uno") == ""
    git(root, "checkout", "-q", "main")
    with workspace.attempt(propose(), 3) as attempt:
        attempt.keep()
    referee(workspace, root)
