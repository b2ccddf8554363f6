"""Merging run branches onto a new branch, in the object store alone: no checkout, HEAD or merge driver."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dulwich.refs import DiskRefsContainer

from autoopt import diffs
from autoopt.errors import OutOfScopeError, RepositoryError
from autoopt.fingerprint import fingerprint
from autoopt.merging import Conflict, carry
from autoopt.records import Change, Edit, FileChange
from autoopt.workspaces.history import StoredCommits
from autoopt.workspaces.repository import identity
from autoopt.workspaces.store import EXECUTABLE, FILE, GITLINK, Entry, Refs, Store, read_ref

PREFIX = "autoresearch/merge-"


class Merges:
    """Makes merge commits in one repository; nothing names them before `publish` does."""

    def __init__(self, control: Path) -> None:
        """`control` is the git directory that all worktrees of the repository share."""
        self._control = control
        self._store = Store(control)
        self._identity = identity(control)
        self._refs = DiskRefsContainer(control)

    def tip(self, branch: str) -> str | None:
        """The commit a branch is at; None when there is no such branch."""
        return read_ref(self._refs, f"refs/heads/{branch}")

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

    def join(self, onto: str, base: str, tip: str, message: str) -> str | tuple[Conflict, ...]:
        """A commit with what `base..tip` did, done to `onto`; or everything that stands in the way.

        It has both as parents, `onto` first. `tip` itself where there is nothing to merge it with, and `onto`
        where it has all of it.
        """
        if self.tree(onto) == self.tree(base) and self._store.descends(tip, onto):
            return tip
        commits = StoredCommits(self._store, self._control, base)
        try:
            changes = commits.changes(base, tip)
        except OutOfScopeError as error:
            path, _, reason = str(error).partition(": ")
            return (Conflict(path, reason),)
        edits: list[Edit] = []
        conflicts: list[Conflict] = []
        for change in changes:
            carried = carry([change], lambda path: commits.content(onto, path))
            if isinstance(carried, Conflict):
                conflicts.append(carried)
            else:
                edits += carried
        conflicts += self._in_the_way(onto, edits)
        return tuple(conflicts) if conflicts else self._commit(onto, tip, edits, message)

    def _in_the_way(self, onto: str, edits: Sequence[Edit]) -> Iterable[Conflict]:
        """Directories where a file is to be, and files where a directory is."""
        gone = {edit.path for edit in edits if edit.content is None}
        stay = self._store.files(self.tree(onto)).keys() - gone
        folders = {path[:at] for path in stay for at, letter in enumerate(path) if letter == "/"}
        for edit in edits:
            if edit.content is None:
                continue
            above = {edit.path[:at] for at, letter in enumerate(edit.path) if letter == "/"}
            if edit.path in folders or above & stay:
                yield Conflict(edit.path, "is a file on one side and a directory on the other")

    def _commit(self, onto: str, tip: str, edits: Sequence[Edit], message: str) -> str:
        tree = self._store.add_tree(self.tree(onto), self._entries(onto, tip, edits))
        if tree == self.tree(onto):
            return onto
        # Its date follows from its parents', so that merging the same again gives the same commit.
        when = max(self._store.commit(parent).commit_time for parent in (onto, tip))
        commit = self._store.add_commit(tree, [onto, tip], message, self._identity, when)
        self._store.sync()
        return commit

    def _entries(self, onto: str, tip: str, edits: Sequence[Edit]) -> Mapping[str, Entry | None]:
        here, there = (self._store.files(self.tree(commit)) for commit in (onto, tip))
        found: dict[str, Entry | None] = {}
        for edit in edits:
            if edit.content is None:
                found[edit.path] = None
                continue
            known = here.get(edit.path) or there[edit.path]
            mode = EXECUTABLE if known.mode == EXECUTABLE else FILE
            found[edit.path] = Entry(mode, self._store.add_blob(edit.content))
        return found

    def publish(self, commit: str) -> str:
        """Make the branch for a merge, named after the commit so that one never replaces another; its name.

        Raises:
            RepositoryError: somebody has put another commit there.
        """
        branch = f"{PREFIX}{commit[:8]}"
        ref = f"refs/heads/{branch}"
        refs = Refs(self._control, self._control / "autoopt-merge-intent")
        refs.recover(ref, "refs/heads/autoresearch")
        if refs.move(ref, None, commit) or (found := refs.read(ref)) == commit:
            return branch
        raise RepositoryError(
            f"{branch}: is at {(found or 'nothing')[:12]}, not at the merge {commit[:12]}; rename it "
            f"(git branch -m {branch} NAME), then merge again."
        )

    def close(self) -> None:
        """Let go of the repository."""
        self._store.close()
