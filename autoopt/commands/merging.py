"""Putting the results of several runs together: the largest gain first, each measured again on the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from autoopt.commands.remeasuring import Candidate, Remeasuring
from autoopt.errors import RepositoryError
from autoopt.measure import Claimed
from autoopt.records import Change, Confirmation
from autoopt.reporters import words
from autoopt.schema import Overlap
from autoopt.scope import Scope
from autoopt.workspaces.merges import Merges


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A run whose result is in the merge; `claim` is what it gained on top of those before it."""

    candidate: Candidate
    claim: Confirmation


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A run whose result is not in the merge, and why."""

    run_id: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """What the whole merge gains by one metric; `claim` is None where that could not be measured."""

    candidate: Candidate
    claim: Confirmation | None


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
    combined: list[Combined] = field(default_factory=list)


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
            "merge those of one line at a time."
        )
    return start


def merge(
    candidates: Sequence[Candidate],
    merges: Merges,
    start: str,
    bench: Remeasuring,
    tell: Callable[[str], None],
) -> Result:
    """Merge what composes; nothing names the result yet.

    Args:
        tell: Takes a line about what is being done.
    """
    result = Result(start=start, commit=start)
    for candidate in sorted(candidates, key=gain, reverse=True):
        tell(f"{candidate.run_id} ...")
        reasons = _add(candidate, merges, bench, result)
        if reasons:
            result.left_out.append(LeftOut(run_id=candidate.run_id, reasons=reasons))
    if result.merged:
        tell("the merge as a whole ...")
        result.combined = [_combined(one, bench, result) for one in _by_metric(result.merged)]
    return result


def _add(candidate: Candidate, merges: Merges, bench: Remeasuring, result: Result) -> tuple[str, ...]:
    """Merge a run into the result; what speaks against it, where something does."""
    if candidate.claim.low <= 0:
        return (f"no gain is confirmed: {_headline(candidate, candidate.claim)}",)
    tracked = merges.files(result.start)
    if (
        winner := next((one for one in result.merged if _race(one.candidate, candidate, tracked)), None)
    ) is not None:
        return (f"lost the race against {winner.candidate.run_id}",)
    joined = merges.join(result.commit, candidate.base, candidate.tip, _message(candidate))
    if not isinstance(joined, str):
        return tuple(f"conflict: {conflict}" for conflict in joined)
    if joined == result.commit:
        return ("all of it is in the merge already",)
    claim: Confirmation | str = candidate.claim
    if merges.tree(result.commit) != merges.tree(candidate.base):
        claim = _measured(candidate, merges.change(result.commit, joined), bench, result)
    if isinstance(claim, str):
        return (claim,)
    result.merged.append(Merged(candidate=candidate, claim=claim))
    result.commit = joined
    return ()


def _race(one: Candidate, other: Candidate, tracked: Sequence[str]) -> bool:
    """Whether both were let loose on the same files, of which one is to win."""
    if Overlap.race not in (one.config.allow_overlap, other.config.allow_overlap):
        return False
    scopes = [Scope(run.config.scope, run.config.off_limits) for run in (one, other)]
    return any(all(scope.contains(path) for scope in scopes) for path in tracked)


def _measured(candidate: Candidate, change: Change, bench: Remeasuring, result: Result) -> Confirmation | str:
    """What the run gains on top of what is merged; or why it does not belong there."""
    taken = bench.claim(candidate, change.parent, change.commit)
    if taken.confirmation is None:
        return f"cannot be measured on the merge: {_failure(taken)}"
    before = ", ".join(one.candidate.run_id for one in result.merged)
    on_top = f"on top of {before}" if before else f"on {result.start[:10]}"
    if taken.confirmation.low <= 0:
        return f"does not pay any more {on_top}: {_headline(candidate, taken.confirmation)}"
    for other, pairs in _all_pairs(candidate, taken, change, bench, result):
        if isinstance(pairs, str):
            return pairs
        if objection := bench.objection(other, change, pairs):
            who = "" if other is candidate else f"{other.run_id}'s guard "
            return f"does not pass {on_top}: {who}{objection}"
    return taken.confirmation


def _all_pairs(
    candidate: Candidate, taken: Claimed, change: Change, bench: Remeasuring, result: Result
) -> list[tuple[Candidate, Claimed | str]]:
    """The merge by everybody's metric: of the merged ones, or how it costs one of them what it gained."""
    found: list[tuple[Candidate, Claimed | str]] = [(candidate, taken)]
    known = [(candidate.metric, taken)]
    for one in result.merged:
        other = one.candidate
        pairs = next((pairs for metric, pairs in known if metric == other.metric), None)
        if pairs is None:
            pairs = bench.claim(other, change.parent, change.commit)
            known.append((other.metric, pairs))
        found.append((other, pairs if _holds(pairs) else _cost(other, pairs)))
    return found


def _holds(pairs: Claimed) -> bool:
    return pairs.confirmation is not None and pairs.confirmation.high >= 0


def _cost(other: Candidate, pairs: Claimed) -> str:
    if pairs.confirmation is None:
        return f"breaks {other.run_id}'s metric: {_failure(pairs)}"
    return f"costs what {other.run_id} gained: {_headline(other, pairs.confirmation)}"


def _failure(taken: Claimed) -> str:
    return taken.failure.reason if taken.failure else "the commit before it gives no number any more"


def _by_metric(merged: Sequence[Merged]) -> list[Merged]:
    """The first run of each metric."""
    found: list[Merged] = []
    for one in merged:
        if all(one.candidate.metric != other.candidate.metric for other in found):
            found.append(one)
    return found


def _combined(one: Merged, bench: Remeasuring, result: Result) -> Combined:
    if result.commit == one.candidate.tip and result.start == one.candidate.base:
        return Combined(candidate=one.candidate, claim=one.claim)  # it is alone: that was measured
    taken = bench.claim(one.candidate, result.start, result.commit)
    return Combined(candidate=one.candidate, claim=taken.confirmation)


def _headline(candidate: Candidate, claim: Confirmation) -> str:
    return words.headline(claim, candidate.config.metric.direction, candidate.config.metric.unit)


def _message(candidate: Candidate) -> str:
    goal = words.one_line(candidate.config.goal) or "no goal was given"
    return f"merge {candidate.run_id}\n\n{goal}\n{_headline(candidate, candidate.claim)} by itself\n"
