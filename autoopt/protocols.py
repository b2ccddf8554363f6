"""The seams: small protocols, every method required. Conformance suites are in `autoopt.testing`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from autoopt.records import (
    Brief,
    Change,
    Confirmation,
    Experiment,
    Failure,
    Finding,
    Measurement,
    Proposal,
    Sample,
    Verdict,
)


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
        """A directory whose files are exactly the commit's; its place may change with the next call."""
        ...

    def scratch(self, commit: str) -> Path:
        """A private directory (HOME and TMPDIR) of that checkout, empty when the commit was checked out."""
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

    def files(self, commit: str) -> tuple[str, ...]:
        """Paths of the commit's files that may be edited, sorted."""
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

    def advance(self, parent: str, commit: str) -> None:
        """Move the run branch from parent to commit; nothing to do when it is there already.

        Raises:
            RepositoryError: the branch is at neither.
        """
        ...


class Meter(Protocol):
    """Takes samples of commits."""

    def sample(self, commit: str, seed: int) -> Sample | Failure:
        """Run the metric command once in a clean checkout; prepares and warms it up when needed."""
        ...


class Guard(Protocol):
    """Inspects a change that the numbers would keep."""

    def inspect(self, change: Change, proposal: Proposal, measurement: Measurement) -> Finding:
        """Whether the change may be kept, and why not."""
        ...


class Reporter(Protocol):
    """Tells a person what happens. Must not fail: whatever it does, the run goes on."""

    def on_start(self, run_id: str, goal: str, unit: str, experiments: int | None) -> None:
        """The run begins or resumes."""
        ...

    def on_stage(self, number: int, stage: str, detail: str) -> None:
        """Experiment `number` is at `stage` (ask, edit, measure, inspect), `detail` as in "pair 2 of ≤16"."""
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
