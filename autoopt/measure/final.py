"""What a run claims at its end: fresh pairs, a holdout nobody optimized, and what each kept change is worth.

Each piece is on record as soon as it is known, so that a process that was ended goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

from autoopt import judge
from autoopt.errors import IncumbentError, UsageError
from autoopt.journal import Journal
from autoopt.measure.parts import Parts, Stages
from autoopt.measure.sampling import seed_of, take_challenger, take_pair, take_sample
from autoopt.records import (
    Confirmation,
    Experiment,
    Failure,
    Omission,
    Outcome,
    Sample,
    Status,
    Verdict,
)
from autoopt.schema import Config, ExtractConfig, FinalConfig, HoldoutConfig

_HOPELESS = 4  # pairs in a row, none of which came about
_HOLDOUT = 500  # position of the holdout's first seed, behind all those a claim can take
_OMISSION = 2000  # added to the number of a kept experiment that is left out: nobody else uses such seeds


def check(config: FinalConfig) -> None:
    """Refuse what cannot work.

    Raises:
        UsageError: naming the option.
    """
    if not 2 <= config.max_pairs <= _HOLDOUT:
        raise UsageError(
            f"final.max_pairs is {config.max_pairs}, but a claim takes 2 to {_HOLDOUT} pairs; 20 is usual."
        )
    if config.holdout.command is None and config.holdout.each_keep:
        raise UsageError("final.holdout.each_keep: there is no final.holdout.command to ask; set it.")
    if config.holdout.command is None and config.holdout != HoldoutConfig():
        raise UsageError("final.holdout has no command to measure with; set final.holdout.command.")


def extraction(holdout: HoldoutConfig, metric: ExtractConfig) -> ExtractConfig:
    """How the holdout's number is read: as the metric's, but for what it says itself."""
    if holdout.kind is not None:
        return ExtractConfig(kind=holdout.kind, pattern=holdout.pattern or "", file=holdout.file)
    pattern = metric.pattern if holdout.pattern is None else holdout.pattern
    return replace(metric, pattern=pattern, file=holdout.file)


def confirm(config: Config, parts: Parts, journal: Journal, *, further: bool = True) -> None:
    """Measure what has been gained, as far as that was not done since the last experiment.

    The claim is fresh pairs of baseline against final, not the sum of lucky steps.

    Args:
        further: Whether the holdout and each kept change are measured too.
    """
    if journal.incumbent.status is Status.baseline:
        return
    base, final, number = parts.workspace.base, parts.workspace.incumbent, journal.next_number
    if journal.confirmation is None:
        taken = claim(config, parts, base, final, number)
        if taken.confirmation is not None:
            journal.confirmed(taken.confirmation)
    if not further:
        return
    if parts.holdout is not None and journal.holdout is None:
        held_out = claim_holdout(config, replace(parts, meter=parts.holdout), base, final, number)
        if held_out.confirmation is not None:
            journal.held_out(held_out.confirmation)
        else:
            parts.reporter.on_note(number, f"the holdout gave no number: {excuse(held_out)}")
    if config.final.leave_one_out:
        _leave_out(config, parts, journal)


# -- claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """Fresh pairs of two commits, and what they add up to.

    Attributes:
        confirmation: None where there were too few pairs for a claim.
        failure: How the new commit failed the last time it did.
        void: Why the old one gave no number the last time it did not.
    """

    pairs: tuple[tuple[Sample, Sample], ...]
    confirmation: Confirmation | None
    failure: Failure | None
    void: str = ""


def excuse(taken: Claimed) -> str:
    """Why there is no claim."""
    return taken.failure.reason if taken.failure else taken.void or "there were too few pairs"


def claim(config: Config, parts: Parts, old: str, new: str, number: int) -> Claimed:
    """Compare two commits that nobody has selected for these numbers.

    Args:
        number: Sets the seeds: those of pairs that decided something must not be used again.
    """
    evidence = judge.Claim(config.metric.direction, config.final.max_pairs, config.metric.test_share)
    return _claimed(config, parts, (old, new), evidence, (number, 0), "confirm")


def claim_holdout(config: Config, parts: Parts, old: str, new: str, number: int) -> Claimed:
    """The same by another command, whose numbers share no data with those of the metric."""
    evidence = judge.Claim(config.metric.direction, config.final.max_pairs)
    return _claimed(config, parts, (old, new), evidence, (number, _HOLDOUT), "holdout")


def _claimed(
    config: Config,
    parts: Parts,
    commits: tuple[str, str],
    evidence: judge.Claim,
    seeds: tuple[int, int],
    stage: str,
) -> Claimed:
    """Take pairs until the claim has enough of them.

    Args:
        seeds: The number and the first position that set them.
        stage: What the reporter is told that this is.
    """
    (number, first), stages = seeds, Stages(parts.reporter, seeds[0])
    pairs: list[tuple[Sample, Sample]] = []
    failure: Failure | None = None
    void = ""
    for position in range(evidence.max_pairs):
        if position >= _HOPELESS and not pairs:
            break
        stages.enter(stage, f"pair {position + 1} of ≤{evidence.max_pairs}")
        try:
            pair = take_pair(config, parts, *commits, -number, first + position)
        except IncumbentError as error:
            void = str(error).splitlines()[0]
            continue  # without enough pairs there is no claim, and the report says so
        if isinstance(pair, Failure):
            failure = pair
            continue
        pairs.append(pair)
        if evidence.add(pair[0].value, pair[1].value):
            break
    return Claimed(
        pairs=tuple(pairs),
        confirmation=evidence.result() if len(pairs) >= 2 else None,
        failure=failure,
        void=void,
    )


# -- what each kept change is worth at the end


def _leave_out(config: Config, parts: Parts, journal: Journal) -> None:
    """Measure the final commit without each kept change; with one alone the claim says what it is worth.

    Those that no longer pay stay away while the others are measured, so that all of them can go together:
    of two changes that stand in for one another, each alone would look idle.
    """
    kept = [past for past in journal.history if past.status is Status.keep]
    if len(kept) < 2:
        return
    known = {omission.number for omission in journal.omissions}
    left = [past for past in sorted(kept, key=_bulk) if past.number not in known]
    stages = Stages(parts.reporter, journal.next_number)
    for position, past in enumerate(left, start=1 + len(known)):
        dropped = [omission.number for omission in journal.omissions if not omission.pays]
        gone = [one for one in kept if one.number in dropped]
        tell = partial(_tell, stages, f"without #{past.number} ({position} of {len(kept)}), ")
        journal.omitted(_omission(config, parts, journal, past, gone, tell))


def _tell(stages: Stages, place: str, detail: str) -> None:
    stages.enter("leave-one-out", place + detail)


def _bulk(kept: Experiment) -> tuple[int, int]:
    """The change that adds most is left out first, of equal ones the newest."""
    return kept.removed - kept.added, -kept.number


def _omission(
    config: Config,
    parts: Parts,
    journal: Journal,
    kept: Experiment,
    gone: Sequence[Experiment],
    tell: Callable[[str], None],
) -> Omission:
    """What the final commit is worth without one more of the kept changes."""
    commit = parts.workspace.without(kept.commit, *(one.commit for one in gone))
    if commit is None:
        return Omission(number=kept.number, reason="later changes stand on it")
    if commit == parts.workspace.incumbent:
        return Omission(number=kept.number, reason="later changes have undone it")
    # A change that takes lines away pays by that: to go, it has to do harm.
    idle_is_enough = kept.added >= kept.removed
    comparison = parts.judge.comparison(idle_is_enough, len(gone) + sum(map(_holds, journal.history)))
    final, number = parts.workspace.incumbent, -(journal.next_number + _OMISSION + kept.number)
    found: Verdict | Failure | None = None
    try:
        for position in count():
            tell(_progress(comparison, position))
            found = _judged(config, parts, comparison, (final, commit), number, position)
            if found is not None:
                break
    except IncumbentError as error:
        return Omission(number=kept.number, commit=commit, reason=str(error).splitlines()[0])
    if isinstance(found, Failure):
        return Omission(number=kept.number, commit=commit, reason=f"fails without it: {found.reason}")
    return Omission(number=kept.number, commit=commit, verdict=found)


def _holds(past: Experiment) -> bool:
    """Whether it was kept for holding the metric, which may have cost a little."""
    return past.status is Status.keep and past.verdict is not None and past.verdict.outcome is Outcome.holds


def _progress(comparison: judge.Comparison, taken: int) -> str:
    return f"run {taken + 1} of ≤2" if comparison.exact else f"pair {taken + 1} of ≤{comparison.max_pairs}"


def _judged(
    config: Config,
    parts: Parts,
    comparison: judge.Comparison,
    commits: tuple[str, str],
    number: int,
    position: int,
) -> Verdict | Failure | None:
    """One more pair (a single run while the metric is exact) of the final commit and another; the verdict.

    None where more are wanted.

    Raises:
        IncumbentError: the final commit no longer runs.
    """
    final, other = commits
    seed = seed_of(config, number, position)
    if comparison.exact and position:  # it is about to be believed: is the final commit still what it was?
        again = take_sample(parts, final, seed)
        if isinstance(again, Sample):
            comparison.recheck(again.value)
    if comparison.exact:
        taken = take_challenger(parts, final, other, seed)
        return taken if isinstance(taken, Failure) else comparison.add_exact(taken.value)
    pair = take_pair(config, parts, final, other, number, position)
    return pair if isinstance(pair, Failure) else comparison.add(pair[0].value, pair[1].value)
