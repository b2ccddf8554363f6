"""What a review is computed from: the journal, the settings and the final confirmation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from autoopt.records import Confirmation, Experiment, Omission, Status
from autoopt.review.figures import Ends, Gain, Sentence
from autoopt.review.records import Untried
from autoopt.schema import Config, Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Gained:
    """What a run has gained, as far as it is known.

    Attributes:
        is_confirmed: Whether fresh pairs say so; else it is the sum of what the steps claimed.
        baseline: The metric before; 0 where it is not known.
    """

    effect: float
    low: float
    high: float
    pairs: int
    is_ratio: bool
    is_confirmed: bool
    baseline: float
    direction: Direction
    unit: str

    @property
    def said(self) -> Gain:
        """The estimate, for a sentence."""
        return Gain(self.effect, self.is_ratio)

    @property
    def ends(self) -> Ends:
        """The interval, for a sentence."""
        return Ends(self.low, self.high, self.is_ratio)

    @property
    def limits(self) -> Sentence:
        """The interval behind an estimate, for a sentence; nothing where the number is exact."""
        return (" (95 % ", self.ends, ")") if self.low < self.high else ()

    @property
    def width(self) -> float:
        """Half of its interval."""
        return (self.high - self.low) / 2

    def relative(self, effect: float) -> float:
        """An effect as a share of the metric that is gone, 0 to 1 for a gain: twice as good is 0.5."""
        if self.is_ratio:
            return -math.expm1(-max(-50.0, min(50.0, effect)))
        if self.baseline == 0:
            return math.copysign(1.0, effect) if effect else 0.0
        share = effect / abs(self.baseline)
        return share if self.direction is Direction.lower else share / (1 + max(0.0, share))

    def room(self, effect: float) -> float | None:
        """An effect as a share of what a score lacks of its best value; None where there is none."""
        best = self._best
        if best is None or self.baseline >= best:
            return None
        grown = self.baseline * math.expm1(min(50.0, effect)) if self.is_ratio else effect
        return grown / (best - self.baseline)

    @property
    def _best(self) -> float | None:
        if self.direction is Direction.lower or self.baseline < 0:
            return None
        if self.unit == "%":
            return 100.0 if self.baseline <= 100 else None
        end = (
            self.baseline * math.exp(min(50.0, self.effect)) if self.is_ratio else self.baseline + self.effect
        )
        return 1.0 if max(self.baseline, end) <= 1 else None


def together(history: Sequence[Experiment]) -> Gain | None:
    """The sum of what the kept steps claimed; None where they do not add up, or are not all of them."""
    if any(one.status is Status.follow for one in history):
        return None
    verdicts = [one.verdict for one in history if one.status is Status.keep and one.verdict is not None]
    if not verdicts or len({verdict.is_ratio for verdict in verdicts}) > 1:
        return None
    return Gain(math.fsum(verdict.effect for verdict in verdicts), verdicts[0].is_ratio)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A run that has ended or rests.

    Attributes:
        reason: Why it ended, as the loop said it; None while it has not.
        files: The files in scope at its base; none where that is not known.
        ideas: What agents have thought of and nobody tried.
        is_whole: Whether it ended by itself, and not by an interruption.
        is_live: Whether it is being worked on, so that all of this may change.
    """

    run_id: str
    config: Config
    history: tuple[Experiment, ...]
    confirmation: Confirmation | None = None
    holdout: Confirmation | None = None
    omissions: tuple[Omission, ...] = ()
    reason: str | None = None
    is_whole: bool = True
    is_live: bool = False
    files: tuple[str, ...] = ()
    ideas: tuple[Untried, ...] = ()

    @cached_property
    def kept(self) -> tuple[Experiment, ...]:
        """What it kept, in order."""
        return tuple(one for one in self.history if one.status is Status.keep)

    @cached_property
    def tried(self) -> tuple[Experiment, ...]:
        """Every experiment in which an idea was tried."""
        return tuple(one for one in self.history if one.is_try)

    @cached_property
    def measured(self) -> tuple[Experiment, ...]:
        """Those of them with a verdict."""
        return tuple(one for one in self.tried if one.verdict is not None)

    @property
    def is_spent(self) -> bool:
        """Whether it has made as many experiments as it may."""
        most = self.config.budget.experiments
        return most is not None and sum(one.is_counted for one in self.history) >= most

    @property
    def moved(self) -> bool:
        """Whether the branch is elsewhere than at the base."""
        return any(one.status.advances for one in self.history)

    @cached_property
    def is_exact(self) -> bool:
        """Whether the number repeats exactly, as far as the verdicts say."""
        return (
            bool(self.measured)
            and self.is_noted
            and not any(one.verdict.noise for one in self.measured if one.verdict)
        )

    @cached_property
    def is_noted(self) -> bool:
        """Whether verdicts say how much a pair varies; those of earlier versions have an interval alone."""
        verdicts = [one.verdict for one in self.measured if one.verdict]
        return not any(verdict.noise == 0 and verdict.low < verdict.high for verdict in verdicts)

    @cached_property
    def baseline(self) -> float:
        """The metric where the run began; 0 where it is not known."""
        value = self.history[0].value if self.history else None
        return value or 0.0

    @cached_property
    def claimed(self) -> float | None:
        """What the kept steps claimed together; None where there is no such sum."""
        found = together(self.history)
        if found is None or (self.confirmation is not None and self.confirmation.is_ratio != found.is_ratio):
            return None
        return found.effect

    @cached_property
    def gained(self) -> Gained | None:
        """The confirmed gain, else the claimed one; None where nothing was kept."""
        metric, found = self.config.metric, self.confirmation
        if not self.moved:
            return None
        if found is not None:
            return Gained(
                effect=found.effect,
                low=found.low,
                high=found.high,
                pairs=found.pairs,
                is_ratio=found.is_ratio,
                is_confirmed=True,
                baseline=found.baseline,
                direction=metric.direction,
                unit=metric.unit,
            )
        effect = self.claimed or 0.0
        return Gained(
            effect=effect,
            low=effect,
            high=effect,
            pairs=0,
            is_ratio=all(one.verdict.is_ratio for one in self.kept if one.verdict),
            is_confirmed=False,
            baseline=self.baseline,
            direction=metric.direction,
            unit=metric.unit,
        )

    @cached_property
    def noise(self) -> float:
        """What verdicts took one pair to vary by, their median, as an effect; 0 where it is exact."""
        return median([one.verdict.noise for one in self.measured if one.verdict] or [0.0])

    @cached_property
    def reach(self) -> float:
        """The smallest gain that its verdicts looked for, their median; 0 where the number is exact."""
        verdicts = [one.verdict for one in self.measured if one.verdict]
        return median([verdict.reach if verdict.noise > 0 else 0.0 for verdict in verdicts] or [0.0])

    @cached_property
    def judged(self) -> frozenset[int]:
        """The suspects that a person has overruled."""
        return frozenset(one.overrule.number for one in self.history if one.overrule is not None)

    @cached_property
    def touched(self) -> frozenset[str]:
        """Every file that a measured idea has changed: what gave no number has explored nothing."""
        return frozenset(path for one in self.measured for path in one.paths)

    @property
    def failing(self) -> float:
        """The share of its experiments that gave no number."""
        failed = sum(one.failure is not None for one in self.tried)
        return failed / len(self.tried) if self.tried else 0.0
