"""A workspace in a git repository: the run branch, the desk and the bench.

The user's checkout, index, HEAD, branches and configuration are never written. Commits are made from blobs
and trees directly and refs are moved by compare-and-swap, so that no hook, filter, signing program or merge
driver of the repository is ever started.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

from autoopt import files
from autoopt.errors import RepositoryError
from autoopt.records import Proposal
from autoopt.records.traces import Traces
from autoopt.schema import LinkBy
from autoopt.scope import Scope
from autoopt.workspaces import layout as places
from autoopt.workspaces.attempts import GitAttempt, reclaimed
from autoopt.workspaces.bench import CheckoutPair, Setup, twin
from autoopt.workspaces.borrowing import borrowed
from autoopt.workspaces.desk import Desk, editable
from autoopt.workspaces.history import StoredCommits, subjects
from autoopt.workspaces.inplace import InPlaceDesk
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.links import find
from autoopt.workspaces.repository import discover, identity
from autoopt.workspaces.rules import USUAL, Rules
from autoopt.workspaces.startable import check_startable
from autoopt.workspaces.store import Refs, Store
from autoopt.workspaces.without import commit_without


class GitWorkspace:
    """Implements `protocols.Workspace` in the user's own repository.

    Only one process at a time may have a run's workspace open; the caller holds the run's lock.
    """

    def __init__(
        self,
        layout: Layout,
        state: Path,
        scope: Scope,
        setup: Setup | None,
        *,
        keep_edits: bool = False,
        store: Store | None = None,
        rules: Rules = USUAL,
    ) -> None:
        """Use `create` or `reopen`."""
        self._layout = layout
        self._scope = scope
        self._keep_edits = keep_edits
        self.set_aside: Path | None = None
        """Where `reopen` copied what somebody had edited in the desk and no commit holds."""
        self._store = store or Store(Path(layout.control))
        self._store.remember(state / places.WRITTEN)
        self._desk: Desk | InPlaceDesk
        if layout.in_place:
            self._desk = InPlaceDesk(layout, self._store, scope, state, rules)
        else:
            self._desk = Desk(layout, self._store, scope, rules)
        self._refs = Refs(Path(layout.control), self._desk.intent)
        self._identity = identity(Path(layout.control))
        links, within, root = self._desk.links, self._desk.submodules.files, Path(layout.root)
        bench = state / "bench"
        self._bench = CheckoutPair(bench, self._store, layout.base, scope, links, setup, within, root)

    @classmethod
    def create(
        cls,
        repo: Path,
        run_id: str,
        state: Path,
        scope: Scope,
        *,
        desk: Path | None = None,
        links: Sequence[str] = (),
        link_by: LinkBy = LinkBy.auto,
        commands: Iterable[str] = (),
        setup: Setup | None = None,
        in_place: bool = False,
        rules: Rules = USUAL,
    ) -> GitWorkspace:
        """Make the branch and the desk of a new run, starting from the commit checked out at `repo`.

        May be called again after a crash in the middle of it.

        Args:
            repo: Any directory in the repository.
            state: The run's state directory; it exists.
            desk: Where the desk goes, relative to the repository root; by default beside the repository.
            links: Untracked files and directories every checkout needs, besides those found by themselves.
            link_by: How checkouts get them.
            commands: The run's shell commands; data they name is found by itself.
            setup: Called once for every new bench checkout with its files and its scratch directory.
            in_place: Edit in the user's own checkout, which `borrowed` takes and gives back.

        Raises:
            UsageError: the run exists, the scope matches nothing, or an option cannot be used.
            RepositoryError: no run can start from this repository.
        """
        repository = discover(repo)
        with ExitStack() as stack:
            store = Store(repository.control)
            stack.callback(store.close)
            expected = store.files(store.tree_of(repository.head))
            places.check_scope(store, expected, scope)
            needs = find(repository.root, expected, links, link_by, commands, state)
            if in_place:
                check_startable(repository, scope)
            layout = places.plan(repository, run_id, state, repository.root if in_place else desk, needs)
            places.check_new(layout, state)
            workspace = cls(layout, state, scope, setup, store=store, rules=rules)
            workspace._found(state)
            layout.save(state)
            stack.pop_all()
        return workspace

    @classmethod
    def reopen(
        cls,
        state: Path,
        scope: Scope,
        *,
        setup: Setup | None = None,
        keep_edits: bool = False,
        rules: Rules = USUAL,
    ) -> GitWorkspace:
        """The workspace of an earlier process, with the desk made right again, whatever became of it.

        Args:
            keep_edits: Leave what is edited in the desk as it is, now and later: an attempt then puts back
                only what it has committed, and nothing when it is refused or interrupted. Otherwise edits
                that no commit holds are copied to the state directory before the desk is settled.

        Raises:
            DamagedStateError: it was never completely made.
            RepositoryError: the run branch is gone, or the whole repository.
        """
        layout = Layout.load(state)
        if not (Path(layout.control) / "objects").is_dir():
            raise RepositoryError(f"{layout.control}: the run's repository is not there; put it back.")
        keep_edits = keep_edits and Path(layout.desk).is_dir()  # a desk that is gone holds none
        with ExitStack() as stack:
            workspace = cls(layout, state, scope, setup, keep_edits=keep_edits, rules=rules)
            stack.callback(workspace.close)
            workspace._recover()
            tip = workspace._refs.read(layout.ref)
            if tip is None:
                raise places.gone(layout)
            workspace._desk.stand_at(tip)
            if not keep_edits:
                workspace._save_edits(state / "set-aside")
                workspace._desk.settle()
            stack.pop_all()
        return workspace

    @classmethod
    def bench_only(
        cls, layout: Layout, state: Path, incumbent: str, setup: Setup | None, scope: Scope | None = None
    ) -> GitWorkspace:
        """A bench alone, where any commit is measured with exactly its own files; there is no desk.

        Args:
            layout: Whose base guards compare with, and whose links checkouts get.
            state: Where the checkouts go.
            scope: Where commits may differ from the base; by default everywhere.
        """
        workspace = cls(layout, state, scope or Scope(["."]), setup)
        workspace._desk.stand_at(incumbent)
        return workspace

    def _save_edits(self, folder: Path) -> None:
        """Copy what the desk has beyond the incumbent and the latest experiment's commit, which stays."""
        numbers = self._refs.numbers(self._layout.experiments)
        if numbers and (latest := self.commit_of(numbers[-1])) is not None:
            self._desk.carry(latest, self.incumbent)
        target = next(path for count in range(1, 10_000) if not (path := folder / str(count)).exists())
        self._desk.copy_edits(target)
        self.set_aside = target if target.is_dir() else None

    def commit_of(self, number: int) -> str | None:
        """The commit of an experiment, decided or interrupted; None when it never came to one."""
        return self._refs.read(f"{self._layout.experiments}/{number}")

    def _found(self, state: Path) -> None:
        self._recover()
        if not self._refs.move(self._layout.ref, None, self.base) and (tip := self._tip()) != self.base:
            raise places.moved(self._layout, self.base, tip)
        if added := self._desk.hide_links():
            files.replace(state / places.EXCLUDED, json.dumps(added).encode())
        self._desk.settle()

    def _recover(self) -> None:
        """Remove the locks that a killed process of this run left, and no others."""
        self._desk.register()
        if isinstance(self._desk, Desk):
            self._desk.free()
        self._refs.recover(self._layout.ref, self._layout.experiments)

    @property
    def root(self) -> Path:
        """The user's checkout."""
        return Path(self._layout.root)

    @property
    def base(self) -> str:
        """The commit the run started from."""
        return self._layout.base

    @property
    def incumbent(self) -> str:
        """The best commit so far: the tip of the run branch."""
        return self._desk.commit

    @property
    def desk(self) -> Path:
        """The worktree where proposals are edited; clean at the incumbent between attempts."""
        return self._desk.root

    @property
    def commits(self) -> StoredCommits:
        """What the repository holds; for reading, as long as the workspace is open."""
        return StoredCommits(self._store, Path(self._layout.control), self.base)

    def tidy(self) -> None:
        """Put the desk back to the incumbent, whatever was edited in it; ignored files stay."""
        self._clear()
        self._desk.settle()
        if isinstance(self._desk, Desk):
            self._desk.sync()

    def _clear(self) -> None:
        """In the user's own checkout: tell apart what an agent may have left there, and put that back."""
        if isinstance(self._desk, InPlaceDesk):
            self._desk.clear()

    def borrowed(self, say: Callable[[str], None]) -> AbstractContextManager[None]:
        """Have the user's checkout for the run, if that is where it works, and give it back in the end.

        Args:
            say: Told, in lines, what became of it.

        Raises:
            BusyError: another run has it.
            RepositoryError: it is not as a run needs it.
        """
        if isinstance(self._desk, InPlaceDesk):
            return borrowed(self._desk, self._layout, self._store, say)
        return nullcontext()

    def lent(self) -> AbstractContextManager[None]:
        """The desk in the hands of an agent: should its git be killed there, its locks are not left to us.

        In the user's own checkout a lock may always be theirs, and stays.
        """
        return self._desk.lent() if isinstance(self._desk, Desk) else nullcontext()

    def reclaim(self) -> str | None:
        """Take back what was committed in the desk; the commit, which stays under a ref, or None.

        The branch is at the incumbent again, and the edits are in the desk as if nobody had committed them.
        """
        return reclaimed(self._desk, self._store, self._refs, self._layout)

    def tree(self, commit: str) -> str:
        """The id of the commit's tree; equal trees hold the same files."""
        return self._store.tree_of(commit)

    def files(self, commit: str) -> tuple[str, ...]:
        """Paths of the commit's files that may be edited, sorted; links and submodules are not files."""
        if commit == self.incumbent and isinstance(self._desk, Desk):
            return self._desk.editable()
        return editable(self._store.files(self._store.tree_of(commit)), self._scope)

    def checkout(self, commit: str) -> Path:
        """A directory whose files are exactly the commit's; out of scope they are the base's.

        What the commit's last command left there is gone; see `prepared`.
        """
        return self._bench.checkout(commit, self.incumbent)

    def prepared(self, commit: str) -> None:
        """Have every command of the commit find what is in its checkout and scratch directory now."""
        self._bench.prepared(commit, self.incumbent)

    def traces(self, commit: str) -> Traces:
        """What its commands have left since it was checked out; nothing when another has its place."""
        return self._bench.traces(commit)

    def scratch(self, commit: str) -> Path:
        """A private directory of that checkout's commands, empty when the commit was checked out."""
        return self._bench.scratch(commit, self.incumbent)

    def twin(self, commit: str) -> str:
        """Another name for a commit, by which the other checkout has it: to compare it with itself."""
        return twin(commit)

    def written(self) -> tuple[str, ...]:
        """The user's untracked files behind links that were changed since the last call."""
        return self._desk.links.written()

    def break_scope(self, commit: str) -> AbstractContextManager[Path]:
        """The commit's checkout with garbage in every file in scope, mended afterwards.

        Inside the context `checkout(commit)` returns the broken one, so that a meter can sample it.
        """
        return self._bench.broken(commit, self.incumbent)

    @contextmanager
    def attempt(self, proposal: Proposal, number: int) -> Iterator[GitAttempt]:
        """Apply the edits in the desk and commit what changed in scope; reverts unless kept.

        Edits made in the desk by other means count too. Passed over are files that git ignores, unless
        the proposal names them, and what interpreters and editors leave behind (`__pycache__`). At the
        end whatever is not ignored is removed or restored.

        Raises:
            OutOfScopeError: something changed that may not be edited; nothing was committed.
            NothingChangedError: every file is as it was.
            RepositoryError: the run branch is not where the run left it.
        """
        if (tip := self._tip()) != self.incumbent:
            raise places.moved(self._layout, self.incumbent, tip)
        if isinstance(self._desk, Desk):
            places.check_branch_is_ours(self._layout)
        if not self._desk.root.is_dir():
            self._desk.settle()
        ref = f"{self._layout.experiments}/{number}"
        attempt = GitAttempt(self._desk, self._store, self._refs, self._layout, ref, self._identity)
        if self._keep_edits:
            attempt.amend(proposal)
            yield attempt
            return self._desk.carry(attempt.change.commit, self.incumbent)
        try:
            attempt.amend(proposal)
            yield attempt
        except BaseException:
            self._clear()
            raise
        finally:
            self._desk.revert()

    def edited(self) -> tuple[str, ...]:
        """Paths of what is edited in the desk, sorted, when all of it may be committed.

        Raises:
            OutOfScopeError: something changed that may not be edited.
        """
        return tuple(sorted(self._desk.edit((), frozenset())))

    def put_back(self, commit: str) -> None:
        """Take out of the desk what an experiment's commit put there; what was edited since stays."""
        self._desk.carry(commit, self.incumbent)

    def without(self, *commits: str) -> str | None:
        """A commit: the incumbent with kept changes taken back; the incumbent itself where nothing differs.

        None where later changes stand on them, on the same lines or on lines beside them. Nothing moves but a
        ref that keeps the new commit.
        """
        unwanted = [sha for sha, _ in reversed(self.kept()) if sha in commits]
        commit = commit_without(self._store, self.commits, self.incumbent, unwanted, self._identity)
        if commit not in (None, self.incumbent):
            self._desk.register()
            self._refs.move(f"{self._layout.experiments}/without-{commit[:12]}", None, commit)
        return commit

    def advance(self, parent: str, commit: str) -> None:
        """Move the run branch from parent to commit; being there already is fine.

        Raises:
            RepositoryError: the branch is at neither, or checked out elsewhere.
        """
        if isinstance(self._desk, Desk) and self._tip() != commit:
            places.check_branch_is_ours(self._layout)
        if not self._refs.move(self._layout.ref, parent, commit) and (tip := self._tip()) != commit:
            raise places.moved(self._layout, parent, tip)
        if self._keep_edits:
            self._desk.carry(parent, commit)
            return
        self._desk.stand_at(commit)
        self._desk.settle()

    def kept(self) -> tuple[tuple[str, str], ...]:
        """Commit and subject of every kept change, oldest first."""
        if (found := subjects(self._store, self.incumbent, self.base)) is not None:
            return found
        raise places.moved(self._layout, self.base, self.incumbent)

    def close(self) -> None:
        """Let go of the repository."""
        if isinstance(self._desk, Desk):
            self._desk.close()
        self._store.close()

    def _tip(self) -> str | None:
        return self._refs.read(self._layout.ref)
