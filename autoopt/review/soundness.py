"""Soundness: can the claim be believed?"""

from __future__ import annotations

import math
from collections.abc import Iterator

from autoopt.review.evidence import Evidence, Gained
from autoopt.review.figures import Count, Ends, Gain, Numbers
from autoopt.review.records import Axis, Point, point
from autoopt.schema import GuardKind, Variation

WHOLE, MOST = 0.9, 0.7
"""Shares of the claimed sum that a confirmation finds again, for two points and for one."""
SURE_WIDTHS, CLEAR_WIDTHS = 4.0, 2.0
"""Half-widths of its interval that a gain is away from nothing, for two points and for one."""
SURE_PAIRS, CLEAR_PAIRS = 8, 4
FINE, COARSE = 0.02, 0.05
"""Gains that comparisons looked for in a run without a keep, for two points and for one."""


def soundness(evidence: Evidence) -> Axis:
    """How far the result can be believed."""
    return Axis(
        name="Soundness",
        question="Can the claim be believed?",
        points=(*_claim(evidence), *_guards(evidence), *_holdout(evidence)),
    )


def _claim(evidence: Evidence) -> Iterator[Point]:
    gained = evidence.gained
    if gained is None:
        yield from _nothing(evidence)
        return
    yield _confirmed(evidence, gained)
    yield _found_again(evidence, gained)
    yield _apart(evidence, gained)


def _nothing(evidence: Evidence) -> Iterator[Point]:
    """Nothing was kept: what is claimed is that there was nothing to gain among what was tried."""
    measured = len(evidence.measured)
    if not measured:
        yield point(0, 5, "nothing was measured against the baseline")
        return
    tried = (Count(measured, "idea"), " measured in pairs and none was better; nothing is claimed")
    yield point(3 if measured >= CLEAR_PAIRS else 1, 3, *tried)
    if evidence.is_exact:
        yield point(2, 2, "the number repeats exactly: any gain would have been seen")
        return
    if not evidence.is_noted:
        yield point(0, 2, "how small a gain would have been seen was not noted")
        return
    seen = Gain(evidence.reach, _is_ratio(evidence))
    size = _size(evidence, evidence.reach)
    given = 2 if size <= FINE else 1 if size <= COARSE else 0
    yield point(given, 2, "a gain from ", seen, " would have been seen; smaller ones not")


def _is_ratio(evidence: Evidence) -> bool:
    return all(one.verdict.is_ratio for one in evidence.measured if one.verdict)


def _size(evidence: Evidence, effect: float) -> float:
    if _is_ratio(evidence):
        return effect
    return effect / abs(evidence.baseline) if evidence.baseline else math.inf


def _confirmed(evidence: Evidence, gained: Gained) -> Point:
    if not gained.is_confirmed:
        return point(0, 3, "no fresh pairs of baseline against final: nothing is confirmed")
    pairs = Count(gained.pairs, "fresh pair")
    if gained.low > 0 and gained.pairs > 1:
        return point(3, 3, pairs, " confirm a gain: ", gained.said, *gained.limits)
    if _only_holds(evidence) and gained.relative(gained.low) >= -evidence.config.verdict.min_effect:
        held = "what was kept is simpler and was to cost nothing; the interval is "
        return point(3, 3, held, gained.ends, " in ", pairs)
    if gained.high < 0:
        return point(0, 3, "fresh pairs say it is a loss: ", gained.said, *gained.limits)
    return point(0, 3, "no gain at all is within the interval of the fresh pairs, ", gained.ends)


def _only_holds(evidence: Evidence) -> bool:
    return bool(evidence.kept) and all(one.simplifies for one in evidence.kept)


def _found_again(evidence: Evidence, gained: Gained) -> Point:
    """How much of what the steps claimed the confirmation finds."""
    claimed = evidence.claimed
    if not gained.is_confirmed:
        return point(0, 2, "what the steps claimed was not measured again")
    if claimed is None:
        return point(1, 2, "what the steps claimed does not add up, so it cannot be compared")
    if claimed <= 0:
        return point(2, 2, "the steps claimed no gain that could shrink")
    share = gained.effect / claimed
    given = 2 if share >= WHOLE else 1 if share >= MOST else 0
    said = Gain(claimed, gained.is_ratio)
    if share <= 0:
        return point(0, 2, "nothing of the ", said, " that the steps claimed was confirmed")
    if share >= 1:
        return point(given, 2, "all of the ", said, " that the steps claimed was confirmed")
    return point(given, 2, "the steps claimed ", said, " together, and ", gained.said, " was confirmed")


