"""Putting the results of several runs together: the largest gain first, each measured again on the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from autoopt import measure
from autoopt.commands.remeasuring import Candidate, Remeasuring
from autoopt.errors import IncumbentError, OutOfScopeError, RepositoryError, UsageError
from autoopt.measure import Claimed
from autoopt.records import Change, Confirmation
from autoopt.reporters import words
from autoopt.schema import MetricConfig, Overlap
from autoopt.scope import Scope
from autoopt.workspaces.merges import Merges


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A run whose result is in the merge; `claim` is what it gained on top of those before it."""

    candidate: Candidate
    claim: Confirmation


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A run whose result is not in the merge, and why.

    Attributes:
        candidate: None where it had nothing to offer.
        is_contained: Whether all of it is in the merge anyway.
    """

    run_id: str
    reasons: tuple[str, ...]
    candidate: Candidate | None = None
    is_contained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What the merge gains as a whole by one metric, or on one run's holdout.

    Attributes:
        candidate: The first run with that metric, or the one whose holdout it is.
        claim: None where it could not be measured.
        excuse: Why it could not.
    """

    candidate: Candidate
    claim: Confirmation | None
    excuse: str = ""


@dataclass(slots=True, kw_only=True)
class Result:
    """What came of merging.

    Attributes:
        start: The commit that the merge is compared with.
        commit: The merge so far.
    """

    start: str
    commit: str
    merged: list[Merged] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    combined: list[Whole] = field(default_factory=list)
    held_out: list[Whole] = field(default_factory=list)


def gain(candidate: Candidate) -> float:
    """What the run gained, comparable between metrics: a log ratio, or a share of the baseline."""
    claim = candidate.claim
    return claim.effect if claim.is_ratio else claim.effect / (abs(claim.baseline) or 1.0)


def start_of(candidates: Sequence[Candidate], merges: Merges) -> str:
    """The commit that a merge of the runs starts from: the newest of those they started from.

    Raises:
        RepositoryError: they started from different lines of history.
    """
    start = merges.newest([one.base for one in candidates])
    if start is None:
        raise RepositoryError(
            "the runs started from different lines of history, so their gains say nothing about one tree; "
            "merge those of one line at a time, or name the branch to measure all of them on: --onto BRANCH."
        )
    return start


def ranked(candidates: Sequence[Candidate], merges: Merges) -> list[Candidate]:
    """The candidates by their gain, the largest first.

    One that another went on from comes after all others: what it has is in that one's result already.
    """

    def is_passed(one: Candidate) -> bool:
        return any(one.tip != other.tip and merges.holds(other.tip, one.tip) for other in candidates)

    return sorted(candidates, key=lambda one: (is_passed(one), -gain(one)))


