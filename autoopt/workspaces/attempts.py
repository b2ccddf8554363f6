"""An attempt: one proposal as a commit that the run branch does not point to until it is kept."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from autoopt import diffs
from autoopt.errors import NothingChangedError, OutOfScopeError, RepositoryError
from autoopt.fingerprint import fingerprint
from autoopt.records import Change, FileChange, Proposal
from autoopt.workspaces import layout as places
from autoopt.workspaces.desk import Desk
from autoopt.workspaces.directory import Found
from autoopt.workspaces.history import ancestors
from autoopt.workspaces.inplace import InPlaceDesk
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.store import EXECUTABLE, FILE, Entry, Refs, Store

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class GitAttempt:
    """An open transaction in a `GitWorkspace`; implements `protocols.Attempt`."""

    def __init__(
        self, desk: Desk | InPlaceDesk, store: Store, refs: Refs, layout: Layout, ref: str, identity: bytes
    ) -> None:
        """`ref` is what keeps the commit reachable. Use `GitWorkspace.attempt`."""
        self._desk = desk
        self._store = store
        self._refs = refs
        self._layout = layout
        self._ref = ref
        self._identity = identity
        self._edited: frozenset[str] = frozenset()
        self._change: Change | None = None

    @property
    def change(self) -> Change:
        """The proposal as committed."""
        assert self._change is not None, "the workspace commits before it hands the attempt over"
        return self._change

    def amend(self, proposal: Proposal) -> Change:
        """Replace the commit by one with these edits on the same parent; return it.

        What the earlier proposal edited and this one does not is put back; other edits in the desk stay.
        """
        edited = frozenset(edit.path for edit in proposal.edits)
        undo, self._edited = self._edited - edited, self._edited | edited
        differences = self._desk.edit(proposal.edits, undo)
        self._edited = edited
        self._change = self._commit(proposal, differences)
        return self._change

    def _commit(self, proposal: Proposal, differences: Mapping[str, Found | None]) -> Change:
        parent, before = self._desk.commit, self._desk.files
        entries: dict[str, Entry | None] = {}
        changes = [
            self._file_change(path, before.get(path), differences[path]) for path in sorted(differences)
        ]
        for path, _, data in changes:
            entries[path] = (
                None if data is None else Entry(_mode(differences[path]), self._store.add_blob(data))
            )
        tree = self._store.add_tree(self._desk.tree, entries)
        if tree == self._desk.tree:
            raise NothingChangedError(f"{proposal.description}: every file is as it was.")
        if frozen := self._frozen(tree):
            raise OutOfScopeError(
                f"{frozen}: out of scope, and not as the run found it.", guard="frozen", where=frozen
            )
        message = self._desk.rules.secrets.text(_message(proposal))
        run, now = self._layout.run_id, int(time.time())
        commit = self._store.add_commit(tree, [parent], message, self._identity, now, run)
        self._store.sync()
        self._desk.register()
        if not self._refs.move(self._ref, self._refs.read(self._ref), commit):
            raise RepositoryError(f"{self._ref}: moved by somebody else; is another process using this run?")
        self._store.secure()
        counts = [diffs.count(old or b"", new or b"") for _, old, new in changes]
        return Change(
            commit=commit,
            parent=parent,
            tree=tree,
            paths=tuple(entries),
            added=sum(added for added, _ in counts),
            removed=sum(removed for _, removed in counts),
            fingerprint=fingerprint(changes),
        )

    def _file_change(self, path: str, old: Entry | None, found: Found | None) -> FileChange:
        before = None if old is None else self._store.blob(old.sha)
        return FileChange(path, before, None if found is None else found.data)

    def _frozen(self, tree: str) -> str:
        """The first file out of scope that a tree does not have as the base has it; empty where all are."""
        changed = self._store.diff(self._store.tree_of(self._layout.base), tree)
        return min((path for path in changed if not self._desk.scope.contains(path)), default="")

    def keep(self) -> None:
        """Advance the run branch from parent to commit.

        Raises:
            RepositoryError: the branch is not where the run left it, or checked out elsewhere, or the commit
                holds something else than what was measured.
        """
        change = self.change
        self._store.secure()
        if self._store.tree_of(change.commit) != change.tree or self._frozen(change.tree):
            raise RepositoryError(
                f"{change.commit}: not what was measured, or changed out of scope; run git fsck."
            )
        self._desk.register()  # somebody may have removed the worktree while it was measured
        if isinstance(self._desk, Desk):  # or have gone to the branch
            places.check_branch_is_ours(self._layout)
        if not self._refs.move(self._layout.ref, change.parent, change.commit):
            raise places.moved(self._layout, change.parent, self._refs.read(self._layout.ref))
        self._desk.stand_at(change.commit)


def reclaimed(desk: Desk | InPlaceDesk, store: Store, refs: Refs, layout: Layout) -> str | None:
    """Take the run branch back to where the desk is; the commits above it, by their tip, or None."""
    tip = refs.read(layout.ref)
    if tip is None or desk.commit not in ancestors(store, tip, layout.base)[1:]:
        return None
    refs.move(f"{layout.experiments}/committed-{tip[:12]}", None, tip)
    desk.register()
    return tip if refs.move(layout.ref, tip, desk.commit) else None


def _mode(found: Found | None) -> int:
    return (
        EXECUTABLE
        if found is not None and found.entry is not None and found.entry.mode == EXECUTABLE
        else FILE
    )


def _message(proposal: Proposal) -> str:
    subject = " ".join(_CONTROL.sub(" ", proposal.description).split())
    body = _CONTROL.sub(" ", proposal.hypothesis).strip()
    return f"experiment: {subject}\n\n{body}\n" if body else f"experiment: {subject}\n"
