"""The bench: two checkouts to measure in, one for the incumbent and one for whoever challenges it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from autoopt import files
from autoopt.scope import Scope
from autoopt.workspaces.directory import Directory, mapping_with, remove_whole
from autoopt.workspaces.ignores import is_scratch, nothing
from autoopt.workspaces.store import EXECUTABLE, FILE, Entry, Store

Setup = Callable[[Path, Path], None]
"""Prepares a new checkout, given its files and its scratch directory."""

_TWIN = "+twin"
_GARBAGE = b")]} broken on purpose: the metric command has to notice that this file is not what it was \x01\n"


def twin(commit: str) -> str:
    """Another name for a commit, by which the other checkout gets its files: to compare it with itself."""
    return f"{commit}{_TWIN}"


@dataclass(frozen=True, slots=True)
class Links:
    """Untracked files and directories of the user that checkouts reach through symbolic links."""

    root: Path
    names: tuple[str, ...]

    def place(self, folder: Path) -> None:
        """Make each link in `folder`, in place of whatever is there."""
        for name in self.names:
            link, target = folder / name, self.root / name
            if link.is_symlink() and link.readlink() == target:
                continue
            Directory(folder).remove(name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)


@dataclass(slots=True)
class _Arm:
    """One checkout: its files, its scratch directory and which commit is in it."""

    folder: Path
    directory: Directory
    commit: str | None = None
    files: Mapping[str, Entry] = field(default_factory=dict)
    used: int = 0
    aged: bool = False  # commands ran in it before the present challenger came

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    @property
    def home(self) -> Path:
        return self.folder / "home"


class CheckoutPair:
    """Two checkouts with paths of one length, so that path lengths cannot tell the arms apart."""

    def __init__(
        self, folder: Path, store: Store, base: str, scope: Scope, links: Links, setup: Setup | None
    ):
        """Nothing is checked out yet; what an earlier process left in `folder` is verified before use."""
        self._store = store
        self._base_tree = store.tree_of(base)
        self._base_files = store.files(self._base_tree)
        self._scope = scope
        self._links = links
        self._setup = setup
        self._arms = [_Arm(folder / name, Directory(folder / name / "tree")) for name in ("a", "b")]
        self._uses = 0

    def checkout(self, commit: str, incumbent: str) -> Path:
        """The commit's files; displaces the checkout that was not the incumbent's, and was not used last."""
        return self._arm(commit, incumbent).tree

    def scratch(self, commit: str, incumbent: str) -> Path:
        """The private directory of the commit's checkout."""
        return self._arm(commit, incumbent).home

    @contextmanager
    def broken(self, commit: str, incumbent: str) -> Iterator[Path]:
        """The commit's checkout with garbage in every file in scope, mended afterwards.

        Inside the context `checkout(commit)` returns this checkout.
        """
        arm = self._arm(commit, incumbent)
        try:
            _empty(arm.home)  # what was prepared from the whole files must not stand in for them
            for path, entry in arm.files.items():
                if entry.mode in (FILE, EXECUTABLE) and self._scope.contains(path):
                    arm.directory.write(path, entry, _GARBAGE)
                    del arm.directory.known[path]
            yield arm.tree
        finally:
            self._bring(arm, commit)

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
        commit; only links and what `workspace.setup` made stay.
        """
        arm.commit = None
        products = self._made(arm)
        target = self._target(commit)
        for path in (
            arm.files.keys() - target.keys()
        ):  # also where they lie among products, which are not scanned
            arm.directory.remove(path)
        self._settle(arm, target, products)
        _empty(arm.home)
        arm.commit, arm.files, arm.aged = commit, target, False

    def _target(self, commit: str) -> dict[str, Entry]:
        """The base's files with the commit's in scope: what is out of scope always comes from the base."""
        changes = self._store.diff(self._base_tree, self._store.tree_of(commit.removesuffix(_TWIN)))
        return mapping_with(self._base_files, {p: e for p, e in changes.items() if self._scope.contains(p)})

    def _settle(self, arm: _Arm, target: Mapping[str, Entry], products: frozenset[str]) -> None:
        for folder in (arm.folder, arm.tree):
            if folder.is_symlink() or not folder.is_dir():
                remove_whole(folder)
                folder.mkdir(parents=True)
        arm.directory.skip = frozenset(self._links.names) | products
        arm.directory.settle(target, self._store)
        self._links.place(arm.tree)

    def _made(self, arm: _Arm) -> frozenset[str]:
        """Run the setup if the checkout is new or its setup was cut short; return what the setup made."""
        record = arm.folder / "ready.json"
        if record.is_file() and arm.tree.is_dir():
            return frozenset(json.loads(record.read_bytes()))
        remove_whole(arm.folder)
        arm.directory.known.clear()
        self._settle(arm, self._base_files, frozenset())
        _empty(arm.home)
        products = self._set_up(arm) if self._setup is not None else frozenset()
        files.replace(record, json.dumps(sorted(products)).encode())
        return products

    def _set_up(self, arm: _Arm) -> frozenset[str]:
        assert self._setup is not None
        self._setup(arm.tree, arm.home)
        scan = arm.directory.scan(self._base_files, nothing)
        made = [path for path in scan.differences if path not in self._base_files] + scan.folders
        # Compiled files of one commit must not be there to serve another.
        return frozenset(path for path in made if not is_scratch(path))


def _empty(folder: Path) -> None:
    remove_whole(folder)
    folder.mkdir(mode=0o700, parents=True)
