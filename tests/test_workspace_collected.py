"""What a garbage collection of the user's takes away while a run writes, and how it comes back."""

import os
import subprocess
import threading

import pytest
from support.workspace_repos import ENVIRONMENT, git, make_repository

from autoopt.records import Edit, Proposal
from autoopt.scope import Scope
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.store import Store

SCOPE = Scope(["src"])
EXPERIMENTS = 12


def idea(text):
    edits = (Edit(path="src/a", content=text.encode()), Edit(path=f"src/new/{text}", content=b"x\n"))
    return Proposal(description=f"write {text}", hypothesis="", area="", source="t", edits=edits)


@pytest.fixture
def root(tmp_path):
    return make_repository(tmp_path, {"src/a": "0", "README": "hello\n"})


@pytest.fixture
def state(tmp_path):
    path = tmp_path / "state"
    path.mkdir()
    return path


def lose(root, *objects):
    for sha in objects:
        (root / ".git" / "objects" / sha[:2] / sha[2:]).unlink()


@pytest.mark.parametrize("words", [("prune", "--expire=now"), ("pack-refs", "--all")])
def test_a_run_goes_on_while_somebody_collects_garbage_all_the_time(root, state, words):
    over = threading.Event()

    def collect():
        while not over.is_set():
            subprocess.run(["git", *words], cwd=root, env=ENVIRONMENT, capture_output=True, check=False)

    workspace = GitWorkspace.create(root, "r", state, SCOPE)
    collector = threading.Thread(target=collect)
    collector.start()
    try:
        for number in range(1, EXPERIMENTS + 1):
            with workspace.attempt(idea(str(number)), number) as attempt:
                measured = (workspace.checkout(attempt.change.commit) / "src" / "a").read_text()
                attempt.keep()
            assert measured == str(number)
    finally:
        over.set()
        collector.join()
        workspace.close()

    assert git(root, "fsck", "--strict", "--no-dangling").strip() == ""
    assert git(root, "rev-list", "--count", "main..autoresearch/r").strip() == str(EXPERIMENTS)
    assert git(root, "show", "autoresearch/r:src/a") == str(EXPERIMENTS)


def test_what_is_collected_after_its_ref_was_made_is_put_back(root, state):
    workspace = GitWorkspace.create(root, "r", state, SCOPE)
    with workspace.attempt(idea("1"), 1) as attempt:
        change = attempt.change
        lose(root, change.commit, change.tree, git(root, "rev-parse", f"{change.tree}:src/a").strip())
        attempt.keep()
    workspace.close()

    assert git(root, "fsck", "--strict", "--no-dangling").strip() == ""


def test_the_next_process_puts_back_what_was_collected_as_the_last_one_was_killed(root, state):
    killed = GitWorkspace.create(root, "r", state, SCOPE)
    with killed.attempt(idea("1"), 1) as attempt:
        lost = attempt.change
    with (state / "written").open("ab") as file:
        file.write(b"1000\nhalf of what it wa")
    lose(root, lost.commit, lost.tree)

    GitWorkspace.reopen(state, SCOPE).close()

    assert git(root, "fsck", "--strict", "--no-dangling").strip() == ""
    assert git(root, "rev-parse", "refs/autoopt/r/1^{tree}").strip() == lost.tree
    killed.close()


def test_what_only_a_removed_pack_had_is_written_again(root):
    store = Store(root / ".git")
    git(root, "commit", "-q", "--allow-empty", "-m", "more")
    (root / "README").write_text("packed\n")
    git(root, "commit", "-qam", "to be forgotten")
    git(root, "gc", "-q")
    blob = git(root, "rev-parse", "HEAD:README").strip()
    assert store.has(blob)  # from here on it has the pack open
    git(root, "reset", "-q", "--hard", "HEAD~1")
    git(root, "reflog", "expire", "--expire=now", "--all")
    git(root, "gc", "-q", "--prune=now")

    assert store.add_blob(b"packed\n") == blob
    assert git(root, "cat-file", "-p", blob) == "packed\n"
    store.close()


def test_an_object_that_is_there_already_is_not_old_any_more(root):
    store = Store(root / ".git")
    blob = store.add_blob(b"once\n")
    path = root / ".git" / "objects" / blob[:2] / blob[2:]
    os.utime(path, (0, 0))
    store.close()

    again = Store(root / ".git")
    assert again.add_blob(b"once\n") == blob
    assert path.stat().st_mtime > 0
    again.close()


def test_many_refs_leave_the_packed_ones_in_one_go(root, state):
    workspace = GitWorkspace.create(root, "r", state, SCOPE)
    for number in (1, 2, 3):
        with workspace.attempt(idea(str(number)), number):
            pass
    git(root, "tag", "-a", "-m", "mine", "mine")
    git(root, "pack-refs", "--all")
    workspace._refs.drop_packed([f"refs/autoopt/r/{number}" for number in (1, 3)])

    left = git(root, "for-each-ref", "--format=%(refname)").split()
    assert "refs/autoopt/r/2" in left
    assert not {"refs/autoopt/r/1", "refs/autoopt/r/3"} & set(left)
    assert git(root, "rev-parse", "mine^{commit}") == git(root, "rev-parse", "main")
    workspace.close()
