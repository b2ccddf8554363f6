"""What there is to tell about one decision, worked out once for the terminal, the page and `--json`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import stdev

from autoopt.journal import pairs
from autoopt.records import Experiment, Outcome, Sample, Verdict
from autoopt.reporters import words
from autoopt.schema import Direction

VARIATIONS = {
    "none": "not at all: the number is the same every time",
    "seed": "with AUTOOPT_SEED alone: each seed is a pair",
    "noise": "from run to run",
}
"""How a metric may vary, as the baseline says it, in words."""


def gains(experiment: Experiment, direction: Direction) -> tuple[float, ...]:
    """The gain of each pair in the verdict's unit (log ratio or difference), positive is better.

    None where the metric is exact: there are no pairs then.
    """
    is_ratio, sign = has_ratios(experiment), -1 if direction is Direction.lower else 1
    values = [(pair.incumbent.value, pair.challenger.value) for pair in pairs(experiment)]
    return tuple(sign * (math.log(new) - math.log(old) if is_ratio else new - old) for old, new in values)


def has_ratios(experiment: Experiment) -> bool:
    """Whether its gains are log ratios rather than differences in the metric's unit."""
    verdict = experiment.verdict
    positive = all(min(pair.incumbent.value, pair.challenger.value) > 0 for pair in pairs(experiment))
    return positive and (verdict is None or verdict.is_ratio)


def is_given_up(verdict: Verdict) -> bool:
    """Whether a run was ended before it gave a number: the effect is then the least that it loses."""
    return verdict.noise > 0 and verdict.low == verdict.high


def why(experiment: Experiment, direction: Direction, unit: str) -> str:
    """What decided it, in sentences: what the judge noted, else what its numbers say; guards come first."""
    failed = [finding.guard for finding in experiment.findings if not finding.passed]
    said = [f"Not kept whatever the numbers say: {_refused(failed)}."] if failed else []
    if experiment.verdict is None:
        said.append(_unjudged(experiment, unit))
    else:
        said.append(experiment.verdict.why or _computed(experiment, experiment.verdict, direction, unit))
    return words.one_line(" ".join(filter(None, said)))


def _refused(guards: Sequence[str]) -> str:
    return f"{' and '.join(guards)} refused it"


def _unjudged(experiment: Experiment, unit: str) -> str:
    if experiment.failure is not None:
        return f"No number, so nothing to judge: {words.decision(experiment)}."
    if not experiment.is_try and experiment.measurement is not None:
        return _baseline(experiment.measurement.samples, unit)
    return ""


def _baseline(samples: Sequence[Sample], unit: str) -> str:
    values = [sample.value for sample in samples]
    taken = words.count(len(values), "sample")
    if min(values) == max(values):
        return f"{taken}, all {words.number(values[0], unit)}."
    return f"{taken}, from {words.change(min(values), max(values), unit).replace(' → ', ' to ')}."


def _computed(experiment: Experiment, verdict: Verdict, direction: Direction, unit: str) -> str:
    """What the numbers of the verdict say, for one that carries no reason of its own."""
    found = gains(experiment, direction)
    if not found or verdict.low == verdict.high:
        return _exact(verdict)
    better = sum(gain > 0 for gain in found)
    effect = words.gain(verdict.effect, direction, unit, is_ratio=verdict.is_ratio)
    ends = words.interval(verdict.low, verdict.high, direction, unit, is_ratio=verdict.is_ratio)
    likely = words.percent_sure(verdict.probability)
    said = (
        f"{better} of {words.count(len(found), 'pair')} were better; "
        f"{effect} on average (95 % {ends}), {likely} that it gains anything."
    )
    if len(found) > 2:
        said += f" The pairs spread by {_size(stdev(found), unit, is_ratio=verdict.is_ratio)}."
    return f"{said} {_CONCLUSIONS[verdict.outcome]}"


_CONCLUSIONS = {
    Outcome.better: "That is sure enough, and large enough to be worth a commit.",
    Outcome.holds: "It is simpler and costs less than would be worth a commit.",
    Outcome.same: "A gain worth a commit is not plausible any more.",
    Outcome.worse: "It is worse.",
    Outcome.unclear: "Doubt means no.",
}


def _exact(verdict: Verdict) -> str:
    if verdict.effect > 0:
        return "The number repeats exactly, and it is better."
    return f"The number repeats exactly, and it is {'the same' if verdict.effect == 0 else 'worse'}."


def numbers(verdict: Verdict, direction: Direction, unit: str) -> Mapping[str, str]:
    """The numbers a verdict was reached by, as people read them; only those it carries."""
    said = {}
    if verdict.noise > 0:
        said["noise of a pair"] = _size(verdict.noise, unit, is_ratio=verdict.is_ratio)
    if verdict.reach > 0:
        least = words.gain(verdict.reach, direction, unit, is_ratio=verdict.is_ratio)
        said["worth waiting for"] = f"a gain from {least}"
    if verdict.patience:
        said["patience"] = verdict.patience
    return said


def _size(spread: float, unit: str, *, is_ratio: bool) -> str:
    """A spread, which has no direction."""
    return words.percent(math.expm1(min(spread, 50.0))) if is_ratio else words.number(spread, unit)
