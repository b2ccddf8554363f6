"""The seams: small protocols, every method required. Conformance suites are in `autoopt.testing`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from autoopt.records import (
    Brief,
    Call,
    Change,
    Confirmation,
    Edit,
    Experiment,
    Failure,
    FileChange,
    Finding,
    Proposal,
    Revision,
    Sample,
    Trial,
    Usage,
    Verdict,
)
from autoopt.records.traces import Traces


class Proposer(Protocol):
    """Has ideas. Asked once per experiment, then told how it went."""

    def ask(self, brief: Brief) -> Proposal | None:
        """The next idea, or None when there is none left."""
        ...

    def repair(self, proposal: Proposal, failure: Failure) -> Proposal | None:
        """The same idea mended after it crashed, or None to give it up."""
        ...

    def tell(self, experiment: Experiment) -> None:
        """Learn from a decided experiment; idempotent: a resume tells all of them again."""
        ...


class Attempt(Protocol):
    """An open transaction: the proposal is committed, and reverts unless it is kept."""

    @property
    def change(self) -> Change:
        """The proposal as committed."""
        ...

    def amend(self, proposal: Proposal) -> Change:
        """Replace the commit by one with these edits on the same parent; return it."""
        ...

    def keep(self) -> None:
        """Advance the run branch from parent to commit, by compare-and-swap.

        Raises:
            RepositoryError: the branch is not where the run left it.
        """
        ...


class Bench(Protocol):
    """Clean checkouts to measure in."""

    def checkout(self, commit: str) -> Path:
        """A directory whose files are exactly the commit's, with what `prepared` found beside them.

        Called before each command, so that each finds the same: what the last one left there is gone. Its
        place may change with the next call.
        """
        ...

    def prepared(self, commit: str) -> None:
        """Have every command of the commit find what is in its checkout and scratch directory now."""
        ...

    def traces(self, commit: str) -> Traces:
        """What its commands have left since it was checked out; nothing when another has its place."""
        ...

    def scratch(self, commit: str) -> Path:
        """A private directory of that checkout's commands, empty when the commit was checked out."""
        ...


class Workspace(Bench, Protocol):
    """The run branch, the desk and the bench."""

    @property
    def base(self) -> str:
        """The commit the run started from."""
        ...

    @property
    def incumbent(self) -> str:
        """The best commit so far: the tip of the run branch."""
        ...

    @property
    def desk(self) -> Path:
        """The worktree where proposals are edited; clean at the incumbent between attempts."""
        ...

    def tidy(self) -> None:
        """Put the desk back to the incumbent, whatever was edited in it outside an attempt."""
        ...

    def tree(self, commit: str) -> str:
        """The id of the commit's tree; equal trees hold the same files."""
        ...

    def files(self, commit: str) -> tuple[str, ...]:
        """Paths of the commit's files that may be edited, sorted."""
        ...

    def twin(self, commit: str) -> str:
        """Another name for a commit, by which the other checkout has it: to compare it with itself."""
        ...

    def written(self) -> tuple[str, ...]:
        """The user's untracked files, reached through links, that were changed since the last call."""
        ...

    def break_scope(self, commit: str) -> AbstractContextManager[Path]:
        """The commit's checkout with garbage in every file that may be edited, mended afterwards.

        Inside the context `checkout(commit)` returns the broken one, so that a meter can sample it.
        """
        ...

    def attempt(self, proposal: Proposal, number: int) -> AbstractContextManager[Attempt]:
        """Apply the proposal's edits in the desk and commit what changed in scope on top of the incumbent.

        Leaving the context without `keep` reverts the desk. The commit stays reachable for the report.

        Raises:
            OutOfScopeError: the edits touch something that may not be edited; nothing was committed.
            NothingChangedError: the edits leave every file as it was.
        """
        ...

    def without(self, *commits: str) -> str | None:
        """A commit: the incumbent with kept changes taken back; the incumbent where nothing differs then.

        None where later changes stand on them.
        """
        ...

    def advance(self, parent: str, commit: str) -> None:
        """Move the run branch from parent to commit; nothing to do when it is there already.

        Raises:
            RepositoryError: the branch is at neither.
        """
        ...


class Commits(Protocol):
    """Reads what the repository holds, for proposers that build on it."""

    @property
    def base(self) -> str:
        """The commit the run started from."""
        ...

    def content(self, commit: str, path: str) -> bytes | None:
        """The content of a regular file in a commit; None where there is none."""
        ...

    def blob(self, prefix: str) -> bytes | None:
        """The file content whose id begins so (4 digits or more); None unless exactly one does."""
        ...

    def changes(self, parent: str, commit: str) -> tuple[FileChange, ...]:
        """What differs between two commits, sorted by path.

        Raises:
            OutOfScopeError: a link, a submodule or a file's mode, which no edit can express.
            RepositoryError: one of the commits is not there.
        """
        ...

    def branch(self, name: str) -> tuple[Revision, ...]:
        """The branch's commits that the base does not have, oldest first, along the first parents.

        Raises:
            RepositoryError: there is no such branch, or it shares no commit with the base.
        """
        ...


