"""What a proposal, or an editor loose in the desk, may not do; and what a repository may not make us run."""

import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

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

from autoopt.errors import NothingChangedError, OutOfScopeError, RepositoryError
from autoopt.records import Edit, Proposal
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace
from autoopt.workspaces.history import diff

_NOBODY = 65534


@pytest.fixture
def root(tmp_path):
    return make_repository(tmp_path)


def objects(root):
    return set(git(root, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split())


@pytest.mark.parametrize(
    "path",
    [
        *(
            "bench.py",
            "../secret",
            "src/../../secret",
            "/etc/passwd",
            "src/./x.py",
            "src//x.py",
            "",
            "src/x\0.py",
        ),
        *(".git", ".git/config", "src/.git/hooks/post-commit", "src/.GIT/config", "src/.gitignore"),
        *("src/.gitattributes", "src/.gitmodules", "src/.g\u200cit/config", "src/git~1/config", "src/"),
    ],
)
def test_an_edit_of_a_path_that_is_not_the_proposals_is_refused(root, path):
    workspace = open_workspace(root)
    before, stored = snapshot(root), objects(root)
    with pytest.raises(OutOfScopeError), workspace.attempt(propose(path), 1):
        raise AssertionError("must not open")

    assert snapshot(root) == before
    assert objects(root) == stored
    assert not (root.parent / "secret").exists()
    referee(workspace, root)


@pytest.mark.parametrize("path", ["SRC/fast.py", "src/FAST.py", "src/DEEP/x.py"])
def test_a_path_that_differs_only_in_case_is_refused(root, path):
    workspace = open_workspace(root, scope=Scope(["."]))
    with pytest.raises(OutOfScopeError, match="letter case"), workspace.attempt(propose(path), 1):
        raise AssertionError("must not open")
    referee(workspace, root)


def test_two_new_paths_that_differ_only_in_case_are_refused(root):
    workspace = open_workspace(root)
    edits = (Edit(path="src/new/a.py", content=b""), Edit(path="src/NEW/b.py", content=b""))
    proposal = Proposal(description="d", hypothesis="h", area="a", source="s", edits=edits)
    with pytest.raises(OutOfScopeError, match="letter case"), workspace.attempt(proposal, 1):
        raise AssertionError("must not open")


def to_link(desk, root):
    (desk / "src" / "fast.py").unlink()
    (desk / "src" / "fast.py").symlink_to("/etc/hostname")


def new_link(desk, root):
    (desk / "src" / "new.py").symlink_to(root / "README")


def folder_link(desk, root):
    (desk / "src" / "deep").rename(desk / "src" / "aside")
    (desk / "src" / "deep").symlink_to("aside")


def hard_link_to_the_users_file(desk, root):
    (desk / "src" / "fast.py").unlink()
    os.link(root / "README", desk / "src" / "fast.py")


def new_hard_link(desk, root):
    os.link(desk / "src" / "fast.py", desk / "src" / "twin.py")


def fifo(desk, root):
    os.mkfifo(desk / "src" / "pipe")


def fifo_in_place(desk, root):
    (desk / "src" / "fast.py").unlink()
    os.mkfifo(desk / "src" / "fast.py")


def setuid(desk, root):
    (desk / "src" / "fast.py").chmod(0o4755)


def out_of_scope(desk, root):
    (desk / "bench.py").write_text("print(0)\n")


def out_of_scope_deletion(desk, root):
    (desk / "bench.py").unlink()


def out_of_scope_mode(desk, root):
    (desk / "bench.py").chmod(0o755)


def out_of_scope_addition(desk, root):
    (desk / "conftest.py").write_text("")


def ignore_rules(desk, root):
    (desk / ".gitignore").write_text("*\n")
    (desk / "conftest.py").write_text("hidden by it")


def nested_repository(desk, root):
    git(desk / "src", "init", "-q", "inner")
    (desk / "src" / "inner" / "x.py").write_text("")


def huge(desk, root):
    with (desk / "src" / "model.bin").open("wb") as file:
        file.truncate(6_000_000)


def same_size_and_time(desk, root):
    path = desk / "bench.py"
    before = path.stat()
    path.write_text("print(2)\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "mutate",
    [
        *(
            to_link,
            new_link,
            folder_link,
            hard_link_to_the_users_file,
            new_hard_link,
            fifo,
            fifo_in_place,
            setuid,
        ),
        *(out_of_scope, out_of_scope_deletion, out_of_scope_mode, out_of_scope_addition, ignore_rules),
        *(nested_repository, huge, same_size_and_time),
    ],
)
def test_what_an_editor_may_not_leave_in_the_desk_is_refused_and_undone(root, mutate):
    workspace = open_workspace(root)
    before, stored = snapshot(root), objects(root)
    time.sleep(1.01)  # git compares whole seconds: an index that was not refreshed must show
    mutate(workspace.desk, root)
    with pytest.raises(OutOfScopeError), workspace.attempt(by_hand(), 1):
        raise AssertionError("must not open")

    assert snapshot(root) == before
    assert objects(root) == stored
    assert stat.S_ISREG((workspace.desk / "src" / "fast.py").lstat().st_mode)
    assert not (workspace.desk / "conftest.py").exists()
    referee(workspace, root)


def test_a_file_that_was_only_touched_looks_clean_to_git_afterwards(root):
    workspace = open_workspace(root)
    os.utime(workspace.desk / "src" / "fast.py", (1, 1))
    (workspace.desk / "src" / "other.py").write_text("by an editor\n")
    with workspace.attempt(by_hand(), 1):
        pass  # not kept

    assert git(workspace.desk, "diff-files", "--name-only") == ""
    referee(workspace, root)


def test_an_edit_through_a_linked_directory_is_refused_and_writes_nothing_there(root):
    workspace = open_workspace(root)
    elsewhere = root.parent / "elsewhere"
    elsewhere.mkdir()
    (workspace.desk / "src" / "way").symlink_to(elsewhere)
    with pytest.raises(OutOfScopeError), workspace.attempt(propose("src/way/x.py"), 1):
        raise AssertionError("must not open")

    assert list(elsewhere.iterdir()) == []
    referee(workspace, root)


def test_an_edit_over_a_hard_link_leaves_the_other_name_alone(root):
    workspace = open_workspace(root)
    hard_link_to_the_users_file(workspace.desk, root)
    with workspace.attempt(propose(content=b"ours\n"), 1):
        pass

    assert (root / "README").read_text() == "hello\n"
    referee(workspace, root)


def test_an_edit_of_a_tracked_link_is_refused(root):
    (root / "src" / "link.py").symlink_to("../bench.py")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "link")
    workspace = open_workspace(root)
    with pytest.raises(OutOfScopeError, match="link"), workspace.attempt(propose("src/link.py"), 1):
        raise AssertionError("must not open")

    assert (workspace.desk / "bench.py").read_text() == "print(1)\n"
    referee(workspace, root)


