"""Real repositories for the workspace tests, made and refereed by the git executable."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from autoopt.records import Edit, Proposal
from autoopt.scope import Scope
from autoopt.workspaces import GitWorkspace

ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Someone",
    "GIT_AUTHOR_EMAIL": "someone@example.org",
    "GIT_COMMITTER_NAME": "Someone",
    "GIT_COMMITTER_EMAIL": "someone@example.org",
    "GIT_OPTIONAL_LOCKS": "0",  # a referee that looks must not refresh the index it looks at
}

FILES = {
    "src/fast.py": "def work():\n    return 1\n",
    "src/deep/slow.py": "import time\n",
    "bench.py": "print(1)\n",
    "README": "hello\n",
    ".gitignore": "*.log\n.venv/\n",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_repository(folder: Path, files: dict[str, str] = FILES) -> Path:
    root = folder / "app"
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "start")
    return root


def open_workspace(root: Path, run_id: str = "r1", scope: Scope | None = None, **options) -> GitWorkspace:
    state = state_of(root, run_id)
    state.mkdir(parents=True, exist_ok=True)
    return GitWorkspace.create(root, run_id, state, scope or Scope(["src"]), **options)


def state_of(root: Path, run_id: str = "r1") -> Path:
    return root.parent / "state" / run_id


def propose(path: str = "src/fast.py", content: bytes | None = b"better\n", **fields) -> Proposal:
    fields = {"description": "a try", "hypothesis": "it may help", "area": "a", "source": "t", **fields}
    return Proposal(edits=(Edit(path=path, content=content),), **fields)


def by_hand() -> Proposal:
    return Proposal(description="by hand", hypothesis="", area="a", source="t")


def referee(workspace: GitWorkspace, root: Path) -> None:
    """Let git say that everything of ours is in order."""
    assert git(root, "fsck", "--strict", "--no-dangling") == ""
    assert git(workspace.desk, "status", "--porcelain") == ""
    git(workspace.desk, "update-index", "-q", "--refresh")  # as git does by itself before it shows anything
    assert git(workspace.desk, "diff-files", "--name-only") == ""
    assert git(workspace.desk, "rev-parse", "HEAD").strip() == workspace.incumbent
    listed = git(root, "worktree", "list", "--porcelain")
    assert f"worktree {workspace.desk}\nHEAD {workspace.incumbent}\n" in listed
    assert not list((root / ".git").rglob("*.lock"))


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    """Every byte and time of the user's that a run may not touch."""
    ours = ("objects", "worktrees", "refs/autoopt", "refs/heads/autoresearch")
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        inside = name.removeprefix(".git/")
        if name.startswith(".git/") and inside.startswith(ours):
            continue
        content = os.readlink(path).encode() if path.is_symlink() else b""  # noqa: PTH115
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
        found[name] = (content, 0 if path.is_dir() else path.lstat().st_mtime_ns)
    return found
