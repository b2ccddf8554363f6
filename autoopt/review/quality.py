"""Quality: is what was kept good work, or does it cost more than it brings?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from autoopt.records import Experiment
from autoopt.review.evidence import Evidence, Gained
from autoopt.review.figures import Count, Numbers, Share
from autoopt.review.records import Axis, Point, point

_TEST = re.compile(r"(?:^|/)(?:tests?/.*|test_[^/]*|[^/]*_test\.[^/]*|conftest\.py)$")
LINE_SHARES = (0.1, 0.25, 0.5, 1.0)
"""What the added lines cost at `line_gain` each, as a share of the gain, for four points down to one."""
READABLE, LONG = 60, 300
"""Changed lines that are read in one sitting, and those that are not."""
_LINE_GAIN = 0.0002  # where the run asked for none


def quality(evidence: Evidence) -> Axis:
    """How good the kept changes are as code that somebody has to own."""
    question = "Is what was kept worth owning?"
    if not evidence.kept:
        return Axis(name="Quality", question=question, points=(_nothing(evidence),))
    return Axis(name="Quality", question=question, points=tuple(_points(evidence)))


def _nothing(evidence: Evidence) -> Point:
    said = (
        "what is on the branch was kept by other runs" if evidence.moved else "nothing was kept to be judged"
    )
    return point(0, 9, said)


def _points(evidence: Evidence) -> Iterator[Point]:
    yield _lines_per_gain(evidence)
    yield _each_pays(evidence)
    yield _suspicions(evidence)
    yield _reading(evidence)
    yield _bounded(evidence)


def net_lines(experiment: Experiment) -> int:
    """Lines that a change adds on balance; tests are not code that a gain is weighed against."""
    return (
        0
        if experiment.paths and all(map(_TEST.search, experiment.paths))
        else experiment.added - experiment.removed
    )


def _lines_per_gain(evidence: Evidence) -> Point:
    gained = evidence.gained
    lines = sum(map(net_lines, evidence.kept))
    added, removed = sum(one.added for one in evidence.kept), sum(one.removed for one in evidence.kept)
    diff = f"+{added} −{removed}"
    if gained is None or not gained.is_confirmed:
        return point(0, 4, f"{diff} lines, and no confirmed gain to weigh them against")
    size = worth(gained)
    if gained.effect < 0:
        return point(0, 4, f"{diff} lines, and no gain to weigh them against")
    if lines <= 0 < added - removed:
        return point(
            4, 4, gained.said, f" for tests, which are no code that it is weighed against ({diff} lines)"
        )
    if lines <= 0:
        return point(4, 4, gained.said, f" for no more code than before ({diff} lines)")
    price = lines * (evidence.config.line_gain or _LINE_GAIN)
    share = price / size if size > 0 else float("inf")
    given = sum(share <= limit for limit in LINE_SHARES)
    per_line = size / lines
    return point(given, 4, gained.said, f" for {diff} lines: ", Share(per_line), " per added line")


def worth(gained: Gained) -> float:
    """The gain as a share, by the part that is gone or, of a score, by the part of what it lacked."""
    return max(gained.relative(gained.effect), gained.room(gained.effect) or 0.0)


def _each_pays(evidence: Evidence) -> Point:
    """What leave-one-out says of the keeps."""
    pays = {omission.number: omission for omission in evidence.omissions}
    idle = tuple(one.number for one in evidence.kept if one.number in pays and not pays[one.number].pays)
    if idle:
        return point(0, 2, "without it the result is as good: ", Numbers(idle))
    gained = evidence.gained
    if len(evidence.kept) == 1:
        sure = gained is not None and gained.is_confirmed and gained.low > 0
        said = "the only keep is what was confirmed" if sure else "the only keep was not confirmed"
        return point(2 if sure else 0, 2, said)
    left = tuple(
        one.number for one in evidence.kept if one.number not in pays or pays[one.number].verdict is None
    )
    if not left:
        return point(2, 2, "each of ", Count(len(evidence.kept), "keep"), " still pays when it is left out")
    given = 1 if gained is not None and gained.is_confirmed and gained.low > 0 else 0
    return point(given, 2, "whether it still pays beside the others is not known: ", Numbers(left))


def _suspicions(evidence: Evidence) -> Point:
    overruled = tuple(one.number for one in evidence.kept if one.overrule is not None)
    if overruled:
        return point(0, 1, "it looked like gaming the number, and a person said no: ", Numbers(overruled))
    if evidence.config.suspicions.ignore:
        return point(0, 1, "some suspicions were switched off, so a clean record says less")
    return point(1, 1, "nothing that was kept looks as if it gamed the number")


def _reading(evidence: Evidence) -> Point:
    changed = sum(one.added + one.removed for one in evidence.kept)
    files = len({path for one in evidence.kept for path in one.paths})
    given = 1 if changed <= LONG else 0
    how = "read in one sitting" if changed <= READABLE else "a long read" if changed > LONG else "a fair read"
    return point(given, 1, Count(changed, "changed line"), " in ", Count(files, "file"), f": {how}")


def _bounded(evidence: Evidence) -> Point:
    bounds = tuple(evidence.config.constraints)
    if bounds:
        return point(1, 1, f"further numbers had to stay within their bounds: {', '.join(bounds)}")
    return point(0, 1, "no further number (memory, time) was bounded")
