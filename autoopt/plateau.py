"""How long a run has brought nothing, and what follows: warn, change the strategy, stop; pure.

A failure counts by what it says. One that noise would have hidden a real gain from says little about whether
there are gains left, so a noisy run climbs the ladder slowly, and is told that the noise may be the reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from autoopt.folding import Fold
from autoopt.records import Experiment, Outcome, Status, Verdict

WARN, CHANGE, DRY = 3.0, 5.0, 8.0
"""Failures in a row after which an approach is left, the strategy changed, and small steps have run dry."""

_SILENT = 1 / 3
"""What failures count at least: crashes and refusals say nothing of gains, but must not go on for ever."""

_GAINS = ((0.7, 0.05), (0.3, 0.30))  # (weight, mean) of the log gains that ideas bring, where they bring one
_WORTH = 0.005  # the smallest gain worth a commit by default
_BLIND = 0.5  # of the failures' weight, below which the noise is to blame
_LEAST = 3  # failures that were measured, before anything is said of the noise
_ROUNDING = 1e-9


class Level(IntEnum):
    """The rungs, from the lowest."""

    none = 0
    warn = 1
    change = 2
    stop = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """Ideas in a row that brought nothing; simplifications are no ideas and do not count.

    Attributes:
        tried: How many.
        measured: How many of them the metric was compared for.
        weight: What those count together: for each the share of worthwhile gains it would have shown.
        hidden: The gain that about every other such comparison misses, in words; empty where it is exact.
    """

    tried: int = 0
    measured: int = 0
    weight: float = 0.0
    hidden: str = ""

    @property
    def failures(self) -> float:
        """How many failures these are worth."""
        return max(self.weight, self.tried * _SILENT) + _ROUNDING

    @property
    def blind(self) -> bool:
        """Whether the noise rather than the ideas may be the reason."""
        return bool(self.hidden) and self.measured >= _LEAST and self.weight < _BLIND * self.measured

    def after(self, experiment: Experiment) -> Streak:
        """The streak once this experiment is decided."""
        if experiment.status is Status.baseline:
            return self
        if experiment.status is Status.follow or (
            experiment.status is Status.keep and not _only_holds(experiment)
        ):
            return Streak()
        if experiment.simplifies or experiment.overtaken or _only_holds(experiment):
            return self
        verdict = experiment.verdict
        return Streak(
            tried=self.tried + 1,
            measured=self.measured + (verdict is not None),
            weight=self.weight + weight(experiment),
            hidden=self.hidden if verdict is None else _hidden(verdict),
        )


_STREAK = Fold(Streak.after, Streak())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """Where a run is on the ladder.

    Attributes:
        limit: Failures at which it stops; None where it never does.
    """

    level: Level
    streak: Streak
    limit: int | None

    @property
    def sentence(self) -> str:
        """As in "7 experiments in a row brought nothing"; with what they are worth where that is less."""
        tried = self.streak.tried
        said = f"{tried} {'experiment' if tried == 1 else 'experiments'} in a row brought nothing"
        worth = round(self.streak.failures)
        if worth == tried:
            return said
        of = "" if self.limit is None else f" of budget.plateau={self.limit}"
        return f"{said}; as the noise hides gains, or they were not measured, they count as {worth}{of}"

    @property
    def reason(self) -> str:
        """What to do about the noise, where that may be why nothing was found; else empty."""
        if not self.streak.blind:
            return ""
        return (
            f"the noise may be the reason rather than the ideas: a gain of {self.streak.hidden} is missed "
            "about every other time; verdict.patience=patient or a longer metric.command sees more, "
            "`autoopt doctor` says how much"
        )


def weight(experiment: Experiment) -> float:
    """The chance that this failure would have shown a worthwhile gain, had there been one, from 0 to 1.

    It is 1 where the metric is exact, where the change did harm, and where a gain was found but rejected; 0
    of what was never compared: a crash, a refusal, a repetition.
    """
    verdict = experiment.verdict
    if (
        experiment.status is Status.crash
        or experiment.simplifies
        or (verdict is None and experiment.findings)
    ):
        return 0.0
    if verdict is None or verdict.outcome is Outcome.worse or verdict.outcome.keeps:
        return 1.0
    seen = _shown(verdict, _size(experiment))
    return seen * (1 - verdict.probability) if verdict.outcome is Outcome.unclear else seen


def streak(history: Sequence[Experiment]) -> Streak:
    """The ideas in a row that brought nothing, up to the latest experiment."""
    return _STREAK.over(history)


def resume(history: Sequence[Experiment], known: Streak) -> None:
    """Go on from the streak that these experiments are known to end in."""
    _STREAK.resume(history, known)


def ladder(history: Sequence[Experiment], limit: int | None = None) -> Rung:
    """Where the run is: nothing yet, a warning, time for another strategy, the end.

    Args:
        history: Every experiment so far, the baseline first.
        limit: `budget.plateau`; a warning is due at a third of it and another strategy at two thirds. Without
            it they are due after 3 and 5 failures, and nothing ends.
    """
    run = streak(history)
    warn, change = (WARN, CHANGE) if limit is None else (limit / 3, 2 * limit / 3)
    marks = (warn, change) if limit is None else (warn, change, float(limit))
    level = Level(sum(run.failures >= mark for mark in marks))
    return Rung(level=level, streak=run, limit=limit)


def news(history: Sequence[Experiment], limit: int | None = None) -> str:
    """What to tell a person once the latest experiment is decided; empty unless it reached another rung.

    The last rung tells nothing: the run says itself why it ends.
    """
    before, rung = ladder(history[:-1], limit), ladder(history, limit)
    if not rung.level > before.level or rung.level is Level.stop:
        return ""
    then = (
        "time for another strategy"
        if rung.level is Level.change
        else ""
        if limit is None
        else f"the run ends at budget.plateau={limit}"
    )
    return "; ".join(filter(None, (rung.sentence, then, rung.reason)))


def thresholds(limit: int | None) -> tuple[float, float, float]:
    """Failures after which to leave an approach, to change the strategy, and to stop making small steps.

    A run that ends soon cannot wait as long as one that does not.
    """
    if limit is None:
        return WARN, CHANGE, DRY
    return min(WARN, limit / 3), min(CHANGE, 2 * limit / 3), min(DRY, 8 * limit / 9)


def _only_holds(experiment: Experiment) -> bool:
    """Whether it was kept for taking code away, without a gain."""
    kept = experiment.status is Status.keep
    return kept and experiment.verdict is not None and experiment.verdict.outcome is Outcome.holds


def _shown(verdict: Verdict, size: float) -> float:
    """Share of the worthwhile gains that such a comparison confirms; all where the noise is small."""
    if verdict.noise <= verdict.reach:
        return 1.0
    return _beyond(_missed(verdict) / size) / _beyond(min(verdict.reach / size, _WORTH))


def _missed(verdict: Verdict) -> float:
    """The gain that about every other such comparison misses.

    It is twice the smallest gain worth waiting for: in simulations at default patience, where that is the
    noise of one pair, half of such gains were confirmed.
    """
    return 2 * verdict.reach


def _beyond(gain: float) -> float:
    return sum(share * math.exp(-gain / mean) for share, mean in _GAINS)


def _size(experiment: Experiment) -> float:
    """What an effect is a share of: nothing for log ratios, for differences the number itself."""
    verdict = experiment.verdict
    if verdict is None or verdict.is_ratio:
        return 1.0
    # About a number that hovers round zero, one standard deviation counts as 5 %, as for the judge.
    return max(abs(experiment.value or 0.0), 20 * verdict.noise / math.sqrt(2)) or 1.0


def _hidden(verdict: Verdict) -> str:
    if verdict.noise <= verdict.reach:
        return ""
    missed = _missed(verdict)
    return f"{-100 * math.expm1(-missed):.2g} %" if verdict.is_ratio else f"{missed:.3g}"
