"""Removing what a run left in and beside its repository: what we made, and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dulwich.refs import DiskRefsContainer

from autoopt import files
from autoopt.errors import RepositoryError
from autoopt.scope import Scope
from autoopt.workspaces.desk import Desk
from autoopt.workspaces.directory import remove_whole
from autoopt.workspaces.layout import EXCLUDED, FILE_NAME, PROJECTIONS, Layout
from autoopt.workspaces.repository import discover, forget_excluded
from autoopt.workspaces.store import Store, read_ref
from autoopt.workspaces.undo import delete_ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Where the result of a run is.

    Attributes:
        gained: Whether it is another commit than the one the run started from.
        on_branch: Whether the run branch is there to hold it.
        holder: What else does: a ref, or HEAD where its files are there; None where nothing does.
    """

    gained: bool
    on_branch: bool = False
    holder: str | None = None


class Remains:
    """What one run left; the caller holds the run's lock."""

    def __init__(self, layout: Layout, state: Path) -> None:
        """Nothing is looked at yet."""
        self._layout = layout
        self._state = state
        self._control = Path(layout.control)
        self._admin = self._control / "worktrees" / layout.worktree
        self._refs = DiskRefsContainer(self._control)

    def result(self, recorded: str | None) -> Result:
        """Where the run's result is; `recorded` is the best commit by its journal."""
        branch = read_ref(self._refs, self._layout.ref)
        tip = branch or recorded
        if tip is None or tip == self._layout.base:
            return Result(gained=False)
        store = Store(self._control)
        try:
            store.commit(tip)
            return Result(gained=True, on_branch=branch is not None, holder=self._holder(store, tip))
        except RepositoryError:
            return Result(gained=False)  # it is nowhere any more
        finally:
            store.close()

    def _holder(self, store: Store, tip: str) -> str | None:
        for name in sorted(bytes(ref) for ref in self._refs.allkeys()):
            ref = os.fsdecode(name)
            if ref == self._layout.ref or not ref.startswith(("refs/heads/", "refs/remotes/", "refs/tags/")):
                continue
            with contextlib.suppress(RepositoryError):  # a tag of something that is no commit
                if (found := read_ref(self._refs, ref)) and store.descends(found, tip):
                    return ref.partition("/")[2].partition("/")[2]
        return "HEAD" if self._is_at_head(store, tip) else None

    def _is_at_head(self, store: Store, tip: str) -> bool:
        """Whether the user's commit has every file that the run changed as the run has it (squashed)."""
        try:
            head = store.tree_of(discover(Path(self._layout.root)).head)
        except RepositoryError:
            return False  # the user's checkout is gone
        base, wanted = store.tree_of(self._layout.base), store.tree_of(tip)
        return store.diff(base, wanted).keys().isdisjoint(store.diff(wanted, head).keys())

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

    def remove(self, *, branch: bool, others: Sequence[Path]) -> str | None:
        """Remove everything; a second call goes on where one was cut short.

        Args:
            branch: Whether the run branch goes too.
            others: State directories of the repository's other runs; lines in `info/exclude` may be theirs.

        Returns:
            Why the branch stays although it was to go, where somebody has it checked out.
        """
        for table in self._tables():
            table.unlink()
        user = self._checked_out()
        if self._has_desk():
            remove_whole(Path(self._layout.desk))
        remove_whole(self._admin)
        with contextlib.suppress(OSError):  # other worktrees
            self._admin.parent.rmdir()
        self._remove_refs(branch and user is None)
        forget_excluded(self._control, self._own_lines(others))
        remove_whole(self._state / "bench")
        (self._state / FILE_NAME).unlink()  # from here on there is no such run
        remove_whole(self._state)
        with contextlib.suppress(OSError):  # other runs
            self._state.parent.rmdir()
        return f"{self._layout.branch} stays: it is checked out in {user}." if branch and user else None

    def _checked_out(self) -> Path | None:
        """Another worktree that has the run branch checked out."""
        wanted = b"ref: " + os.fsencode(self._layout.ref)
        heads = {self._control / "HEAD": Path(self._layout.root)}
        heads |= {head: head.parent for head in self._control.glob("worktrees/*/HEAD")}
        for head, place in heads.items():
            if head.parent != self._admin and head.is_file() and head.read_bytes().strip() == wanted:
                return place
        return None

    def _remove_refs(self, branch: bool) -> None:
        folder = f"{self._layout.experiments}/"
        for name in [os.fsdecode(ref) for ref in self._refs.allkeys()]:
            if name.startswith(folder) or (branch and name == self._layout.ref):
                delete_ref(self._refs, name)
        if branch:
            (self._control / "logs" / self._layout.ref).unlink(missing_ok=True)
        for empty in (self._layout.experiments, "refs/autoopt", "refs/heads/autoresearch"):
            for above in (self._control, self._control / "logs"):
                with contextlib.suppress(OSError):  # not empty, or not there
                    (above / empty).rmdir()

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
