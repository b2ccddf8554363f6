"""Taking pairs of an experiment until the judge has seen enough."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from autoopt import judge
from autoopt.journal import Journal
from autoopt.judge.memory import same
from autoopt.measure.parts import Evidence, Parts, Stages
from autoopt.measure.sampling import (
    FURTHER,
    seed_of,
    take_challenger,
    take_incumbent,
    take_pair,
    take_pair_within,
    take_sample,
)
from autoopt.measure.standing import by_seed, measured, variation
from autoopt.measure.start import begin_anew
from autoopt.records import Change, Failure, Measurement, Outcome, Pair, Sample, Status, Trial, Verdict
from autoopt.schema import Config, Direction, Extraction, Variation

GRACE_S = 1.0
"""What a hopeless run may take beyond the limit of the judge: clocks and schedulers are no judges."""
MAX_VOIDS = 3
"""Pairs in which the machine was too slow for both, after which no run is ended early any more."""


def measure(
    config: Config, parts: Parts, journal: Journal, change: Change, stages: Stages, *, simplifies: bool
) -> Evidence:
    """Take pairs (single runs while the metric is exact) until judge and constraints have seen enough.

    Args:
        simplifies: Whether the change has only to hold the metric, as it takes code away.
    """
    case = _Case(config, parts, journal, change, stages, simplifies)
    evidence: Evidence | None = None
    while evidence is None:
        evidence = case.evidence()
    return case.settled(evidence)


def trial(journal: Journal, change: Change, number: int, evidence: Evidence) -> Trial:
    """What constraints and guards are told of the evidence."""
    return Trial(
        number=number,
        challengers=Measurement(commit=change.commit, samples=evidence.challengers),
        incumbents=evidence.incumbents,
        verdict=evidence.verdict,
        incumbent=measured(journal),
        further=evidence.further,
        history=tuple(journal.history),
    )


@dataclass(slots=True)
class _Case:
    """One change before the judge; the pairs so far are in the journal too."""

    config: Config
    parts: Parts
    journal: Journal
    change: Change
    stages: Stages
    simplifies: bool
    comparison: judge.Comparison = field(init=False)
    pairs: list[tuple[Sample | None, Sample]] = field(default_factory=list)
    position: int = 0
    voids: int = 0

    def __post_init__(self) -> None:
        self._compare()

    @property
    def number(self) -> int:
        return self.stages.number

    def _compare(self) -> None:
        """Begin a comparison with what the run knows now."""
        seeded = variation(self.journal) is Variation.seed
        self.comparison = self.parts.judge.comparison(
            self.simplifies,
            _held(self.journal),
            judge.patience_of(self.journal.history),
            most=self.config.metric.seeds if seeded else None,
        )

    def evidence(self) -> Evidence | None:
        """What comes of it; None when the metric varies otherwise than was known, and all begins again."""
        if self.comparison.exact:
            return self._by_repeating()
        if variation(self.journal) is Variation.seed:
            return self._by_seed()
        return self._by_pairs()

    def _by_repeating(self) -> Evidence | None:
        """Single runs; before a gain is believed, the incumbent must be what it was and the run repeat."""
        verdict: Verdict | None = None
        while verdict is None:
            self._enter(f"run {len(self.pairs) + 1} of ≤2")
            seed = self._seed()
            if self.pairs and not self._incumbent_is_what_it_was(seed):
                self._begin_again()
                return None
            taken = take_challenger(self.parts, self.change.parent, self.change.commit, seed)
            if isinstance(taken, Failure):
                return Evidence(failure=taken)
            self._record(None, taken)
            verdict = self.comparison.add_exact(taken.value)
            if not self.comparison.exact:
                self._begin_again()
                return None
        return self._closed(verdict)

    def _incumbent_is_what_it_was(self, seed: int) -> bool:
        again = take_sample(self.parts, self.change.parent, seed)
        if isinstance(again, Sample):
            self.comparison.recheck(again.value)
        return self.comparison.exact

    def _by_seed(self) -> Evidence | None:
        """Runs with the seeds that all experiments share; the incumbent's are known from earlier ones."""
        known = by_seed(self.journal, self.change.parent)
        verdict: Verdict | None = None
        for position, seed in enumerate(_shared_seeds(self.config, self.number)):
            if verdict is not None or position >= self.comparison.max_pairs:
                break
            self._enter(f"seed {position + 1} of ≤{self.comparison.max_pairs}")
            taken = take_challenger(self.parts, self.change.parent, self.change.commit, seed)
            if isinstance(taken, Failure):
                return Evidence(failure=taken)
            beside = known.get(seed) or take_incumbent(self.parts, self.change.parent, seed)
            verdict = self._judged(beside, taken)
        verdict = verdict or self.comparison.current()
        if verdict.outcome.keeps and not self._repeats(known):
            self._begin_again()
            return None
        return self._closed(verdict)

    def _repeats(self, known: dict[int, Sample]) -> bool:
        """Whether the incumbent still gives what it gave with a seed; else the run goes on as with noise."""
        samples = [beside for beside, _ in self.pairs if beside is not None]
        before = next((sample for sample in samples if sample.seed in known), samples[0])
        self._enter("does the incumbent still give what it gave?")
        again = take_incumbent(self.parts, self.change.parent, before.seed)
        if same(before.value, again.value):
            return True
        reason = (
            f"the incumbent gave {before.value:g} and then {again.value:g} with one seed, so the number "
            "varies from run to run"
        )
        begin_anew(self.config, self.parts, self.journal, self.number, reason, found=Variation.noise)
        self._compare()
        return False

    def _by_pairs(self) -> Evidence:
        """Pairs of runs next to each other."""
        verdict: Verdict | None = None
        while verdict is None:
            self._enter(f"pair {len(self.pairs) + 1} of ≤{self.comparison.max_pairs}")
            limit_s = self._limit_s()
            taken = self._pair(limit_s)
            if taken is None:
                self._void()
            elif not isinstance(taken, Failure):
                verdict = self._judged(*taken)
            elif taken.over_s is None or limit_s is None:
                return Evidence(failure=taken)
            else:
                verdict = self.comparison.give_up(limit_s)
                self.parts.reporter.on_verdict(self.number, verdict)
        return self._closed(verdict)

    def _pair(self, limit_s: float | None) -> tuple[Sample, Sample] | Failure | None:
        commits, position = (self.change.parent, self.change.commit), self._next()
        if limit_s is None:
            return take_pair(self.config, self.parts, *commits, self.number, position)
        return take_pair_within(self.config, self.parts, *commits, self.number, position, limit_s)

    def _limit_s(self) -> float | None:
        """Wall seconds after which a run of the change is hopeless; None where none is to be ended."""
        metric = self.config.metric
        timed = metric.extract.kind is Extraction.wall and metric.direction is Direction.lower
        if not timed or metric.duet or not self.config.verdict.early_stop or self.voids >= MAX_VOIDS:
            return None
        value = self.comparison.limit()
        return None if value is None else value + GRACE_S

    def _void(self) -> None:
        self.voids += 1
        left = "" if self.voids < MAX_VOIDS else "; no run is ended early any more"
        note = "the machine is slow: both commits took far longer than usual, so the pair does not count"
        self.parts.reporter.on_note(self.number, f"{note} ({self.voids} of ≤{MAX_VOIDS}{left})")

    def settled(self, evidence: Evidence) -> Evidence:
        """The evidence with further pairs, while a constraint that was given is not sure of the change."""
        # Pairs that share seeds are half remembered: they say little of a clock, and cost half as much.
        seeded = variation(self.journal) is Variation.seed
        room = self.comparison.max_pairs - (0 if seeded else len(evidence.incumbents))
        while evidence.verdict is not None and evidence.verdict.outcome.keeps and not self._sure(evidence):
            position = len(evidence.further)
            if position >= room:
                break
            self._enter(f"pair {position + 1} of ≤{room} for constraints and clocks")
            commits = self.change.parent, self.change.commit
            taken = take_pair(self.config, self.parts, *commits, self.number, FURTHER + position)
            if isinstance(taken, Failure):
                return Evidence(failure=taken)
            pair = Pair(incumbent=taken[0], challenger=taken[1])
            evidence = replace(evidence, further=(*evidence.further, pair))
        return evidence

    def _sure(self, evidence: Evidence) -> bool:
        told = trial(self.journal, self.change, self.number, evidence)
        bounds = self.parts.bounds
        return any(bound.is_broken(told) for bound in bounds) or all(bound.is_sure(told) for bound in bounds)

    def _judged(self, incumbent: Sample, challenger: Sample) -> Verdict | None:
        self._record(incumbent, challenger)
        verdict = self.comparison.add(incumbent.value, challenger.value)
        self.parts.reporter.on_verdict(self.number, verdict or self.comparison.current())
        return verdict

    def _record(self, incumbent: Sample | None, challenger: Sample) -> None:
        self.journal.measured(self.number, challenger, incumbent)
        self.pairs.append((incumbent, challenger))

    def _begin_again(self) -> None:
        """What was measured so far says nothing of the change."""
        self.journal.edited(self.number, self.change)
        self.pairs.clear()

    def _closed(self, verdict: Verdict) -> Evidence:
        incumbents = tuple(incumbent for incumbent, _ in self.pairs if incumbent is not None)
        return Evidence(
            challengers=tuple(taken for _, taken in self.pairs), incumbents=incumbents, verdict=verdict
        )

    def _enter(self, detail: str) -> None:
        self.stages.enter("measure", detail)

    def _next(self) -> int:
        self.position += 1
        return self.position - 1

    def _seed(self) -> int:
        return seed_of(self.config, self.number, self._next())


def _shared_seeds(config: Config, number: int) -> list[int]:
    """The seeds that all experiments share, the baseline's first ones among them, in an order of its own."""
    seeds = [seed_of(config, 0, position) for position in range(config.metric.seeds)]
    return random.Random(f"{config.seed}/{number}/seeds").sample(seeds, len(seeds))


def _held(journal: Journal) -> int:
    """How many simplifications were kept for holding the metric."""
    kept = [past.verdict for past in journal.history if past.status is Status.keep]
    return sum(verdict is not None and verdict.outcome is Outcome.holds for verdict in kept)
