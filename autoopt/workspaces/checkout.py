"""Borrowing the user's checkout: what it was is on record before anything changes, and comes back after."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from autoopt import files
from autoopt.errors import BusyError, DamagedStateError, RepositoryError
from autoopt.workspaces.locks import release, replace_locked
from autoopt.workspaces.repository import discover
from autoopt.workspaces.store import Entry
from autoopt.workspaces.user_index import UserIndex

RECORD, INDEX, MARK = "inplace.json", "inplace-index", "autoopt-inplace"
"""What the checkout was, in the state directory; and whose it is, in its git directory."""
_UNDERWAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or git am",
    "BISECT_LOG": "a bisection",
    "sequencer": "a sequence of commits",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a checkout was when a run borrowed it.

    Attributes:
        git_dir: Its own git directory, where HEAD and the index are.
        head: All that HEAD held.
        commit: The commit that named.
        scope, off_limits: Which files the run may change.
        modes: Permissions of the files in scope.
    """

    git_dir: str
    head: str
    commit: str
    scope: tuple[str, ...]
    off_limits: tuple[str, ...]
    modes: dict[str, int]

    @property
    def place(self) -> str:
        """Where HEAD was, for a person."""
        return self.head.strip().removeprefix("ref: ").removeprefix("refs/heads/")

    @classmethod
    def load(cls, state: Path) -> Record | None:
        """What is on record; None when the checkout is not borrowed.

        Raises:
            DamagedStateError: it cannot be read.
        """
        path = state / RECORD
        try:
            found = json.loads(path.read_bytes())
            lists = {name: tuple(found[name]) for name in ("scope", "off_limits")}
            return cls(**{**found, **lists})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise DamagedStateError(
                f"{path}: cannot be read, so how your checkout was is not known; restore that file."
            ) from error


class Checkout:
    """The user's checkout, borrowed for one run."""

    def __init__(
        self, root: Path, git_dir: Path, state: Path, ref: str, intent: Path, algorithm: str
    ) -> None:
        """Nothing is written yet. `ref` is the run branch, `intent` a file name of ours for locking."""
        self.root = root
        self._git_dir = git_dir
        self._state = state
        self._ref = ref
        self._intent = intent
        self.index = UserIndex(git_dir / "index", root, intent, algorithm)

    @property
    def ours(self) -> str:
        """What HEAD holds as long as the checkout is the run's."""
        return f"ref: {self._ref}\n"

    def head(self) -> str:
        """What HEAD holds."""
        return os.fsdecode((self._git_dir / "HEAD").read_bytes())

    def is_ours(self) -> bool:
        """Whether HEAD is at the run branch."""
        return self.head() == self.ours

    def recover(self) -> None:
        """Remove the locks that a killed process of this run left, and no others."""
        release(self._intent, [self._git_dir / f"{name}.lock" for name in ("HEAD", "index", MARK)])

    def check_free(self) -> None:
        """Refuse a checkout that is in the middle of something, or another run's.

        Raises:
            BusyError: another run has it.
            RepositoryError: a merge or the like is not finished.
        """
        if (self._git_dir / "HEAD").is_symlink():
            raise RepositoryError(f"{self._git_dir}/HEAD: a symbolic link; git checkout makes a file of it.")
        for name, what in _UNDERWAY.items():
            if (self._git_dir / name).exists():
                raise RepositoryError(
                    f"{self.root}: {what} is not finished ({name}), and a run in your own checkout "
                    "(workspace.mode=inplace) would get into it; finish or abort it first."
                )
        owner = self._owner()
        if owner is not None and owner != str(self._state):
            raise _taken(self.root, owner)

    def _owner(self) -> str | None:
        """The state directory of the run that has the checkout."""
        try:
            return os.fsdecode((self._git_dir / MARK).read_bytes().rstrip(b"\n"))
        except FileNotFoundError:
            return None

    def take(self, scope: Sequence[str], off_limits: Sequence[str], modes: dict[str, int]) -> Record:
        """Put on record what the checkout is, then point its HEAD to the run branch.

        Raises:
            BusyError: another run is quicker.
            RepositoryError: HEAD is being moved by somebody else.
        """
        record = Record(
            git_dir=str(self._git_dir),
            head=self.head(),
            commit=discover(self.root).head,
            scope=tuple(scope),
            off_limits=tuple(off_limits),
            modes=modes,
        )
        files.replace(self._state / INDEX, self.index.raw())
        files.replace(self._state / RECORD, json.dumps(asdict(record), indent=1).encode())
        try:
            self._mark()
            self._point(record.head, self.ours)
        except (BusyError, RepositoryError):
            self.forget()
            raise
        return record

    def _mark(self) -> None:
        mine = str(self._state)
        mark, content = self._git_dir / MARK, os.fsencode(mine) + b"\n"
        if not replace_locked(mark, content, self._intent, lambda: self._owner() in (None, mine)):
            raise _taken(self.root, self._owner() or "another")

    def _point(self, old: str, new: str) -> None:
        head = self._git_dir / "HEAD"
        if not replace_locked(head, os.fsencode(new), self._intent, lambda: self.head() == old):
            raise RepositoryError(f"{head}: moved by another program just now; run again.")

    def give_back_index(self, record: Record, wanted: dict[str, Entry | None]) -> None:
        """Make the index what it was; with these entries set, where the user has staged something since."""
        for _ in range(5):
            saved, now = (self._state / INDEX).read_bytes(), self.index.raw()
            if saved == now:
                return
            if not self._would_be(saved, now, wanted):
                self.index.change(wanted)
                return
            if self.index.replace(now, saved):
                return

    def _would_be(self, saved: bytes, now: bytes, wanted: dict[str, Entry | None]) -> bool:
        """Whether the index with these entries set says what the saved one says."""
        before, after = self.index.parse(saved), self.index.parse(now)
        for path, entry in wanted.items():
            key = (os.fsencode(path), 0)
            if before.entries.get(path) != entry:
                return False
            after.items.pop(key, None)
            if key in before.items:
                after.items[key] = before.items[key]
        return before.means(after)

    def give_back_head(self, record: Record) -> None:
        """Point HEAD to where it was."""
        self._point(self.ours, record.head)

    def forget(self) -> None:
        """The checkout is nobody's any more."""
        if self._owner() == str(self._state):
            (self._git_dir / MARK).unlink()
        self._intent.unlink(missing_ok=True)  # a killed process may have left it
        for name in (RECORD, INDEX):  # the record first: without it there is nothing to give back
            with suppress(FileNotFoundError):
                (self._state / name).unlink()


def _taken(root: Path, owner: str) -> BusyError:
    run = Path(owner).name
    if not (Path(owner) / RECORD).exists():
        return BusyError(
            f"{root}: a run has this checkout, and its records in {owner} are gone; see that HEAD is at a "
            "branch of yours (git symbolic-ref HEAD refs/heads/NAME), "
            f"delete {MARK} in its git directory, then run again."
        )
    return BusyError(
        f"{root}: run {run} has this checkout (workspace.mode=inplace); wait for it, or where it was killed "
        f"`autoopt resume {run}` goes on with it and `autoopt clean {run}` gives the checkout back."
    )
