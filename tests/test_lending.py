"""Locks that appear while an agent has the desk: those of its dead git go, all others stay."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.workspace_repos import (
    ENVIRONMENT,
    git,
    make_repository,
    open_workspace,
    propose,
    referee,
    state_of,
)

from autoopt.errors import RepositoryError
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are told by /proc")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path)


def admin_of(root: Path) -> Path:
    (found,) = (root / ".git" / "worktrees").iterdir()
    return found


def go_on(workspace: GitWorkspace, number: int = 1) -> None:
    with workspace.attempt(propose(), number) as attempt:
        attempt.keep()


def until(path: Path) -> None:
    limit = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < limit
        time.sleep(0.02)


@linux
@pytest.mark.parametrize(
    "name", ["worktrees/{}/index.lock", "worktrees/{}/HEAD.lock", "refs/heads/autoresearch/r1.lock"]
)
def test_a_lock_that_an_agents_dead_git_left_is_removed(root: Path, name: str) -> None:
    workspace = open_workspace(root)
    lock = root / ".git" / name.format(admin_of(root).name)
    with workspace.lent():
        lock.write_bytes(b"half an index")
    go_on(workspace)

    referee(workspace, root)


def test_a_lock_that_was_there_before_the_agent_stays(root: Path) -> None:
    workspace = open_workspace(root)
    lock = admin_of(root) / "index.lock"
    lock.write_text("")
    with workspace.lent():
        pass

    with pytest.raises(
        RepositoryError, match=r"index\.lock: locked by another git process \(made by \w+ \d+ s ago"
    ):
        go_on(workspace)
    assert lock.exists()


def test_a_lock_of_the_users_repository_is_none_of_ours(root: Path) -> None:
    workspace = open_workspace(root)
    lock = root / ".git" / "index.lock"
    with workspace.lent():
        lock.write_text("")
    go_on(workspace)

    assert lock.exists()


@linux
def test_a_lock_of_a_git_that_somebody_runs_in_the_desk_meanwhile_stays(root: Path) -> None:
    workspace = open_workspace(root)
    lock = admin_of(root) / "index.lock"
    with workspace.lent():
        (workspace.desk / "src" / "fast.py").write_text("by somebody\n")
        commit = subprocess.Popen(
            ["git", "commit", "-qa"],
            cwd=workspace.desk,
            env={**ENVIRONMENT, "GIT_EDITOR": "sleep 60; false"},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until(lock)
    stayed = lock.exists()
    os.killpg(commit.pid, 9)
    commit.wait()

    assert stayed


@linux
def test_a_lock_that_any_process_has_open_stays(root: Path) -> None:
    workspace = open_workspace(root)
    lock = admin_of(root) / "index.lock"
    with workspace.lent(), lock.open("w"):
        pass
    assert not lock.exists()
    with lock.open("w"):
        with workspace.lent():
            pass
        assert lock.exists()
    lock.unlink()
    with workspace.lent():
        held = lock.open("w")
    stayed = lock.exists()
    held.close()

    assert stayed


@linux
def test_a_run_that_was_killed_with_its_agent_goes_on(root: Path) -> None:
    workspace = open_workspace(root)
    child = os.fork()
    if child == 0:
        with workspace.lent():
            (admin_of(root) / "index.lock").write_text("")
            os._exit(9)
    os.waitpid(child, 0)
    again = GitWorkspace.reopen(state_of(root), Scope(["src"]))
    go_on(again)

    referee(again, root)
    assert git(root, "log", "--format=%s", "-1", "autoresearch/r1").startswith("experiment: ")


def test_a_note_that_was_cut_short_proves_nothing(root: Path) -> None:
    open_workspace(root)
    admin = admin_of(root)
    (admin / "autoopt-lent").write_text('["1')
    (admin / "index.lock").write_text("")

    with pytest.raises(RepositoryError, match=r"index\.lock"):
        go_on(GitWorkspace.reopen(state_of(root), Scope(["src"])))
    assert (admin / "index.lock").exists()


AGENT = r"""
import json, pathlib, subprocess, sys

if "Edit nothing yet" in sys.stdin.read():
    idea = {"hypothesis": "Less of it should lower the number because it is the number", "area": "number",
            "impact": 9, "feasibility": 9, "novelty": 9, "assumption": "it is read", "risk": "none is known"}
    print(json.dumps({"ideas": [idea]}))
else:
    pathlib.Path("src/a").write_text("4\n")
    told = subprocess.run(["git", "rev-parse", "--git-dir"], capture_output=True, text=True, check=True)
    pathlib.Path(told.stdout.strip(), "index.lock").write_text("")  # as a git does that is killed
    print(json.dumps({"description": "Less of a"}))
"""


@linux
def test_a_run_goes_on_over_the_lock_of_an_agents_dead_git(tmp_path: Path) -> None:
    root = make_repository(tmp_path, {"src/a": "5\n"})
    (tmp_path / "agent.py").write_text(AGENT)
    words = ["recipe=command", "scope=src", "run_id=r1", "propose.use=[agent]", "agent=command"]
    words += ["metric.extract.kind=named", "metric.extract.pattern=n", "budget.experiments=1"]
    words += ["metric.command=echo METRIC n=$(cat src/a)", "agent.answer={format: text}"]
    words += ["sandbox=none"]  # else an agent's git can take no lock
    done = subprocess.run(
        [sys.executable, "-m", "autoopt", *words, f"agent.command={sys.executable} {tmp_path / 'agent.py'}"],
        cwd=root,
        env={**ENVIRONMENT, "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert git(root, "show", "autoresearch/r1:src/a") == "4\n"
    assert not list((root / ".git").rglob("*.lock"))