class Merging:
    """Merges what composes; nothing names the result yet."""

    def __init__(self, merges: Merges, start: str, bench: Remeasuring) -> None:
        """Begin at the commit `start` with nothing."""
        self._merges = merges
        self._bench = bench
        self._tracked = merges.files(start)
        self.result = Result(start=start, commit=start)

    def merge(self, candidates: Sequence[Candidate], tell: Callable[[str], None]) -> None:
        """Merge the runs, one after the other.

        Args:
            tell: Takes a line about what is being done.
        """
        for candidate in ranked(candidates, self._merges):
            tell(f"{candidate.run_id} ...")
            is_contained = self._merges.holds(self.result.commit, candidate.tip)
            contained = (f"all of it is in {self._holder(candidate)} already",)
            if reasons := contained if is_contained else self._add(candidate):
                run_id = candidate.run_id
                left = LeftOut(run_id=run_id, reasons=reasons, candidate=candidate, is_contained=is_contained)
                self.result.left_out.append(left)
        if self.result.merged:
            tell("the merge as a whole ...")
            self.result.combined = [self._combined(one) for one in _by_metric(self.result.merged)]
            self.result.held_out = [*self._holdouts()]

    def _add(self, candidate: Candidate) -> tuple[str, ...]:
        """Merge a run into the result; what speaks against it, where something does."""
        result = self.result
        if candidate.claim.low <= 0:
            return (f"no gain is confirmed: {_headline(candidate, candidate.claim)}",)
        if (winner := self._winner(candidate)) is not None:
            ours, theirs = _gain(candidate), _gain(winner)
            beaten = "no more than that one" if ours == theirs else f"not {theirs}"
            return (f"lost the race against {winner.run_id}: {ours} by itself, {beaten}",)
        bases = (candidate.base, *(one.candidate.tip for one in result.merged))
        try:
            joined = self._merges.join(result.commit, bases, candidate.tip, _message(candidate))
        except RepositoryError as error:  # a file that a partial clone does not have, say
            return (f"cannot be merged: {error}",)
        if not isinstance(joined, str):
            return tuple(f"conflict: {conflict}" for conflict in joined)
        if joined == result.commit:
            return (f"all that it does is in {self._holder(candidate)} already",)
        claim: Confirmation | str = candidate.claim
        if not self._is_measured(candidate):
            claim = self._measured(candidate, self._merges.change(result.commit, joined))
        if isinstance(claim, str):
            return (claim,)
        result.merged.append(Merged(candidate=candidate, claim=claim))
        result.commit = joined
        return ()

    def _holder(self, candidate: Candidate) -> str:
        """Who has all of a run's result."""
        passed = (one.candidate for one in self.result.merged)
        holder = next((one.run_id for one in passed if self._merges.holds(one.tip, candidate.tip)), None)
        return holder or ("the merge" if self.result.merged else self.result.start[:10])

    def _winner(self, candidate: Candidate) -> Candidate | None:
        """Whoever is merged and was let loose on the same files, of which one is to win."""
        merged = (one.candidate for one in self.result.merged)
        return next((one for one in merged if _race(one, candidate, self._tracked)), None)

    def _is_measured(self, candidate: Candidate) -> bool:
        """Whether what the run claims by itself is what it gains here."""
        same = self._merges.tree(self.result.commit) == self._merges.tree(candidate.base)
        return same and candidate.is_from_here

    # -- measuring one more

    def _measured(self, candidate: Candidate, change: Change) -> Confirmation | str:
        """What the run gains on top of what is merged; or why it does not belong there."""
        try:
            taken = self._bench.claim(candidate, change.parent, change.commit)
            if taken.confirmation is None:
                return f"cannot be measured {self._place()}: {measure.excuse(taken)}"
            if taken.confirmation.low <= 0:
                return f"does not pay any more {self._place()}: {_headline(candidate, taken.confirmation)}"
            return self._objection(candidate, change, taken) or taken.confirmation
        except (UsageError, RepositoryError, OutOfScopeError, IncumbentError) as error:
            return f"cannot be measured {self._place()}: {error}"

    def _place(self) -> str:
        before = ", ".join(one.candidate.run_id for one in self.result.merged)
        return f"on top of {before}" if before else f"on {self.result.start[:10]}"

    def _objection(self, candidate: Candidate, change: Change, taken: Claimed) -> str | None:
        """What one of the runs has against a merge that pays: its metric, its holdout or its guards."""
        known: list[tuple[MetricConfig, Claimed]] = [(candidate.metric, taken)]
        wholes: list[tuple[MetricConfig, Claimed]] = []
        for one in (candidate, *(merged.candidate for merged in self.result.merged)):
            pairs = self._pairs(one, change.parent, change.commit, known)
            if pairs.confirmation is None:
                return f"breaks {one.run_id}'s metric: {measure.excuse(pairs)}"
            if pairs.confirmation.high < 0:
                return f"costs what {one.run_id} gained: {_headline(one, pairs.confirmation)}"
            owner = "" if one is candidate else f"{one.run_id}'s "
            if self._loses_held_out(one, change):
                return f"is worse on {owner or 'its '}holdout {self._place()}"
            whole = self._whole(one, change, wholes)
            if whole is not None and whole[1].confirmation is None:
                return f"breaks {one.run_id}'s metric: {measure.excuse(whole[1])}"
            if said := self._bench.objection(one, change, pairs, whole):
                return f"does not pass {self._place()}: {owner and f'{owner}guard '}{said}"
        return None

    def _pairs(
        self, one: Candidate, old: str, new: str, known: list[tuple[MetricConfig, Claimed]]
    ) -> Claimed:
        """Pairs by a run's metric, taken once for all runs that have it."""
        found = next((pairs for metric, pairs in known if metric == one.metric), None)
        if found is None:
            found = self._bench.claim(one, old, new)
            known.append((one.metric, found))
        return found

    def _whole(
        self, one: Candidate, change: Change, known: list[tuple[MetricConfig, Claimed]]
    ) -> tuple[Change, Claimed] | None:
        """All that would be merged, where the run bounds what that may cost."""
        start = self.result.start
        if not one.bounds_regression or change.parent == start:
            return None
        return self._merges.change(start, change.commit), self._pairs(one, start, change.commit, known)

    def _loses_held_out(self, one: Candidate, change: Change) -> bool:
        if not one.config.final.holdout.each_keep:
            return False
        claim = self._bench.held_out(one, change.parent, change.commit).confirmation
        return claim is None or claim.high < 0

    # -- the merge as a whole

    def _combined(self, one: Merged) -> Whole:
        result = self.result
        if len(result.merged) == 1 and one.claim is one.candidate.claim:
            return Whole(candidate=one.candidate, claim=one.claim)  # it is alone: that was measured
        return self._compared(one.candidate, self._bench.claim)

    def _holdouts(self) -> Iterator[Whole]:
        for one in self.result.merged:
            candidate = one.candidate
            if candidate.config.final.holdout.command is None:
                continue
            known = candidate.record.holdout
            if len(self.result.merged) == 1 and one.claim is candidate.claim and known is not None:
                yield Whole(candidate=candidate, claim=known)
            else:
                yield self._compared(candidate, self._bench.held_out)

    def _compared(self, candidate: Candidate, take: Callable[[Candidate, str, str], Claimed]) -> Whole:
        try:
            taken = take(candidate, self.result.start, self.result.commit)
        except (UsageError, RepositoryError, IncumbentError) as error:
            return Whole(candidate=candidate, claim=None, excuse=str(error))
        excuse = "" if taken.confirmation else measure.excuse(taken)
        return Whole(candidate=candidate, claim=taken.confirmation, excuse=excuse)


def _race(one: Candidate, other: Candidate, tracked: Sequence[str]) -> bool:
    """Whether both were let loose on the same files, of which one is to win."""
    if Overlap.race not in (one.config.allow_overlap, other.config.allow_overlap):
        return False
    scopes = [Scope(run.config.scope, run.config.off_limits) for run in (one, other)]
    return any(all(scope.contains(path) for scope in scopes) for path in tracked)


def _by_metric(merged: Sequence[Merged]) -> list[Merged]:
    """The first run of each metric."""
    found: list[Merged] = []
    for one in merged:
        if all(one.candidate.metric != other.candidate.metric for other in found):
            found.append(one)
    return found


def _headline(candidate: Candidate, claim: Confirmation) -> str:
    return words.headline(claim, candidate.config.metric.direction, candidate.config.metric.unit)


def _gain(candidate: Candidate) -> str:
    claim, metric = candidate.claim, candidate.config.metric
    return words.gain(claim.effect, metric.direction, metric.unit, is_ratio=claim.is_ratio)


def _message(candidate: Candidate) -> str:
    goal = words.one_line(candidate.config.goal) or "no goal was given"
    return f"merge {candidate.run_id}\n\n{goal}\n{_headline(candidate, candidate.claim)} by itself\n"
