"""Looking at commits: what changed between two of them, and which ones a branch adds."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from dulwich.refs import DiskRefsContainer

from autoopt import diffs
from autoopt.errors import OutOfScopeError, RepositoryError
from autoopt.records import FileChange, Revision
from autoopt.workspaces.store import (
    CLOCK_SLOP_S,
    DIRECTORY,
    EXECUTABLE,
    FILE,
    GITLINK,
    LINK,
    Entry,
    Store,
    read_ref,
)

_ID = re.compile(r"[0-9a-f]{4,64}")


def diff(control: Path, before: str, after: str) -> str:
    """The unified diff between two commits, as `git apply` reads it.

    Args:
        control: The git directory all worktrees of the repository share.
        before, after: Commits.
    """
    store = Store(control)
    try:
        old, new = store.tree_of(before), store.tree_of(after)
        was, became = store.diff(new, old), store.diff(old, new)
        return "".join(
            diffs.unified(path, _content(store, was[path]), _content(store, became[path]))
            for path in sorted(became)
        )
    finally:
        store.close()


def regular_files(control: Path, commit: str) -> tuple[str, ...]:
    """Paths of the regular files of a commit, sorted.

    Args:
        control: The git directory all worktrees of the repository share.

    Raises:
        RepositoryError: the commit is not there.
    """
    store = Store(control)
    try:
        found = store.files(store.tree_of(commit))
        return tuple(sorted(path for path, entry in found.items() if entry.mode in (FILE, EXECUTABLE)))
    finally:
        store.close()


def _content(store: Store, entry: Entry | None) -> bytes | None:
    if entry is None:
        return None
    return f"Subproject commit {entry.sha}\n".encode() if entry.mode == GITLINK else store.blob(entry.sha)


def ancestors(store: Store, commit: str, base: str) -> list[str]:
    """A commit and those below it, none twice, down to the base."""
    found, left = dict[str, None](), [commit]
    while left:
        sha = left.pop()
        if sha not in found:
            found[sha] = None
            left += [] if sha == base else store.parents(sha)
    return list(found)


def subjects(store: Store, tip: str, base: str) -> tuple[tuple[str, str], ...] | None:
    """Commit and subject from after the base to the tip, along the first parents; None if it leads past."""
    found = []
    sha = tip
    while sha != base:
        commit = store.commit(sha)
        found.append((sha, commit.message.decode("utf-8", "replace").partition("\n")[0]))
        if not commit.parents:
            return None
        sha = commit.parents[0].decode()
    return tuple(reversed(found))


class StoredCommits:
    """Reads a repository's commits; implements `protocols.Commits`."""

    def __init__(self, store: Store, control: Path, base: str) -> None:
        """`control` is the git directory all worktrees share, `base` the commit the run started from."""
        self._store = store
        self._refs = DiskRefsContainer(control)
        self._base = base

    @property
    def base(self) -> str:
        """The commit the run started from."""
        return self._base

    def has(self, commit: str) -> bool:
        """Whether the commit is there."""
        return self._store.has(commit)

    def content(self, commit: str, path: str) -> bytes | None:
        """The content of a regular file in a commit; None where there is none."""
        tree = self._store.tree_of(commit)
        *folders, name = path.split("/")
        for folder in folders:
            entry = self._store.listing(tree).get(folder)
            if entry is None or entry.mode != DIRECTORY:
                return None
            tree = entry.sha
        found = self._store.listing(tree).get(name)
        return self._store.blob(found.sha) if found and found.mode in (FILE, EXECUTABLE) else None

    def blob(self, prefix: str) -> bytes | None:
        """The file content whose id begins so (4 digits or more); None unless exactly one does."""
        return self._store.find_blob(prefix) if _ID.fullmatch(prefix) else None

    def changes(self, parent: str, commit: str) -> tuple[FileChange, ...]:
        """What differs between two commits, sorted by path.

        Raises:
            OutOfScopeError: a link, a submodule or a file's mode, which no edit can express.
            RepositoryError: one of the commits is not there.
        """
        old, new = self._store.tree_of(parent), self._store.tree_of(commit)
        was, became = self._store.diff(new, old), self._store.diff(old, new)
        return tuple(self._change(path, was[path], became[path]) for path in sorted(became))

    def _change(self, path: str, old: Entry | None, new: Entry | None) -> FileChange:
        for entry in (old, new):
            if entry is not None and entry.mode in (LINK, GITLINK):
                kind = "symbolic link" if entry.mode == LINK else "submodule"
                raise OutOfScopeError(f"{path}: a {kind}; proposals change regular files only.")
        if new is not None and new.mode != (old.mode if old else FILE):
            raise OutOfScopeError(f"{path}: changes who may execute it; proposals change contents only.")
        return FileChange(path, _content(self._store, old), _content(self._store, new))

    def line(self, tip: str) -> tuple[tuple[str, str], ...] | None:
        """Commit and subject of all from after the base to the tip, oldest first; None if it leads past."""
        return subjects(self._store, tip, self._base)

    def branch(self, name: str) -> tuple[Revision, ...]:
        """The branch's commits that the base does not have, oldest first, along the first parents.

        Args:
            name: As in `feature`, `origin/feature` (what was last fetched) or a full ref.

        Raises:
            RepositoryError: there is no such branch, or it shares no commit with the base.
        """
        tip = self._tip(name)
        added = self._added(tip)
        if added is None:
            raise RepositoryError(f"{name}: shares no commit with {self._base}, where the run started.")
        return tuple(self._revision(sha) for sha in reversed(added))

    def _tip(self, name: str) -> str:
        for ref in (f"refs/heads/{name}", f"refs/remotes/{name}", name):
            if ref.startswith("refs/") and (found := read_ref(self._refs, ref)):
                return found
        raise RepositoryError(f"{name}: no such branch; git branch -a lists those there are.")

    def _added(self, tip: str) -> list[str] | None:
        """First parents from the tip down to the base's history, newest first; None when it is never met.

        The base's ancestors are looked at from the newest on, and no further back than is needed: its
        history may be long.
        """
        known: set[str] = set()
        ancestors = _Ancestors(self._store, self._base)
        found: list[str] = []
        sha: str | None = tip
        while sha is not None:
            known.update(ancestors.since(self._store.commit(sha).commit_time - CLOCK_SLOP_S))
            if sha in known:
                return list(takewhile(lambda one: one not in known, found))
            found.append(sha)
            first = self._store.commit(sha).parents[:1]
            sha = next((parent for parent in self._store.parents(sha) if parent.encode() in first), None)
        return None

    def _revision(self, sha: str) -> Revision:
        commit = self._store.commit(sha)
        author = commit.author.partition(b" <")[0].decode("utf-8", "replace")
        message = commit.message.decode("utf-8", "replace")
        parent = commit.parents[0].decode()
        return Revision(commit=sha, parent=parent, author=author.strip(), message=message)


class _Ancestors:
    """A commit and its ancestors, from the newest to the oldest by their own dates."""

    def __init__(self, store: Store, commit: str) -> None:
        self._store = store
        self._seen = {commit}
        self._queue = [(-store.commit(commit).commit_time, commit)]

    def since(self, time: float) -> Iterator[str]:
        """Those that follow with dates from then on."""
        while self._queue and -self._queue[0][0] >= time:
            _, sha = heapq.heappop(self._queue)
            yield sha
            for parent in self._store.parents(sha):
                if parent not in self._seen:
                    self._seen.add(parent)
                    heapq.heappush(self._queue, (-self._store.commit(parent).commit_time, parent))
