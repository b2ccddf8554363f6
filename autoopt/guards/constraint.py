"""A guard that bounds a further number of the measured runs: training time, memory, anything printed.

The number is as noisy as the metric, so it is judged with the same care: what decides is the probability that
it breaks its bound, not whether one median lies beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from autoopt import judge
from autoopt.errors import UsageError
from autoopt.judge.words import sure
from autoopt.records import Change, Experiment, Finding, Measurement, Pair, Proposal, Sample, Trial
from autoopt.schema import ConstraintConfig, Direction
from autoopt.stats import robust_sd

GROUP = "constraints"
KNOWN = ("wall_s", "cpu_s", "peak_mb")
"""Numbers that every run has, measured from outside; a `METRIC` line of the same name is not asked."""

SURE = 0.95
"""Probability from which a breach, or that there is none, is certain enough to take no further pairs."""

_FAR = 0.001  # probability of a breach that runs of another time may rule out
_ENOUGH = 4  # differences of earlier runs, from which on they tell the noise

Step = tuple[list[float], list[float]]
"""The number before and after a change, in pairs."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the pairs say of one bound.

    Attributes:
        breach: Probability that it is broken.
        sentence: The numbers, for a person.
        stale: Whether one side was measured at another time, when the machine may have been faster.
    """

    breach: float
    sentence: str
    stale: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether the number repeats, so that there is nothing to be unsure of."""
        return self.breach in (0.0, 1.0)

    @property
    def settled(self) -> bool:
        """Whether further pairs would not change it."""
        if self.stale:  # a bound far away needs no pairs: machines do not change that much
            return self.breach <= _FAR
        return self.breach <= 1 - SURE or self.breach >= SURE

    @property
    def broken(self) -> bool:
        """Whether the bound is more likely broken than not."""
        return self.breach > 0.5

    def told(self) -> str:
        """The sentence, with how sure it is where it is not certain."""
        if self.is_exact:
            return self.sentence
        likelihood = sure(max(self.breach, 1 - self.breach))
        doubt = "" if self.breach <= 1 - SURE or self.breach >= SURE else "; whichever is likelier"
        return f"{self.sentence} ({likelihood}{doubt})"


class Constraint:
    """Passes a change whose number, over the pairs that were measured, stays within its bounds.

    `max` and `min` are of its level. `max_regression` is of what all kept changes and this one together did
    to it since the baseline, so that what is allowed cannot be spent again with every keep.
    """

    def __init__(self, name: str, config: ConstraintConfig) -> None:
        """Bound the number `name`.

        Raises:
            UsageError: there is no bound, or none that can hold.
        """
        self._name = name
        self._config = config
        check(name, config)

    def is_sure(self, trial: Trial) -> bool:
        """Whether more pairs would not change what is said of the change."""
        return self.is_broken(trial) or all(one.settled for one in self._answers(trial))

    def is_broken(self, trial: Trial) -> bool:
        """Whether the change surely breaks one of its bounds."""
        return any(one.settled and one.broken for one in self._answers(trial))

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        """Hold the number against its bounds; where the pairs leave it open, what is likelier counts."""
        if not self._levels(trial):
            return self._finding(False, self._absence(trial.challengers.samples))
        answers = self._answers(trial)
        broken = [one.told() for one in answers if one.broken]
        return self._finding(not broken, "; ".join(broken or (one.told() for one in answers)))

    def _answers(self, trial: Trial) -> list[_Answer]:
        levels = self._levels(trial)
        if not levels:
            return []
        answers = [*self._bounds(levels, trial.history), self._regression(trial)]
        return [one for one in answers if one is not None]

    # -- the level

    def _levels(self, trial: Trial) -> list[float]:
        """The change's number in every run; none where one of them lacks it."""
        samples = [*trial.challengers.samples, *(pair.challenger for pair in trial.further)]
        return self._values(samples)

    def _values(self, samples: Sequence[Sample]) -> list[float]:
        """The number in each of the samples; none where one of them lacks it."""
        found = [one.number(self._name) for one in samples]
        values = [value for value in found if value is not None and not math.isnan(value)]
        return values if len(values) == len(found) else []

    def _absence(self, samples: Sequence[Sample]) -> str:
        printed = sorted({name for sample in samples for name in sample.details})
        return (
            f"the metric command printed no line `METRIC {self._name}=...`; known are "
            f"{', '.join([*KNOWN, *printed])}"
        )

    def _bounds(self, values: list[float], history: Sequence[Experiment]) -> Iterator[_Answer]:
        noise = _noise([self._values(one.measurement.samples) for one in history if one.measurement])
        for name, bound, direction in (
            ("max", self._config.max, Direction.lower),
            ("min", self._config.min, Direction.higher),
        ):
            if bound is None:
                continue
            breach = judge.exceeds(values, bound, direction, noise)
            beyond = "more" if name == "max" else "less"
            said = f"is {beyond} than {name}={bound:g}" if breach > 0.5 else f"is within {name}={bound:g}"
            yield _Answer(breach, f"{median(values):.4g} {said}")

    # -- what it cost

    def _regression(self, trial: Trial) -> _Answer | None:
        """How much worse than at the baseline, all kept changes and this one together."""
        allowed, direction = self._config.max_regression, self._config.direction
        standing = trial.incumbent.samples if trial.incumbent else ()
        remembers = _shares_seeds(trial.history)
        step = self._step(trial.challengers.samples, trial.incumbents, trial.further, standing, remembers)
        if allowed is None or step is None:
            return None
        spent = [*self._spent(trial.history)]
        noise = _noise([_gains(one) for one in (*spent, step)])
        breach = judge.breach(*step, allowed, direction, noise, spent)
        if spent and breach:
            # A change that probably costs nothing is not to blame for what earlier ones cost, nor for the
            # luck that adds up in their sum; twice, as small costs must not hide behind their own doubts.
            breach = min(breach, 2 * judge.breach(*step, 0.0, direction, noise))
        stale = not trial.further and (not trial.incumbents or remembers) and 0 < breach < 1
        return _Answer(breach, self._cost(step, spent, allowed, breach > 0.5), stale)

    def _step(
        self,
        challengers: Sequence[Sample],
        incumbents: Sequence[Sample],
        further: Sequence[Pair],
        standing: Sequence[Sample],
        remembers: bool,
    ) -> Step | None:
        """The number in the pairs of one change; runs of other times stand in while there are no pairs."""
        pairs = [(pair.incumbent, pair.challenger) for pair in further]
        if incumbents and not (remembers and pairs):
            pairs = [*zip(incumbents, challengers, strict=True), *pairs]
        if not pairs:
            pairs = list(zip(reversed(standing), reversed(challengers), strict=False))
        before, after = (self._values([pair[side] for pair in pairs]) for side in (0, 1))
        return (before, after) if before and after else None

    def _spent(self, history: Sequence[Experiment]) -> Iterator[Step]:
        """What each change that was kept did to the number, in order, by whichever run of a search."""
        remembers, standing = _shares_seeds(history), _samples(history[0].measurement) if history else ()
        for past in history:
            if not past.status.advances:
                continue
            samples = _samples(past.measurement)
            step = self._step(samples, past.incumbent_samples, past.further, standing, remembers)
            standing = samples
            if step is not None:
                yield step

    def _cost(self, step: Step, spent: Sequence[Step], allowed: float, broken: bool) -> str:
        before, after = map(median, step)
        here = self._worse([step])
        said = f"{before:.4g} → {after:.4g}, {_share(here)}"
        if spent:
            said += f", since the baseline {_share(self._worse([*spent, step]))}"
        return f"{said}; max_regression={allowed:g} {'does not allow that' if broken else 'allows that'}"

    def _worse(self, steps: Sequence[Step]) -> float:
        """By which part of what it was it got worse over these changes; negative when it got better."""
        medians = [(median(before), median(after)) for before, after in steps]
        sign = 1 if self._config.direction is Direction.lower else -1
        if all(before > 0 and after > 0 for before, after in medians):
            return sign * (math.prod(after / before for before, after in medians) - 1)
        lost, start = sign * sum(after - before for before, after in medians), abs(medians[0][0])
        return lost / start if start else math.copysign(math.inf, lost) if lost else 0.0

    def _finding(self, passed: bool, message: str) -> Finding:
        return Finding(guard=f"{GROUP}.{self._name}", passed=passed, message=message)


