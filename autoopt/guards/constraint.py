"""A guard that bounds a further number of the measured runs: training time, memory, anything printed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from autoopt.errors import UsageError
from autoopt.records import Change, Finding, Proposal, Sample, Trial
from autoopt.schema import ConstraintConfig, Direction

GROUP = "constraints"
KNOWN: Mapping[str, Callable[[Sample], float]] = {
    "wall_s": lambda sample: sample.wall_s,
    "cpu_s": lambda sample: sample.cpu_s,
    "peak_mb": lambda sample: sample.peak_bytes / 1e6,
}
"""Numbers that every run has, measured from outside; a `METRIC` line of the same name is not asked."""


class Constraint:
    """Passes a change whose number, over the pairs that were measured, stays within its bounds."""

    def __init__(self, name: str, config: ConstraintConfig) -> None:
        """Bound the number `name`.

        Raises:
            UsageError: there is no bound, or none that can hold.
        """
        self._name = name
        self._config = config
        check(name, config)

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        """Compare the medians with the bounds, and with the incumbent's."""
        found = self._values(trial.challengers.samples)
        if not found:
            return self._finding(self._absence(trial.challengers.samples))
        objections = [self._bounds(median(found)), self._regression(found, trial)]
        return self._finding("; ".join(filter(None, objections)))

    def _values(self, samples: Sequence[Sample]) -> list[float]:
        """The number in each of the samples; none where one of them lacks it."""
        read = KNOWN.get(self._name)
        values = [read(one) if read else one.details.get(self._name, math.nan) for one in samples]
        return [] if any(math.isnan(value) for value in values) else values

    def _absence(self, samples: Sequence[Sample]) -> str:
        printed = sorted({name for sample in samples for name in sample.details})
        return (
            f"the metric command printed no line `METRIC {self._name}=...`; known are "
            f"{', '.join([*KNOWN, *printed])}"
        )

    def _bounds(self, value: float) -> str:
        low, high = self._config.min, self._config.max
        if high is not None and value > high:
            return f"{value:.4g} is more than max={high:g}"
        if low is not None and value < low:
            return f"{value:.4g} is less than min={low:g}"
        return ""

    def _regression(self, found: Sequence[float], trial: Trial) -> str:
        """How much worse than the incumbent's, where that is more than is allowed.

        Pair by pair where there are pairs; else (the metric is exact) against the incumbent's own runs.
        """
        allowed = self._config.max_regression
        if allowed is None:
            return ""
        if trial.incumbents:
            before = self._values(trial.incumbents)
            worse = [self._worse(*pair) for pair in zip(before, found, strict=True)] if before else []
        else:
            before = self._values(trial.incumbent.samples) if trial.incumbent else []
            worse = [self._worse(median(before), median(found))] if before else []
        if not worse or median(worse) <= allowed:
            return ""
        return (
            f"{median(before):.4g} → {median(found):.4g}, {median(worse):.1%} worse, more than "
            f"max_regression={allowed:g}"
        )

    def _worse(self, before: float, after: float) -> float:
        """By which part of `before` it got worse; negative when it got better."""
        lost = after - before if self._config.direction is Direction.lower else before - after
        return lost / abs(before) if before else math.copysign(math.inf, lost) if lost else 0.0

    def _finding(self, objection: str) -> Finding:
        return Finding(guard=f"{GROUP}.{self._name}", passed=not objection, message=objection)


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
    """The bounds as words, as in "max 300, at most 5 % worse"."""
    bounds = {"max": config.max, "min": config.min}
    said = [f"{name} {bound:g}" for name, bound in bounds.items() if bound is not None]
    if config.max_regression is not None:
        allowed = (
            f"at most {100 * config.max_regression:g} % worse"
            if config.max_regression
            else "may not get worse"
        )
        said.append(allowed)
    return ", ".join(said)
