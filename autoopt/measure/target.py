"""Whether the incumbent is at the target, with confidence."""

from __future__ import annotations

from autoopt.budget import SURE
from autoopt.journal import Journal
from autoopt.measure.parts import Parts, Stages
from autoopt.measure.sampling import ALONE, seed_of, take_incumbent
from autoopt.measure.standing import measured
from autoopt.records import Level, Sample
from autoopt.schema import Config

MAX_SAMPLES = 8
_MIN_SAMPLES = 2
_EARLY = 0.99
"""Probability that ends it before `MAX_SAMPLES`: looking again and again finds lucky moments."""


def place(config: Config, parts: Parts, journal: Journal) -> None:
    """Find out where the incumbent stands, where its number could mean that the target is reached.

    The samples that made it the incumbent were picked for looking good, so others are taken, with seeds of
    their own, until it is clear whether it is there or not.

    Raises:
        IncumbentError: it no longer runs.
    """
    target, incumbent = config.metric.target, journal.incumbent
    at = measured(journal)
    if target is None or at is None or (incumbent.level is not None and incumbent.level.target == target):
        return
    known = [sample.value for sample in at.samples]
    # Beside another run a commit has half a machine, so that its numbers say nothing of those it has alone.
    if not config.metric.duet and parts.judge.attains(known, target) <= 1 - SURE:
        return
    if parts.judge.exact:
        value = at.value
        journal.placed(
            incumbent.number, Level(target=target, value=value, low=value, high=value, probability=1.0)
        )
        return
    journal.placed(incumbent.number, _level(config, parts, incumbent.number, target))


def _level(config: Config, parts: Parts, number: int, target: float) -> Level:
    stages, commit = Stages(parts.reporter, number), parts.workspace.incumbent
    samples: list[Sample] = []
    probability = 0.5
    while len(samples) < _MIN_SAMPLES or 1 - _EARLY < probability < _EARLY:
        if len(samples) >= MAX_SAMPLES:
            break
        stages.enter("target", f"run {len(samples) + 1} of ≤{MAX_SAMPLES}")
        samples.append(take_incumbent(parts, commit, seed_of(config, number, ALONE + len(samples))))
        probability = parts.judge.attains([sample.value for sample in samples], target)
    level = parts.judge.level([sample.value for sample in samples])
    return Level(
        target=target,
        value=level.estimate,
        low=level.low,
        high=level.high,
        probability=probability,
        samples=tuple(samples),
    )
