"""The bench: two checkouts to measure in, one for the incumbent and one for whoever challenges it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from autoopt import files
from autoopt.records.traces import Traces
from autoopt.removing import remove_whole
from autoopt.scope import Scope
from autoopt.workspaces.descent import default_mode, make_alike, place_of
from autoopt.workspaces.directory import Directory
from autoopt.workspaces.expected import Expected
from autoopt.workspaces.ignores import is_scratch, nothing
from autoopt.workspaces.links import Links
from autoopt.workspaces.outset import Outset
from autoopt.workspaces.products import Products
from autoopt.workspaces.scratch import empty
from autoopt.workspaces.store import EXECUTABLE, FILE, Entry, Files, Store

Setup = Callable[[Path, Path], None]
"""Prepares a new checkout, given its files and its scratch directory."""

_TWIN = "+twin"
_SECURE_S = 1.0
"""How often it is looked whether a garbage collection has taken what was written lately."""
_GARBAGE = b")]} broken on purpose: the metric command has to notice that this file is not what it was \x01\n"


def twin(commit: str) -> str:
    """Another name for a commit, by which the other checkout gets its files: to compare it with itself."""
    return f"{commit}{_TWIN}"


@dataclass(slots=True)
class _Arm:
    """One checkout: its files, its scratch directory and which commit is in it.

    Attributes:
        files: What is in it.
        products: What the setup made in it, by the names in `made`.
        outset: What was prepared for the commit.
        changes: How its files differ from the base.
        place: Which directory was last made equal to `files`; None once it was handed out for commands.
        used: When it was last asked for.
        aged: Whether commands ran in it before the present challenger came.
        sound_at: How many commands had been let in anywhere when it was last put right.
        is_broken: Whether garbage is in it on purpose.
        undone, lasting, prepared: What commands of the commit have left; see `Traces`.
    """

    folder: Path
    directory: Directory
    files: Expected
    products: Products
    outset: Outset
    commit: str | None = None
    changes: Mapping[str, Entry | None] = field(default_factory=dict)
    place: tuple[int, int] | None = None
    used: int = 0
    aged: bool = False
    made: frozenset[str] = frozenset()
    sound_at: int = -1
    is_broken: bool = False
    undone: set[str] = field(default_factory=set)
    lasting: set[str] = field(default_factory=set)
    prepared: frozenset[str] | None = None

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def is_untouched(self) -> bool:
        """Whether no command can have been in it since its files were verified or written."""
        return self.place is not None and self.place == place_of(self.tree)

    def due(self) -> Expected:
        """The commit's files but for those that were changed or removed in preparing it."""
        prepared = self.outset.names & self.files.keys()
        if not prepared:
            return self.files
        left = Expected(self.files)
        left.change(dict.fromkeys(prepared))
        return left

    def noticed(self) -> frozenset[str]:
        """What was changed since this was last asked and cannot be restored cheaply."""
        return self.outset.noticed() | self.products.noticed(self.made - self.outset.names)