def _shares_seeds(history: Sequence[Experiment]) -> bool:
    """Whether the incumbent's side of pairs may be remembered runs with the same seeds."""
    return bool(history) and history[0].variation == "seed"


def _samples(measurement: Measurement | None) -> Sequence[Sample]:
    return measurement.samples if measurement else ()


def _gains(step: Step) -> list[float]:
    """How each pair changed the number, as a factor; none where that has no meaning."""
    before, after = step
    return [new / old for old, new in zip(before, after, strict=True)] if min(*before, *after) > 0 else []


def _noise(series: Sequence[Sequence[float]]) -> float | None:
    """Standard deviation of one logarithm, by neighbours within each series; None where little is known."""
    differences = [
        math.log(right / left) / math.sqrt(2)
        for values in series
        if values and min(values) > 0
        for left, right in pairwise(values)
    ]
    return robust_sd(differences) if len(differences) >= _ENOUGH else None


def _share(worse: float) -> str:
    """As in "7 % worse"."""
    if worse == 0:
        return "unchanged"
    return f"{100 * abs(worse):.3g} % {'worse' if worse > 0 else 'better'}"


def check(name: str, config: ConstraintConfig) -> None:
    """Refuse a constraint that bounds nothing, or what cannot be.

    Raises:
        UsageError: naming the option.
    """
    low, high, regression = config.min, config.max, config.max_regression
    if low is None and high is None and regression is None:
        raise UsageError(f"{GROUP}.{name}: has no bound; give max, min or max_regression.")
    if low is not None and high is not None and low > high:
        raise UsageError(f"{GROUP}.{name}: min={low:g} is above max={high:g}; nothing could pass.")
    if regression is not None and regression < 0:
        raise UsageError(f"{GROUP}.{name}.max_regression: {regression:g} is negative; 0.05 allows 5 %.")


def described(config: ConstraintConfig) -> str:
    """The bounds as words, as in "max 300, at most 5 % worse than at the baseline"."""
    bounds = {"max": config.max, "min": config.min}
    said = [f"{name} {bound:g}" for name, bound in bounds.items() if bound is not None]
    if config.max_regression is not None:
        allowed = (
            f"at most {100 * config.max_regression:g} % worse"
            if config.max_regression
            else "may not get worse"
        )
        said.append(f"{allowed} than at the baseline")
    return ", ".join(said)