class Peers(Protocol):
    """The runs of one search: each extends one line of commits, and knows what the others have tried."""

    @property
    def name(self) -> str:
        """The search's name."""
        ...

    def join(self) -> None:
        """Take part from now on.

        Raises:
            RepositoryError: the search's line does not come by the commit this run starts from.
        """
        ...

    def tip(self) -> str | None:
        """The commit the search stands at, None where there is none; its objects are here afterwards."""
        ...

    def advance(self, old: str | None, new: str) -> bool:
        """Have the search stand at `new` instead of `old`; False where another run was first."""
        ...

    def line(self, tip: str) -> tuple[tuple[str, str], ...]:
        """Commit and subject of all from after the base to the tip, oldest first.

        Raises:
            RepositoryError: the tip does not come from the base.
        """
        ...

    def keeper(self, commit: str) -> str:
        """Who kept a commit of the line, as in "run sort-w2"."""
        ...

    def claim(self, number: int, fingerprint: str) -> str | None:
        """Begin to try a normalised diff, whatever incumbent it is made on.

        Returns:
            Who else has tried it or is trying it, as a sentence, and nothing is begun; None where nobody has.
        """
        ...

    def claim_commit(self, number: int, change: Change) -> str | None:
        """Begin to try a change as committed; who else has tried exactly that, as `claim`."""
        ...

    def decided(self, experiment: Experiment) -> None:
        """Let the others know what became of what this run has tried."""
        ...

    def extent(self, parent: str, commit: str) -> tuple[tuple[str, ...], int, int]:
        """Which paths differ between two commits, and how many lines come and go."""
        ...

    def carried(self, parent: str, commit: str) -> tuple[Edit, ...] | str:
        """The edits that do to the desk's files what turned one commit into another, or why they cannot."""
        ...

    def leave(self) -> bool:
        """Take part no more; whether nobody else does, so that the end is this run's to tell."""
        ...

    def confirmed(self, base: str, tip: str) -> str | None:
        """The run that has measured this gain already, None where none has."""
        ...

    def confirm(self, base: str, tip: str) -> None:
        """Let the others know that this run has measured it."""
        ...


class Meter(Protocol):
    """Takes samples of commits."""

    def sample(self, commit: str, seed: int, limit_s: float | None = None) -> Sample | Failure:
        """Run the metric command once in a clean checkout; prepares and warms it up when needed.

        Args:
            limit_s: Wall seconds after which it is hopeless (`Failure.over_s`); warm-ups may take longer.
        """
        ...

    def duet(self, one: str, other: str, seed: int) -> tuple[Sample | Failure, Sample | Failure]:
        """Run the metric command once in both commits' checkouts at the same moment."""
        ...


class Bound(Protocol):
    """A constraint on a further number of the measured runs; also a guard."""

    def is_sure(self, trial: Trial) -> bool:
        """Whether more pairs would not change what it says of the change."""
        ...

    def is_broken(self, trial: Trial) -> bool:
        """Whether the change surely breaks it, so that what else is open does not matter."""
        ...

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        """Whether the number stays within its bounds."""
        ...


class Guard(Protocol):
    """Inspects a change that the numbers would keep."""

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        """Whether the change may be kept, and why not."""
        ...


class Ledger(Protocol):
    """Keeps what agents spend within the budget."""

    def allow(self, number: int, stage: str) -> float | None:
        """Let a call go ahead; the dollars it may cost at most, None where there is no limit.

        Raises:
            BudgetSpentError: it could exceed the budget of the run or of experiment `number`.
        """
        ...

    def asked(self, number: int, stage: str) -> None:
        """Remember, durably, that a call begins: a process that is killed forgets no spending."""
        ...

    def spent(self, call: Call) -> None:
        """Remember a call, durably, however it ended."""
        ...


class Reporter(Protocol):
    """Tells a person what happens. Must not fail: whatever it does, the run goes on."""

    def on_start(self, run_id: str, goal: str, unit: str, experiments: int | None) -> None:
        """The run begins or resumes."""
        ...

    def on_stage(self, number: int, stage: str, detail: str) -> None:
        """Experiment `number` is at `stage` (ask, edit, measure, inspect), `detail` as in "pair 2 of ≤16"."""
        ...

    def on_call(self, call: Call, total: Usage) -> None:
        """An agent has answered; `total` is what the run has spent, this call included."""
        ...

    def on_note(self, number: int, text: str) -> None:
        """Something a person should know before experiment `number`, as in "patch x.diff was passed over"."""
        ...

    def on_verdict(self, number: int, verdict: Verdict) -> None:
        """The evidence so far, after each pair."""
        ...

    def on_experiment(self, experiment: Experiment, incumbent: Experiment) -> None:
        """An experiment is decided; `incumbent` is the best so far, the baseline included."""
        ...

    def on_finish(
        self, reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None
    ) -> None:
        """The run ends."""
        ...
