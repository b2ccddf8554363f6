"""What decides about a change: what people do, a plain paired rule to compare with, and the judge."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import fmean, median
from typing import Protocol

from autoopt.judge import Comparison, Judge
from autoopt.records import Verdict
from autoopt.schema import Direction, Patience, Variation, VerdictConfig

from .reference import Reference
from .worlds import Bench

BASELINE = 5
VOID = 3
"""Pairs of a comparison that may be void because both runs took too long."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the change stays, the gain it is said to have, and between which limits."""

    keep: bool
    gain: float = 0.0
    low: float = math.nan
    high: float = math.nan
    pairs: int = 0


class Rule(Protocol):
    """Measures the baseline once, then decides about one change after the other."""

    def start(self, bench: Bench) -> None: ...

    def decide(self, bench: Bench) -> Decision: ...


class Stored:
    """The mean of so many runs against the best mean so far."""

    def __init__(self, runs: int) -> None:
        self._runs = runs

    def start(self, bench: Bench) -> None:
        self._best = fmean(bench.incumbent() for _ in range(self._runs))

    def decide(self, bench: Bench) -> Decision:
        mean = fmean(bench.challenger() for _ in range(self._runs))
        if mean >= self._best:
            return Decision(False)
        gain, self._best = math.log(self._best / mean), mean
        return Decision(True, gain)


class MadScore:
    """One run against the best so far, once it is two deviations of all values from the baseline."""

    def start(self, bench: Bench) -> None:
        self._baseline = self._best = bench.incumbent()
        self._values = [self._best]

    def decide(self, bench: Bench) -> Decision:
        value = bench.challenger()
        self._values.append(value)
        if value >= self._best or (len(self._values) > 2 and self._score(value) < 2):
            return Decision(False)
        gain, self._best = math.log(self._best / value), value
        return Decision(True, gain)

    def _score(self, value: float) -> float:
        middle = median(self._values)
        deviation = median(abs(seen - middle) for seen in self._values)
        return abs(value - self._baseline) / deviation if deviation else math.inf


class Paired:
    """Interleaved pairs until a posterior under one prior and the pooled noise is sure, or hopeless."""

    def start(self, bench: Bench) -> None:
        self._rule = Reference([bench.incumbent() for _ in range(BASELINE + 1)])

    def decide(self, bench: Bench) -> Decision:
        if self._rule.exact:
            verdict = self._rule.exactly(bench.challenger)
            if verdict is not None:
                return Decision(*verdict)
        return Decision(*self._rule.by_pairs(bench.pair))


class Judged:
    """`autoopt.judge`, driven as the loop does: re-runs where the metric is exact, hopeless runs ended."""

    def __init__(self, patience: Patience = Patience.default, *, simplifies: bool = False) -> None:
        self._patience, self._simplifies, self._held = patience, simplifies, 0

    def start(self, bench: Bench) -> None:
        values = [bench.incumbent() for _ in range(BASELINE)]
        self.judge = Judge(VerdictConfig(patience=self._patience), Direction.lower, "s")
        exact = len(set(values)) == 1
        self.judge.start(values, Variation.none if exact else Variation.noise)
        self._known = values[-1]

    def decide(self, bench: Bench) -> Decision:
        comparison = self.judge.comparison(self._simplifies, self._held)
        pairs: list[tuple[float, float]] = []
        verdict = self._singly(comparison, bench, pairs) if comparison.exact else None
        verdict = verdict or self._in_pairs(comparison, bench, pairs)
        keep = verdict.outcome.keeps
        self.judge.learn(pairs, keep)
        if keep:
            self._known = pairs[-1][1]
            self._held += verdict.outcome.value == "holds"
        return Decision(keep, verdict.effect, verdict.low, verdict.high, verdict.pairs)

    def _singly(
        self, comparison: Comparison, bench: Bench, pairs: list[tuple[float, float]]
    ) -> Verdict | None:
        """The verdict of single runs; None once they show that the metric is not exact."""
        verdict = None
        while verdict is None:
            if pairs:  # a gain is about to be confirmed: is the incumbent still what it was?
                comparison.recheck(bench.incumbent())
            if not comparison.exact:
                pairs.clear()
                return None
            pairs.append((self._known, bench.challenger()))
            verdict = comparison.add_exact(pairs[-1][1])
        return verdict

    def _in_pairs(self, comparison: Comparison, bench: Bench, pairs: list[tuple[float, float]]) -> Verdict:
        verdict, void = None, 0
        while verdict is None:
            limit = comparison.limit() if void < VOID else None
            incumbent, challenger = bench.pair()
            if limit is not None and challenger > limit:
                if incumbent <= limit:
                    return comparison.give_up(limit)
                void += 1
                continue
            pairs.append((incumbent, challenger))
            verdict = comparison.add(incumbent, challenger)
        return verdict


RULES: dict[str, Callable[[], Rule]] = {
    "single run": partial(Stored, 1),
    "mean of 5": partial(Stored, 5),
    "MAD score": MadScore,
    "reference": Paired,
    "autoopt": Judged,
    "autoopt quick": partial(Judged, Patience.quick),
    "autoopt patient": partial(Judged, Patience.patient),
    "autoopt careful": partial(Judged, Patience.careful),
    "autoopt simplifying": partial(Judged, simplifies=True),
}
"""By the names of the tables."""
