"""The desk of a run that works in the user's own checkout, which it borrows and gives back as it was.

Only files in scope are ever written. One is overwritten or removed only when what it holds is in a commit of
the run, or was copied to the state directory first; anything else may be the user's, stays, and is named.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from autoopt import files
from autoopt.errors import OutOfScopeError, RepositoryError
from autoopt.records import Edit
from autoopt.scope import Scope
from autoopt.workspaces.checkout import Checkout, Record
from autoopt.workspaces.directory import Found, Signature, mapping_with
from autoopt.workspaces.edits import Judge, apply_edits, check_edits
from autoopt.workspaces.inscope import InScope, what_is
from autoopt.workspaces.layout import FILE_NAME, FOUNDING, Layout
from autoopt.workspaces.links import Links
from autoopt.workspaces.repository import discover
from autoopt.workspaces.rules import USUAL, Rules
from autoopt.workspaces.startable import check, either, listed
from autoopt.workspaces.store import Files, Store
from autoopt.workspaces.submodules import submodules

_EDITS = "inplace-edits.json"
"""What the latest proposal with edits of its own was about to write."""


_YOURS = "your-files"
"""Copies of what the user had changed and not committed when the checkout was borrowed."""


class InPlaceDesk:
    """The user's checkout as the desk of one run; does what `Desk` does, for files in scope.

    Attributes:
        commit: The commit it stands at.
        tree: That commit's tree.
        files: That tree's files.
        scope: What may be edited here.
        rules: What no edit may bring.
        links: What measuring gives its checkouts besides.
        submodules: What the base commit's submodules hold.
        set_aside: Where edits were copied that somebody made in scope while an agent was at work, or while
            nobody looked.
    """

    def __init__(self, layout: Layout, store: Store, scope: Scope, state: Path, rules: Rules = USUAL) -> None:
        """Stands at the base; nothing is written yet."""
        self.rules = rules
        self.root = Path(layout.root)
        self.intent = layout.intent("inplace")
        self.links = Links(self.root, layout.links, layout.copied)
        self.set_aside: list[Path] = []
        self._layout = layout
        self._state = state
        self._store = store
        self.scope = scope
        self._record = Record.load(state)
        git_dir = discover(self.root).git_dir if self._record is None else Path(self._record.git_dir)
        self._checkout = Checkout(self.root, git_dir, state, layout.ref, self.intent, store.algorithm)
        self._inside = InScope(self.root, Path(layout.control), store, scope)
        self._inside.directory.largest = rules.largest_file
        self._borrowed = False
        self._outside: dict[str, Signature] = {}
        self._watches = False
        self._stays: set[str] = set()
        self._looked: tuple[Signature | None, str] | None = None
        self.commit = layout.base
        self.tree = store.tree_of(layout.base)
        self.files: Files = store.files(self.tree)
        self._scoped: Files = self._inside.files(self.tree)
        self.submodules = submodules(store, self.files, Path(layout.control), self.root)
        store.include(self.submodules.stores)

    def borrow(self, commits: Iterable[str]) -> None:
        """Take the checkout for the run, or go on where a killed process had it; it is at `commit` then.

        Args:
            commits: Those whose files may lie in the scope.

        Raises:
            BusyError: another run has it.
            RepositoryError: it is not as a run needs it.
        """
        self._checkout.recover()
        self._recall(commits)
        if self._record is not None and not self._checkout.is_ours():
            self._give_back_to_user(self._record)  # they have left the run branch
        self._borrowed = True
        if self._record is None:
            self._record = self._take()
        self._inside.modes = self._record.modes
        self.clear()
        self._outside = self._inside.outside(self.files)

    def _recall(self, commits: Iterable[str]) -> None:
        self._inside.recall_edits(self._state / _EDITS)
        for commit in [*commits, self.commit, *([self._record.commit] if self._record else [])]:
            self._inside.know_tree(self._store.tree_of(self._layout.base), self._store.tree_of(commit))
        for path, entry in self._inside.files(self._store.tree_of(self._layout.base)).items():
            self._inside.know(path, entry)

    def _take(self) -> Record:
        self._checkout.check_free()
        repository = discover(self.root)
        check(repository, self._store, self.scope, self._layout.base)
        head = self._store.tree_of(repository.head)
        self._inside.know_tree(self._store.tree_of(self._layout.base), head)
        modes = {
            path: stat.S_IMODE((self.root / path).lstat().st_mode)
            for path in self._inside.files(head)
            if (self.root / path).is_file()
        }
        self._inside.copy_yours(repository.changes, self._state / _YOURS)
        return self._checkout.take(self.scope.patterns, self.scope.off_limits, modes)

    @property
    def borrowed_from(self) -> str:
        """Where HEAD was before."""
        return self._record.place if self._record is not None else ""

    def give_back(self, commits: Iterable[str] = ()) -> list[str]:
        """Make the checkout what it was; what of it stays otherwise, and why, in lines for a person.

        Raises:
            RepositoryError: somebody else holds a lock; asked again, it goes on.
        """
        record, self._borrowed = self._record, False
        if record is None:
            return []
        self._checkout.recover()
        self._recall(commits)
        self._inside.modes = record.modes
        if not self._checkout.is_ours():
            return self._give_back_to_user(record)
        expected = self._inside.files(self._store.tree_of(record.commit))
        left = self._inside.bring(expected)
        self._inside.sync()
        staged = self._give_back_index(record, expected)
        self._checkout.give_back_head(record)
        self._forget()
        return [*self._told(left, staged), *self._moved_on(record)]

    def _give_back_index(self, record: Record, expected: Files) -> list[str]:
        """Entries in scope that the user has staged, and that stay."""
        checkout = self._checkout
        now = checkout.index.parse(checkout.index.raw()).entries
        differing = either(now, expected, self.scope)
        ours = {path: expected.get(path) for path in differing if self._inside.is_known(path, now.get(path))}
        checkout.give_back_index(record, ours)
        return [path for path in differing if path not in ours]

    def _give_back_to_user(self, record: Record) -> list[str]:
        """HEAD is not at the run branch: put back what git carried along of an experiment, and no more."""
        checkout, head = self._checkout, self._checkout.head().strip()
        staged = checkout.index.parse(checkout.index.raw()).entries
        expected = {path: entry for path, entry in staged.items() if self.scope.contains(path)}
        self._inside.bring(expected)
        self._forget()
        if head == record.head.strip():
            return []
        place = head.removeprefix("ref: ").removeprefix("refs/heads/")
        return [f"Your checkout stays at {place}, where you have moved it; it was at {record.place} before."]

    def _forget(self) -> None:
        self._checkout.forget()
        self._record = None

    def _told(self, left: Sequence[str], staged: Sequence[str]) -> list[str]:
        lines = [f"Edited by somebody and left as they are: {listed(left)}."] if left else []
        lines += [f"Staged by somebody and left so: {listed(staged)}."] if staged else []
        return lines + [
            f"Edits made in the scope meanwhile were copied to {place}." for place in self.set_aside
        ]

    def _moved_on(self, record: Record) -> list[str]:
        now = discover(self.root).head
        if now == record.commit:
            return []
        return [
            f"{record.place} has moved to {now[:12]} meanwhile; your files are those of "
            f"{record.commit[:12]}, and git status shows the difference."
        ]

    def register(self) -> None:
        """See that the checkout is still the run's, and free it of locks that a killed process of ours left.

        Raises:
            RepositoryError: its HEAD is at another branch.
        """
        self._checkout.recover()
        if not (self._state / FILE_NAME).exists():
            files.replace(self._state / FOUNDING, b"")
        if self._borrowed and not self._checkout.is_ours():
            raise RepositoryError(
                f"{self.root}: HEAD is at {self._checkout.head().strip()} now, and the run in your checkout "
                f"needs it at {self._layout.branch}; nothing is lost, and "
                f"`autoopt resume {self._layout.run_id}` goes on."
            )

    def hide_links(self) -> list[str]:
        """Nothing: what links would lead to is in the checkout already."""
        return []

    def stand_at(self, commit: str) -> None:
        """Expect this commit's files from now on; `settle` makes it so."""
        tree = self._store.tree_of(commit)
        self._inside.know_tree(self.tree, tree)
        self.files = mapping_with(self.files, self._store.diff(self.tree, tree))
        self.commit, self.tree, self._scoped = commit, tree, self._inside.files(tree)

    def edit(self, edits: Iterable[Edit], undo: frozenset[str]) -> dict[str, Found | None]:
        """Apply the edits; return everything in scope that now differs from the commit.

        Args:
            edits: None where an agent has been at work in the checkout.
            undo: Paths to put back first.

        Raises:
            OutOfScopeError: something differs that may not.
            RepositoryError: the user has edited files in scope, or moved HEAD.
        """
        edits = tuple(edits)
        if not self._borrowed:
            return {}
        check_edits(edits, self.scope)
        self.register()
        if edits and (theirs := self._inside.theirs(self._scoped)):
            self._refuse(theirs)
        for path in undo:
            self._inside.put_back(path, self._scoped)
        for edit in edits:
            self._inside.check_free(edit, self._scoped)
        if edits:
            self._inside.know_edits(edits, self._scoped, self._state / _EDITS)
        apply_edits(self._inside.directory, edits, self.files)
        written = frozenset(edit.path for edit in edits if edit.content is not None)
        return self._judged(self._inside.differences(self._scoped, written), by_agent=not edits)

    def _judged(self, found: dict[str, Found | None], *, by_agent: bool) -> dict[str, Found | None]:
        for path, one in found.items():
            self._inside.know_found(path, one)
        try:
            if by_agent:
                self._know_staged()
                self._check_outside()
            judge = Judge(self.scope, self.rules, self._store, self.tree, self.files, self.read)
            return judge.judged(found)
        except OutOfScopeError:
            if (folder := self._copy(found, "refused")) is not None:
                self.rules.secrets.below(folder)
            raise

    def _know_staged(self) -> None:
        """What an agent has staged need not stay staged."""
        index = self._checkout.index
        for path, entry in index.parse(index.raw()).entries.items():
            if self.scope.contains(path):
                self._inside.know(path, entry)

    def _check_outside(self) -> None:
        """Refuse what changed out of scope since an agent was asked; it may be the user's, and stays."""
        before, self._outside = self._outside, self._inside.outside(self.files)
        self._watches = True
        names = before.keys() | self._outside.keys()
        if changed := sorted(name for name in names if before.get(name) != self._outside.get(name)):
            yours = self._state / _YOURS
            copied = any((yours / path).exists() for path in changed)
            raise OutOfScopeError(
                f"{listed(changed)}: out of scope, and changed in your checkout while an agent was at work; "
                "whoever did it, that is left as it is"
                + (f", and as it was when the run began in {yours}." if copied else ".")
            )

    def _refuse(self, paths: Sequence[str]) -> NoReturn:
        self._stays.update(paths)
        raise RepositoryError(
            f"{listed(paths)}: edited while the run has your checkout; the run stops, and your edits stay as "
            f"they are. Commit or stash them, then `autoopt resume {self._layout.run_id}`."
        )

    def _copy(self, found: Mapping[str, Found | None], name: str) -> Path | None:
        """Copy what is about to be restored to a new folder in the state directory."""
        folder = self._state / name
        target = next(path for count in range(1, 100_000) if not (path := folder / str(count)).exists())
        return target if self._inside.copy(found, target) else None

    def carry(self, old: str, new: str) -> None:
        """Expect the other commit's files from now on; the checkout is at rest and stays."""
        self.stand_at(new)

    def copy_edits(self, folder: Path) -> None:
        """Nothing: what a killed process left is set aside when the checkout is borrowed again."""

    def read(self, path: str) -> bytes:
        """The content of a regular file as it lies in the checkout."""
        return self._inside.directory.read(path)

    def settle(self) -> None:
        """Make the scope, and the index there, those of the commit.

        Raises:
            RepositoryError: the user has edited files in scope, which stay, or has moved HEAD.
        """
        if not self._borrowed:
            return
        self.register()
        left = self._inside.bring(self._scoped)
        self._settle_index()
        if self._watches:
            self._outside = self._inside.outside(self.files)
        if left:
            self._refuse(left)

    def revert(self) -> None:
        """The same: anybody may have been at the user's checkout."""
        self.settle()

    def clear(self) -> None:
        """Like `settle`, after an agent was at work: what cannot be told apart is copied, then restored."""
        if not self._borrowed or not self._checkout.is_ours():
            return
        found = self._inside.differences(self._scoped)
        unknown = {
            path: one
            for path, one in found.items()
            if path not in self._stays and not self._inside.is_known(path, what_is(one))
        }
        self._know_staged()
        if place := self._copy(unknown, "set-aside"):
            self.set_aside.append(place)
        for path, one in unknown.items():
            self._inside.know_found(path, one)
        self._inside.bring(self._scoped)
        self._settle_index()

    def _settle_index(self) -> None:
        index = self._checkout.index
        if self._looked == (index.stamp(), self.tree):
            return  # nobody has staged anything since
        now = index.parse(index.raw()).entries
        index.change(
            {
                path: self._scoped.get(path)
                for path in either(now, self._scoped, self.scope)
                if self._inside.is_known(path, now.get(path))
            }
        )
        self._looked = (index.stamp(), self.tree)

    def strangers(self) -> list[str]:
        """Nothing: every file is where its owner left it."""
        return []
