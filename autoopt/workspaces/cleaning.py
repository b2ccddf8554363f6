"""Removing what a run left in and beside its repository: what we made, and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dulwich.refs import DiskRefsContainer

from autoopt import files
from autoopt.errors import DamagedStateError, RepositoryError
from autoopt.removing import remove_whole
from autoopt.scope import Scope
from autoopt.workspaces.borrowing import give_back
from autoopt.workspaces.checkout import Record
from autoopt.workspaces.desk import Desk
from autoopt.workspaces.finals import Final, Holders, recorded
from autoopt.workspaces.layout import EXCLUDED, FILE_NAME, PROJECTIONS, Layout
from autoopt.workspaces.refs import prune
from autoopt.workspaces.repository import discover, forget_excluded
from autoopt.workspaces.store import Refs, Store, checked_out, delete_ref, read_ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Where the result of a run is.

    Attributes:
        gained: Whether it is another commit than the one the run started from.
        on_branch: Whether the run branch is there to hold it.
        merged: What of somebody else's holds it: a ref, or HEAD where its files are there.
        finished: The branches that `autoopt finish` made of it, or what they were merged into, where none of
            them is lost.
    """

    gained: bool
    on_branch: bool = False
    merged: str | None = None
    finished: tuple[str, ...] = ()

    @property
    def holder(self) -> str | None:
        """What holds it besides the run branch; None where nothing does."""
        return self.merged or ", ".join(self.finished) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A branch that `autoopt finish` made, and whether it has done its work.

    Attributes:
        merged: What else holds all of it; None where nothing does.
        stays: Why it must not go, whatever else holds it; empty where it may.
    """

    branch: str
    commit: str
    merged: str | None
    stays: str = ""


class Remains:
    """What one run left; the caller holds the run's lock."""

    def __init__(self, layout: Layout, state: Path) -> None:
        """Nothing is looked at yet."""
        self._layout = layout
        self._state = state
        self._control = Path(layout.control)
        self._admin = self._control / "worktrees" / layout.worktree
        self._refs = DiskRefsContainer(self._control)

    def result(self, recorded: str | None, going: Collection[str] = ()) -> Result:
        """Where the run's result is.

        Args:
            recorded: The best commit by its journal.
            going: Branches that are removed together with it, so that they hold nothing.
        """
        branch = read_ref(self._refs, self._layout.ref)
        store = Store(self._control)
        try:
            tip = _best(store, branch, recorded)
            if tip is None or tip == self._layout.base:
                return Result(gained=False)
            store.commit(tip)
            mine = [self._layout.branch, *going, *(final.branch for final in self._finals())]
            merged = self._holders(store).of(tip, self._layout.base, mine)
            if merged == self._layout.branch and Record.load(self._state) is not None:
                merged = None  # the run has the user's checkout, and it goes back
            finished = self._finished(store, tip)
            return Result(gained=True, on_branch=branch == tip, merged=merged, finished=finished)
        except RepositoryError:
            return Result(gained=False)  # it is nowhere any more
        finally:
            store.close()

    def _holders(self, store: Store) -> Holders:
        return Holders(store, self._control, Path(self._layout.root))

    def _finals(self) -> tuple[Final, ...]:
        try:
            return recorded(self._state)
        except DamagedStateError:
            return ()  # none of them is known to be ours, and none is touched

    def _finished(self, store: Store, tip: str) -> tuple[str, ...]:
        """Who holds the branches made of the run's best commit; nobody where one of them is lost."""
        mine = [self._layout.branch, *(final.branch for final in self._finals())]
        found = []
        for final in self._finals():
            if final.tip != tip:
                continue
            at = read_ref(self._refs, f"refs/heads/{final.branch}")
            if at is not None and store.descends(at, final.commit):
                found.append(final.branch)
            elif holder := self._holders(store).of(final.commit, final.start, mine):
                found.append(holder)
            else:
                return ()
        return tuple(dict.fromkeys(found))

    def is_held(self, commit: str) -> bool:
        """Whether some branch or tag has the commit; so is taken one that is nowhere any more."""
        store = Store(self._control)
        try:
            base = self._layout.base
            return commit == base or self._holders(store).of(commit, base, ()) is not None
        except RepositoryError:
            return True
        finally:
            store.close()

    def merged(self, tip: str, besides: Collection[str] = ()) -> str | None:
        """Where the run's best commit was merged, itself or as branches made of it; None where it was not.

        Args:
            besides: Branches that do not count, as those of other runs of its search.
        """
        store = Store(self._control)
        mine = [self._layout.branch, *besides, *(final.branch for final in self._finals())]
        holders = self._holders(store)
        try:
            if found := holders.of(tip, self._layout.base, mine, pushed=False):
                return found
            made = [final for final in self._finals() if final.tip == tip]
            where = [holders.of(final.commit, final.start, mine, pushed=False) for final in made]
            return ", ".join(dict.fromkeys(filter(None, where))) if where and all(where) else None
        except RepositoryError:
            return None  # some of it is nowhere any more
        finally:
            store.close()

    def standing(self) -> tuple[Standing, ...]:
        """The branches that were made of the run's result and are still there."""
        store = Store(self._control)
        try:
            found = (self._standing(store, final) for final in self._finals())
            return tuple(one for one in found if one is not None)
        finally:
            store.close()

    def _standing(self, store: Store, final: Final) -> Standing | None:
        ref = f"refs/heads/{final.branch}"
        tip = read_ref(self._refs, ref)
        if tip is None:
            return None
        mine = [self._layout.branch, *(one.branch for one in self._finals())]
        stays = ""
        if tip != final.commit:
            stays = "somebody has moved it"
        elif place := self._checked_out(ref):
            stays = f"it is checked out in {place}"
        merged = None if stays else self._holders(store).of(tip, final.start, mine, pushed=False)
        return Standing(branch=final.branch, commit=final.commit, merged=merged, stays=stays)

    def objection(self) -> str | None:
        """What of somebody else's would be lost, for a person; None where nothing would."""
        for edits in sorted((self._state / "set-aside").glob("*")):
            return f"{edits}: edits that no commit holds; take what you need."
        if moved := self._moved():
            return f"{moved}: the run's worktree was moved there; git worktree remove it first."
        if self._has_desk():
            tip = read_ref(self._refs, self._layout.ref) or self._layout.base
            store = Store(self._control)
            try:
                desk = Desk(self._layout, store, Scope(["."]))
                desk.stand_at(tip)
                if found := desk.strangers():
                    return f"{desk.root / found[0]}: not part of {self._layout.branch}; move it away."
            finally:
                store.close()
        return None

    def _moved(self) -> Path | None:
        try:
            place = Path(os.fsdecode((self._admin / "gitdir").read_bytes().rstrip(b"\n"))).parent
        except FileNotFoundError:
            return None
        return place if place != Path(self._layout.desk) and place.is_dir() else None

    def _has_desk(self) -> bool:
        """Whether the directory at the desk's place is the run's worktree."""
        link = Path(self._layout.desk) / ".git"
        try:
            text = link.read_bytes() if stat.S_ISREG(link.lstat().st_mode) else b""
        except (FileNotFoundError, NotADirectoryError):
            return False
        return text == b"gitdir: " + os.fsencode(self._admin) + b"\n"

    def listed(self) -> Iterator[str]:
        """What would be removed beside the branch, for a person."""
        if (record := Record.load(self._state)) is not None:
            yield f"{self._layout.root} goes back to {record.place}, as it was"
        if self._has_desk():
            yield self._layout.desk
        yield from map(str, self._tables())
        yield str(self._state)

    def _tables(self) -> list[Path]:
        """The table and the log in the repository, as long as nobody has committed them."""
        root = Path(self._layout.root)
        found = [root / f"autoresearch-{self._layout.run_id}.{ending}" for ending in ("tsv", "log")]
        present = [path for path in found if path.is_file() and not path.is_symlink()]
        if not present:
            return []
        tracked = discover(root).tracked
        return [path for path in present if path.name not in tracked]

    def remove(self, *, branch: bool, others: Sequence[Path], finals: Sequence[Standing] = ()) -> str | None:
        """Remove everything; a second call goes on where one was cut short.

        Args:
            branch: Whether the run branch goes too.
            finals: Branches made of its result that go too.
            others: State directories of the repository's other runs; lines in `info/exclude` may be theirs.

        Returns:
            For a person: why the branch stays although it was to go (somebody has it checked out), and what
            stays as it is in a checkout that the run had.
        """
        notes = give_back(self._layout, self._state) if self._layout.in_place else []
        for table in self._tables():
            table.unlink()
        user = self._checked_out(self._layout.ref)
        self._recover()
        if self._has_desk():
            self._remove_desk()
        remove_whole(self._admin)
        with contextlib.suppress(OSError):  # other worktrees
            self._admin.parent.rmdir()
        self._remove_finals(finals)
        self._remove_refs(branch and user is None)
        forget_excluded(self._control, self._own_lines(others))
        for path in self._state.iterdir():
            if path.name not in ("lock", FILE_NAME):
                remove_whole(path)
        remove_whole(self._state)  # from here on there is no such run
        with contextlib.suppress(OSError):  # other runs
            self._state.parent.rmdir()
        if branch and user:
            notes.append(f"{self._layout.branch} stays: it is checked out in {user}.")
        return " ".join(notes) or None

    def _recover(self) -> None:
        """Take back the locks that a killed process of the run left, as long as they can be proven ours."""
        for intent in (self._admin / "autoopt-intent", self._layout.intent("finish")):
            for folder in (self._layout.experiments, "refs/heads/autoresearch"):
                Refs(self._control, intent).recover(self._layout.ref, folder)
        for final in self._finals():
            ref = f"refs/heads/{final.branch}"
            Refs(self._control, self._layout.intent("finish")).recover(ref, self._layout.experiments)
        self._layout.intent("finish").unlink(missing_ok=True)

    def _remove_desk(self) -> None:
        """Remove the desk, last the link by which it is known to be one."""
        desk = Path(self._layout.desk)
        for path in desk.iterdir():
            if path.name != ".git":
                remove_whole(path)
        remove_whole(desk)

    def _remove_finals(self, finals: Sequence[Standing]) -> None:
        """Remove branches as long as they are where they were made."""
        for final in finals:
            ref = f"refs/heads/{final.branch}"
            if delete_ref(self._control, ref, self._layout.intent("finish"), final.commit):
                (self._control / "logs" / ref).unlink(missing_ok=True)

    def _checked_out(self, ref: str) -> Path | None:
        """Another worktree that has the branch checked out."""
        others = (place for place in checked_out(self._control, ref) if place != self._admin)
        return next((Path(self._layout.root) if place == self._control else place for place in others), None)

    def _remove_refs(self, branch: bool) -> None:
        folder, intent = f"{self._layout.experiments}/", self._layout.intent("finish")
        names = [os.fsdecode(ref) for ref in self._refs.allkeys()]
        ours = [name for name in names if name.startswith(folder) or (branch and name == self._layout.ref)]
        loose = [name for name in ours if (self._control / name).exists()]
        Refs(self._control, intent).drop_packed(name for name in ours if name not in loose)
        for name in loose:
            delete_ref(self._control, name, intent)
        if branch:
            (self._control / "logs" / self._layout.ref).unlink(missing_ok=True)
        prune(self._control, self._layout.experiments)

    def _own_lines(self, others: Sequence[Path]) -> set[str]:
        """Lines of `info/exclude` to take out; those that another run needs are that run's from now on."""
        own = set(_excluded(self._state))
        for other in others:
            theirs = {f"/{name}" for name in Layout.load(other).links} & own
            if theirs:
                lines = sorted({*_excluded(other), *theirs})
                files.replace(other / EXCLUDED, json.dumps(lines).encode())
                own -= theirs
        return own if others else {*own, *PROJECTIONS}


def _excluded(state: Path) -> list[str]:
    """The lines that making the run's workspace added."""
    try:
        return list(json.loads((state / EXCLUDED).read_bytes()))
    except (FileNotFoundError, ValueError):
        return []


def _best(store: Store, branch: str | None, recorded: str | None) -> str | None:
    """The best commit: where a run was killed as it kept one, its journal has it and the branch not yet."""
    if branch is None or recorded is None:
        return branch or recorded
    try:
        return recorded if store.descends(recorded, branch) else branch
    except RepositoryError:  # what is recorded is nowhere any more
        return branch
