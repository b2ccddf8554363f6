"""Verdicts on pairs in words: one line for a person, and why it was decided so."""

from __future__ import annotations

from dataclasses import dataclass

from autoopt.judge.posterior import Noise, Posterior
from autoopt.judge.rule import MIN_KEPT, Rule
from autoopt.judge.words import Words, count, share, sure
from autoopt.records import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the pairs so far say of a challenger.

    Attributes:
        words: How gains are said.
        rule: When the evidence is enough.
        noise: What the pairs were judged by.
        belief: The posterior of the gain.
        mark: The gain asked about: the least worth waiting for, or minus what a simplification may cost.
        pairs: How many.
        simplifies: Whether the challenger has only to hold the metric.
        remembered: Incumbent runs of earlier experiments that were weighed too, and could only reject.
    """

    words: Words
    rule: Rule
    noise: Noise
    belief: Posterior
    mark: float
    pairs: int
    simplifies: bool
    remembered: int = 0

    @property
    def _limits(self) -> str:
        return f"({self.words.interval(self.belief.quantile(0.025), self.belief.quantile(0.975))})"

    @property
    def _held(self) -> str:
        return "costs nothing" if self.mark == 0 else f"costs < {self.words.amount(self.mark)}"

    def sentence(self, outcome: Outcome, done: bool) -> str:
        """One line for a person."""
        if not self.pairs:
            return "no pairs yet"
        belief, pairs = self.belief, count(self.pairs)
        effect, limits, likely = self.words.effect(belief.mean), self._limits, sure(belief.above(0.0))
        simpler = "simpler, " if self.simplifies else ""
        if outcome is Outcome.better:
            return f"KEEP {simpler}{effect} {limits}, {likely}, {pairs}"
        if outcome is Outcome.holds:
            return f"KEEP simpler, {self._held} {limits}, {sure(belief.at_least(self.mark))}, {pairs}"
        if not done:
            return f"{effect} so far {limits}, {likely}, {pairs}"
        if self.simplifies:
            kept = sure(belief.at_least(self.mark))
            return f"REVERT {effect} {limits}, only {kept} that it {self._held}, {pairs}"
        if outcome is Outcome.unclear:
            return f"REVERT inconclusive after {pairs}"
        harm = f"{effect}, " if outcome is Outcome.worse else ""
        return f"REVERT {harm}no gain ≥ {self.words.amount(self.mark)} plausible, {pairs}"

    def why(self, outcome: Outcome, done: bool, hopeless: str) -> str:
        """What decided it, with the numbers.

        Args:
            outcome: What was decided.
            done: Whether it is.
            hopeless: Why it was given up, where it was.
        """
        if not self.pairs:
            return ""
        return f"{self._decision(outcome, done, hopeless)} {self._noise}"

    def _decision(self, outcome: Outcome, done: bool, hopeless: str) -> str:
        belief, rule = self.belief, self.rule
        if outcome is Outcome.better:
            gain, worth = self.words.amount(belief.mean), self.words.amount(rule.delta / 2)
            return (
                f"Better with a probability of {share(belief.above(0.0))}, where {share(rule.keep)} is "
                f"needed; the expected gain of {gain} is at least {worth}, half of what is worth a commit."
            )
        if outcome is Outcome.holds:
            held = share(belief.at_least(self.mark))
            return f"It {self._held} with a probability of {held}, where {share(rule.keep)} is needed."
        if hopeless:
            return hopeless
        asked = f"that it {self._held}" if self.simplifies else "of a gain"
        known = belief.at_least(self.mark) if self.simplifies else belief.above(0.0)
        stands = f"The probability {asked} is {share(known)}, where {share(rule.keep)} is needed"
        if known >= rule.keep:
            stands += f", and a keep needs {MIN_KEPT} pairs and a gain worth a commit"
        if not done:
            return f"{stands}; another pair may tell."
        return f"{stands}, and {self.pairs} pairs are the most ({rule.patience} patience)."

    def implausible(self, likely: float, before: float) -> str:
        """Why it is given up: what would be kept has become implausible.

        Args:
            likely: The probability of the mark or more.
            before: The same before any pair.
        """
        helped = (
            f", weighed with {self.remembered} remembered runs of the incumbent," if self.remembered else ""
        )
        asked = f"that it {self._held}" if self.simplifies else f"of a gain ≥ {self.words.amount(self.mark)}"
        return (
            f"The probability {asked}{helped} is {share(likely)}, under {self.rule.stop:g} times the "
            f"{share(before)} before any pair, so more pairs would hardly change it."
        )

    def out_of_reach(self) -> str:
        """Why a simplification is given up that could not be kept any more."""
        return (
            f"Even if the pairs left were lucky ones, they could not show that it {self._held}: "
            f"{self.rule.max_pairs} pairs are the most ({self.rule.patience} patience)."
        )

    @property
    def _noise(self) -> str:
        return f"One pair varies by {self.words.spread(self.noise.sd)}."
