"""The branches that `autoopt finish` made for a run: the record of them, and who holds what they hold."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dulwich.refs import DiskRefsContainer, Ref

from autoopt import files
from autoopt.errors import DamagedStateError, RepositoryError
from autoopt.workspaces.carrying import entry_of
from autoopt.workspaces.repository import discover
from autoopt.workspaces.store import CLOCK_SLOP_S, Store, read_ref

FILE_NAME = "finished.json"
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """A branch as it was made.

    Attributes:
        start: The commit it stands on.
        tip: The run's best commit that it was made from.
    """

    branch: str
    commit: str
    start: str
    tip: str


def remember(state: Path, finals: Sequence[Final]) -> None:
    """Put branches that are about to be made on record; a name holds for its latest branch."""
    names = {final.branch for final in finals}
    found = [*(final for final in recorded(state) if final.branch not in names), *finals]
    files.replace(state / FILE_NAME, json.dumps([asdict(final) for final in found], indent=1).encode())


def recorded(state: Path) -> tuple[Final, ...]:
    """The branches that were made, in order.

    Raises:
        DamagedStateError: the record cannot be read.
    """
    path = state / FILE_NAME
    try:
        return tuple(Final(**item) for item in json.loads(path.read_bytes()))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError) as error:
        raise DamagedStateError(
            f"{path}: cannot be understood ({error}); delete it: it holds only names of branches."
        ) from error


class Holders:
    """Finds out who else has what a commit has."""

    def __init__(self, store: Store, control: Path, root: Path) -> None:
        """`root` is the user's checkout."""
        self._store = store
        self._refs = DiskRefsContainer(control)
        self._root = root

    def of(self, commit: str, start: str, besides: Collection[str], *, pushed: bool = True) -> str | None:
        """A branch or a tag with the commit in its history, else one whose files are as if it had (a squash).

        Args:
            start: What the commit is compared with, to tell what it does.
            besides: Branches that do not count.
            pushed: Whether what a remote has of those branches counts.
        """
        others = [(ref, tip) for ref, tip in self._all() if not _is_one_of(ref, besides, pushed)]
        return self._in_history(commit, others) or self._in_files(commit, start, others)

    def _in_history(self, commit: str, others: Sequence[tuple[str, str]]) -> str | None:
        oldest = self._store.commit(commit).commit_time - CLOCK_SLOP_S
        without: set[str] = set()  # commits known to lead nowhere, whichever ref they were found from
        return next((_short(ref) for ref, tip in others if self._leads(tip, commit, oldest, without)), None)

    def _leads(self, tip: str, commit: str, oldest: float, without: set[str]) -> bool:
        """Whether the commit is in the tip's history, looked at no further back than is needed."""
        left = [tip]
        while left:
            sha = left.pop()
            if sha == commit:
                return True
            if sha not in without:
                without.add(sha)
                if self._store.commit(sha).commit_time >= oldest:
                    left += self._store.parents(sha)
        return False

    def _in_files(self, commit: str, start: str, others: Sequence[tuple[str, str]]) -> str | None:
        changed = self._store.diff(self._store.tree_of(start), self._store.tree_of(commit))
        for name, tip in self._places(others):
            tree = self._store.tree_of(tip)
            if all(entry_of(self._store, tree, path) == entry for path, entry in changed.items()):
                return name
        return None

    def _places(self, others: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """The user's commit, and the branches of people."""
        with contextlib.suppress(RepositoryError):  # the user's checkout may be gone
            user = discover(self._root)
            if user.branch is None or any(ref == _HEADS + user.branch for ref, _ in others):
                yield user.branch or "HEAD", user.head
        for ref, tip in others:
            if not ref.startswith("refs/tags/") and "autoresearch" not in ref.split("/"):
                yield _short(ref), tip

    def _all(self) -> Iterator[tuple[str, str]]:
        """Refs that lead to commits we have; those of experiments, which may be many, are not looked at."""
        for kind in ("heads", "remotes", "tags"):
            for name in sorted(bytes(ref) for ref in self._refs.subkeys(Ref(f"refs/{kind}/".encode()))):
                ref = f"refs/{kind}/{os.fsdecode(name)}"
                if tip := self._commit(ref):
                    yield ref, tip

    def _commit(self, ref: str) -> str | None:
        found = read_ref(self._refs, ref)
        try:
            return found if found is not None and self._store.commit(found) else None
        except RepositoryError:
            return None  # a tag of its own, or something that is no commit


def _is_one_of(ref: str, branches: Collection[str], pushed: bool) -> bool:
    """Whether the ref is one of the branches, or, unless `pushed`, what a remote has of one."""
    if any(ref == _HEADS + branch for branch in branches):
        return True
    remote = not pushed and ref.startswith("refs/remotes/")
    return remote and any(ref.endswith(f"/{branch}") for branch in branches)


def _short(ref: str) -> str:
    return ref.partition("/")[2].partition("/")[2]
