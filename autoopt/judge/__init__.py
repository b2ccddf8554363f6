"""Is the challenger better? A sequential posterior over interleaved pairs; pure: no I/O, clock or randomness.

`Judge` holds what a run knows, `Comparison` one experiment's evidence, `Claim` the final confirmation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

from autoopt.codec import decode, encode
from autoopt.errors import UsageError
from autoopt.judge import posterior
from autoopt.judge.axis import Axis
from autoopt.judge.bounds import breach, exceeds
from autoopt.judge.claim import Claim
from autoopt.judge.comparison import Comparison
from autoopt.judge.memory import Memory, Pairs, same
from autoopt.judge.patience import TERMS, patience_of
from autoopt.judge.posterior import Posterior
from autoopt.judge.rule import MIN_KEPT, Rule
from autoopt.judge.words import Words
from autoopt.schema import Direction, Patience, Variation, VerdictConfig
from autoopt.stats import Interval, shared_variance

__all__ = ["Claim", "Comparison", "Judge", "Rule", "breach", "exceeds", "patience_of"]


_HOPELESS = 0.5  # of the metric: gains that large are hardly ever found
_QUIETER = (
    "`autoopt doctor` finds a quieter way to measure (CPU time, both at once, a longer or larger run), and "
    "verdict.patience=careful takes more pairs"
)


class Judge:
    """What a run knows about its metric: the noise, the incumbent's level, whether numbers repeat exactly.

    All of it follows from the baseline values and the sequence of `learn` calls, so replaying a journal
    gives the same judge again.
    """

    def __init__(
        self, config: VerdictConfig, direction: Direction, unit: str = "", share: float = 0.0
    ) -> None:
        """Start knowing nothing.

        Args:
            config: Patience and thresholds.
            direction: Which way the metric is better.
            unit: The metric's unit; a unit of time makes lower values "faster" in sentences.
            share: Where pairs score parts of the same data (folds): the share that each scores.

        Raises:
            UsageError: a threshold is out of range.
        """
        _check(config, share)
        self._config = config
        self._overlap = shared_variance(share)
        self._rule = self._rule_of()
        self._unit = unit
        self._direction = direction
        self._memory = Memory.begin((), direction)

    def start(
        self, values: Sequence[float], variation: Variation = Variation.auto, twins: Pairs = ()
    ) -> None:
        """Learn the incumbent's metric values, and nothing of what was before them.

        Args:
            values: The samples; a single one of an exact metric is enough where `none` is given.
            variation: How the metric varies; with `auto`, values that are all equal make it exact.
            twins: Pairs of the incumbent with itself, where pairs are not taken as `values` were (both at
                once): what pairs vary by and about, while `values` tell that of single runs.
        """
        self._memory = Memory.begin(values, self._direction, variation, twins)

    def comparison(
        self,
        simplifies: bool = False,
        held: int = 0,
        patience: Patience | None = None,
        most: int | None = None,
    ) -> Comparison:
        """An experiment's empty comparison.

        Args:
            simplifies: Whether the challenger is simpler, so that it has only to hold the metric
                (`Outcome.holds`): it must not cost the smallest gain worth a commit, and where the metric is
                exact nothing at all.
            held: How many simplifications were kept for holding the metric; each may cost less than the one
                before, so that many of them cannot wear it down.
            patience: What `verdict.patience: auto` stands for at this moment; default when left out.
            most: Pairs there can be, as where only so many seeds are shared.
        """
        rule = self._rule_of(patience if self._config.patience is Patience.auto else None, most)
        allowance = rule.delta / (1 + held) if simplifies else None
        return Comparison(self._memory, rule, self._unit, allowance)

    def _rule_of(self, patience: Patience | None = None, most: int | None = None) -> Rule:
        """The thresholds at this patience, by default the configured one."""
        config = self._config
        chosen = config.patience if patience is None else patience
        chosen = Patience.default if chosen is Patience.auto else chosen
        terms = TERMS[chosen]
        pairs = config.max_pairs or terms.pairs
        return Rule(
            keep=terms.keep if config.keep is None else config.keep,
            stop=terms.stop,
            max_pairs=pairs if most is None else max(MIN_KEPT, min(pairs, most)),
            delta=-math.log1p(-config.min_effect),
            power=terms.power,
            usual_pairs=terms.pairs,
            overlap=self._overlap,
            patience=chosen.value,
        )

    def learn(self, pairs: Pairs, kept: bool) -> None:
        """Learn from a decided experiment, live or replayed.

        Args:
            pairs: (incumbent, challenger) metric values; the incumbent's known value where it was not
                measured because the metric is exact; empty for a crash.
            kept: Whether the challenger is the incumbent now.
        """
        self._memory = self._memory.after(pairs, kept)

    def remembered(self) -> Any:
        """What was learned so far, as plain data."""
        return encode(self._memory)

    def recall(self, remembered: Any) -> None:
        """Know what another judge of the same metric had `remembered`."""
        self._memory = decode(Memory, remembered)

    @property
    def exact(self) -> bool:
        """Whether the metric has repeated exactly so far, so that single samples decide."""
        return self._memory.exact

    @property
    def noise(self) -> float:
        """Standard deviation of one pair: a log ratio, or a difference in the metric's unit; 0 if exact."""
        return 0.0 if self.exact else self._memory.axis.effect(self._memory.noise(self._rule.floor).sd)

    def smallest_gain(self, patience: Patience | None = None) -> float:
        """The gain that 9 of 10 comparisons confirm: a log ratio, or for differences in the metric's unit.

        0 for an exact metric, of which any gain counts.

        Args:
            patience: Whatever is configured; left out, what is (default for `auto`).
        """
        if self.exact:
            return 0.0
        rule = self._rule_of(patience)
        return self._memory.axis.effect(rule.confirmed(self._memory.noise(rule.floor).sd))

    def outlook(self, patience: Patience | None = None) -> str:
        """What comparisons will see in this noise, and what to do where that is next to nothing.

        Args:
            patience: Whatever is configured; left out, what is (default for `auto`).
        """
        if self.exact:
            return "the number is exact, any gain counts"
        gain = self.smallest_gain(patience)
        said = self.in_words(gain)
        room = self._room()
        if room is not None and gain > room:
            return (
                f"hopeless noise: only gains of {said} and more would be confirmed, and the best number "
                f"there can be is {self.in_words(room)} away; {_QUIETER}"
            )
        if self._memory.axis.is_ratio and self._memory.axis.change(gain) > _HOPELESS:
            return f"hopeless noise: only gains of {said} and more will be confirmed; {_QUIETER}"
        return f"gains of {said} and more will be seen"

    def _room(self) -> float | None:
        """The largest gain there can be, of a score that has a best value; None where nothing bounds it."""
        memory = self._memory
        if self._direction is Direction.lower or not memory.axis.is_ratio or not memory.levels:
            return None
        highest = max(memory.levels)
        if self._unit == "%" and highest <= 100:
            best = 100.0
        elif memory.seeded and highest <= 1:
            best = 1.0
        else:
            return None
        return memory.axis.gain(median(memory.levels), best)

    def level(self, values: Sequence[float]) -> Interval:
        """What the metric of these runs varies about, in the metric's unit, with 95 % limits.

        Args:
            values: At least one; of an exact metric they are the level.
        """
        centre = median(values)
        if self.exact:
            return Interval(centre, centre, centre)
        axis, belief = self._level_of(values, centre)
        ends = sorted(axis.value(belief.quantile(probability)) for probability in (0.025, 0.975))
        return Interval(axis.value(belief.quantile(0.5)), *ends)

    def attains(self, values: Sequence[float], target: float) -> float:
        """P(the level of these runs is at least as good as the target); 0 or 1 where the metric is exact.

        Args:
            values: At least one.
            target: The metric value asked for.
        """
        if self.exact:
            axis = Axis.of([*values, target], self._direction)
            last = values[-1]
            return float(same(last, target) or axis.gain(target, last) > 0)
        axis, belief = self._level_of(values, target)
        return belief.at_least(axis.level(target))

    def _level_of(self, values: Sequence[float], mark: float) -> tuple[Axis, Posterior]:
        axis = self._memory.axis.covering([*values, mark], self._memory.levels or values)
        noise = self._memory.single(self._rule.floor)
        return axis, posterior.of_values([axis.level(value) for value in values], noise, axis.level(mark))

    def in_words(self, effect: float) -> str:
        """The size of a gain as records hold it, for a person: "3.1 %", or "0.2 points" for differences."""
        axis = self._memory.axis
        return Words(axis, self._unit).amount(effect / (axis.reference or 1.0))


def _check(config: VerdictConfig, share: float) -> None:
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
    if config.max_pairs is not None and config.max_pairs < MIN_KEPT:
        raise UsageError(
            f"verdict.max_pairs is {config.max_pairs}, but a keep needs {MIN_KEPT} pairs; 16 is usual."
        )
    if not 0 <= share < 1:
        raise UsageError(
            f"metric.test_share is {share:g}, but a share lies in [0, 1); 0.2 for five folds, 0 for none."
        )
