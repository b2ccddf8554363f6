"""Warnings that a reader of the result should have."""

from __future__ import annotations

from collections.abc import Iterator

from autoopt.records import Experiment, Outcome, Status
from autoopt.review import untried
from autoopt.review.evidence import Evidence
from autoopt.review.figures import Count, Ends, Gain, Piece, Sentence, Sure
from autoopt.review.records import Flag, Kind
from autoopt.review.soundness import MOST, is_learned

NEAR = 0.1
"""An interval that begins below this share of its gain reaches next to nothing."""
FEW = 3
"""Pairs that are few for a gain whose interval is wide."""
LIKELY = 0.7
"""Smallest probability of a gain that makes a change without a verdict worth another look."""
_SOFT = frozenset({"simplicity", "minimal-diff", "suspicions", "traces", "clocks"})
_SHOWN = 5


def flags(evidence: Evidence) -> tuple[Flag, ...]:
    """The warnings that apply, the gravest kind first."""
    found = (
        *_few(list(_overfitting(evidence))),
        *_few([flag for kept in evidence.kept if (flag := fragile(kept, evidence)) is not None]),
        *_unguarded(evidence),
        *_few([_worth_a_look(one, why) for one, why in revisits(evidence)]),
        *_unexplored(evidence),
    )
    return tuple(found)


def _few(found: list[Flag]) -> list[Flag]:
    """The first of them, and how many more there are."""
    left = found[_SHOWN:]
    if not left:
        return found
    numbers = tuple(number for flag in left for number in flag.numbers)
    more = Flag(kind=left[0].kind, said=(f"and {len(left)} more of this kind",), numbers=numbers)
    return [*found[:_SHOWN], more]


def fragile(kept: Experiment, evidence: Evidence) -> Flag | None:
    """Why a keep may not last; None where nothing speaks against it."""
    reasons = [*_by_its_pairs(kept), *_by_what_followed(kept, evidence)]
    if not reasons:
        return None
    said: list[Piece] = [f"#{kept.number} {kept.description}: "]
    for place, reason in enumerate(reasons):
        said += ["; ", *reason] if place else reason
    return Flag(kind=Kind.fragile, said=tuple(said), numbers=(kept.number,))


def _by_its_pairs(kept: Experiment) -> Iterator[Sentence]:
    verdict = kept.verdict
    if verdict is None or verdict.low >= verdict.high or kept.simplifies:
        return
    if verdict.low < NEAR * verdict.effect:
        yield (
            "its interval begins at next to nothing (95 % ",
            Ends(verdict.low, verdict.high, verdict.is_ratio),
            ")",
        )
    elif verdict.pairs <= FEW and verdict.low < verdict.effect / 2:
        yield (
            Count(verdict.pairs, "pair"),
            " only, and a wide interval (95 % ",
            Ends(verdict.low, verdict.high, verdict.is_ratio),
            ")",
        )


def _by_what_followed(kept: Experiment, evidence: Evidence) -> Iterator[Sentence]:
    omission = next((one for one in evidence.omissions if one.number == kept.number), None)
    if omission is not None and not omission.pays:
        yield ("the result is as good without it",)
    if kept.overrule is not None:
        yield ("it was suspect, and kept on a person's word",)
    if any(finding.is_flaky for finding in kept.findings):
        yield ("a guard passed it only at a second try",)


def _overfitting(evidence: Evidence) -> Iterator[Flag]:
    for said in (*_shrunk(evidence), *_elsewhere(evidence)):
        yield Flag(kind=Kind.overfitting, said=said)


def _shrunk(evidence: Evidence) -> Iterator[Sentence]:
    gained, claimed = evidence.gained, evidence.claimed
    if gained is None or not gained.is_confirmed or claimed is None or claimed <= 0:
        return
    if gained.low <= 0 and is_learned(evidence):
        yield (
            "the steps gained on the seeds they were judged by; on fresh ones no gain is sure, ",
            gained.ends,
        )
    elif gained.effect < MOST * claimed and gained.high < claimed:
        said = Gain(claimed, gained.is_ratio)
        yield (
            "the steps claimed ",
            said,
            ", and fresh pairs found ",
            gained.said,
            " (95 % ",
            gained.ends,
            ")",
        )


