"""What leaves here of each experiment: one plain object, the same for every format.

The fields are a promise to whoever reads them (`FIELDS` says each in a sentence): they are added to, and
`SCHEMA` changes when one changes its meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from autoopt.records import Experiment, Finding, Verdict

SCHEMA = "autoopt.experiment/1"
FIELDS: Mapping[str, str] = {
    "schema": f'"{SCHEMA}".',
    "run": "The run's id.",
    "number": "0 is the baseline.",
    "status": "baseline, keep, follow, discard, inspector-reject or crash.",
    "finished": "UTC, ISO 8601.",
    "value": "The median of the challenger's samples, in the unit; null where there was no number.",
    "unit": "The metric's unit; may be empty.",
    "direction": "lower or higher, whichever is better.",
    "gain": "The estimated gain, positive is better: a ratio (0.03 is 3 %), or in the unit where "
    "gain_is_ratio is false; null where nothing was judged.",
    "gain_low": "Lower end of its 95 % interval.",
    "gain_high": "Upper end of it.",
    "gain_is_ratio": "Whether gain, gain_low and gain_high are ratios.",
    "probability": "How sure it is that there is a gain at all.",
    "pairs": "Interleaved pairs behind it.",
    "why": "What decided it, in words.",
    "description": "What was done.",
    "hypothesis": "What was expected of it, and why.",
    "area": "The part of the code.",
    "source": "Who proposed it.",
    "parameters": "The values it stands for, when it came from a search.",
    "commit": "Its commit; empty where it was never committed.",
    "parent": "The commit it was measured against.",
    "paths": "Files that it changed.",
    "lines_added": "Lines it brought.",
    "lines_removed": "Lines it took away.",
    "challenger": "The change's samples, in the unit.",
    "incumbent": "The incumbent's samples of the same pairs; empty where the number is exact.",
    "numbers": "Further numbers the command printed, medians.",
    "findings": "What the guards said: guard, passed, message, where, suspect.",
    "failure": "Why it crashed; null where it did not.",
    "seconds": "Wall seconds by stage.",
    "cost_usd": "What agents cost, in US dollars.",
    "tokens": "Tokens that agents used.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is true of every experiment of a run.

    Attributes:
        why: What decided an experiment, in words.
        gain: A log effect as the ratio by which the metric got better.
    """

    run: str
    unit: str
    direction: str
    why: Callable[[Experiment], str]
    gain: Callable[[float], float]


def rows(history: Sequence[Experiment], about: About) -> Iterator[dict[str, Any]]:
    """One object for each experiment, baseline first, with exactly the fields of `FIELDS` in their order."""
    for experiment in history:
        yield _row(experiment, about)


def _row(experiment: Experiment, about: About) -> dict[str, Any]:
    measurement, usage = experiment.measurement, experiment.usage
    return {
        "schema": SCHEMA,
        "run": about.run,
        "number": experiment.number,
        "status": experiment.status.value,
        "finished": experiment.finished,
        "value": _finite(experiment.value),
        "unit": about.unit,
        "direction": about.direction,
        **_gains(experiment.verdict, about),
        "why": about.why(experiment),
        "description": experiment.description,
        "hypothesis": experiment.hypothesis,
        "area": experiment.area,
        "source": experiment.source,
        "parameters": dict(experiment.parameters),
        "commit": experiment.commit,
        "parent": experiment.parent,
        "paths": list(experiment.paths),
        "lines_added": experiment.added,
        "lines_removed": experiment.removed,
        "challenger": [] if measurement is None else [one.value for one in measurement.samples],
        "incumbent": [one.value for one in experiment.incumbent_samples],
        "numbers": _numbers(experiment),
        "findings": [_finding(one) for one in experiment.findings],
        "failure": None if experiment.failure is None else experiment.failure.reason,
        "seconds": dict(experiment.seconds),
        "cost_usd": usage.cost_usd,
        "tokens": usage.tokens,
    }


def _gains(verdict: Verdict | None, about: About) -> dict[str, Any]:
    if verdict is None:
        return dict.fromkeys(("gain", "gain_low", "gain_high", "gain_is_ratio", "probability", "pairs"))
    shown = about.gain if verdict.is_ratio else float
    return {
        "gain": _finite(shown(verdict.effect)),
        "gain_low": _finite(shown(verdict.low)),
        "gain_high": _finite(shown(verdict.high)),
        "gain_is_ratio": verdict.is_ratio,
        "probability": _finite(verdict.probability),
        "pairs": verdict.pairs,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in ("guard", "passed", "message", "where", "suspect")}


def _numbers(experiment: Experiment) -> dict[str, float]:
    samples = () if experiment.measurement is None else experiment.measurement.samples
    names = dict.fromkeys(name for sample in samples for name in sample.details)
    found = {name: median(one.details[name] for one in samples if name in one.details) for name in names}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _finite(value: float | None) -> float | None:
    """The number, if JSON can hold it."""
    return value if value is None or math.isfinite(value) else None
