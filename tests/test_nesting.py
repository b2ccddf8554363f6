"""Directories nested deeper than any path can name: made by editors and commands, and in repositories."""

import os
import subprocess
import sys

import pytest
from support.workspace_repos import (
    by_hand,
    git,
    make_repository,
    open_workspace,
    propose,
    referee,
    state_of,
)

from autoopt.errors import OutOfScopeError, RepositoryError
from autoopt.records import Edit, Proposal
from autoopt.removing import remove_whole
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace
from autoopt.workspaces.cleaning import Remains
from autoopt.workspaces.copies import Copy, listing
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.store import FILE, Entry, Store

DEEP = 1050
"""Levels: more than calls can be nested, or (at four letters a level) a path have letters."""


@pytest.fixture(autouse=True)
def _removed(tmp_path):
    """Nothing stays: not everybody who cleans temporary directories can remove it."""
    yield
    remove_whole(tmp_path)


@pytest.fixture
def root(tmp_path):
    return make_repository(tmp_path)


def nest(folder, levels=DEEP, name="deep"):
    """Directories in one another, a file in the deepest."""
    folder.mkdir(parents=True, exist_ok=True)
    here = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)


def test_what_is_nested_deep_is_removed_and_nothing_behind_links(tmp_path):
    other, top = tmp_path / "other", tmp_path / "top"
    other.mkdir()
    (other / "mine").write_text("mine")
    nest(top)
    nest(top / "a", 3)
    (top / "a" / "link").symlink_to(other)
    (top / "autoopt-removed-0").mkdir()  # as a removal that was killed leaves it
    (top / "autoopt-removed-1").symlink_to(other)

    remove_whole(top)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["other"]
    assert (other / "mine").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any directory")
def test_read_only_directories_are_removed(tmp_path):
    nest(tmp_path / "top", 5)
    for folder, _, _ in os.walk(tmp_path / "top", topdown=False):
        os.chmod(folder, 0)  # noqa: PTH101

    remove_whole(tmp_path / "top")

    assert not (tmp_path / "top").exists()


