"""The desk: the linked worktree in which proposals are edited, kept at one commit between attempts."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from autoopt.errors import RepositoryError
from autoopt.records import Edit
from autoopt.scope import Scope
from autoopt.workspaces.descent import place_of
from autoopt.workspaces.directory import Directory, Found
from autoopt.workspaces.edits import Judge, apply_edits, are_apart, check_edits
from autoopt.workspaces.expected import Expected
from autoopt.workspaces.ignores import Ignores, is_scratch
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.links import Links
from autoopt.workspaces.repository import exclude, shared_ignores
from autoopt.workspaces.rules import USUAL, Rules
from autoopt.workspaces.store import EXECUTABLE, FILE, Entry, Files, Store
from autoopt.workspaces.submodules import submodules
from autoopt.workspaces.worktree import Worktree


class Desk:
    """The desk of one run.

    Attributes:
        commit: The commit it stands at.
        tree: That commit's tree.
        files: That tree's files.
        scope: What may be edited here.
        rules: What no edit may bring.
        links: What it is given besides.
        submodules: What the base commit's submodules hold; its files are in the desk, too.
    """

    def __init__(self, layout: Layout, store: Store, scope: Scope, rules: Rules = USUAL) -> None:
        """Stands at the base; nothing is written yet."""
        self.rules = rules
        self._store = store
        self.scope = scope
        self._control = Path(layout.control)
        self.links = Links(Path(layout.root), layout.links, layout.copied)
        self._worktree = Worktree(
            Path(layout.desk), self._control, layout.worktree, layout.branch, store.algorithm
        )
        self._directory = Directory(
            self._worktree.root,
            skip=frozenset({".git", *layout.links}),
            algorithm=store.algorithm,
            modes=store.modes,
        )
        self._directory.near = Path(layout.root)
        self._directory.largest = rules.largest_file
        self._ignores = shared_ignores(self._control)
        self._shared = True  # others may have been at it since all of it was looked at
        self._place: tuple[int, int] | None = None  # which directory that was
        self._listed: set[str] = set()  # what else may not be as expected: our own edits
        self._stale: set[str] = set()
        self._restamped: set[str] = set()  # files as the index has them, but with other times
        self._editable: tuple[str, ...] | None = None
        self.commit = layout.base
        self.tree = store.tree_of(layout.base)
        self.files = Expected(store.files(self.tree))
        self.submodules = submodules(store, self.files, self._control, Path(layout.root))
        inside = self.submodules.files
        self._present = Expected({**self.files, **inside}) if inside else self.files
        store.include(self.submodules.stores)

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

    def lent(self) -> AbstractContextManager[None]:
        """The desk in the hands of a command of ours; locks that it leaves in our way when it dies go.

        Between attempts it is looked at before: what somebody has put there since is not the command's.
        """
        if not (self._shared or self._listed):
            self.settle()
        self._worktree.register()
        return self._worktree.lending.lent()

    def free(self) -> None:
        """Remove the locks that such a command left to whom the desk was lent when this run was killed."""
        self._worktree.lending.free()

    def hide_links(self) -> list[str]:
        """List links in `info/exclude` where the user ignores what they lead to; the lines that were added.

        `.venv/` matches a directory but not a link to one, and the desk would never look clean.
        """
        ignores = Ignores(self.links.root, self._ignores)
        hidden = [name for name in self.links.linked if ignores(name, True) and not ignores(name, False)]
        added = exclude(self._control, [f"/{name}" for name in hidden])
        self._ignores = shared_ignores(self._control)
        return added

    def stand_at(self, commit: str) -> None:
        """Expect this commit's files from now on; `settle` or `revert` makes it so."""
        tree = self._store.tree_of(commit)
        changes = self._store.diff(self.tree, tree)
        if not all(_is_file(entry) and _is_file(self.files.get(path)) for path, entry in changes.items()):
            self._editable = None
        self.commit, self.tree = commit, tree
        self.files.change(changes)
        if self._present is not self.files:
            self._present.change(changes)
        self._stale |= changes.keys()
        self._listed |= changes.keys()

    def edit(self, edits: Iterable[Edit], undo: frozenset[str]) -> dict[str, Found | None]:
        """Apply the edits; return everything that now differs from the commit and may be committed.

        Edits that are listed are all there is: nothing else is looked at then. Without any, or the second
        time, somebody may have been at work in the desk, and all of it is.

        Args:
            undo: Paths to put back first.

        Raises:
            OutOfScopeError: something differs that may not.
        """
        edits = tuple(edits)
        check_edits(edits, self.scope)
        everything = bool(self._shared or self._listed or not edits or not are_apart(edits, self.files))
        self._shared = True  # until they are all made
        self._listed |= undo | {edit.path for edit in edits}
        for path in undo:
            self._put_back(path)
        apply_edits(self._directory, edits, self.files)
        written = frozenset(edit.path for edit in edits if edit.content is not None)
        differences = self._differences(written) if everything else self._differing(edits)
        judge = Judge(self.scope, self.rules, self._store, self.tree, self.files, self.read)
        judged = judge.judged(differences)
        self._shared = everything
        return judged

    def _differing(self, edits: Iterable[Edit]) -> dict[str, Found | None]:
        """Which of the edited paths are not as in the commit."""
        found = {edit.path: self._directory.find(edit.path, self.files.get(edit.path)) for edit in edits}
        return {
            path: one
            for path, one in found.items()
            if (None if one is None else one.entry) != self.files.get(path)
        }

    def _differences(self, forced: frozenset[str] = frozenset()) -> dict[str, Found | None]:
        """What is not as in the commit; `forced` paths count even where git ignores them."""
        ignores = self._rules_of_git()
        return self._directory.scan(
            self._present, lambda path, directory: is_scratch(path) or ignores(path, directory), forced
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
        self.links.place(self.root)
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
            found = self._directory.settle(self._present, self._store, self._rules_of_git())
            self._stale |= found
            # Restoring a .gitignore can bring files to light that it hid.
            if not any(path.endswith(".gitignore") for path in found):
                break
        self.links.place(self.root)
        self._refresh_index()
        self._shared, self._place = False, place_of(self.root)
        self._listed.clear()

    def sync(self) -> None:
        """Let git's view of the desk outlast a power loss; until then the next process makes it again."""
        self._worktree.index.sync()

    def revert(self) -> None:
        """The same at the cost of what was edited, where nobody but us can have been at the desk."""
        replaced = self._place != place_of(self.root)
        if self._shared or replaced or self._worktree.index.touched():
            self.settle()
            return
        self._worktree.register()
        wanted = {path: self._present.get(path) for path in self._listed}
        changes = {path: entry for path, entry in wanted.items() if not self._directory.holds(path, entry)}
        self._directory.change(changes, self._store)
        self._restamped |= changes.keys() | self._listed
        self._listed.clear()
        self._refresh_index()

    def close(self) -> None:
        """Let the index know the times of files that were put back: some ask it without a look at them."""
        if self._restamped and self._place == place_of(self.root):
            # Somebody has it locked or has removed something meanwhile: git will look by itself.
            with suppress(RepositoryError, OSError):
                self._stale |= self._restamped
                self._refresh_index()

    def editable(self) -> tuple[str, ...]:
        """Paths of the commit's files that may be edited, sorted; links and submodules are not files."""
        if self._editable is None:
            self._editable = editable(self.files, self.scope)
        return self._editable

    def _refresh_index(self, edited: frozenset[str] = frozenset()) -> None:
        """Write the index where git would see a difference that is none, or miss one that is.

        Files put back are as the index has them, but for their times: git finds that out by itself, so they
        wait for the next change of content.
        """
        if not (self._stale or self._worktree.index.touched()):
            return
        self._worktree.index.write(self.files, self._stale | self._restamped, edited)
        self._stale = set(edited)  # once they are put back, git has to hear of it
        self._restamped.clear()

    def strangers(self) -> list[str]:
        """Paths that are neither the commit's nor ignored, sorted."""
        return sorted(self._directory.scan(self._present, self._rules_of_git()).differences)

    def _rules_of_git(self) -> Ignores:
        """What git ignores here, where no new file among those of the commit has a say."""
        return Ignores(self.root, self._ignores, self._is_old)

    def _is_old(self, path: str) -> bool:
        folder = path.rpartition("/")[0]
        return path in self._present or not (folder == "" or self._present.has_folder(folder))


def editable(files: Files, scope: Scope) -> tuple[str, ...]:
    """Paths of files that may be edited, sorted; links and submodules are not files."""
    return tuple(sorted(path for path, entry in files.items() if _is_file(entry) and scope.contains(path)))


def _is_file(entry: Entry | None) -> bool:
    return entry is not None and entry.mode in (FILE, EXECUTABLE)


def _one_way(path: str, other: str) -> bool:
    """Whether the paths are one, or one leads through the other: a directory where a file was."""
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")
