"""The desk: the linked worktree in which proposals are edited, kept at one commit between attempts."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from autoopt.records import Edit
from autoopt.scope import Scope
from autoopt.workspaces.bench import Links
from autoopt.workspaces.directory import Directory, Found, mapping_with
from autoopt.workspaces.edits import Judge, apply_edits, check_edits
from autoopt.workspaces.ignores import Ignores, is_scratch
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.repository import exclude, shared_ignores
from autoopt.workspaces.store import Files, Store
from autoopt.workspaces.worktree import Worktree


class Desk:
    """The desk of one run.

    Attributes:
        commit: The commit it stands at.
        tree: That commit's tree.
        files: That tree's files.
    """

    def __init__(self, layout: Layout, store: Store, scope: Scope) -> None:
        """Stands at the base; nothing is written yet."""
        self._store = store
        self._scope = scope
        self._control = Path(layout.control)
        self._links = Links(Path(layout.root), layout.links)
        self._worktree = Worktree(Path(layout.desk), self._control, layout.worktree, layout.branch)
        self._directory = Directory(self._worktree.root, skip=frozenset({".git", *layout.links}))
        self._ignores = shared_ignores(self._control)
        self._stale: set[str] = set()
        self.commit = layout.base
        self.tree = store.tree_of(layout.base)
        self.files: Files = store.files(self.tree)

    @property
    def root(self) -> Path:
        """The directory."""
        return self._worktree.root

    @property
    def intent(self) -> Path:
        """The run's file name for taking locks in the repository."""
        return self._worktree.intent

    def register(self) -> None:
        """Make git know the desk, and free its index of a lock that a killed process of ours left."""
        self._worktree.register()
        self._worktree.index.recover()

    def hide_links(self) -> list[str]:
        """List links in `info/exclude` where the user ignores what they lead to; the lines that were added.

        `.venv/` matches a directory but not a link to one, and the desk would never look clean.
        """
        ignores = Ignores(self._links.root, self._ignores)
        hidden = [name for name in self._links.names if ignores(name, True) and not ignores(name, False)]
        added = exclude(self._control, [f"/{name}" for name in hidden])
        self._ignores = shared_ignores(self._control)
        return added

    def stand_at(self, commit: str) -> None:
        """Expect this commit's files from now on; `settle` makes it so."""
        tree = self._store.tree_of(commit)
        changes = self._store.diff(self.tree, tree)
        self.commit, self.tree, self.files = commit, tree, mapping_with(self.files, changes)
        self._stale |= changes.keys()

    def edit(self, edits: Iterable[Edit], undo: frozenset[str]) -> dict[str, Found | None]:
        """Apply the edits; return everything that now differs from the commit and may be committed.

        Args:
            undo: Paths to put back first.

        Raises:
            OutOfScopeError: something differs that may not.
        """
        edits = tuple(edits)
        check_edits(edits, self._scope)
        for path in undo:
            self._put_back(path)
        apply_edits(self._directory, edits, self.files)
        written = frozenset(edit.path for edit in edits if edit.content is not None)
        differences = self._differences(written)
        Judge(self._scope, self._store, self.tree, self.files).check(differences)
        return differences

    def _differences(self, forced: frozenset[str] = frozenset()) -> dict[str, Found | None]:
        """What is not as in the commit; `forced` paths count even where git ignores them."""
        ignores = Ignores(self.root, self._ignores)
        return self._directory.scan(
            self.files, lambda path, directory: is_scratch(path) or ignores(path, directory), forced
        ).differences

    def carry(self, old: str, new: str) -> None:
        """Go from one commit to another; a file that is not as the first has it was edited, and stays."""
        self.stand_at(old)
        before = self.tree
        changes = self._store.diff(before, self._store.tree_of(new))
        edited = frozenset(self._differences(frozenset(changes)))
        self.stand_at(new)
        for path in changes:
            if not any(_one_way(path, other) for other in edited):
                self._put_back(path)
        self._links.place(self.root)
        self._refresh_index(edited)

    def copy_edits(self, folder: Path) -> None:
        """Copy the files that are not the commit's to a new folder; none is made when there are none."""
        for path, found in self._differences().items():
            if found is not None and stat.S_ISREG(found.stat.st_mode):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self._directory.read(path))

    def read(self, path: str) -> bytes:
        """The content of a regular file as it lies in the desk."""
        return self._directory.read(path)

    def _put_back(self, path: str) -> None:
        if (entry := self.files.get(path)) is not None:
            self._directory.write(path, entry, self._store.blob(entry.sha))
        else:
            self._directory.remove(path)
            self._directory.prune(path)

    def settle(self) -> None:
        """Make the desk, git's bookkeeping and the index those of the commit."""
        self._worktree.register()  # also after somebody removed the worktree
        while True:
            found = self._directory.settle(self.files, self._store, Ignores(self.root, self._ignores))
            self._stale |= found
            # Restoring a .gitignore can bring files to light that it hid.
            if not any(path.endswith(".gitignore") for path in found):
                break
        self._links.place(self.root)
        self._refresh_index()

    def _refresh_index(self, edited: frozenset[str] = frozenset()) -> None:
        if self._worktree.index.touched():
            self._worktree.index.write(self.files, edited=edited)
        elif self._stale:
            changed = {path: entry for path in self._stale if (entry := self.files.get(path)) is not None}
            self._worktree.index.write(self.files, changed, edited)
        self._stale = set(edited)  # once they are put back, git has to hear of it

    def strangers(self) -> list[str]:
        """Paths that are neither the commit's nor ignored, sorted."""
        return sorted(self._directory.scan(self.files, Ignores(self.root, self._ignores)).differences)


def _one_way(path: str, other: str) -> bool:
    """Whether the paths are one, or one leads through the other: a directory where a file was."""
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")
