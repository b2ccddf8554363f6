"""What the judge remembers from experiment to experiment; frozen, so that a replay gives the same again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean, median

from autoopt.judge import posterior
from autoopt.judge.axis import Axis
from autoopt.judge.posterior import Grid, Noise, Posterior
from autoopt.schema import Direction, Variation
from autoopt.stats import robust_sd

Pairs = Sequence[tuple[float, float]]
"""(incumbent, challenger) metric values."""

MIN_TURNED = 3
"""Pairs that a comparison takes at least once an exact metric has disagreed with itself.

An exact experiment has one or two samples, so three pairs tell a replay that the metric stopped being exact.
"""
_UNKNOWN_NOISE = 0.05  # of a pair, when a single baseline sample says nothing about it
_SEED_SHARE = 0.5  # of the baseline's noise, as pairs share the seed; a guess until pairs are there
_NOISE_WINDOW, _RECENT = 60, 12
_LEVEL_WINDOW, _DRIFT_WINDOW = 10, 20
_ENOUGH_DRIFTS = 6
_SEED_WOBBLE = (
    0.03  # of a gain: how far it depends on the seed; a change that does much does not do it evenly
)
_ENOUGH_LEARNED = 4  # differences of pairs, from which on the baseline's no longer count


def _centre(values: Sequence[float]) -> float:
    """Half way between mean and median: nearly as sharp as the one, half as shaken as the other."""
    return 0.5 * (fmean(values) + median(values))


def same(left: float, right: float) -> bool:
    """Whether two samples of an exact metric are equal but for rounding."""
    return math.isclose(left, right, rel_tol=1e-9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The evidence of a run so far.

    Attributes:
        exact: Whether the metric has repeated exactly every time.
        seeded: Whether it varies with the seed alone, which a pair shares: no level is worth remembering, and
            the baseline's noise is not that of a pair.
        levels: The incumbent's last metric values.
        baseline: Differences of neighbouring baseline samples: noise of a pair, free of slow drift.
        twins: Gains of pairs of the incumbent with itself, where those were taken; they go before `baseline`.
        learned: The same from neighbouring pairs; pairs share a seed, so they can be far quieter.
        drifts: How far the first incumbent sample of each experiment was from the remembered level.
    """

    axis: Axis
    exact: bool = False
    seeded: bool = False
    levels: tuple[float, ...] = ()
    baseline: tuple[float, ...] = ()
    twins: tuple[float, ...] = ()
    learned: tuple[float, ...] = ()
    drifts: tuple[float, ...] = ()

    @classmethod
    def begin(
        cls,
        values: Sequence[float],
        direction: Direction,
        variation: Variation = Variation.auto,
        twins: Pairs = (),
    ) -> Memory:
        """A memory that has seen the baseline samples; as `none`, one of them is enough to be exact.

        Args:
            twins: Pairs of the incumbent with itself, where pairs are not taken as the samples were.
        """
        paired = [value for pair in twins for value in pair]
        axis = Axis.of([*values, *paired], direction)
        least = {Variation.none: 1, Variation.auto: 2}.get(variation)
        return cls(
            axis=axis,
            exact=least is not None
            and len(values) >= least
            and all(same(value, values[0]) for value in values),
            seeded=variation is Variation.seed,
            levels=tuple((paired or values)[-_LEVEL_WINDOW:]),
            baseline=tuple(axis.gain(left, right) for left, right in pairwise(values)),
            twins=tuple(axis.gain(*pair) for pair in twins),
        )

    def after(self, pairs: Pairs, kept: bool) -> Memory:
        """The memory once an experiment's pairs are in; none when it crashed."""
        if not pairs:
            return self
        if self.exact and self._repeats(pairs):
            return replace(self, levels=(pairs[0][1],)) if kept else self
        axis = self.axis.covering([value for pair in pairs for value in pair], self.levels)
        gains = [axis.gain(*pair) for pair in pairs]
        differences = [(left - right) / math.sqrt(2) for left, right in pairwise(gains)]
        drifts = (*self.drifts, axis.level(pairs[0][0]) - self._level(axis))[-_DRIFT_WINDOW:]
        return replace(
            self,
            axis=axis,
            exact=False,
            learned=(*self.learned, *differences)[-_NOISE_WINDOW:],
            drifts=drifts,
            levels=self._levels(axis, pairs, drifts, kept),
        )

    def disagreed(self, first: float, again: float) -> Memory:
        """The memory once two samples of one commit differ: no longer exact, and this noisy."""
        axis = self.axis.covering((first, again), self.levels)
        return replace(self, axis=axis, exact=False, learned=(*self.learned, axis.gain(first, again)))

    def noise(self, floor: float) -> Noise:
        """The noise of one pair, pooled over the memory; a noisy spell counts at once.

        Args:
            floor: Smallest standard deviation worth telling from zero.
        """
        first = self.twins or self.baseline
        seen = self.learned if len(self.learned) >= _ENOUGH_LEARNED else (*first, *self.learned)
        if not seen:
            return Noise(max(_UNKNOWN_NOISE, floor), 1.0)
        sd = max(robust_sd(seen[-_NOISE_WINDOW:]), robust_sd(seen[-_RECENT:]), floor)
        if self.seeded and not len(self.learned) >= _ENOUGH_LEARNED:
            return Noise(max(_SEED_SHARE * sd, floor), 1.0)
        # Never surer than a factor of e^0.5: the challenger may be noisier than the pool.
        return Noise(sd, max(0.5, 1 / math.sqrt(1 + len(seen))))

    def noise_of(self, gains: Sequence[float], floor: float) -> Noise:
        """The noise of one of these pairs: that of all pairs, but for what is peculiar to seeds.

        How far scores of one seed move together is a guess until there are pairs, so the first experiment's
        own count as soon as there are enough. And the larger an effect is, the more it depends on the seed.
        """
        if not self.seeded or not gains:
            return self.noise(floor)
        own = tuple((left - right) / math.sqrt(2) for left, right in pairwise(gains))
        is_first = len(self.learned) < _ENOUGH_LEARNED <= len(own)
        noise = (replace(self, learned=(*self.learned, *own)) if is_first else self).noise(floor)
        return replace(noise, sd=math.hypot(noise.sd, _SEED_WOBBLE * median(gains)))

    def guesses(self, pairs: int) -> bool:
        """Whether the noise of these pairs is a guess, by which nothing should be given up."""
        return self.seeded and max(len(self.learned), pairs - 1) < _ENOUGH_LEARNED

    def single(self, floor: float) -> Noise:
        """The noise of one run, where the baseline's runs and the pairs tell it."""
        apart = self.seeded or self.twins  # what a pair has in common, its two runs do not differ by
        alone = replace(self, seeded=False, learned=(), twins=()) if apart else self
        pair = alone.noise(floor)
        return Noise(pair.sd / math.sqrt(2), pair.spread)

    def hope(self, axis: Axis, pairs: Pairs, sd: float, grid: Grid) -> Posterior | None:
        """The posterior of the gain when remembered incumbent runs help; None when they cannot.

        The remembered level drifts between experiments, by as much as earlier first runs were off. It is
        weighed against today's incumbent runs, and dropped when they contradict it. Gains stay paired: where
        a metric varies by seed, only the level is uncertain.
        """
        level = self._level(axis)
        drifts = (*self.drifts, axis.level(pairs[0][0]) - level)[-_DRIFT_WINDOW:]
        if self.seeded or len(drifts) < _ENOUGH_DRIFTS:
            return None
        single = sd * sd / 2  # variance of one run, half that of a pair
        moved = max(robust_sd(drifts) ** 2 - single, single / len(self.levels), 0.09 * single)
        averaged = single / len(pairs)
        off = _centre([axis.level(incumbent) for incumbent, _ in pairs]) - level
        if abs(off) > 3 * math.sqrt(moved + averaged):
            return None
        weight = averaged / (averaged + moved)
        gain = _centre([axis.gain(*pair) for pair in pairs]) + weight * off
        scale = 0.9 * math.sqrt(weight * moved + averaged)
        return posterior.of_level(gain, scale, grid)

    def _repeats(self, pairs: Pairs) -> bool:
        """Whether these are the samples of an exact experiment, not pairs."""
        known, first = pairs[0]
        return len(pairs) < MIN_TURNED and all(
            same(incumbent, known) and same(challenger, first) for incumbent, challenger in pairs
        )

    def _level(self, axis: Axis) -> float:
        return median(map(axis.level, self.levels))

    def _levels(self, axis: Axis, pairs: Pairs, drifts: Sequence[float], kept: bool) -> tuple[float, ...]:
        """The incumbent's latest values: the challenger's when kept, only today's when the level jumped."""
        if kept:
            return tuple(challenger for _, challenger in pairs)[-_LEVEL_WINDOW:]
        today = tuple(incumbent for incumbent, _ in pairs)
        off = median(map(axis.level, today)) - self._level(axis)
        jumped = len(drifts) >= _ENOUGH_DRIFTS and abs(off) > 3 * robust_sd(drifts)
        return ((() if jumped else self.levels) + today)[-_LEVEL_WINDOW:]
