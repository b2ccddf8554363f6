"""What the history suggests before the next idea: streaks, strategy and hot spots, without any I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from itertools import takewhile

from autoopt import plateau
from autoopt.folding import Fold
from autoopt.plateau import Streak
from autoopt.records import Experiment, Outcome, Status

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
        streak: The latest ideas in a row that brought nothing, and what they are worth as failures.
        limit: `budget.plateau`; before a run that ends soon ends, it tries something else sooner.
        near: Near misses so far.
        passes: Turns of simplification so far, and
        since_pass, kept_since_pass: the experiments and keeps after the latest.
        since_combine: Experiments after the latest turn of combining, and
        near_since_combine: near misses among them.
    """

    tried: int = 0
    kept: int = 0
    streak: Streak = field(default_factory=Streak)
    limit: int | None = None
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
        leave, _, dry = plateau.thresholds(self.limit)
        if self.streak.failures >= dry:
            return Step.bigger
        if self.streak.failures >= leave:
            return Step.diversify
        return Step.follow if self.kept else Step.low_hanging

    def after(self, experiment: Experiment) -> Strategy:
        """Where it stands once this experiment is decided, whoever made use of the turn."""
        if experiment.status is Status.baseline:
            return self
        if experiment.status is Status.follow:
            return replace(self, streak=self.streak.after(experiment))
        is_pass = experiment.simplifies or self.step is Step.simplify
        is_combining = self.step is Step.combine
        idea, kept = not experiment.simplifies, experiment.status is Status.keep
        near = is_near_miss(experiment)
        return Strategy(
            tried=self.tried + 1,
            kept=self.kept + (idea and kept),
            streak=self.streak.after(experiment),
            limit=self.limit,
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


def strategy(history: Sequence[Experiment], limit: int | None = None) -> Strategy:
    """Where the seed's strategy stands after these experiments; `limit` is `budget.plateau`."""
    return _strategies(limit).over(history)


def resume(history: Sequence[Experiment], known: Strategy) -> None:
    """Go on from where the strategy is known to stand after these experiments."""
    _strategies(known.limit).resume(history, known)
    plateau.resume(history, known.streak)


@cache
def _strategies(limit: int | None) -> Fold[Strategy]:
    return Fold(Strategy.after, Strategy(limit=limit))


def step(history: Sequence[Experiment], limit: int | None = None) -> Step:
    """What the next experiment is for."""
    return strategy(history, limit).step


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


def advice(history: Sequence[Experiment], limit: int | None = None) -> str:
    """What the latest streak suggests; empty when there is none.

    Two keeps in one area: go deeper there. Three failures: leave the approach; five: change the strategy;
    eight: small steps have run dry. Failures count by what they say (`plateau`), and for more where the run
    ends soon for lack of gains. A crash: the structure was misread, look before editing again.
    Simplifications are passes between ideas and neither make a streak nor break one.

    Args:
        history: Every experiment so far.
        limit: `budget.plateau`.
    """
    latest = (e for e in reversed(history) if e.is_try and not e.simplifies)
    last = next(latest, None)
    if last is None:
        return ""
    if last.status is Status.crash:
        return "The last change crashed: read how the parts depend on each other before editing again."
    if last.status is Status.keep:
        area = last.area
        more = sum(1 for _ in takewhile(lambda e: e.status is Status.keep and e.area == area, latest))
        return f"{1 + more} changes to {area} in a row helped: go deeper there." if more else ""
    return _after_failures(strategy(history, limit).streak, limit)


def _after_failures(streak: Streak, limit: int | None) -> str:
    leave, rethink, dry = plateau.thresholds(limit)
    if streak.failures < leave:
        return ""
    then = (
        "small steps have run dry, make a bigger change."
        if streak.failures >= dry
        else "take another strategy altogether."
        if streak.failures >= rethink
        else "leave this approach."
    )
    noise = f" Noise hides gains of up to {streak.hidden}: look for larger ones." if streak.blind else ""
    changes = f"{streak.tried} change{'' if streak.tried == 1 else 's'}"
    return f"{changes} in a row brought nothing: {then}{noise}"


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