class CheckoutPair:
    """Two checkouts with paths of one length, so that path lengths cannot tell the arms apart."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        base: str,
        scope: Scope,
        links: Links,
        setup: Setup | None,
        submodules: Files | None = None,
        near: Path | None = None,
    ):
        """Nothing is checked out yet; what an earlier process left in `folder` is verified before use.

        Args:
            submodules: Files that belong to the base commit's submodules.
            near: Where most of the files are as files already.
        """
        self._store = store
        self._base_tree = store.tree_of(base)
        self._base_files = Expected({**store.files(self._base_tree), **(submodules or {})})
        self._scope = scope
        self._links = links
        self._setup = setup
        self._arms = [self._new_arm(folder / name, near) for name in ("a", "b")]
        self._uses = 0
        self._let_in = 0
        self._mode = default_mode()

    def _new_arm(self, folder: Path, near: Path | None) -> _Arm:
        directory = Directory(folder / "tree", algorithm=self._store.algorithm)
        directory.near = near
        directory.renews = True
        products = Products(folder / "tree", folder / "made")
        outset = Outset(folder / "tree", folder / "home", folder)
        return _Arm(folder, directory, Expected(self._base_files), products, outset)

    def checkout(self, commit: str, incumbent: str) -> Path:
        """The commit's files; displaces the checkout that was not the incumbent's, and was not used last.

        Whoever asks may run a command there: all of it is looked at before it holds another commit, and
        before the next command.
        """
        self._store.secure(_SECURE_S)
        arm = self._arm(commit, incumbent)
        if arm.sound_at != self._let_in and not arm.is_broken:
            arm.undone |= self._settle(arm)
            arm.sound_at = self._let_in
        self._let_in += 1
        for one in self._arms:  # a command in one checkout finds the other, too
            one.aged |= one is not arm and one.place is not None
            one.place = None
        return arm.tree

    def prepared(self, commit: str, incumbent: str) -> None:
        """Have every command of the commit find what is in its checkout and scratch directory now."""
        arm = self._arm(commit, incumbent)
        scan = arm.directory.scan(arm.files, nothing)
        altered = arm.products.changed(arm.made) | self._links.altered(arm.tree)
        arm.prepared = frozenset({*scan.differences, *scan.folders, *altered})
        arm.outset.take(arm.prepared)
        self._settle(arm)  # what preparing changed is nothing that commands left
        arm.place, arm.sound_at = None, self._let_in  # it holds more than the commit's files

    def traces(self, commit: str) -> Traces:
        """What commands have left since the commit was checked out; nothing when another has its place."""
        for arm in self._arms:
            if arm.commit == commit:
                arm.lasting |= arm.noticed()
                return Traces(
                    undone=frozenset(arm.undone), lasting=frozenset(arm.lasting), prepared=arm.prepared
                )
        return Traces()

    def scratch(self, commit: str, incumbent: str) -> Path:
        """The private directory of the commit's checkout, brought about where there is none yet."""
        return self._arm(commit, incumbent).home

    @contextmanager
    def broken(self, commit: str, incumbent: str) -> Iterator[Path]:
        """The commit's checkout with garbage in every file in scope, mended afterwards.

        Inside the context `checkout(commit)` returns this checkout.
        """
        arm = self._arm(commit, incumbent)
        try:
            empty(arm.home)  # what was prepared from the whole files must not stand in for them
            arm.place, arm.is_broken = None, True
            arm.directory.spoil([path for path in arm.files if self._is_editable(arm, path)], _GARBAGE)
            yield arm.tree
        finally:
            self._bring(arm, commit)

    def _is_editable(self, arm: _Arm, path: str) -> bool:
        return arm.files[path].mode in (FILE, EXECUTABLE) and self._scope.contains(path)

    def _arm(self, commit: str, incumbent: str) -> _Arm:
        self._uses += 1
        arm = next((arm for arm in self._arms if arm.commit == commit and arm.tree.is_dir()), None)
        if arm is None:
            free = [arm for arm in self._arms if arm.commit != incumbent]
            arm = min(free or self._arms, key=lambda arm: arm.used)
            self._bring(arm, commit)
            for other in self._arms:  # what commands leave behind must not age one arm only
                other.aged = other.commit == incumbent != commit
        elif arm.aged:
            self._bring(arm, commit)
        arm.used = self._uses
        return arm

    def _bring(self, arm: _Arm, commit: str) -> None:
        """Make the files exactly the commit's and the scratch directory empty.

        Whatever commands left goes, caches and build results included, because it belongs to another
        commit; only links and what `workspace.setup` made stay, as it was made. Where no command was,
        nothing is looked at but the paths in which the two commits differ.
        """
        arm.commit = None
        arm.made = self._made(arm)
        arm.outset.forget()
        changes = self._changes(commit)
        different = self._different(arm.changes, changes)
        arm.files.change(different)
        arm.changes = changes
        if arm.is_untouched:
            arm.place = None  # until it is done
            arm.directory.change(different, self._store)
            arm.place = place_of(arm.tree)
        else:
            for path, entry in different.items():
                if entry is None:  # also where it lies among products, which are not scanned
                    arm.directory.remove(path)
            self._settle(arm)
        empty(arm.home)
        arm.noticed()  # what others did to it is none of this commit's doing
        arm.undone.clear()
        arm.lasting.clear()
        arm.prepared = None
        arm.commit, arm.aged, arm.is_broken, arm.sound_at = commit, False, False, self._let_in

    def _changes(self, commit: str) -> dict[str, Entry | None]:
        """The commit's changes in scope: what is out of scope always comes from the base."""
        changes = self._store.diff(self._base_tree, self._store.tree_of(commit.removesuffix(_TWIN)))
        return {path: entry for path, entry in changes.items() if self._scope.contains(path)}

    def _different(
        self, old: Mapping[str, Entry | None], new: Mapping[str, Entry | None]
    ) -> dict[str, Entry | None]:
        """The new entries of the paths in which two commits differ, given by their changes of the base."""
        base = self._base_files
        before = {path: old[path] if path in old else base.get(path) for path in old.keys() | new.keys()}
        after = {path: new[path] if path in new else base.get(path) for path in before}
        return {path: entry for path, entry in after.items() if entry != before[path]}

    def _settle(self, arm: _Arm) -> frozenset[str]:
        """Make everything in the checkout what it has to be; what was something else, or touched."""
        for folder in (arm.folder, arm.tree):
            if folder.is_symlink() or not folder.is_dir():
                remove_whole(folder)
                folder.mkdir(parents=True)
        prepared = arm.outset.names
        arm.directory.skip = frozenset(self._links.names) | arm.made | prepared
        # First, because a commit may have files among them.
        undone = arm.outset.restore() | arm.products.restore(arm.made - prepared)
        due = arm.due()
        undone |= arm.directory.settle(due, self._store)
        undone |= self._links.place(arm.tree, prepared)
        make_alike((f"{arm.tree}/{folder}" for folder in ("", *due.folders())), self._mode)
        arm.place = place_of(arm.tree)
        return undone

    def _made(self, arm: _Arm) -> frozenset[str]:
        """Run the setup if the checkout is new or its setup was cut short; return what the setup made."""
        record = arm.folder / "ready.json"
        if record.is_file() and arm.tree.is_dir():
            return frozenset(json.loads(record.read_bytes()))
        remove_whole(arm.folder)
        arm.directory.forget_all()
        arm.files, arm.changes, arm.made = Expected(self._base_files), {}, frozenset()
        arm.outset.forget()
        self._settle(arm)
        empty(arm.home)
        products = self._set_up(arm) if self._setup is not None else frozenset()
        arm.products.keep(products)
        files.replace(record, json.dumps(sorted(products)).encode())
        return products

    def _set_up(self, arm: _Arm) -> frozenset[str]:
        assert self._setup is not None
        arm.place = None
        self._setup(arm.tree, arm.home)
        scan = arm.directory.scan(self._base_files, nothing)
        made = [path for path in scan.differences if path not in self._base_files] + scan.folders
        # Compiled files of one commit must not be there to serve another.
        return frozenset(path for path in made if not (is_scratch(path) or self._holds_link(path)))

    def _holds_link(self, folder: str) -> bool:
        return any(name.startswith(f"{folder}/") for name in self._links.names)
