"""The linked worktree that is the desk: git's own bookkeeping for it.

git's files are written directly: the library's way of adding a worktree checks everything out twice, runs
filters, and lets two worktrees of one basename share their bookkeeping.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from autoopt import files
from autoopt.errors import RepositoryError
from autoopt.workspaces.directory import Directory
from autoopt.workspaces.index import Index
from autoopt.workspaces.lending import Lending


class Worktree:
    """A linked worktree: the directory, and its folder under the repository's `worktrees`."""

    def __init__(self, root: Path, control: Path, name: str, branch: str, algorithm: str) -> None:
        """`name` is the folder's, unique in the repository; `branch` is what HEAD stays at."""
        self.root = root
        self.admin = control / "worktrees" / name
        self.intent = self.admin / "autoopt-intent"
        self._head = f"ref: refs/heads/{branch}\n".encode()
        self._ref = control / "refs" / "heads" / branch
        self.lending = Lending(self.admin / "autoopt-lent", self._locks, (root, self.admin))
        self.index = Index(self.admin / "index", root, self.intent, algorithm)

    def register(self) -> None:
        """Make git know the worktree: write whatever of its bookkeeping is missing or differs.

        Raises:
            RepositoryError: a link or a file has taken its place; what a link leads to is not ours.
        """
        if self.root.is_symlink() or (self.root.exists() and not self.root.is_dir()):
            raise RepositoryError(
                f"{self.root}: the run's desk is no directory any more; move away what is there, then "
                "`autoopt resume`."
            )
        files.make_directory(self.admin)  # before the branch: a branch without it would be somebody else's
        self.root.mkdir(parents=True, exist_ok=True)
        _ensure(self.admin / "commondir", b"../..\n")
        _ensure(self.admin / "gitdir", os.fsencode(self.root / ".git") + b"\n")
        _ensure(self.admin / "HEAD", self._head)
        self.attach()

    def _locks(self) -> list[Path]:
        """Those of git that are in the way of the desk and its branch."""
        branch = self._ref.with_name(f"{self._ref.name}.lock")
        return [*self.admin.rglob("*.lock"), *([branch] if branch.exists() else [])]

    def attach(self) -> None:
        """Put HEAD and the worktree's `.git` file right, whatever was done to them."""
        _ensure(self.admin / "HEAD", self._head)
        link = self.root / ".git"
        if link.is_symlink() or not link.is_file():
            Directory(self.root).remove(".git")
        _ensure(link, b"gitdir: " + os.fsencode(self.admin) + b"\n")


def _ensure(file: Path, content: bytes) -> None:
    try:
        if stat.S_ISREG(file.lstat().st_mode) and file.read_bytes() == content:
            return
    except FileNotFoundError:
        pass  # the usual case: it is written for the first time
    files.replace(file, content, mark="new")  # one process at a time has the run; the next mends it
