"""A desk that somebody edits by hand: nothing of theirs is ever lost."""

import pytest
from support.workspace_repos import by_hand, git, make_repository, open_workspace, propose, referee, state_of

from autoopt.errors import NothingChangedError, OutOfScopeError
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace


@pytest.fixture
def root(tmp_path):
    return make_repository(tmp_path)


@pytest.fixture
def desk(root):
    return open_workspace(root).desk


def reopen(root, *, keep_edits=True):
    return GitWorkspace.reopen(state_of(root), Scope(["src"]), keep_edits=keep_edits)


def test_reopening_leaves_edits_and_git_sees_them(root, desk):
    (desk / "src/fast.py").write_text("mine\n")
    (desk / "src/new.py").write_text("new\n")
    workspace = reopen(root)

    assert workspace.edited() == ("src/fast.py", "src/new.py")
    assert git(desk, "status", "--porcelain").split() == ["M", "src/fast.py", "??", "src/new.py"]


def test_a_refused_attempt_leaves_the_desk_alone(root, desk):
    workspace = reopen(root)
    with pytest.raises(NothingChangedError), workspace.attempt(by_hand(), 1):
        raise AssertionError("must not open")
    (desk / "bench.py").write_text("mine\n")
    (desk / "src/fast.py").write_text("mine\n")
    with pytest.raises(OutOfScopeError), workspace.attempt(by_hand(), 1):
        raise AssertionError("must not open")

    assert (desk / "bench.py").read_text() == (desk / "src/fast.py").read_text() == "mine\n"


def test_an_interrupted_attempt_leaves_the_desk_alone(root, desk):
    (desk / "src/fast.py").write_text("mine\n")
    with pytest.raises(KeyboardInterrupt), reopen(root).attempt(by_hand(), 1):
        raise KeyboardInterrupt

    assert (desk / "src/fast.py").read_text() == "mine\n"
    assert git(root, "show", "refs/autoopt/r1/1:src/fast.py") == "mine\n"


def test_a_reverted_attempt_puts_back_all_that_it_committed(root, desk):
    (desk / "src/fast.py").write_text("mine\n")
    (desk / "src/more").mkdir()
    (desk / "src/more/new.py").write_text("new\n")
    (desk / "src/deep/slow.py").unlink()
    workspace = reopen(root)
    with workspace.attempt(by_hand(), 1):
        pass

    assert not (desk / "src/more").exists()
    assert (desk / "src/deep/slow.py").is_file()
    assert workspace.edited() == ()
    referee(workspace, root)


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_edited_while_an_attempt_is_open_stays(root, desk, kept):
    (desk / "src/fast.py").write_text("first\n")
    (desk / "src/new.py").write_text("first\n")
    workspace = reopen(root)
    with workspace.attempt(by_hand(), 1) as attempt:
        (desk / "src/fast.py").write_text("second\n")
        if kept:
            attempt.keep()

    assert (desk / "src/fast.py").read_text() == "second\n"
    assert (desk / "src/new.py").exists() is kept
    assert workspace.edited() == ("src/fast.py",)
    assert git(desk, "status", "--porcelain") == " M src/fast.py\n"


def test_a_directory_made_where_a_file_was_is_not_removed(root, desk):
    (desk / "src/fast.py").unlink()
    workspace = reopen(root)
    with workspace.attempt(by_hand(), 1):
        (desk / "src/fast.py").mkdir()
        (desk / "src/fast.py/mine.py").write_text("mine\n")

    assert (desk / "src/fast.py/mine.py").read_text() == "mine\n"


def test_a_keep_that_was_cut_short_carries_later_edits_along(root, desk):
    (desk / "src/fast.py").write_text("kept\n")
    workspace = reopen(root)
    with pytest.raises(KeyboardInterrupt), workspace.attempt(by_hand(), 1) as attempt:
        change = attempt.change
        raise KeyboardInterrupt
    (desk / "src/deep/slow.py").write_text("later\n")
    workspace = reopen(root)
    workspace.advance(change.parent, change.commit)

    assert workspace.edited() == ("src/deep/slow.py",)
    assert git(desk, "status", "--porcelain") == " M src/deep/slow.py\n"


def test_settling_copies_only_what_no_commit_holds(root, desk):
    (desk / "src/fast.py").write_text("committed\n")
    with pytest.raises(KeyboardInterrupt), reopen(root).attempt(by_hand(), 1):
        raise KeyboardInterrupt
    (desk / "src/new.py").write_text("mine\n")
    workspace = reopen(root, keep_edits=False)

    assert workspace.set_aside == state_of(root) / "set-aside" / "1"
    assert [path.name for path in workspace.set_aside.rglob("*") if path.is_file()] == ["new.py"]
    referee(workspace, root)
    assert reopen(root, keep_edits=False).set_aside is None


def test_a_desk_that_was_removed_is_made_again(root, desk):
    git(root, "worktree", "remove", "--force", str(desk))
    workspace = reopen(root)

    assert workspace.edited() == ()
    referee(workspace, root)


def test_what_was_committed_in_the_desk_is_taken_back_and_its_edits_stay(root, desk):
    workspace = reopen(root)
    (desk / "src/fast.py").write_text("committed\n")
    git(desk, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "by the agent")
    stray = git(desk, "rev-parse", "HEAD").strip()

    assert workspace.reclaim() == stray
    assert workspace.reclaim() is None
    assert git(root, "rev-parse", "autoresearch/r1").strip() == workspace.incumbent
    assert git(root, "rev-parse", f"refs/autoopt/r1/committed-{stray[:12]}").strip() == stray
    with workspace.attempt(by_hand(), 1) as attempt:
        assert attempt.change.paths == ("src/fast.py",)
        attempt.keep()
    referee(workspace, root)


def test_a_branch_moved_elsewhere_is_not_taken_back(root, desk):
    workspace = reopen(root)
    tree = git(root, "rev-parse", "HEAD^{tree}").strip()
    named = ["-c", "user.name=t", "-c", "user.email=t@t"]
    other = git(root, *named, "commit-tree", tree, "-m", "mine").strip()
    git(root, "update-ref", "refs/heads/autoresearch/r1", other)

    assert workspace.reclaim() is None
    assert git(root, "rev-parse", "autoresearch/r1").strip() == other


def test_what_lay_in_the_desk_before_an_agent_had_it_is_not_the_agents_edit(root):
    """After edits that were listed nobody looks for other files, and the next agent's commit had them."""
    workspace = open_workspace(root)
    with workspace.attempt(propose(content=b"1\n"), 1):
        (workspace.desk / "src" / "stray.py").write_text("somebody's\n")
        (workspace.desk / "src" / "deep" / "slow.py").write_text("somebody's\n")
    with workspace.lent():
        (workspace.desk / "src" / "fast.py").write_text("the agent's\n")
    with workspace.attempt(by_hand(), 2) as attempt:
        assert attempt.change.paths == ("src/fast.py",)
        with workspace.lent():  # to repair it
            (workspace.desk / "src" / "new.py").write_text("the agent's, too\n")
        assert attempt.amend(by_hand()).paths == ("src/fast.py", "src/new.py")
    referee(workspace, root)
