"""Completeness: how much of what there was to try was tried?"""

from __future__ import annotations

from collections.abc import Iterator

from autoopt.review import untried as directions
from autoopt.review.evidence import Evidence
from autoopt.review.figures import Count, Share
from autoopt.review.records import Axis, Point, point

MANY, SOME, FEW = 20, 10, 4
"""Measured ideas, for three points, two and one."""
FAILING = 1 / 3
"""A share of experiments without a number that says more of the set-up than of the ideas."""


def completeness(evidence: Evidence) -> Axis:
    """How much of what there was to try was tried."""
    return Axis(
        name="Completeness",
        question="Was the ground covered?",
        points=tuple(_points(evidence)),
    )


def _points(evidence: Evidence) -> Iterator[Point]:
    yield _measured(evidence)
    yield _files(evidence)
    yield _vocabulary(evidence)
    yield _ended(evidence)
    yield _ideas(evidence)
    if evidence.failing > FAILING:
        yield point(-1, 0, Share(evidence.failing), " of the experiments gave no number")


def _measured(evidence: Evidence) -> Point:
    measured = len(evidence.measured)
    given = sum(measured >= limit for limit in (FEW, SOME, MANY))
    return point(given, 3, Count(measured, "idea"), " measured")


def _files(evidence: Evidence) -> Point:
    known, touched = frozenset(evidence.files), evidence.touched
    old, new = len(touched & known), len(touched - known)
    share = old / len(known) if known else 0.0
    given = 2 if len(touched) >= 5 or share >= 0.5 else 1 if len(touched) >= 2 or share >= 0.2 else 0
    if not known:
        return point(given, 2, Count(new, "file"), " of the scope changed by measured ideas")
    made = (", and ", Count(new, "new one"), " made") if new else ()
    where = Count(len(known), "file")
    return point(given, 2, f"{old} of ", where, " in scope changed by measured ideas", *made)


def _vocabulary(evidence: Evidence) -> Point:
    kinds = evidence.config.vocabulary
    if not kinds:
        sources = {one.source for one in evidence.tried}
        return point(
            min(2, len(sources) // 2),
            2,
            "ideas came from ",
            Count(len(sources), "proposer"),
            "; the recipe lists no kinds of ideas",
        )
    tried = len(kinds) - len(directions.kinds(evidence))
    given = 2 if 2 * tried >= len(kinds) else 1 if 4 * tried >= len(kinds) else 0
    return point(
        given,
        2,
        f"{tried} of ",
        Count(len(kinds), "kind"),
        " of ideas that the recipe names are among what was tried",
    )


def _ended(evidence: Evidence) -> Point:
    if evidence.is_live:
        return point(0, 1, "it has not ended")
    if not evidence.is_whole:
        return point(0, 1, "it was cut short")
    return point(1, 1, f"it ended by itself: {evidence.reason or 'done'}")


def _ideas(evidence: Evidence) -> Point:
    if evidence.ideas:
        return point(0, 1, Count(len(evidence.ideas), "idea"), " scored and not tried")
    if not evidence.tried:
        return point(0, 1, "nobody has had an idea")
    return point(1, 1, "no scored idea was left untried")
