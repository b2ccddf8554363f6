"""Is the challenger better? A sequential posterior over interleaved pairs; pure: no I/O, clock or randomness.

`Judge` holds what a run knows, `Comparison` one experiment's evidence, `Claim` the final confirmation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from autoopt.errors import UsageError
from autoopt.judge.claim import Claim
from autoopt.judge.comparison import Comparison, Rule
from autoopt.judge.memory import Memory, Pairs
from autoopt.judge.words import Words
from autoopt.schema import Direction, Patience, VerdictConfig

__all__ = ["Claim", "Comparison", "Judge", "Rule"]

_PATIENCE = {
    # keep, stop, pairs, gain confirmed reliably in pair noise
    Patience.quick: (0.95, 0.5, 8, 2.3),
    Patience.default: (0.95, 0.3, 16, 1.7),
    Patience.patient: (0.95, 0.1, 24, 1.2),
    Patience.careful: (0.99, 0.05, 32, 1.0),
}


class Judge:
    """What a run knows about its metric: the noise, the incumbent's level, whether numbers repeat exactly.

    All of it follows from the baseline values and the sequence of `learn` calls, so replaying a journal
    gives the same judge again.
    """

    def __init__(self, config: VerdictConfig, direction: Direction, unit: str = "") -> None:
        """Start knowing nothing.

        Args:
            config: Patience and thresholds.
            direction: Which way the metric is better.
            unit: The metric's unit; a unit of time makes lower values "faster" in sentences.

        Raises:
            UsageError: a threshold is out of range.
        """
        self._rule = _rule(config)
        self._unit = unit
        self._direction = direction
        self._memory = Memory.begin((), direction)

    def start(self, values: Sequence[float]) -> None:
        """Learn the baseline's metric values."""
        self._memory = Memory.begin(values, self._direction)

    def comparison(self, simplifies: bool = False, held: int = 0) -> Comparison:
        """An experiment's empty comparison.

        Args:
            simplifies: Whether the challenger is simpler, so that it has only to hold the metric
                (`Outcome.holds`): it must not cost the smallest gain worth a commit, and where the metric is
                exact nothing at all.
            held: How many simplifications were kept for holding the metric; each may cost less than the one
                before, so that many of them cannot wear it down.
        """
        allowance = self._rule.delta / (1 + held) if simplifies else None
        return Comparison(self._memory, self._rule, self._unit, allowance)

    def learn(self, pairs: Pairs, kept: bool) -> None:
        """Learn from a decided experiment, live or replayed.

        Args:
            pairs: (incumbent, challenger) metric values; the incumbent's known value where it was not
                measured because the metric is exact; empty for a crash.
            kept: Whether the challenger is the incumbent now.
        """
        self._memory = self._memory.after(pairs, kept)

    @property
    def exact(self) -> bool:
        """Whether the metric has repeated exactly so far, so that single samples decide."""
        return self._memory.exact

    @property
    def noise(self) -> float:
        """Standard deviation of one pair: a log ratio, or a difference in the metric's unit; 0 if exact."""
        return 0.0 if self.exact else self._memory.axis.effect(self._memory.noise(self._rule.floor).sd)

    def smallest_gain(self) -> float:
        """The gain that 9 of 10 comparisons confirm: a log ratio, or for differences in the metric's unit.

        0 for an exact metric, of which any gain counts.
        """
        if self.exact:
            return 0.0
        sd = self._memory.noise(self._rule.floor).sd
        return self._memory.axis.effect(max(self._rule.delta, self._rule.power * sd))

    def in_words(self, effect: float) -> str:
        """The size of a gain as records hold it, for a person: "3.1 %", or "0.2 points" for differences."""
        axis = self._memory.axis
        return Words(axis, self._unit).amount(effect / (axis.reference or 1.0))


def _rule(config: VerdictConfig) -> Rule:
    keep, stop, pairs, power = _PATIENCE[config.patience]
    if not 0 <= config.min_effect < 1:
        raise UsageError(
            f"verdict.min_effect is {config.min_effect:g}, but a share of the metric lies in [0, 1); "
            "0.005 is 0.5 %."
        )
    if config.keep is not None and not 0.5 < config.keep < 1:
        raise UsageError(
            f"verdict.keep is {config.keep:g}, but the probability a keep needs lies above 0.5 and below 1; "
            "0.95 is usual."
        )
    return Rule(
        keep=keep if config.keep is None else config.keep,
        stop=stop,
        max_pairs=pairs,
        delta=-math.log1p(-config.min_effect),
        power=power,
    )
