import os
import subprocess

import pytest
from support.workspace_repos import (
    by_hand,
    git,
    make_repository,
    open_workspace,
    propose,
    referee,
    snapshot,
    state_of,
)

from autoopt.errors import NothingChangedError, RepositoryError, UsageError
from autoopt.records import Edit
from autoopt.scope import Scope
from autoopt.testing.workspace_suite import WorkspaceSuite
from autoopt.workspaces import GitWorkspace, remove
from autoopt.workspaces.history import diff


class TestGitWorkspace(WorkspaceSuite):
    in_scope = "src/fast.py"
    out_of_scope = "bench.py"

    def make_workspace(self, directory):
        return open_workspace(make_repository(directory))


@pytest.fixture
def root(tmp_path):
    return make_repository(tmp_path)


def test_git_agrees_with_the_desk_after_creation_keep_and_revert(root):
    workspace = open_workspace(root)
    referee(workspace, root)
    with workspace.attempt(propose(), 1) as attempt:
        attempt.keep()
    referee(workspace, root)
    with workspace.attempt(propose(content=b"worse\n"), 2):
        pass
    referee(workspace, root)

    assert git(root, "log", "--format=%s", "autoresearch/r1").splitlines() == ["experiment: a try", "start"]


def test_the_desk_lies_beside_the_repository(root):
    assert open_workspace(root).desk == root.parent / "app-r1"


def test_nothing_of_the_users_is_touched(root):
    (root / "notes.txt").write_text("mine, untracked")
    (root / "README").write_text("mine, modified")
    (root / "src" / "fast.py").write_text("mine, staged")
    git(root, "add", "src/fast.py")
    before = snapshot(root)
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1) as attempt:
        workspace.checkout(attempt.change.commit)
        attempt.keep()
    with workspace.attempt(propose(content=None), 2) as attempt:
        workspace.checkout(attempt.change.commit)
    GitWorkspace.reopen(state_of(root), Scope(["src"]))

    assert snapshot(root) == before
    assert (workspace.desk / "README").read_text() == "hello\n"


def test_the_message_holds_description_and_hypothesis(root):
    workspace = open_workspace(root)
    proposal = propose(description="use a\nset", hypothesis="lookups should be faster because of hashing")
    with workspace.attempt(proposal, 1) as attempt:
        message = git(root, "log", "-1", "--format=%B", attempt.change.commit)

    assert message == "experiment: use a set\n\nlookups should be faster because of hashing\n\n"


def test_the_author_is_who_the_repository_says(root):
    git(root, "config", "user.name", "Ada <L>")
    git(root, "config", "user.email", "ada@example.org")
    with open_workspace(root).attempt(propose(), 1) as attempt:
        author = git(root, "log", "-1", "--format=%an %ae", attempt.change.commit)

    assert author == "Ada L ada@example.org\n"


def test_the_author_is_autoopt_when_nobody_is_configured(root, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    with open_workspace(root).attempt(propose(), 1) as attempt:
        author = git(root, "log", "-1", "--format=%an %ae", attempt.change.commit)

    assert author == "autoopt autoopt@localhost\n"


def test_a_discarded_commit_stays_reachable_for_the_report(root):
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 7) as attempt:
        pass

    assert git(root, "rev-parse", "refs/autoopt/r1/7").strip() == attempt.change.commit


def test_amending_moves_the_experiments_ref(root):
    workspace = open_workspace(root)
    with workspace.attempt(propose(content=b"x\n"), 1) as attempt:
        attempt.amend(propose(content=b"y\n"))

    assert git(root, "rev-parse", "refs/autoopt/r1/1").strip() == attempt.change.commit
    assert git(root, "show", "refs/autoopt/r1/1:src/fast.py") == "y\n"


def test_amending_puts_back_what_only_the_first_proposal_edited(root):
    workspace = open_workspace(root)
    with workspace.attempt(propose("src/new/x.py"), 1) as attempt:
        change = attempt.amend(propose("src/fast.py"))

        assert change.paths == ("src/fast.py",)
        assert not (workspace.desk / "src" / "new").exists()