def _apart(evidence: Evidence, gained: Gained) -> Point:
    """How far the gain is from nothing, by its interval."""
    if not gained.is_confirmed:
        return point(0, 2, "no interval: steps picked for being good have none")
    widths = _widths(evidence, gained)
    if math.isinf(widths):
        return point(2, 2, "the number repeats exactly")
    if widths <= 0:
        return point(0, 2, "there is no gain to be held against its uncertainty")
    sure = widths >= SURE_WIDTHS and gained.pairs >= SURE_PAIRS
    clear = widths >= CLEAR_WIDTHS and gained.pairs >= CLEAR_PAIRS
    said = f"the gain is {widths:.1f} times the half-width of its interval ("
    return point(2 if sure else 1 if clear else 0, 2, said, Count(gained.pairs, "pair"), ")")


def _widths(evidence: Evidence, gained: Gained) -> float:
    if gained.width > 0:
        return gained.effect / gained.width
    exact = evidence.is_exact or gained.pairs > 1
    return math.inf if exact and gained.effect > 0 else 0.0


def _guards(evidence: Evidence) -> Iterator[Point]:
    config = evidence.config
    if not evidence.history:
        return
    in_force = {name: guard for name, guard in config.guards.items() if guard.command}
    compared = tuple(name for name, guard in in_force.items() if guard.kind is not GuardKind.command)
    checked = tuple(name for name, guard in in_force.items() if guard.kind is GuardKind.command)
    if in_force:
        yield point(1, 1, f"every keep had to pass {_listed((*checked, *compared))}")
    else:
        yield point(0, 1, "no guard command held the changes: no tests, rows or answers")
    yield _held_against(evidence, compared)
    if ignored := config.suspicions.ignore:
        yield point(-1, 0, f"suspicions were told to ignore {_listed(tuple(ignored))}")
    if flaky := _flaky(evidence):
        yield point(-1, 0, "a guard passed only at a second try in ", Numbers(flaky))
    if overruled := tuple(one.number for one in evidence.kept if one.overrule is not None):
        yield point(-1, 0, "kept on a person's word against a suspicion: ", Numbers(overruled))


def _held_against(evidence: Evidence, compared: tuple[str, ...]) -> Point:
    """Whether something other than pass or fail was held against the base."""
    bounds = tuple(evidence.config.constraints)
    if compared:
        return point(1, 1, f"results were held against the base's: {_listed(compared)}")
    if evidence.config.inspector.command:
        return point(1, 1, "a second agent read each change before it was kept")
    if bounds:
        return point(1, 1, f"further numbers were bounded: {_listed(bounds)}")
    return point(0, 1, "nothing compared the results with the base's")


def _flaky(evidence: Evidence) -> tuple[int, ...]:
    return tuple(one.number for one in evidence.kept if any(said.is_flaky for said in one.findings))


def _holdout(evidence: Evidence) -> Iterator[Point]:
    """What a number that nobody optimized says; a score by seed needs one, a time does not."""
    found, wanted = evidence.holdout, evidence.config.final.holdout.command is not None
    if not evidence.moved:
        return
    if found is not None:
        yield _held_out(found.low, found.high, Ends(found.low, found.high, found.is_ratio))
    elif wanted:
        yield point(-4, 0, "a holdout is set and was not measured: what it would say is not known")
    elif is_learned(evidence):
        yield point(-1, 0, "no holdout: what was optimized is all that was measured")


def _held_out(low: float, high: float, ends: Ends) -> Point:
    if high < 0:
        return point(-4, 0, "the holdout, which nobody optimized, got worse (95 % ", ends, ")")
    if low <= 0:
        return point(-2, 0, "on the holdout no gain at all is within the interval, ", ends)
    return point(0, 0, "the holdout, which nobody optimized, gains too (95 % ", ends, ")")


def is_learned(evidence: Evidence) -> bool:
    """Whether the number is a score by seed, of which more may be learned than generalizes."""
    first = evidence.history[0].variation if evidence.history else ""
    return Variation.seed.value in (first, evidence.config.metric.variation.value)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)