def test_removing_opens_few_directories_at_once(tmp_path):
    nest(tmp_path / "top", 300)
    program = (
        "import resource, sys; from pathlib import Path;"
        "from autoopt.removing import remove_whole;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30)); remove_whole(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "top")], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "top").exists()


def test_a_deep_directory_left_by_an_editor_is_refused_and_removed(root):
    workspace = open_workspace(root)
    nest(workspace.desk / "src" / "made")

    with pytest.raises(OutOfScopeError, match="nested too deep"), workspace.attempt(by_hand(), 1):
        pass

    assert not (workspace.desk / "src" / "made").exists()
    referee(workspace, root)


def test_one_that_a_killed_run_left_goes_when_it_is_opened_again(root):
    workspace = open_workspace(root)
    nest(workspace.desk / "src" / "made")
    workspace.close()

    workspace = GitWorkspace.reopen(state_of(root), Scope(["src"]))

    assert not (workspace.desk / "src" / "made").exists()
    referee(workspace, root)


def test_one_that_git_ignores_stays_and_stops_nothing(root):
    workspace = open_workspace(root)
    nest(workspace.desk / "build.log")

    with workspace.attempt(propose(), 1) as attempt:
        attempt.keep()

    assert (workspace.desk / "build.log" / "deep").is_dir()
    assert git(workspace.desk, "log", "--format=%s", "-1").strip() == "experiment: a try"


def test_ones_left_by_commands_in_a_checkout_and_its_home_go(root):
    workspace = open_workspace(root)
    checkout = workspace.checkout(workspace.base)
    nest(checkout / "made")
    nest(checkout / "src" / "made")
    nest(workspace.scratch(workspace.base))
    with workspace.attempt(propose(), 1) as attempt:
        pass

    for commit in (attempt.change.commit, workspace.base):
        folder = workspace.checkout(commit)
        assert not (folder / "made").exists()
        assert not (folder / "src" / "made").exists()
        assert list(workspace.scratch(commit).iterdir()) == []


def test_one_left_in_a_copied_data_directory_goes(root, tmp_path):
    (root / "data").mkdir()
    (root / "data" / "a.csv").write_text("1\n")
    copy, target = Copy(root / "data"), tmp_path / "target"
    copy.settle(target)
    nest(target / "made")

    copy.settle(target)

    assert sorted(listing(target)) == ["", "a.csv"]


def test_a_data_directory_that_deep_is_linked_rather_than_copied(root):
    nest(root / "data")

    workspace = open_workspace(root, links=["data"])
    assert (workspace.checkout(workspace.base) / "data").is_symlink()

    with pytest.raises(RepositoryError, match="link_by=link"):
        Copy(root / "data").settle(root / "copy")


def test_clean_removes_a_desk_with_one(root):
    workspace = open_workspace(root)
    nest(workspace.desk / "made")
    workspace.close()

    Remains(Layout.load(state_of(root)), state_of(root)).remove(branch=True, others=())

    assert not workspace.desk.exists()


def test_in_the_users_own_checkout_it_stays_and_is_named(root):
    state = state_of(root)
    state.mkdir(parents=True)
    workspace = GitWorkspace.create(root, "r1", state, Scope(["src"]), in_place=True)
    lines: list[str] = []
    with workspace.borrowed(lines.append):
        nest(root / "src" / "made")
        with (
            pytest.raises(RepositoryError, match=r"src/made/.*your edits stay"),
            workspace.attempt(by_hand(), 1),
        ):
            pass

    assert (root / "src" / "made").is_dir()
    assert any("left as they are: src/made/" in line for line in lines)
    assert git(root, "symbolic-ref", "--short", "HEAD").strip() == "main"


def test_a_checkout_with_one_out_of_scope_can_be_worked_in(root):
    nest(root / "mine")
    state = state_of(root)
    state.mkdir(parents=True)
    workspace = GitWorkspace.create(root, "r1", state, Scope(["src"]), in_place=True)
    with workspace.borrowed(lambda line: None), workspace.attempt(propose(), 1) as attempt:
        attempt.keep()

    assert (root / "mine" / "deep").is_dir()


def test_a_run_goes_through_in_a_repository_with_deeply_nested_files(root):
    path = "src/" + "d/" * 1010 + "x.py"
    commit_with(root, path)
    workspace = open_workspace(root)
    with workspace.attempt(propose(path), 1) as attempt:
        folder = workspace.checkout(attempt.change.commit)
        attempt.keep()

    assert (folder / path).read_bytes() == b"better\n"
    assert git(root, "show", f"{workspace.incumbent}:{path}") == "better\n"
    with workspace.attempt(Proposal(**{**fields(), "edits": (Edit(path=path, content=None),)}), 2) as attempt:
        attempt.keep()
    assert not (workspace.desk / "src" / "d").exists()
    referee(workspace, root)


def test_a_repository_with_a_path_that_no_checkout_can_hold_is_refused_in_a_line(root):
    commit_with(root, "src/" + f"{'d' * 200}/" * 20 + "x.py")

    with pytest.raises(RepositoryError, match=r"^src/d+\.\.\.: a path of 3822 bytes[^\n]*$"):
        open_workspace(root)


def test_a_new_file_with_such_a_path_is_refused(root):
    workspace = open_workspace(root)

    with (
        pytest.raises(OutOfScopeError, match="too long"),
        workspace.attempt(propose("src/" + f"{'d' * 200}/" * 16 + "x.py"), 1),
    ):
        pass

    referee(workspace, root)


def fields():
    return {"description": "gone", "hypothesis": "", "area": "a", "source": "t"}


def commit_with(root, path):
    """Commit a file that is in no checkout."""
    store = Store(root / ".git")
    base = git(root, "rev-parse", "HEAD").strip()
    entry = Entry(FILE, store.add_blob(b"1\n"))
    tree = store.add_tree(store.tree_of(base), {path: entry})
    commit = store.add_commit(tree, [base], "deep\n", b"A <a@b>", 1_700_000_000)
    store.close()
    git(root, "update-ref", "refs/heads/main", commit)
