"""One experiment before the judge: evidence comes in, a verdict comes out."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autoopt.judge import posterior
from autoopt.judge.axis import Axis
from autoopt.judge.memory import MIN_TURNED, Memory, same
from autoopt.judge.posterior import Noise, Posterior
from autoopt.judge.words import Words, count, sure, value
from autoopt.records import Outcome, Verdict

MIN_KEPT = 2
"""Pairs a keep needs, however clear the first is."""

SURE_HARM = 0.95
"""P(theta < 0) from which a rejected challenger counts as worse rather than the same."""

_LUCK = 1.0  # standard errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When the evidence is enough.

    Attributes:
        keep: Probability needed to keep: P(theta > 0), of a simplification P(theta ≥ -allowance).
        stop: A challenger is given up once P(theta ≥ reach) is under this share of its prior value, a
            simplification once P(theta ≥ -allowance) is.
        max_pairs: Most pairs taken.
        delta: Smallest log gain worth a commit, and what the first simplification may cost.
        power: Gain, in noise of one pair, that about 9 of 10 comparisons confirm.
    """

    keep: float
    stop: float
    max_pairs: int
    delta: float
    power: float

    @property
    def floor(self) -> float:
        """Noise of a pair under which nothing changes, as smaller gains are not worth a commit."""
        return max(self.delta / 10, 1e-9)

    def reach(self, sd: float) -> float:
        """The smallest gain worth waiting for: worth a commit, and within what these pairs can confirm."""
        return max(self.delta, 2 * sd / math.sqrt(self.max_pairs))


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
        )

    def _exact_sentence(self, outcome: Outcome, change: str) -> str:
        if outcome.keeps:
            return f"KEEP {self._simpler}{change} (exact, re-run agrees)"
        if outcome is Outcome.unclear:
            return f"{change} so far (exact, a re-run has to agree)"
        return f"REVERT {change} (exact)"

    @property
    def _simpler(self) -> str:
        return "simpler, " if self._simplifies else ""

    # -- pairs

    def _judged(self) -> tuple[Verdict, bool]:
        """What the pairs say, and whether that decides."""
        axis = self._memory.axis.covering([one for pair in self._pairs for one in pair], self._memory.levels)
        noise = self._memory.noise(self._rule.floor)
        mark = -self._allowance if self._simplifies else self._rule.reach(noise.sd)
        belief = posterior.of_pairs([axis.gain(*pair) for pair in self._pairs], noise, mark, self._prior)
        decided = self._decided(axis, belief, noise, mark)
        outcome, done = decided or Outcome.unclear, decided is not None or len(self._pairs) >= self.max_pairs
        low, high = belief.quantile(0.025), belief.quantile(0.975)
        verdict = Verdict(
            outcome=outcome,
            effect=axis.effect(belief.mean),
            low=axis.effect(low),
            high=axis.effect(high),
            probability=belief.above(0.0),
            pairs=len(self._pairs),
            is_ratio=axis.is_ratio,
            sentence=self._sentence(Words(axis, self._unit), belief, outcome, mark, done),
        )
        return verdict, done

    @property
    def _prior(self) -> posterior.Prior:
        return posterior.SIMPLIFICATION if self._simplifies else posterior.IDEA

    def _decided(self, axis: Axis, belief: Posterior, noise: Noise, mark: float) -> Outcome | None:
        """What the pairs decide, None while they do not.

        Better when sure of a gain, and of a simplification holding when sure that it costs less than delta.
        When hopeless, worse if sure of a harm; else an idea is the same, and what a simplification costs is
        unclear.
        """
        pairs, rule = len(self._pairs), self._rule
        if pairs < (MIN_TURNED if self._turned else 1):
            return None
        if pairs >= MIN_KEPT and belief.above(0.0) >= rule.keep and belief.mean >= rule.delta / 2:
            return Outcome.better
        if self._simplifies and pairs >= MIN_KEPT and belief.at_least(mark) >= rule.keep:
            return Outcome.holds
        if not self._hopeless(axis, belief, noise, mark):
            return None
        if belief.below(0.0) >= SURE_HARM:
            return Outcome.worse
        return Outcome.unclear if self._simplifies else Outcome.same

    def _hopeless(self, axis: Axis, belief: Posterior, noise: Noise, mark: float) -> bool:
        """Whether what would be kept has become implausible; memory may reject, only fresh pairs accept."""
        least = self._rule.stop * self._prior.at_least(mark)
        if belief.at_least(mark) < least or (self._simplifies and not self._recovers(axis, noise, mark)):
            return True
        hope = self._memory.hope(axis, self._pairs, noise.sd, belief.grid)
        return hope is not None and hope.at_least(mark) < least

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
        return (
            posterior.of_pairs([*gains, *lucky], noise, mark, self._prior).at_least(mark) >= self._rule.keep
        )

    def _sentence(self, words: Words, belief: Posterior, outcome: Outcome, mark: float, done: bool) -> str:
        if not self._pairs:
            return "no pairs yet"
        effect, pairs = words.effect(belief.mean), count(len(self._pairs))
        limits = f"({words.interval(belief.quantile(0.025), belief.quantile(0.975))})"
        likely, held = (
            sure(belief.above(0.0)),
            "costs nothing" if mark == 0 else f"costs < {words.amount(mark)}",
        )
        if outcome is Outcome.better:
            return f"KEEP {self._simpler}{effect} {limits}, {likely}, {pairs}"
        if outcome is Outcome.holds:
            return f"KEEP simpler, {held} {limits}, {sure(belief.at_least(mark))}, {pairs}"
        if not done:
            return f"{effect} so far {limits}, {likely}, {pairs}"
        if self._simplifies:
            return f"REVERT {effect} {limits}, only {sure(belief.at_least(mark))} that it {held}, {pairs}"
        if outcome is Outcome.unclear:
            return f"REVERT inconclusive after {pairs}"
        harm = f"{effect}, " if outcome is Outcome.worse else ""
        return f"REVERT {harm}no gain ≥ {words.amount(mark)} plausible, {pairs}"


def _sign_of(gain: float) -> Outcome:
    return Outcome.better if gain > 0 else Outcome.worse if gain < 0 else Outcome.same