def test_amending_with_an_edit_repeated_still_commits_it(root):
    workspace = open_workspace(root)
    with workspace.attempt(propose(content=b"same\n"), 1) as attempt:
        (workspace.desk / "src" / "deep" / "slow.py").write_text("repaired\n")
        change = attempt.amend(propose(content=b"same\n"))

    assert change.paths == ("src/deep/slow.py", "src/fast.py")
    assert git(root, "show", f"{change.commit}:src/fast.py") == "same\n"


def test_files_come_and_go(root):
    workspace = open_workspace(root)
    proposal = propose()
    edits = (
        Edit(path="src/deep/slow.py", content=None),
        Edit(path="src/a/b/c.py", content=b"new\n"),
    )
    proposal = type(proposal)(description="d", hypothesis="h", area="a", source="s", edits=edits)
    with workspace.attempt(proposal, 1) as attempt:
        change = attempt.change
        attempt.keep()

    assert (change.added, change.removed) == (1, 1)
    assert git(root, "ls-tree", "-r", "--name-only", change.commit, "src").split() == [
        "src/a/b/c.py",
        "src/fast.py",
    ]
    assert not (workspace.desk / "src" / "deep").exists()
    referee(workspace, root)


def test_a_file_becomes_a_directory_and_back(root):
    workspace = open_workspace(root)
    edits = (Edit(path="src/fast.py", content=None), Edit(path="src/fast.py/x.py", content=b"1\n"))
    proposal = type(propose())(description="d", hypothesis="h", area="a", source="s", edits=edits)
    with workspace.attempt(proposal, 1) as attempt:
        arm = workspace.checkout(attempt.change.commit)
        assert (arm / "src" / "fast.py" / "x.py").read_bytes() == b"1\n"
    referee(workspace, root)

    assert (workspace.desk / "src" / "fast.py").is_file()


def test_the_executable_bit_survives_an_edit(root):
    (root / "src" / "run.sh").write_text("#!/bin/sh\n")
    (root / "src" / "run.sh").chmod(0o755)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "script")
    workspace = open_workspace(root)
    with workspace.attempt(propose("src/run.sh", b"#!/bin/sh\necho\n"), 1) as attempt:
        listed = git(root, "ls-tree", attempt.change.commit, "src/run.sh")
        arm = workspace.checkout(attempt.change.commit)

    assert listed.startswith("100755")
    assert os.access(arm / "src" / "run.sh", os.X_OK)
    assert os.access(workspace.desk / "src" / "run.sh", os.X_OK)


def test_a_link_and_a_submodule_in_the_tree_survive(root, tmp_path):
    other = make_repository(tmp_path / "other", {"lib.c": "int x;\n"})
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "vendor")
    (root / "src" / "link").symlink_to("./deep/../fast.py")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "both")
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1) as attempt:
        arm = workspace.checkout(attempt.change.commit)
        attempt.keep()
    referee(workspace, root)

    assert (
        os.readlink(arm / "src" / "link")  # noqa: PTH115
        == os.readlink(workspace.desk / "src" / "link")  # noqa: PTH115
        == "./deep/../fast.py"
    )
    assert (arm / "vendor" / "lib.c").read_text() == "int x;\n"
    assert "160000 commit" in git(root, "ls-tree", workspace.incumbent, "vendor")
    assert "src/link" not in workspace.files(workspace.incumbent)


