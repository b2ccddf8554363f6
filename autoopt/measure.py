"""Taking the evidence: the baseline, the probe, interleaved pairs, and the final claim."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from autoopt import judge
from autoopt.errors import IncumbentError, UsageError
from autoopt.journal import Journal
from autoopt.protocols import Guard, Meter, Proposer, Reporter, Workspace
from autoopt.records import (
    Change,
    Confirmation,
    Experiment,
    Failure,
    Measurement,
    Outcome,
    Sample,
    Status,
    Task,
    Verdict,
)
from autoopt.schema import Config

SLOW_S = 60.0  # a metric this slow gets three baseline samples at most
_HOPELESS = 4  # pairs in a row, none of which came about


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the loop drives; built by `autoopt.assemble`."""

    proposer: Proposer
    workspace: Workspace
    meter: Meter
    guards: tuple[Guard, ...]
    reporter: Reporter
    judge: judge.Judge
    publish: Callable[[Sequence[Experiment]], None]
    task: Task
    profile: Callable[[str], str] = lambda commit: ""


@dataclass(slots=True)
class Stages:
    """Tells the reporter where an experiment is, and adds up the seconds of each stage."""

    reporter: Reporter
    number: int
    seconds: dict[str, float] = field(default_factory=dict)
    _stage: str = ""
    _since: float = field(default_factory=monotonic)

    def enter(self, stage: str, detail: str = "") -> None:
        """The experiment is at this stage from now on."""
        now = monotonic()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now
        self.reporter.on_stage(self.number, stage, detail)

    def total(self) -> dict[str, float]:
        """Seconds by stage, the present one included."""
        self.enter(self._stage)
        return {stage: round(seconds, 3) for stage, seconds in self.seconds.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What measuring a change brought: a verdict, or the failure that prevented one."""

    challengers: tuple[Sample, ...] = ()
    incumbents: tuple[Sample, ...] = ()
    verdict: Verdict | None = None
    failure: Failure | None = None


def baseline(config: Config, parts: Parts, journal: Journal, stages: Stages) -> Measurement:
    """Samples of the commit the run starts from.

    Raises:
        UsageError: the metric command gives no number there.
    """
    base, wanted = parts.workspace.base, config.metric.baseline_samples
    samples: list[Sample] = []
    while len(samples) < wanted:
        stages.enter("measure", f"baseline {len(samples) + 1} of {wanted}")
        taken = _sample(parts, base, _seed(config, 0, len(samples)))
        if isinstance(taken, Failure):
            raise UsageError(taken.told(f"{taken.reason}, so there is no baseline to compare with"))
        journal.measured(0, taken, None)
        samples.append(taken)
        wanted = min(wanted, 3) if taken.wall_s > SLOW_S else wanted
    return Measurement(commit=base, samples=tuple(samples))


def probe(config: Config, parts: Parts, measured: Measurement) -> None:
    """Put garbage in every file in scope and expect the metric to notice.

    Raises:
        UsageError: it gives the number it gave before, so it does not run the files the run would edit
            (an installed copy of the package is the usual cause).
    """
    base = parts.workspace.base
    with parts.workspace.break_scope(base):
        taken = parts.meter.sample(base, measured.samples[0].seed)
    if isinstance(taken, Failure) or config.metric.env_file is not None:
        return  # a variable that is not set may well leave the number as it was
    values = [sample.value for sample in measured.samples]
    margin = 2 * (max(values) - min(values))
    if min(values) - margin <= taken.value <= max(values) + margin:
        raise UsageError(
            f"metric.command gives {taken.value:g} even with garbage in every file of the scope, "
            "so it does not run them (an installed copy is the usual cause: set PYTHONPATH in metric.env, or "
            "name what the command does use in scope; metric.probe=no skips this check)."
        )


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
            again = _sample(parts, change.parent, _seed(config, number, len(pairs)))
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


def _sample(parts: Parts, commit: str, seed: int, tries: int = 2) -> Sample | Failure:
    """A sample; a command that failed, though not for the time it took, gets another chance."""
    taken = parts.meter.sample(commit, seed)
    while isinstance(taken, Failure) and not taken.timeout and tries > 1:
        tries -= 1
        taken = parts.meter.sample(commit, seed)
    return taken


def _incumbent(parts: Parts, commit: str, seed: int) -> Sample:
    """A sample of a commit that gave its number before; when it fails too, the change is not to blame.

    Raises:
        IncumbentError: it gives none however often it is run.
    """
    sample = _sample(parts, commit, seed, tries=4)
    if isinstance(sample, Failure):
        raise IncumbentError(
            f"the incumbent no longer runs: {sample.reason}; mend what it needs, then `autoopt resume`."
            f"{_tail(sample)}"
        )
    return sample


def _progress(comparison: judge.Comparison, taken: int) -> str:
    return f"run {taken + 1} of ≤2" if comparison.exact else f"pair {taken + 1} of ≤{comparison.max_pairs}"


def _take(
    config: Config, parts: Parts, change: Change, number: int, position: int, exact: bool
) -> tuple[Sample | None, Sample] | Failure:
    if not exact:
        return _pair(config, parts, change.parent, change.commit, number, position)
    seed = _seed(config, number, position)
    taken = _sample(parts, change.commit, seed)
    if isinstance(taken, Sample):
        return None, taken
    _incumbent(parts, change.parent, seed)
    return taken


def _pair(
    config: Config, parts: Parts, incumbent: str, challenger: str, number: int, position: int
) -> tuple[Sample, Sample] | Failure:
    """Both commits once, next to each other, in random order, with one seed; or the challenger's failure.

    Raises:
        IncumbentError: the incumbent itself no longer runs.
    """
    seed, taken = _seed(config, number, position), dict[str, Sample]()
    order = [incumbent, challenger]
    if random.Random(f"{config.seed}/{number}/{position}").random() < 0.5:
        order.reverse()
    for commit in order:
        sample = _incumbent(parts, commit, seed) if commit == incumbent else _sample(parts, commit, seed)
        if isinstance(sample, Failure):
            if incumbent not in taken:
                _incumbent(parts, incumbent, seed)
            return sample
        taken[commit] = sample
    return taken[incumbent], taken[challenger]


def confirm(config: Config, parts: Parts, journal: Journal) -> None:
    """Measure the final claim: fresh pairs of baseline against final, not the sum of lucky steps."""
    if journal.incumbent.status is Status.baseline or journal.confirmation is not None:
        return
    workspace = parts.workspace
    taken = claim(config, parts, workspace.base, workspace.incumbent, journal.next_number)
    if taken.confirmation is not None:
        journal.confirmed(taken.confirmation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """Fresh pairs of two commits, and what they add up to.

    Attributes:
        confirmation: None where there were too few pairs for a claim.
        failure: How the new commit failed the last time it did.
    """

    pairs: tuple[tuple[Sample, Sample], ...]
    confirmation: Confirmation | None
    failure: Failure | None


def claim(config: Config, parts: Parts, old: str, new: str, number: int) -> Claimed:
    """Compare two commits that nobody has selected for these numbers.

    Args:
        number: Sets the seeds: those of pairs that decided something must not be used again.
    """
    stages, evidence = Stages(parts.reporter, number), judge.Claim(config.metric.direction)
    pairs: list[tuple[Sample, Sample]] = []
    failure: Failure | None = None
    for position in range(evidence.max_pairs):
        if position >= _HOPELESS and not pairs:
            break
        stages.enter("confirm", f"pair {position + 1} of ≤{evidence.max_pairs}")
        try:
            pair = _pair(config, parts, old, new, -number, position)
        except IncumbentError:
            continue  # void; without enough pairs there is no claim, and the report says so
        if isinstance(pair, Failure):
            failure = pair
            continue
        pairs.append(pair)
        if evidence.add(pair[0].value, pair[1].value):
            break
    return Claimed(
        pairs=tuple(pairs), confirmation=evidence.result() if len(pairs) >= 2 else None, failure=failure
    )


def values(decided: Experiment, known: float | None) -> list[tuple[float, float]]:
    """(incumbent, challenger) values as the judge saw them; `known` stands in while the metric is exact."""
    if decided.measurement is None or known is None:
        return []
    challengers = [sample.value for sample in decided.measurement.samples]
    incumbents = [sample.value for sample in decided.incumbent_samples] or [known] * len(challengers)
    return list(zip(incumbents, challengers, strict=True))


def _seed(config: Config, number: int, position: int) -> int:
    """A seed no other pair has, the same on every resume; final comparisons have negative numbers."""
    # Small: scripts derive more seeds from it (20 * seed + split), and NumPy takes no more than 32 bits.
    return (config.seed * 1_000_000 + number * 100 + position) % 100_000_000


def _tail(failure: Failure) -> str:
    return f"\n{failure.tail}" if failure.tail else ""
