"""One experiment before the judge: evidence comes in, a verdict comes out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from autoopt.judge import posterior
from autoopt.judge.axis import Axis
from autoopt.judge.memory import MIN_TURNED, Memory, same
from autoopt.judge.posterior import Noise, Posterior
from autoopt.judge.reasons import Standing
from autoopt.judge.rule import MIN_KEPT as MIN_KEPT
from autoopt.judge.rule import Rule as Rule
from autoopt.judge.words import Words, count, value
from autoopt.records import Outcome, Verdict
from autoopt.schema import Direction

SURE_HARM = 0.95
"""P(theta < 0) from which a rejected challenger counts as worse rather than the same."""

_LUCK = 1.0  # standard errors
_HOPELESS = 1.5  # times the incumbent's value
_LARGEST_FACTOR = 10.0  # as a logarithm, of noise that says nothing


class Comparison:
    """One challenger's evidence; changes nothing outside itself."""

    def __init__(self, memory: Memory, rule: Rule, unit: str, allowance: float | None = None) -> None:
        """Start without evidence.

        Args:
            memory: What the run knows, the incumbent's level and the noise above all.
            rule: When the evidence is enough.
            unit: The metric's unit, for the sentence.
            allowance: What a challenger that is simpler may cost, as it has only to hold the metric; None for
                one that has to gain.
        """
        self._memory = memory
        self._rule = rule
        self._unit = unit
        self._simplifies = allowance is not None
        self._allowance = allowance or 0.0
        self._turned = False
        self._single: float | None = None
        self._pairs: list[tuple[float, float]] = []
        self._verdict = self._judged()[0]

    @property
    def exact(self) -> bool:
        """Whether the next sample is the challenger's alone, for `add_exact`."""
        return self._memory.exact

    @property
    def max_pairs(self) -> int:
        """Most pairs this comparison will ask for."""
        return self._rule.max_pairs

    def current(self) -> Verdict:
        """What the evidence so far says."""
        return self._verdict

    def add(self, incumbent: float, challenger: float) -> Verdict | None:
        """Take one interleaved pair of metric values; the verdict, or None when more pairs are wanted."""
        self._pairs.append((incumbent, challenger))
        self._verdict, decided = self._judged()
        return self._verdict if decided else None

    def add_exact(self, challenger: float) -> Verdict | None:
        """Take one sample of the challenger; the verdict, or None when another sample is wanted.

        A gain, or a simplification that costs nothing, is wanted twice. When the second sample differs from
        the first the metric is not exact after all: `exact` becomes false, and the comparison goes on with
        pairs, from the start.
        """
        first, self._single = self._single, challenger
        if first is not None and not same(first, challenger):
            self._turn(first, challenger)
            return None
        self._verdict = self._compared(challenger, confirmed=first is not None)
        return None if self._verdict.outcome is Outcome.unclear else self._verdict

    def recheck(self, incumbent: float) -> None:
        """Take another sample of the incumbent of an exact metric; if it has moved, pairs are wanted.

        Something outside the change moved it then, and would be taken for the challenger's gain.
        """
        known = self._memory.levels[-1]
        if not same(known, incumbent):
            self._turn(known, incumbent)

    def limit(self) -> float | None:
        """The metric value beyond which a challenger is hopeless; None where no value says so.

        It is half as much again as the incumbent's, and four standard deviations of a pair; of metrics that
        are times, without what a clock needs by way of grace.
        """
        axis = self._axis
        if not axis.is_ratio or axis.direction is not Direction.lower or self._memory.exact:
            return None
        sd = self._memory.noise(self._rule.floor).sd
        return self._typical * max(_HOPELESS, math.exp(min(4 * sd, _LARGEST_FACTOR)))

    def give_up(self, limit_s: float) -> Verdict:
        """The verdict on a challenger whose run was ended once it had taken this many seconds.

        The effect is what such a run would have shown, had it ended at that moment.
        """
        axis, rule = self._axis, self._rule
        sd = self._memory.noise(rule.floor).sd
        lost, said = axis.gain(self._typical, limit_s), Words(axis, self._unit)
        effect = axis.effect(lost)
        pairs = len(self._pairs) + 1
        return Verdict(
            outcome=Outcome.worse,
            effect=effect,
            low=effect,
            high=effect,
            probability=0.0,
            pairs=pairs,
            is_ratio=axis.is_ratio,
            sentence=f"REVERT > {said.effect(lost)}: ended after {limit_s:.3g} s, {count(pairs)}",
            noise=axis.effect(sd),
            reach=axis.effect(rule.reach(sd)),
            patience=rule.patience,
            why=(
                f"The incumbent takes {self._typical:.3g} s and one pair varies by {said.spread(sd)}; a run "
                f"that has not ended after {limit_s:.3g} s is slower than noise explains."
            ),
        )

    @property
    def _axis(self) -> Axis:
        return self._memory.axis.covering([one for pair in self._pairs for one in pair], self._memory.levels)

    @property
    def _typical(self) -> float:
        """The incumbent's middle value, remembered and of today."""
        return median([*self._memory.levels, *(incumbent for incumbent, _ in self._pairs)])

    # -- exact metrics

    def _turn(self, one: float, other: float) -> None:
        """Go on with pairs, from the start: these two samples of one commit disagree."""
        self._memory = self._memory.disagreed(one, other)
        self._turned = True
        self._verdict = self._judged()[0]

    def _compared(self, challenger: float, confirmed: bool) -> Verdict:
        """An exact challenger against the incumbent's known value; a gain is unclear until confirmed."""
        known = self._memory.levels[-1]
        axis = self._memory.axis.covering([challenger], self._memory.levels)
        gain = 0.0 if same(known, challenger) else axis.gain(known, challenger)
        outcome = Outcome.holds if self._simplifies and gain == 0 else _sign_of(gain)
        if outcome.keeps and not confirmed:
            outcome = Outcome.unclear
        effect = axis.effect(gain)
        return Verdict(
            outcome=outcome,
            effect=effect,
            low=effect,
            high=effect,
            probability=float(gain > 0),
            pairs=1 + confirmed,
            is_ratio=axis.is_ratio,
            sentence=self._exact_sentence(outcome, f"{value(known)} → {value(challenger)}"),
            patience=self._rule.patience,
            why=_exact_why(outcome, confirmed),
        )

    def _exact_sentence(self, outcome: Outcome, change: str) -> str:
        if outcome.keeps:
            return f"KEEP {'simpler, ' if self._simplifies else ''}{change} (exact, re-run agrees)"
        if outcome is Outcome.unclear:
            return f"{change} so far (exact, a re-run has to agree)"
        return f"REVERT {change} (exact)"

    # -- pairs

    def _judged(self) -> tuple[Verdict, bool]:
        """What the pairs say, and whether that decides."""
        standing, axis = self._standing(), self._axis
        belief = standing.belief
        decided, hopeless = self._decided(axis, standing)
        outcome, done = decided or Outcome.unclear, decided is not None or len(self._pairs) >= self.max_pairs
        verdict = Verdict(
            outcome=outcome,
            effect=axis.effect(belief.mean),
            low=axis.effect(belief.quantile(0.025)),
            high=axis.effect(belief.quantile(0.975)),
            probability=belief.above(0.0),
            pairs=len(self._pairs),
            is_ratio=axis.is_ratio,
            sentence=standing.sentence(outcome, done),
            noise=axis.effect(standing.noise.sd),
            reach=axis.effect(self._rule.reach(standing.noise.sd)),
            patience=self._rule.patience,
            why=standing.why(outcome, done, hopeless),
        )
        return verdict, done

    def _standing(self) -> Standing:
        axis = self._axis
        gains = [axis.gain(*pair) for pair in self._pairs]
        noise = self._memory.noise_of(gains, self._rule.floor)
        mark = -self._allowance if self._simplifies else self._rule.reach(noise.sd)
        return Standing(
            words=Words(axis, self._unit),
            rule=self._rule,
            noise=noise,
            belief=self._belief(gains, noise, mark),
            mark=mark,
            pairs=len(self._pairs),
            simplifies=self._simplifies,
        )

    def _belief(self, gains: Sequence[float], noise: Noise, mark: float) -> Posterior:
        return posterior.of_pairs(gains, noise, mark, self._prior, self._rule.overlap)

    @property
    def _prior(self) -> posterior.Prior:
        prior = posterior.SIMPLIFICATION if self._simplifies else posterior.IDEA
        return replace(prior, scale=posterior.QUALITY_SCALE) if self._memory.seeded else prior

    def _decided(self, axis: Axis, standing: Standing) -> tuple[Outcome | None, str]:
        """What the pairs decide, None while they do not, and why it was given up, where it was.

        Better when sure of a gain, and of a simplification holding when sure that it costs less than delta.
        When hopeless, worse if sure of a harm; else an idea is the same, and what a simplification costs is
        unclear.
        """
        pairs, rule, belief = len(self._pairs), self._rule, standing.belief
        if pairs < (MIN_TURNED if self._turned else 1):
            return None, ""
        if pairs >= MIN_KEPT and belief.above(0.0) >= rule.keep and belief.mean >= rule.delta / 2:
            return Outcome.better, ""
        if self._simplifies and pairs >= MIN_KEPT and belief.at_least(standing.mark) >= rule.keep:
            return Outcome.holds, ""
        hopeless = "" if self._memory.guesses(pairs) else self._hopeless(axis, standing)
        if not hopeless:
            return None, ""
        if belief.below(0.0) >= SURE_HARM:
            return Outcome.worse, hopeless
        return (Outcome.unclear if self._simplifies else Outcome.same), hopeless

    def _hopeless(self, axis: Axis, standing: Standing) -> str:
        """Why what would be kept has become implausible, if it has.

        Memory may reject, only fresh pairs accept.
        """
        mark, noise, belief = standing.mark, standing.noise, standing.belief
        before = self._prior.at_least(mark)
        least, likely = self._rule.stop * before, belief.at_least(mark)
        if likely < least:
            return standing.implausible(likely, before)
        if self._simplifies and not self._recovers(axis, noise, mark):
            return standing.out_of_reach()
        hope = self._memory.hope(axis, self._pairs, noise.sd, belief.grid)
        if hope is None or (likely := hope.at_least(mark)) >= least:
            return ""
        return replace(standing, remembered=len(self._memory.levels)).implausible(likely, before)

    def _recovers(self, axis: Axis, noise: Noise, mark: float) -> bool:
        """Whether a simplification that costs nothing could still be kept, were the pairs left lucky ones.

        Their mean is then one standard error above zero. Without this, noise in which no simplification
        could be kept would cost every one of them all its pairs.
        """
        left = self.max_pairs - len(self._pairs)
        if left <= 0:
            return True
        lucky = [_LUCK * noise.sd / math.sqrt(left)] * left
        gains = [axis.gain(*pair) for pair in self._pairs]
        return self._belief([*gains, *lucky], noise, mark).at_least(mark) >= self._rule.keep


def _sign_of(gain: float) -> Outcome:
    return Outcome.better if gain > 0 else Outcome.worse if gain < 0 else Outcome.same


def _exact_why(outcome: Outcome, confirmed: bool) -> str:
    if confirmed:
        return "The number has repeated exactly so far, and so did the challenger's: no noise can explain it."
    if outcome is Outcome.unclear:
        return "The number has repeated exactly so far; a second sample has to agree before it is believed."
    return "The number has repeated exactly so far, so one sample decides: there is no gain."
