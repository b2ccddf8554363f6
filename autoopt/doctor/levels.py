"""What each patience confirms, and what an experiment takes with it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from autoopt.judge import Comparison, Judge
from autoopt.schema import Config, Direction, Patience, Variation

LEVELS = (Patience.quick, Patience.default, Patience.patient, Patience.careful)
_IDEAS = 60  # simulated at each level
_NOTHING, _HARM = 0.6, 0.85  # of all ideas do nothing; of all do nothing or harm
_SMALL, _LARGE = 0.05, 0.3  # mean size of seven in ten of the others, and of the rest
_SAME = 5  # of all simulations, so that levels differ by their patience alone
_GAINS = 0.15  # of ideas, which a number that repeats exactly is taken twice for


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One patience.

    Attributes:
        gain: The smallest gain that 9 of 10 comparisons confirm: a log ratio, or a difference.
        words: That gain, for a person.
        pairs: What an idea takes in the mean, most ideas being of no use; runs where the metric is exact.
        most: What it may take.
        seconds: An experiment's measuring, checkouts made ready included.
    """

    patience: Patience
    gain: float
    words: str
    pairs: float
    most: int
    seconds: float


def levels(
    config: Config, judge: Judge, share: float, how: Variation, pair_s: float, ready_s: float
) -> tuple[Level, ...]:
    """Each patience by itself, whatever is configured.

    Args:
        judge: Knows the noise.
        share: The noise of a pair as a share of the value; 0 where the metric is exact.
        how: How the metric varies.
        pair_s: What a pair takes.
        ready_s: What making both checkouts ready takes, once for each experiment.
    """
    return tuple(_level(config, one, judge, share, how, pair_s, ready_s) for one in LEVELS)


def _level(
    config: Config,
    patience: Patience,
    judge: Judge,
    share: float,
    how: Variation,
    pair_s: float,
    ready_s: float,
) -> Level:
    gain = judge.smallest_gain(patience)
    if judge.exact:
        pairs, most, unit_s = 1 + _GAINS, 2, pair_s / 2
    else:
        seeds = config.metric.seeds if how is Variation.seed else None
        pairs, most = _simulated(config, patience, share, seeds)
        unit_s = pair_s / 2 if seeds else pair_s  # the incumbent's run with a seed is there already
    return Level(
        patience=patience,
        gain=gain,
        words=judge.in_words(gain),
        pairs=pairs,
        most=most,
        seconds=ready_s + pairs * unit_s,
    )


def _simulated(config: Config, patience: Patience, share: float, seeds: int | None) -> tuple[float, int]:
    """Pairs that an idea takes in the mean and at most, by the judge itself on simulated ideas."""
    judge = Judge(replace(config.verdict, patience=patience), Direction.lower, share=config.metric.test_share)
    before = random.Random(_SAME)
    judge.start([_run(before, share) for _ in range(config.metric.baseline_samples)], Variation.noise)
    taken, most = 0, 0
    for number, effect in enumerate(_ideas()):
        comparison = judge.comparison(most=seeds)
        pairs = list(_decide(comparison, random.Random(number), share, effect))
        judge.learn(pairs, False)
        taken, most = taken + len(pairs), comparison.max_pairs
    return taken / _IDEAS, most


def _decide(
    comparison: Comparison, chance: random.Random, share: float, effect: float
) -> Iterator[tuple[float, float]]:
    verdict = None
    while verdict is None:
        pair = _run(chance, share), _run(chance, share) * math.exp(-effect)
        verdict = comparison.add(*pair)
        yield pair


def _ideas() -> Iterator[float]:
    """Log gains of ideas as they usually are, the same every time: most do nothing, some harm, few help."""
    chance = random.Random(_SAME)
    for _ in range(_IDEAS):
        kind, size = chance.random(), chance.expovariate(1 / (_SMALL if chance.random() < 0.7 else _LARGE))
        yield 0.0 if kind < _NOTHING else -size if kind < _HARM else size


def _run(chance: random.Random, share: float) -> float:
    return math.exp(chance.gauss(0.0, max(share, 1e-9) / math.sqrt(2)))
