"""Merging run branches onto a new branch, in the object store alone: no checkout, HEAD or merge driver."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from dulwich.refs import DiskRefsContainer

from autoopt import diffs
from autoopt.errors import RepositoryError, UsageError
from autoopt.fingerprint import fingerprint
from autoopt.merging import Conflict
from autoopt.records import Change, FileChange
from autoopt.workspaces.carrying import carried
from autoopt.workspaces.doubts import doubts
from autoopt.workspaces.repository import identity
from autoopt.workspaces.store import EXECUTABLE, FILE, GITLINK, Entry, Refs, Store, delete_ref, read_ref

PREFIX = "autoresearch/merge-"
_HEADS = "refs/heads/"
_HELD = "refs/autoopt-merging"


class Merges:
    """Makes merge commits in one repository.

    Until `publish` names the last of them, a ref that `close` takes away keeps git from collecting them.
    """

    def __init__(self, control: Path, mark: str) -> None:
        """`control` is the git directory that all worktrees share; no two at work have the same `mark`."""
        self._control = control
        self._store = Store(control)
        self._identity = identity(control)
        self._container = DiskRefsContainer(control)
        self._refs = Refs(control, _intent(control, mark))
        self._held = f"{_HELD}/{mark}"
        self._mark = mark

    # -- what there is

    def has(self, commit: str) -> bool:
        """Whether the commit is there, with its directories."""
        try:
            self._store.files(self.tree(commit))
        except RepositoryError:
            return False
        return True

    def holds(self, commit: str, other: str) -> bool:
        """Whether `other` is the commit or in its history."""
        return self._store.descends(commit, other)

    def branch(self, name: str) -> str:
        """The commit of a branch, a local one or a remote one as it was last fetched.

        Raises:
            UsageError: there is none.
        """
        for ref in (f"{_HEADS}{name}", f"refs/remotes/{name}", name):
            if ref.startswith("refs/") and (tip := read_ref(self._container, ref)):
                return tip
        raise UsageError(f"--onto {name}: no such branch; git branch -a lists those there are.")

    def tree(self, commit: str) -> str:
        """The id of the commit's tree."""
        return self._store.tree_of(commit)

    def files(self, commit: str) -> tuple[str, ...]:
        """Paths of the commit's regular files."""
        found = self._store.files(self.tree(commit))
        return tuple(path for path, entry in found.items() if entry.mode in (FILE, EXECUTABLE))

    def newest(self, commits: Sequence[str]) -> str | None:
        """The one of the commits that all others are ancestors of; None when there is none."""
        for commit in dict.fromkeys(commits):
            if all(self._store.descends(commit, other) for other in commits):
                return commit
        return None

    def change(self, parent: str, commit: str) -> Change:
        """A merge as the guards want it, against what it was merged onto."""
        old, new = self.tree(parent), self.tree(commit)
        was, became = self._store.diff(new, old), self._store.diff(old, new)
        changes = [
            FileChange(path, self._blob(was[path]), self._blob(became[path])) for path in sorted(became)
        ]
        counts = [diffs.count(before or b"", after or b"") for _, before, after in changes]
        return Change(
            commit=commit,
            parent=parent,
            tree=new,
            paths=tuple(sorted(became)),
            added=sum(added for added, _ in counts),
            removed=sum(removed for _, removed in counts),
            fingerprint=fingerprint(changes),
        )

    def _blob(self, entry: Entry | None) -> bytes | None:
        return None if entry is None or entry.mode == GITLINK else self._store.blob(entry.sha)

    # -- merging

    def obstacles(self, onto: str, base: str, tip: str) -> tuple[Conflict, ...]:
        """What stands in the way of doing to `onto` what `base..tip` did."""
        found = self._joined(onto, base, tip)
        return () if isinstance(found, str) else found

    def join(self, onto: str, bases: Sequence[str], tip: str, message: str) -> str | tuple[Conflict, ...]:
        """A commit with what a run did, done to `onto`; or everything that stands in the way.

        It has both as parents, `onto` first; but `onto` alone where that lacks the commit that the run
        started from, as git would take all before it for merged. `tip` itself where there is nothing to merge
        it with, and `onto` where it has all of it.

        Args:
            bases: The commit that the run started from, and others that it may have passed on its way.
        """
        if self._store.descends(onto, tip):
            return onto
        shared = [one for one in bases if self.holds(onto, one) and self.holds(tip, one)]
        base = (self.newest(shared) if shared else None) or bases[0]
        if self.tree(onto) == self.tree(base) and self._store.descends(tip, onto):
            self._hold(tip)
            return tip
        tree = self._joined(onto, base, tip)
        if not isinstance(tree, str):
            return tree
        if tree == self.tree(onto):
            return onto
        return self._commit(tree, onto, tip, [onto, tip] if shared else [onto], message)

    def _joined(self, onto: str, base: str, tip: str) -> str | tuple[Conflict, ...]:
        """The tree; or what stands in its way."""
        trees = self.tree(onto), self.tree(base), self.tree(tip)
        found = carried(self._store, *trees)
        objections = doubts(self._store, *trees)
        if isinstance(found, str):
            return objections or found
        return (*found, *objections)

    def _commit(self, tree: str, onto: str, tip: str, parents: list[str], message: str) -> str:
        # Its date follows from its parents', so that merging the same again gives the same commit.
        when = max(self._store.commit(parent).commit_time for parent in (onto, tip))
        commit = self._store.add_commit(tree, parents, message, self._identity, when)
        self._store.sync()
        self._hold(commit)
        return commit

    # -- refs

    def _hold(self, commit: str) -> None:
        """Keep the commit, and all below it, from a `git gc` while it is measured."""
        self._refs.move(self._held, self._refs.read(self._held), commit)

    def publish(self, commit: str) -> str:
        """Make the branch for a merge, named after the commit so that one never replaces another; its name.

        Raises:
            RepositoryError: somebody has put another commit there.
        """
        branch = f"{PREFIX}{commit[:8]}"
        ref = _HEADS + branch
        if self._refs.move(ref, None, commit) or (found := self._refs.read(ref)) == commit:
            return branch
        raise RepositoryError(
            f"{branch}: is at {(found or 'nothing')[:12]}, not at the merge {commit[:12]}; rename it "
            f"(git branch -m {branch} NAME), then merge again."
        )

    def close(self) -> None:
        """Let go of the repository."""
        self._store.close()
        forget(self._control, self._mark)


def forget(control: Path, mark: str) -> None:
    """Take away what a merge that is over, or was killed, has left in the repository besides its result."""
    intent = _intent(control, mark)
    Refs(control, intent).recover(f"{_HELD}/{mark}", f"{_HEADS}autoresearch")
    delete_ref(control, f"{_HELD}/{mark}", intent)
    intent.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # others are merging, or nothing was held
        (control / _HELD).rmdir()


def _intent(control: Path, mark: str) -> Path:
    """A file name for taking locks in the repository, which nobody else uses."""
    return control / f"autoopt-merge-intent-{mark}"