def test_files_in_a_submodule_are_refused(root, tmp_path):
    other = make_repository(tmp_path / "other", {"lib.c": "int x;\n"})
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "src/vendor")
    git(root, "commit", "-q", "-m", "submodule")
    workspace = open_workspace(root)
    with pytest.raises(OutOfScopeError, match="submodule"), workspace.attempt(propose("src/vendor/lib.c"), 1):
        raise AssertionError("must not open")
    referee(workspace, root)


def test_an_added_executable_bit_in_scope_is_a_change(root):
    workspace = open_workspace(root)
    (workspace.desk / "src" / "fast.py").chmod(0o755)
    with workspace.attempt(by_hand(), 1) as attempt:
        listed = git(root, "ls-tree", attempt.change.commit, "src/fast.py")

    assert listed.startswith("100755")
    referee(workspace, root)


def test_an_empty_directory_is_no_change_and_goes(root):
    workspace = open_workspace(root)
    (workspace.desk / "src" / "empty" / "deeper").mkdir(parents=True)
    with pytest.raises(NothingChangedError), workspace.attempt(by_hand(), 1):
        raise AssertionError("must not open")

    assert not (workspace.desk / "src" / "empty").exists()


def test_the_description_cannot_forge_a_commit_header(root):
    workspace = open_workspace(root)
    with workspace.attempt(propose(description="a\n\nparent 0\x00\r\nb", hypothesis="x\0y"), 1) as attempt:
        attempt.keep()

    assert git(root, "log", "-1", "--format=%s", "autoresearch/r1") == "experiment: a parent 0 b\n"
    referee(workspace, root)


HOOKS = ("pre-commit", "post-commit", "commit-msg", "prepare-commit-msg", "post-checkout", "post-rewrite")
HOOKS += ("reference-transaction", "pre-auto-gc", "fsmonitor-watchman", "post-index-change", "update")


