"""Submodules: their files are in every checkout, and nothing in them may be edited."""

import subprocess

import pytest
from support.workspace_repos import (
    ENVIRONMENT,
    by_hand,
    git,
    make_repository,
    open_workspace,
    propose,
    referee,
    state_of,
)

from autoopt.errors import OutOfScopeError, UsageError
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace
from autoopt.workspaces.repository import discover
from autoopt.workspaces.submodules import missing_submodules


def add(root, source, path, *, name=None):
    words = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"]
    git(root, *words, *(["--name", name] if name else []), str(source), path)
    git(root, "commit", "-q", "-m", f"add {path}")


@pytest.fixture
def nested(tmp_path):
    """A repository with a submodule that has a submodule."""
    inner = make_repository(tmp_path / "inner", {"deep.py": "DEEP = 1\n"})
    library = make_repository(tmp_path / "library", {"lib.py": "LIB = 1\n", "run.sh": "#!/bin/sh\n"})
    add(library, inner, "inner")
    root = make_repository(tmp_path)
    add(root, library, "vendor/lib", name="the library")
    words = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive"]
    git(root, *words)
    return root


def test_files_of_submodules_are_in_every_checkout_and_the_desk(nested):
    workspace = open_workspace(nested)
    with workspace.attempt(propose(), 1) as attempt:
        arms = [workspace.checkout(workspace.base), workspace.checkout(attempt.change.commit)]
        attempt.keep()

    for place in (*arms, workspace.desk):
        assert (place / "vendor/lib/lib.py").read_text() == "LIB = 1\n"
        assert (place / "vendor/lib/inner/deep.py").read_text() == "DEEP = 1\n"
        assert not (place / "vendor/lib/.git").exists()
    referee(workspace, nested)
    assert missing_submodules(discover(nested)) == ()


def test_what_a_command_leaves_in_a_submodule_goes(nested):
    workspace = open_workspace(nested)
    arms = []
    for number in (1, 2, 3):
        with workspace.attempt(propose(content=b"%d\n" % number), number) as attempt:
            arms.append(workspace.checkout(attempt.change.commit))
        assert (arms[-1] / "vendor/lib/lib.py").read_text() == "LIB = 1\n"
        assert not (arms[-1] / "vendor/lib/answers").exists()
        (arms[-1] / "vendor/lib/lib.py").write_text("LIB = 2\n")
        (arms[-1] / "vendor/lib/answers").write_text("42")


def test_it_is_the_commit_that_counts_not_what_is_checked_out_in_the_submodule(nested):
    (nested / "vendor/lib/lib.py").write_text("LIB = 'uncommitted'\n")
    git(nested / "vendor/lib", "commit", "-q", "-a", "-m", "newer")
    workspace = open_workspace(nested)

    assert (workspace.checkout(workspace.base) / "vendor/lib/lib.py").read_text() == "LIB = 1\n"


@pytest.mark.parametrize("scope", [["src"], ["."]])
@pytest.mark.parametrize("act", ["change", "new", "delete"])
def test_nothing_in_a_submodule_may_be_edited(nested, act, scope):
    workspace = open_workspace(nested, scope=Scope(scope))
    folder = workspace.desk / "vendor/lib"
    match act:
        case "change":
            (folder / "lib.py").write_text("LIB = 2\n")
        case "new":
            (folder / "new.py").write_text("")
        case "delete":
            (folder / "lib.py").unlink()
    with pytest.raises(OutOfScopeError, match=r"vendor/lib/\w+\.py: inside a submodule"):
        workspace.attempt(by_hand(), 1).__enter__()

    assert (folder / "lib.py").read_text() == "LIB = 1\n"
    referee(workspace, nested)


@pytest.mark.parametrize("scope", ["vendor/lib", "vendor/lib/lib.py", "./vendor/lib/*.py"])
def test_a_scope_in_a_submodule_is_refused_by_its_name(nested, scope):
    with pytest.raises(UsageError, match="scope: vendor/lib is a submodule, a repository of its own"):
        open_workspace(nested, scope=Scope([scope]))


def test_a_submodule_that_was_never_brought_here_is_empty_and_named(nested, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", nested, clone], check=True, env=ENVIRONMENT)
    workspace = open_workspace(clone)

    assert missing_submodules(discover(clone)) == ("vendor/lib",)
    assert list((workspace.checkout(workspace.base) / "vendor/lib").iterdir()) == []
    referee(workspace, clone)


def test_a_submodule_with_its_repository_inside_is_read_too(tmp_path):
    root = make_repository(tmp_path)
    library = make_repository(root / "third", {"lib.py": "LIB = 1\n"})
    git(root, "-c", "advice.addEmbeddedRepo=false", "add", str(library))
    git(root, "commit", "-q", "-m", "a pointer without .gitmodules")
    workspace = open_workspace(root)

    assert (workspace.checkout(workspace.base) / "third/app/lib.py").read_text() == "LIB = 1\n"


def test_a_resumed_run_has_them_too(nested):
    open_workspace(nested)
    again = GitWorkspace.reopen(state_of(nested), Scope(["src"]))

    assert (again.desk / "vendor/lib/inner/deep.py").read_text() == "DEEP = 1\n"
    assert again.set_aside is None