def test_names_and_bytes_that_are_not_utf8_survive(root):
    (root / "src" / os.fsdecode(b"caf\xe9.bin")).write_bytes(bytes(range(256)))
    (root / "src" / "crlf.txt").write_bytes(b"a\r\nb\r\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "bytes")
    workspace = open_workspace(root)
    with workspace.attempt(propose("src/crlf.txt", b"a\r\nc\r\n"), 1) as attempt:
        attempt.keep()
    referee(workspace, root)

    assert (workspace.desk / "src" / os.fsdecode(b"caf\xe9.bin")).read_bytes() == bytes(range(256))
    assert attempt.change.added == attempt.change.removed == 1


def test_a_run_starts_from_a_detached_head(root):
    git(root, "checkout", "-q", "--detach")
    workspace = open_workspace(root)

    assert workspace.base == git(root, "rev-parse", "HEAD").strip()
    referee(workspace, root)


def test_a_run_starts_from_a_subdirectory(root):
    workspace = GitWorkspace.create(root / "src" / "deep", "r1", make_state(root), Scope(["src"]))

    assert workspace.desk == root.parent / "app-r1"


def make_state(root, run_id="r1"):
    state = state_of(root, run_id)
    state.mkdir(parents=True)
    return state


def test_a_run_starts_from_a_linked_worktree(root):
    linked = root.parent / "linked"
    git(root, "worktree", "add", "-q", "-b", "feature", str(linked))
    (linked / "src" / "fast.py").write_text("feature\n")
    git(linked, "commit", "-q", "-a", "-m", "feature")
    workspace = GitWorkspace.create(linked, "r1", make_state(root), Scope(["src"]))
    referee(workspace, root)

    assert workspace.desk == root.parent / "linked-r1"
    assert (workspace.desk / "src" / "fast.py").read_text() == "feature\n"
    assert git(linked, "status", "--porcelain") == ""


def test_packed_objects_and_refs_are_read(root):
    git(root, "gc", "-q")
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1) as attempt:
        attempt.keep()
    git(root, "gc", "-q", "--prune=now")
    with workspace.attempt(propose(content=b"after gc\n"), 2) as attempt:
        attempt.keep()

    referee(workspace, root)
    assert len(workspace.kept()) == 2


def test_two_runs_have_their_own_desks_and_branches(root):
    first, second = open_workspace(root, "r1"), open_workspace(root, "r2")
    with first.attempt(propose(content=b"1\n"), 1) as attempt:
        attempt.keep()
    with second.attempt(propose(content=b"2\n"), 1) as attempt:
        attempt.keep()

    referee(first, root)
    referee(second, root)
    assert first.desk != second.desk


def test_two_repositories_of_one_name_can_have_a_run_of_one_name(tmp_path):
    first, second = make_repository(tmp_path / "x"), make_repository(tmp_path / "y")
    referee(open_workspace(first), first)
    referee(open_workspace(second), second)


def test_an_existing_run_is_refused_with_the_way_on(root):
    open_workspace(root)

    with pytest.raises(UsageError, match="autoopt resume r1"):
        open_workspace(root)


def test_a_branch_of_the_users_is_never_taken_over(root):
    git(root, "branch", "autoresearch/r1")

    with pytest.raises(UsageError, match="run_id"):
        open_workspace(root)


def test_a_branch_in_the_way_is_named(root):
    git(root, "branch", "autoresearch")

    with pytest.raises(RepositoryError, match="autoresearch"):
        open_workspace(root)


@pytest.mark.parametrize("run_id", ["", "a/b", "..", "a..b", "x.lock", "-x", "a b", "ü"])
def test_a_run_id_that_is_no_branch_name_is_refused(root, run_id):
    with pytest.raises(UsageError, match="run_id"):
        open_workspace(root, "r1") if run_id is None else GitWorkspace.create(
            root, run_id, root.parent, Scope(["src"])
        )


def test_a_desk_that_exists_is_not_overwritten(root):
    (root.parent / "app-r1").mkdir()
    (root.parent / "app-r1" / "precious").write_text("mine")

    with pytest.raises(UsageError, match=r"workspace\.desk"):
        open_workspace(root)
    assert (root.parent / "app-r1" / "precious").read_text() == "mine"
    assert git(root, "branch", "--list", "autoresearch/*") == ""


def test_a_desk_inside_the_checkout_is_refused(root):
    with pytest.raises(UsageError, match=r"workspace\.desk"):
        open_workspace(root, desk=root / "desk")