def test_hooks_filters_and_programs_in_the_configuration_never_run(root):
    marker = root.parent / "ran"
    program = root.parent / "program"
    program.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    program.chmod(0o755)
    (root / ".gitattributes").write_text("*.md filter=evil diff=evil merge=evil\n")
    (root / "notes.md").write_text("x\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "attributes")
    hooks = root.parent / "hooks"
    hooks.mkdir()
    for folder in (root / ".git" / "hooks", hooks):
        for name in HOOKS:
            (folder / name).write_bytes(program.read_bytes())
            (folder / name).chmod(0o755)
    for key in ("filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv"):
        git(root, "config", key, str(program))
    for key in (
        "merge.evil.driver",
        "core.fsmonitor",
        "gpg.program",
        "gpg.ssh.defaultKeyCommand",
        "core.pager",
    ):
        git(root, "config", key, str(program))
    for key, value in (
        ("core.hooksPath", str(hooks)),
        ("commit.gpgSign", "true"),
        ("filter.evil.required", "true"),
    ):
        git(root, "config", key, value)
    workspace = open_workspace(root, scope=Scope(["src"]))
    admin = next((root / ".git" / "worktrees").iterdir())
    (admin / "hooks").mkdir()
    (admin / "hooks" / "post-commit").write_bytes(program.read_bytes())
    (admin / "hooks" / "post-commit").chmod(0o755)
    (root / "notes.md").write_text("changed\n")
    with workspace.attempt(propose(), 1) as attempt:
        workspace.checkout(attempt.change.commit)
        attempt.keep()
    with workspace.attempt(propose(content=None), 2) as attempt:
        workspace.checkout(attempt.change.commit)
        diff(root / ".git", workspace.base, attempt.change.commit)

    assert not marker.exists()
    assert (workspace.desk / "notes.md").read_text() == "x\n"


def test_a_redirected_git_file_does_not_lead_us_elsewhere(root, tmp_path):
    other = make_repository(tmp_path / "other")
    before = snapshot(other)
    workspace = open_workspace(root)
    (workspace.desk / ".git").write_text(f"gitdir: {other}/.git\n")
    with workspace.attempt(propose(), 1) as attempt:
        attempt.keep()

    assert snapshot(other) == before
    assert objects(other).isdisjoint({attempt.change.commit})
    referee(workspace, root)


def test_a_link_in_the_place_of_the_desk_is_refused_and_what_it_leads_to_stays(root):
    workspace = open_workspace(root)
    mine = root.parent / "mine"
    mine.mkdir()
    (mine / ".git").write_text("gitdir: /elsewhere\n")
    workspace.desk.rename(root.parent / "moved")
    workspace.desk.symlink_to(mine)

    with pytest.raises(RepositoryError, match="no directory any more"):
        workspace.tidy()
    with pytest.raises(RepositoryError), workspace.attempt(propose("src/fast.py"), 1):
        raise AssertionError("must not open")

    assert (mine / ".git").read_text() == "gitdir: /elsewhere\n"
    assert [path.name for path in mine.iterdir()] == [".git"]


def test_a_name_that_is_too_long_is_refused(root):
    workspace = open_workspace(root)
    with (
        pytest.raises(OutOfScopeError, match="no file can be there"),
        workspace.attempt(propose("src/" + "x" * 300), 1),
    ):
        raise AssertionError("must not open")
    referee(workspace, root)


@pytest.fixture
def ordinary(monkeypatch):
    """A folder of somebody who may not read everything, in whose name the test runs."""
    folder, user = Path(tempfile.mkdtemp()), os.geteuid()
    monkeypatch.setenv("HOME", str(folder))
    if user == 0:
        os.chown(folder, _NOBODY, _NOBODY)
        os.seteuid(_NOBODY)
    yield folder
    os.seteuid(user)
    shutil.rmtree(folder)


def test_a_file_that_cannot_be_read_is_refused_and_does_not_stop_the_run(ordinary):
    """Settling the desk or a checkout read it, failed, and failed again at every resume."""
    workspace = open_workspace(make_repository(ordinary))
    (workspace.desk / "src" / "fast.py").chmod(0)
    (workspace.desk / "src" / "new.py").write_text("new\n")
    (workspace.desk / "src" / "new.py").chmod(0)
    with (
        pytest.raises(OutOfScopeError, match=r"src/fast\.py: cannot be read"),
        workspace.attempt(by_hand(), 1),
    ):
        pass
    base = workspace.checkout(workspace.base)
    (base / "bench.py").chmod(0)
    workspace.close()
    again = GitWorkspace.reopen(state_of(ordinary / "app"), Scope(["src"]))

    assert not (again.desk / "src" / "new.py").exists()
    assert (again.desk / "src" / "fast.py").read_text() == "def work():\n    return 1\n"
    assert (again.checkout(again.base) / "bench.py").read_text() == "print(1)\n"


def test_an_empty_directory_behind_a_link_in_the_desk_stays(root, tmp_path):
    """Directories above a removed file go when they are empty; these were above another one."""
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    workspace = open_workspace(root)
    shutil.rmtree(workspace.desk / "src")
    (workspace.desk / "src").symlink_to(tmp_path / "outside")
    with workspace.attempt(propose("src/deep/slow.py", None), 1) as attempt:
        assert attempt.change.paths == ("src/deep/slow.py",)

    assert (tmp_path / "outside" / "deep").is_dir()
    workspace.tidy()
    referee(workspace, root)
