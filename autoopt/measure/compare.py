"""Taking pairs of an experiment until the judge has seen enough."""

from __future__ import annotations

from autoopt import judge
from autoopt.journal import Journal
from autoopt.measure.parts import Evidence, Parts, Stages
from autoopt.measure.sampling import seed_of, take_incumbent, take_pair, take_sample
from autoopt.records import Change, Experiment, Failure, Outcome, Sample, Status, Verdict
from autoopt.schema import Config


def measure(
    config: Config, parts: Parts, journal: Journal, change: Change, stages: Stages, *, simplifies: bool
) -> Evidence:
    """Take pairs (single runs while the metric is exact) until the judge has seen enough.

    Args:
        simplifies: Whether the change has only to hold the metric, as it takes code away.
    """
    comparison, number = parts.judge.comparison(simplifies, _held(journal)), stages.number
    pairs: list[tuple[Sample | None, Sample]] = []
    verdict: Verdict | None = None
    while verdict is None:
        exact = comparison.exact
        stages.enter("measure", _progress(comparison, len(pairs)))
        if exact and pairs:  # a gain is about to be confirmed: is the incumbent still what it was?
            again = take_sample(parts, change.parent, seed_of(config, number, len(pairs)))
            if isinstance(again, Sample):
                comparison.recheck(again.value)
        taken = _take(config, parts, change, number, len(pairs), comparison.exact)
        if isinstance(taken, Failure):
            return Evidence(failure=taken)
        if exact and not comparison.exact:
            exact = False
            journal.edited(number, change)
            pairs.clear()
        journal.measured(number, taken[1], taken[0])
        pairs.append(taken)
        if taken[0] is None:
            verdict = comparison.add_exact(taken[1].value)
        else:
            verdict = comparison.add(taken[0].value, taken[1].value)
            parts.reporter.on_verdict(number, verdict or comparison.current())
        if exact and not comparison.exact:  # not exact after all: pairs from here on, from the start
            journal.edited(number, change)
            pairs.clear()
            verdict = None
    incumbents = tuple(incumbent for incumbent, _ in pairs if incumbent is not None)
    return Evidence(challengers=tuple(c for _, c in pairs), incumbents=incumbents, verdict=verdict)


def _held(journal: Journal) -> int:
    """How many simplifications were kept for holding the metric."""
    kept = [past.verdict for past in journal.history if past.status is Status.keep]
    return sum(verdict is not None and verdict.outcome is Outcome.holds for verdict in kept)


def _progress(comparison: judge.Comparison, taken: int) -> str:
    return f"run {taken + 1} of ≤2" if comparison.exact else f"pair {taken + 1} of ≤{comparison.max_pairs}"


def _take(
    config: Config, parts: Parts, change: Change, number: int, position: int, exact: bool
) -> tuple[Sample | None, Sample] | Failure:
    if not exact:
        return take_pair(config, parts, change.parent, change.commit, number, position)
    seed = seed_of(config, number, position)
    taken = take_sample(parts, change.commit, seed)
    if isinstance(taken, Sample):
        return None, taken
    take_incumbent(parts, change.parent, seed)
    return taken


def values(decided: Experiment, known: float | None) -> list[tuple[float, float]]:
    """(incumbent, challenger) values as the judge saw them; `known` stands in while the metric is exact."""
    if decided.measurement is None or known is None:
        return []
    challengers = [sample.value for sample in decided.measurement.samples]
    incumbents = [sample.value for sample in decided.incumbent_samples] or [known] * len(challengers)
    return list(zip(incumbents, challengers, strict=True))