def test_the_desk_can_be_put_elsewhere(root):
    workspace = open_workspace(root, desk=root.parent / "my" / "desk")
    referee(workspace, root)

    assert workspace.desk == root.parent / "my" / "desk"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_the_desk_goes_to_the_state_directory_where_the_parent_is_read_only(tmp_path):
    root = make_repository(tmp_path / "locked")
    state = tmp_path / "state"
    state.mkdir()
    root.parent.chmod(0o500)
    try:
        workspace = GitWorkspace.create(root, "r1", state, Scope(["src"]))
        referee(workspace, root)
        assert workspace.desk == state / "desk"
    finally:
        root.parent.chmod(0o700)


def test_line_ending_attributes_do_not_rewrite_files(root):
    (root / ".gitattributes").write_text("* text=auto eol=crlf\n")
    git(root, "config", "core.autocrlf", "true")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "attributes")
    workspace = open_workspace(root)
    with workspace.attempt(propose("src/deep/slow.py", b"import time\nx = 1\n"), 1) as attempt:
        attempt.keep()
    referee(workspace, root)

    assert (attempt.change.added, attempt.change.removed) == (1, 0)


def test_a_repository_that_is_gone_is_named(root):
    open_workspace(root)
    root.rename(root.parent / "elsewhere")

    with pytest.raises(RepositoryError, match=r"app/\.git"):
        GitWorkspace.reopen(state_of(root), Scope(["src"]))


def test_a_scope_without_a_file_is_refused(root):
    with pytest.raises(UsageError, match=r"^scope: .*scr"):
        open_workspace(root, scope=Scope(["scr"]))


def test_a_scope_over_filtered_files_is_refused(root):
    (root / "src" / ".gitattributes").write_text("*.bin filter=lfs\n")
    (root / "src" / "model.bin").write_text("pointer\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "lfs")

    with pytest.raises(UsageError, match=r"^scope: src/model\.bin"):
        open_workspace(root)
    open_workspace(root, "r2", Scope(["src/*.py"]))


def test_a_moved_branch_stops_the_attempt(root):
    workspace = open_workspace(root)
    moved = git(root, "commit-tree", "-m", "x", "-p", "HEAD", "HEAD^{tree}").strip()
    git(root, "update-ref", "refs/heads/autoresearch/r1", moved)

    with pytest.raises(RepositoryError, match=f"{workspace.base}.*{moved}"), workspace.attempt(propose(), 1):
        raise AssertionError("must not open")


def test_a_branch_moved_during_the_attempt_stops_the_keep(root):
    workspace = open_workspace(root)
    moved = git(root, "commit-tree", "-m", "x", "-p", "HEAD", "HEAD^{tree}").strip()
    with pytest.raises(RepositoryError, match="branch moved"), workspace.attempt(propose(), 1) as attempt:
        git(root, "update-ref", "refs/heads/autoresearch/r1", moved)
        attempt.keep()

    assert git(root, "rev-parse", "autoresearch/r1").strip() == moved
    assert workspace.incumbent == workspace.base


def test_advancing_is_idempotent_and_refuses_any_other_place(root):
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1) as attempt:
        commit = attempt.change.commit
    workspace.advance(workspace.base, commit)
    workspace.advance(workspace.base, commit)
    referee(workspace, root)

    assert workspace.incumbent == commit
    with pytest.raises(RepositoryError, match=commit):
        workspace.advance("1" * 40, workspace.base)


def test_the_kept_are_listed_oldest_first(root):
    workspace = open_workspace(root)
    for number, name in enumerate(("first", "second"), 1):
        with workspace.attempt(propose(content=name.encode(), description=name), number) as attempt:
            attempt.keep()

    assert [subject for _, subject in workspace.kept()] == ["experiment: first", "experiment: second"]
    assert workspace.kept()[-1][0] == workspace.incumbent


def test_git_can_apply_the_diff(root):
    workspace = open_workspace(root)
    edits = (
        Edit(path="src/fast.py", content=b"no newline at the end"),
        Edit(path="src/deep/slow.py", content=None),
        Edit(path="src/new.py", content=b"a\nb\n"),
    )
    proposal = type(propose())(description="d", hypothesis="h", area="a", source="s", edits=edits)
    with workspace.attempt(proposal, 1) as attempt:
        text = diff(root / ".git", workspace.base, attempt.change.commit)
    (root.parent / "patch").write_text(text)
    git(root, "apply", "--index", str(root.parent / "patch"))

    assert git(root, "write-tree").strip() == attempt.change.tree