def _elsewhere(evidence: Evidence) -> Iterator[Sentence]:
    """What the holdout says beside the confirmation."""
    found, claim = evidence.holdout, evidence.confirmation
    if found is None:
        return
    ends = Ends(found.low, found.high, found.is_ratio)
    if found.high < 0:
        yield ("the holdout, which nobody optimized, got worse (95 % ", ends, ")")
    elif found.low <= 0:
        yield ("on the holdout, which nobody optimized, no gain is sure (", ends, ")")
    elif claim is not None and claim.is_ratio == found.is_ratio and found.high < claim.low:
        held = Gain(found.effect, found.is_ratio)
        yield (
            "the holdout gains less, ",
            held,
            ", than what was optimized, ",
            Gain(claim.effect, claim.is_ratio),
        )


def _unguarded(evidence: Evidence) -> Iterator[Flag]:
    config = evidence.config
    if evidence.kept and not any(guard.command for guard in config.guards.values()):
        yield Flag(kind=Kind.unguarded, said=("no command checked that what was kept still works",))
    if ignored := config.suspicions.ignore:
        yield Flag(kind=Kind.unguarded, said=(f"these suspicions were ignored: {', '.join(ignored)}",))


def revisits(evidence: Evidence) -> tuple[tuple[Experiment, Sentence], ...]:
    """What was rejected and may be worth another look, with the reason, the best first."""
    found = [(one, why) for one in evidence.tried if (why := _second_look(one, evidence)) is not None]
    return tuple(sorted(found, key=lambda pair: -_estimate(pair[0])))


def _estimate(experiment: Experiment) -> float:
    return experiment.verdict.effect if experiment.verdict else 0.0


def _second_look(one: Experiment, evidence: Evidence) -> Sentence | None:
    verdict, failure = one.verdict, one.failure
    if one.status is Status.crash and failure is not None and failure.timeout and failure.over_s is None:
        return ("it took too long for a number (", failure.reason, "), which need not mean that it is slower")
    if verdict is None or verdict.effect <= 0:
        return None
    gain = Gain(verdict.effect, verdict.is_ratio)
    if one.status is Status.inspector_reject and _is_soft(one, evidence):
        guards = ", ".join(dict.fromkeys(finding.guard for finding in one.findings if not finding.passed))
        return (gain, f", and nothing but {guards} stood against it")
    if one.status is Status.discard and is_near_miss(one):
        pairs = Count(verdict.pairs, "pair")
        return (
            "probably ",
            gain,
            ", ",
            Sure(verdict.probability),
            " after ",
            pairs,
            ": too little to be kept",
        )
    return None


def is_near_miss(one: Experiment) -> bool:
    """Whether it probably gained, but not surely enough."""
    verdict = one.verdict
    return (
        one.status is Status.discard
        and verdict is not None
        and verdict.outcome in (Outcome.unclear, Outcome.same)
        and verdict.effect > 0
        and verdict.probability >= LIKELY
        and bool(one.commit)
        and not one.overtaken
        and not one.simplifies
    )


def _is_soft(one: Experiment, evidence: Evidence) -> bool:
    """Whether what stands against it is a matter of judgement, and nobody has judged it yet."""
    against = [finding for finding in one.findings if not finding.passed]
    soft = (
        finding.suspect or finding.guard in _SOFT or finding.guard.startswith("constraints.")
        for finding in against
    )
    return (
        all(soft)
        and one.number not in evidence.judged
        and one.verdict is not None
        and one.verdict.outcome.keeps
    )


def _worth_a_look(one: Experiment, why: Sentence) -> Flag:
    return Flag(kind=Kind.revisit, said=(f"#{one.number} {one.description}: ", *why), numbers=(one.number,))


def _unexplored(evidence: Evidence) -> Iterator[Flag]:
    if not evidence.tried:
        return
    left = untried.files(evidence)
    only_new = bool(evidence.touched) and len(left) == len(evidence.files)  # as where tests are written
    if left and not only_new:
        shown = ", ".join(left[:3]) + (", ..." if len(left) > 3 else "")
        yield Flag(
            kind=Kind.unexplored,
            said=(
                f"{len(left)} of ",
                Count(len(evidence.files), "file"),
                f" in scope: no measured idea changed them ({shown})",
            ),
        )
    kinds = untried.kinds(evidence)
    if kinds:
        all_of = Count(len(evidence.config.vocabulary), "kind")
        yield Flag(
            kind=Kind.unexplored,
            said=(
                f"{len(kinds)} of ",
                all_of,
                " of ideas that the recipe names are not recognised in what was tried",
            ),
        )
