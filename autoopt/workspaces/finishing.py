"""Branches that hold a run's result in few commits, ready to be taken; made in the object store alone.

No checkout, index, HEAD or branch of the user's is touched: new branches are made, or nothing.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dulwich.refs import DiskRefsContainer, Ref, check_ref_format

from autoopt.errors import RepositoryError, UsageError
from autoopt.merging import Conflict
from autoopt.workspaces import layout as places
from autoopt.workspaces.carrying import carried
from autoopt.workspaces.history import StoredCommits, subjects
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.repository import identity
from autoopt.workspaces.store import Refs, Store, checked_out, read_ref
from autoopt.workspaces.without import tree_without

_OURS = "autoresearch/"
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A branch that the result is to end up on.

    Attributes:
        name: As it was found, as in `main` or `origin/main`.
        tip: Where it is now.
        holds_base: Whether it has the commit that the run started from.
        is_local: Whether it is a branch here, and not what a remote had when it was last fetched.
    """

    name: str
    tip: str
    holds_base: bool
    is_local: bool


class Finishing:
    """Makes commits of a run's result; nothing names them before `publish` does.

    The caller holds the run's lock.
    """

    def __init__(self, layout: Layout) -> None:
        """Open the run's repository."""
        self._layout = layout
        self._control = Path(layout.control)
        self._store = Store(self._control)
        self._identity = identity(self._control)
        self._container = DiskRefsContainer(self._control)
        self._refs = Refs(self._control, layout.intent("finish"))

    def close(self) -> None:
        """Let go of the repository."""
        self._store.close()

    # -- what there is

    def check(self, kept: Sequence[str], followed: Collection[str] = ()) -> None:
        """Refuse a run branch that does not hold the kept commits, one on the other, and nothing else.

        Args:
            followed: Those of them that other runs of a search made, with more of theirs below, maybe.

        Raises:
            RepositoryError: it has moved, or is gone.
        """
        tip = kept[-1]
        if (found := self._refs.read(self._layout.ref)) != tip:
            raise places.moved(self._layout, tip, found)
        for parent, commit in zip((self._layout.base, *kept), kept, strict=False):
            if commit in followed and subjects(self._store, commit, parent) is not None:
                continue
            if self._parent(commit) != parent:
                raise RepositoryError(
                    f"{self._layout.branch}: {commit[:12]} does not stand on {parent[:12]}, the keep before "
                    f"it by the run's journal; look at git log {self._layout.branch}."
                )

    def _parent(self, commit: str) -> str:
        return self._store.commit(commit).parents[0].decode()

    def tree(self, commit: str) -> str:
        """The id of a commit's tree."""
        return self._store.tree_of(commit)

    def time(self, commit: str) -> int:
        """The date of a commit."""
        return int(self._store.commit(commit).commit_time)

    def branch(self, name: str) -> Target:
        """The branch of that name, local, or remote as it was last fetched.

        Raises:
            UsageError: there is none.
        """
        for ref in (f"{_HEADS}{name}", f"refs/remotes/{name}", name):
            if ref.startswith("refs/") and (tip := read_ref(self._container, ref)):
                holds_base = self._store.descends(tip, self._layout.base)
                return Target(name=name, tip=tip, holds_base=holds_base, is_local=ref.startswith(_HEADS))
        raise UsageError(f"--onto {name}: no such branch; git branch -a lists those there are.")

    def target(self, current: str | None) -> Target | None:
        """The branch that the run came from: the one checked out now, or else one that has its base.

        Args:
            current: The branch that the user has checked out.
        """
        if current is not None and not current.startswith(_OURS) and self._refs.read(f"{_HEADS}{current}"):
            return self.branch(current)
        names = [os.fsdecode(bytes(name)) for name in self._container.subkeys(Ref(_HEADS.encode()))]
        others = sorted(name for name in names if not name.startswith(_OURS))
        usual = [name for name in ("main", "master") if name in others]
        found = (self.branch(name) for name in [*usual, *others])
        return next((target for target in found if target.holds_base), None)

    # -- what there is to make

    def without(self, unwanted: Sequence[str], tip: str) -> str | None:
        """The tree of the tip with kept commits taken back; None where others stand on them.

        Args:
            unwanted: The commits, oldest first.
        """
        commits = StoredCommits(self._store, self._control, self._layout.base)
        return tree_without(self._store, commits, tip, unwanted[::-1])

    def groups(self, commits: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """The commits in sets that have no file in common, each set and all of them in the given order."""
        return disjoint({commit: self.paths(commit) for commit in commits})

    def paths(self, commit: str) -> frozenset[str]:
        """What a commit changes against its parent."""
        return frozenset(self._store.diff(self.tree(self._parent(commit)), self.tree(commit)))

    def share(self, commits: Sequence[str], tree: str) -> str:
        """The base's tree with the files that the commits touch as `tree` has them."""
        paths = frozenset[str]().union(*map(self.paths, commits))
        base = self.tree(self._layout.base)
        found = self._store.diff(base, tree)
        return self._store.add_tree(base, {path: entry for path, entry in found.items() if path in paths})

    def union(self, base: str, trees: Sequence[str]) -> str | None:
        """The tree that has what each of the trees does to the base; None where two touch one file."""
        whole = base
        seen: set[str] = set()
        for tree in trees:
            changes = self._store.diff(base, tree)
            if not seen.isdisjoint(changes):
                return None
            seen.update(changes)
            whole = self._store.add_tree(whole, changes)
        return whole

    def onto(self, commit: str, old: str, new: str) -> str | tuple[Conflict, ...]:
        """The tree of a commit with what turned one tree into another done to it; or what is in the way."""
        return carried(self._store, self.tree(commit), old, new)

    def replay(self, start: str, commits: Sequence[tuple[str, str]], when: int) -> str | tuple[Conflict, ...]:
        """Make each commit again on `start`, one on the other, with the message beside it; the last one.

        One that changes nothing any more is passed over.
        """
        tip = start
        for commit, message in commits:
            tree = self.onto(tip, self.tree(self._parent(commit)), self.tree(commit))
            if not isinstance(tree, str):
                return tree
            if tree != self.tree(tip):
                tip = self.commit(tree, tip, message, max(when, self.time(commit)))
        return tip

    def commit(self, tree: str, parent: str, message: str, when: int) -> str:
        """Store a commit; the same again is the same commit, as its date is given."""
        commit = self._store.add_commit(tree, [parent], message, self._identity, when)
        self._store.sync()
        return commit

    # -- giving it a name

    def check_names(self, branches: Mapping[str, str]) -> None:
        """Refuse names that cannot be those of new branches for these commits.

        Raises:
            UsageError: a name is none git allows.
            RepositoryError: somebody else's commit is there, or a branch whose name is in the way.
        """
        taken = [os.fsdecode(bytes(name)) for name in self._container.allkeys()]
        for name, commit in branches.items():
            ref = _HEADS + name
            if name.startswith("-") or name == "HEAD" or not check_ref_format(Ref(os.fsencode(ref))):
                raise UsageError(
                    f"--name: {name!r} is no branch name; use letters, digits, '-', '_', '/', '.'."
                )
            if near := next((one for one in taken if _blocks(one, ref)), None):
                raise RepositoryError(f"{name}: {near} is in the way; give another --name.")
            found = self._refs.read(ref)
            if found not in (None, commit):
                raise RepositoryError(
                    f"{name}: exists already, at {str(found)[:12]}, not at this result ({commit[:12]}); "
                    f"give another --name, or drop it first (git branch -D {name})."
                )
            if found is None and (place := next(checked_out(self._control, ref), None)):
                raise RepositoryError(f"{name}: is checked out in {place}, unborn; give another --name.")

    def recover(self, branches: Iterable[str]) -> None:
        """Remove the locks on branches that a killed process of ours left; before any of them is made."""
        for name in branches:
            self._refs.recover(_HEADS + name, "refs/heads/autoresearch")

    def publish(self, branches: Mapping[str, str]) -> None:
        """Make the branches; one that is there already at its commit is as it should be.

        Raises:
            RepositoryError: somebody has just put another commit there.
        """
        for name, commit in branches.items():
            ref = _HEADS + name
            if not self._refs.move(ref, None, commit) and (found := self._refs.read(ref)) != commit:
                raise RepositoryError(
                    f"{name}: is at {(found or 'nothing')[:12]}, not at {commit[:12]}; finish again with "
                    "another --name."
                )


def disjoint(touched: Mapping[str, frozenset[str]]) -> tuple[tuple[str, ...], ...]:
    """The keys in sets that share no path, in their order; a file and one below its name share it, too."""
    everything = frozenset[str]().union(*touched.values())
    groups: list[tuple[list[str], set[str]]] = []
    for key, paths in touched.items():
        wide = set(paths)
        for path in paths:
            wide.update(above for above in _above(path) if above in everything)
        joined = [group for group in groups if not group[1].isdisjoint(wide)]
        keys = [one for group in joined for one in group[0]]
        groups = [group for group in groups if group not in joined]
        groups.append(([*keys, key], wide.union(*(group[1] for group in joined))))
    order = list(touched)
    found = [tuple(sorted(keys, key=order.index)) for keys, _ in groups]
    return tuple(sorted(found, key=lambda keys: order.index(keys[0])))


def _above(path: str) -> list[str]:
    return [path[:at] for at, letter in enumerate(path) if letter == "/"]


def _blocks(taken: str, ref: str) -> bool:
    """Whether git could not have both refs, one being a directory of the other."""
    return taken.startswith(f"{ref}/") or ref.startswith(f"{taken}/")