def test_what_git_ignores_is_neither_committed_nor_removed(root):
    workspace = open_workspace(root)
    (workspace.desk / "debug.log").write_text("kept")
    with workspace.attempt(propose(), 1) as attempt:
        assert attempt.change.paths == ("src/fast.py",)

    assert (workspace.desk / "debug.log").read_text() == "kept"


def test_an_ignored_file_counts_when_the_proposal_names_it(root):
    workspace = open_workspace(root)
    with workspace.attempt(propose("src/tuned.log", b"1\n"), 1) as attempt:
        attempt.keep()

    assert attempt.change.paths == ("src/tuned.log",)
    referee(workspace, root)


def test_what_interpreters_leave_is_not_committed_and_cleaned_up(root):
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1) as attempt:
        (workspace.desk / "src" / "__pycache__").mkdir()
        (workspace.desk / "src" / "__pycache__" / "fast.cpython-311.pyc").write_text("x")
        change = attempt.amend(propose(content=b"again\n"))

    assert change.paths == ("src/fast.py",)
    assert not (workspace.desk / "src" / "__pycache__").exists()


def test_a_revert_writes_only_what_differs(root):
    workspace = open_workspace(root)
    untouched = (workspace.desk / "README").lstat()
    with workspace.attempt(propose(), 1):
        pass

    assert (workspace.desk / "README").lstat().st_ctime_ns == untouched.st_ctime_ns


def test_staging_and_head_changes_in_the_desk_are_put_right(root):
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1):
        git(workspace.desk, "add", "-A")
        git(workspace.desk, "symbolic-ref", "HEAD", "refs/heads/main")
        (workspace.desk / ".git").unlink()

    referee(workspace, root)


def test_an_index_lock_of_somebody_else_is_named_not_removed(root):
    workspace = open_workspace(root)
    lock = next((root / ".git" / "worktrees").iterdir()) / "index.lock"
    lock.write_text("")

    with pytest.raises(RepositoryError, match=r"index\.lock"), workspace.attempt(propose(), 1) as attempt:
        attempt.keep()
    assert lock.exists()


def test_the_desk_is_rebuilt_when_it_was_deleted(root):
    workspace = open_workspace(root)
    with workspace.attempt(propose(), 1) as attempt:
        attempt.keep()
    subprocess.run(["rm", "-rf", str(workspace.desk)], check=True)
    git(root, "worktree", "prune")
    again = GitWorkspace.reopen(state_of(root), Scope(["src"]))

    assert again.incumbent == attempt.change.commit
    referee(again, root)


def test_a_run_whose_branch_is_gone_says_so(root):
    workspace = open_workspace(root)
    git(root, "update-ref", "-d", "refs/heads/autoresearch/r1")

    with pytest.raises(RepositoryError, match="autoresearch/r1"):
        GitWorkspace.reopen(state_of(root), Scope(["src"]))
    assert workspace.base


def test_removing_takes_desk_and_bench_and_leaves_the_branch(root):
    workspace = open_workspace(root)
    workspace.checkout(workspace.base)
    remove(state_of(root))

    assert not workspace.desk.exists()
    assert not (state_of(root) / "bench").exists()
    assert git(root, "worktree", "list").count("\n") == 1
    assert git(root, "rev-parse", "autoresearch/r1").strip() == workspace.base


def test_a_desk_with_something_of_somebodys_is_not_removed(root):
    workspace = open_workspace(root)
    (workspace.desk / "notes.txt").write_text("mine")

    with pytest.raises(RepositoryError, match=r"notes\.txt"):
        remove(state_of(root))
    assert (workspace.desk / "notes.txt").read_text() == "mine"
    remove(state_of(root), force=True)
    assert not workspace.desk.exists()


def test_an_empty_experiment_done_by_hand_changes_nothing(root):
    with pytest.raises(NothingChangedError), open_workspace(root).attempt(by_hand(), 1):
        raise AssertionError("must not open")
