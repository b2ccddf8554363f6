"""What the history suggests before the next idea: streaks, strategy and hot spots, without any I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from itertools import takewhile

from autoopt.records import Experiment, Outcome, Status

PIVOT, RETHINK, DRY = 3, 5, 8
"""Failures in a row after which an approach is left, the strategy changed, and small steps have run dry."""

_PASS_EVERY, _PASS_KEEPS = 8, 2  # experiments and keeps after which code is simplified
_PASS_SHARE = 5  # at most one experiment in so many is a simplification's turn
_COMBINE_EVERY = 4

LIKELY = 0.7
"""Smallest probability of a gain that makes a discarded change a near miss."""


class Step(StrEnum):
    """Where a run is in its strategy."""

    low_hanging = "low-hanging fruit"
    follow = "follow what worked"
    diversify = "try another approach"
    combine = "combine near misses"
    simplify = "simplify"
    bigger = "bigger changes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """Where the seed's strategy stands after some experiments; `after` takes them one by one.

    Attributes:
        tried: Experiments so far, the baseline left out.
        kept: Ideas kept.
        failed: Ideas in a row that brought nothing; simplifications are no ideas and do not count.
        near: Near misses so far.
        passes: Turns of simplification so far, and
        since_pass, kept_since_pass: the experiments and keeps after the latest.
        since_combine: Experiments after the latest turn of combining, and
        near_since_combine: near misses among them.
    """

    tried: int = 0
    kept: int = 0
    failed: int = 0
    near: int = 0
    passes: int = 0
    since_pass: int = 0
    kept_since_pass: int = 0
    since_combine: int = _COMBINE_EVERY
    near_since_combine: int = 0

    @property
    def step(self) -> Step:
        """What the next experiment is for."""
        if self._simplification_due():
            return Step.simplify
        if self.near >= 2 and self.near_since_combine and self.since_combine >= _COMBINE_EVERY:
            return Step.combine
        return self.approach

    @property
    def approach(self) -> Step:
        """The step when nobody can simplify or combine."""
        if self.failed >= DRY:
            return Step.bigger
        if self.failed >= PIVOT:
            return Step.diversify
        return Step.follow if self.kept else Step.low_hanging

    def after(self, experiment: Experiment) -> Strategy:
        """Where it stands once this experiment is decided, whoever made use of the turn."""
        if experiment.status is Status.baseline:
            return self
        is_pass = experiment.simplifies or self.step is Step.simplify
        is_combining = self.step is Step.combine
        idea, kept = not experiment.simplifies, experiment.status is Status.keep
        near = is_near_miss(experiment)
        return Strategy(
            tried=self.tried + 1,
            kept=self.kept + (idea and kept),
            failed=self.failed if not idea else 0 if kept else self.failed + 1,
            near=self.near + near,
            passes=self.passes + is_pass,
            since_pass=0 if is_pass else self.since_pass + 1,
            kept_since_pass=0 if is_pass else self.kept_since_pass + kept,
            since_combine=1 if is_combining else self.since_combine + 1,
            near_since_combine=near + (0 if is_combining else self.near_since_combine),
        )

    def _simplification_due(self) -> bool:
        """Every so often, and after some keeps, which tend to add code; but never a large share."""
        due = self.since_pass >= _PASS_EVERY or self.kept_since_pass >= _PASS_KEEPS
        return due and _PASS_SHARE * (self.passes + 1) <= self.tried + 1


def strategy(history: Iterable[Experiment]) -> Strategy:
    """Where the seed's strategy stands after these experiments."""
    return reduce(Strategy.after, history, Strategy())


def step(history: Iterable[Experiment]) -> Step:
    """What the next experiment is for."""
    return strategy(history).step


def is_near_miss(experiment: Experiment) -> bool:
    """Whether a code change probably helped, but not surely enough to keep it, so that it may be combined.

    A parameter search combines its values itself, and combinations are not combined again.
    """
    verdict = experiment.verdict
    return (
        experiment.status is Status.discard
        and verdict is not None
        and verdict.outcome in (Outcome.unclear, Outcome.same)
        and verdict.effect > 0
        and verdict.probability >= LIKELY
        and bool(experiment.commit)
        and not experiment.parameters
        and not experiment.simplifies
        and experiment.source != "combine"
    )


def advice(history: Sequence[Experiment]) -> str:
    """What the latest streak suggests; empty when there is none.

    Two keeps in one area: go deeper there. Three failures: leave the approach; five: change the strategy;
    eight: small steps have run dry. A crash: the structure was misread, look before editing again.
    Simplifications are passes between ideas and neither make a streak nor break one.
    """
    tried = [e for e in history if e.status is not Status.baseline and not e.simplifies]
    if not tried:
        return ""
    last = tried[-1]
    if last.status is Status.crash:
        return "The last change crashed: read how the parts depend on each other before editing again."
    if last.status is Status.keep:
        here = list(takewhile(lambda e: e.status is Status.keep and e.area == last.area, reversed(tried)))
        return (
            f"{len(here)} changes to {last.area} in a row helped: go deeper there." if len(here) >= 2 else ""
        )
    failed = strategy(history).failed
    if failed < PIVOT:
        return ""
    then = (
        "small steps have run dry, make a bigger change."
        if failed >= DRY
        else "take another strategy altogether."
        if failed >= RETHINK
        else "leave this approach."
    )
    return f"{failed} changes in a row brought nothing: {then}"


def hottest_first(scope: Iterable[str], profile: str) -> tuple[str, ...]:
    """The files in the order in which a profile first names them; those it does not name keep their order."""
    files = tuple(scope)
    return tuple(sorted(files, key=lambda path: _first_mention(path, profile)))


def _first_mention(path: str, profile: str) -> int:
    """Where a profile first names a file, by its whole path or, failing that, by its last part."""
    for name in (path, path.rpartition("/")[2]):
        if name not in profile:  # which is seen a hundred times sooner than by a regex
            continue
        if found := re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", profile):
            return found.start()
    return len(profile) + 1
