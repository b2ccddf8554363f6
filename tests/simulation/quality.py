"""Scores that vary with the seed alone, and scores of folds that share their data; higher is better."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from autoopt.judge import Judge
from autoopt.schema import Direction, Variation, VerdictConfig

LEVEL = 80.0
EFFECTS = {0.0: 0.60, -0.3: 0.15, -1.0: 0.10, 0.3: 0.06, 0.7: 0.06, 1.5: 0.03}
"""Points a change adds to the score, and how many changes do that."""

_SEED, _LUCK = 1.5, 0.5  # points: how hard a seed is for all, and how lucky one commit is with it


@dataclass(frozen=True, slots=True)
class Quality:
    """What became of the changes: (kept, tried) of those that do not help, and of wins from 0.7 points."""

    null: tuple[int, int]
    wins: tuple[int, int]
    runs: float


def seeded(runs: int, length: int = 60, pool: int = 16, seed: int = 0) -> Quality:
    """Experiments share a pool of seeds, each in its own order; the incumbent is scored once a seed."""
    null, wins, taken = np.zeros(2, int), np.zeros(2, int), 0
    for number in range(seed, seed + runs):
        random = np.random.default_rng([number, 3])
        hard = _SEED * random.standard_normal(pool)
        incumbent, level = _scores(random, LEVEL, hard), LEVEL
        judge = Judge(VerdictConfig(), Direction.higher, "points")
        judge.start(incumbent[:5].tolist(), Variation.seed)
        measured = set(range(5))
        for _ in range(length):
            effect = float(random.choice(list(EFFECTS), p=list(EFFECTS.values())))
            challenger = _scores(random, level + effect, hard)
            comparison, verdict, pairs = judge.comparison(most=pool), None, list[tuple[float, float]]()
            order = random.permutation(pool)
            while verdict is None:
                drawn = int(order[len(pairs)])
                taken += 1 + (drawn not in measured)
                measured.add(drawn)
                pairs.append((float(incumbent[drawn]), float(challenger[drawn])))
                verdict = comparison.add(*pairs[-1])
            kept = verdict.outcome.keeps
            judge.learn(pairs, kept)
            if effect <= 0:
                null += (kept, 1)
            elif effect >= 0.7:
                wins += (kept, 1)
            if kept:
                incumbent, level = challenger, level + effect
                measured = {int(one) for one in order[: len(pairs)]}
    return Quality(_pair(null), _pair(wins), taken / (runs * length))


def _scores(random: np.random.Generator, level: float, hard: np.ndarray) -> np.ndarray:
    return level + hard + _LUCK * random.standard_normal(len(hard))


def _pair(counted: np.ndarray) -> tuple[int, int]:
    return int(counted[0]), int(counted[1])


def folded(runs: int, share: float, told: float, length: int = 30, seed: int = 0) -> tuple[int, int]:
    """(kept, tried) of changes that do nothing, where runs score this share of the same data each.

    Args:
        share: By how much the differences of one change's runs resemble each other.
        told: What the judge is told it is.
    """
    kept = 0
    for number in range(seed, seed + runs):
        random = np.random.default_rng([number, 4])
        judge = Judge(VerdictConfig(), Direction.higher, "points", told)
        judge.start((LEVEL + _SEED * random.standard_normal(5)).tolist(), Variation.seed)
        for _ in range(length):
            common = _LUCK * math.sqrt(2 * share / (1 - share)) * random.standard_normal()
            comparison, verdict, pairs = judge.comparison(), None, list[tuple[float, float]]()
            while verdict is None:
                score = LEVEL + _SEED * random.standard_normal()
                luck = common + _LUCK * math.sqrt(2) * random.standard_normal()
                pairs.append((score, score + luck))
                verdict = comparison.add(*pairs[-1])
            judge.learn(pairs, verdict.outcome.keeps)
            kept += verdict.outcome.keeps
    return kept, runs * length
