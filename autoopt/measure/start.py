"""What is known before the first experiment, or again: the incumbent's samples, and how the metric varies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from autoopt.errors import UsageError
from autoopt.guards.clocks import printed_seconds
from autoopt.journal import Journal
from autoopt.judge.memory import same
from autoopt.measure.parts import Parts, Stages
from autoopt.measure.sampling import ANEW, TWINS, seed_of, take_incumbent, take_pair, take_sample
from autoopt.processes import machine
from autoopt.records import Experiment, Failure, Measurement, Pair, Restart, Sample
from autoopt.schema import Config, Direction, Extraction, MetricConfig, Variation

_UNMOVED = 5  # changes
SLOW_S = 60.0  # a metric this slow gets three baseline samples at most
_LOSS = re.compile("loss|error|bpb|perplexity|mae|mse", re.IGNORECASE)
_CLOCKS = (Extraction.wall, Extraction.cpu, Extraction.peak_memory)


def check(config: Config) -> None:
    """Refuse ways of varying that cannot be.

    Raises:
        UsageError: naming the option.
    """
    metric = config.metric
    wished = metric.variation
    if metric.extract.kind in _CLOCKS and wished in (Variation.none, Variation.seed):
        raise UsageError(
            f"metric.variation is {wished.value}, but {metric.extract.kind.value} varies from run to run; "
            "leave it at auto, or read a number that the command prints."
        )
    if not 2 <= metric.seeds <= 100:
        raise UsageError(
            f"metric.seeds is {metric.seeds}, but experiments can share 2 to 100 seeds; 16 is usual."
        )
    if metric.duet and wished in (Variation.none, Variation.seed):
        raise UsageError(
            f"metric.duet: a number with metric.variation={wished.value} is not disturbed by the machine, so "
            "running both at once gains nothing; leave out one of the two."
        )


def baseline(config: Config, parts: Parts, journal: Journal, stages: Stages) -> tuple[Measurement, Variation]:
    """Samples of the commit the run starts from, and how they vary.

    Raises:
        UsageError: the metric command gives no number there, or varies other than `metric.variation` says.
    """
    base, wanted = parts.workspace.base, config.metric.baseline_samples
    samples: list[Sample] = []
    while len(samples) < wanted:
        stages.enter("measure", f"baseline {len(samples) + 1} of {wanted}")
        taken = take_sample(parts, base, seed_of(config, 0, len(samples)))
        if isinstance(taken, Failure):
            hint = "; give metric.timeout_s=SECONDS" if taken.timeout else ""
            raise UsageError(taken.told(f"{taken.reason}, so there is no baseline to compare with{hint}"))
        journal.measured(0, taken, None)
        samples.append(taken)
        wanted = min(wanted, 3) if taken.wall_s > SLOW_S else wanted
    found, again = _varies(config, parts, stages, base, samples)
    if again is not None:
        journal.measured(0, again, None)
        samples.append(again)
    return Measurement(commit=base, samples=tuple(samples)), found


def _varies(
    config: Config, parts: Parts, stages: Stages, commit: str, samples: Sequence[Sample]
) -> tuple[Variation, Sample | None]:
    """How the samples vary, and another one of the first seed where that differs from the first.

    Raises:
        UsageError: they differ although the metric is said not to vary.
    """
    wished, first = config.metric.variation, samples[0]
    if wished is Variation.noise or config.metric.extract.kind in _CLOCKS:
        return Variation.noise, None
    equal = all(same(sample.value, first.value) for sample in samples)
    if wished is Variation.none and not equal:
        values = [sample.value for sample in samples]
        raise UsageError(
            f"metric.variation is none, but one commit gave {min(values):g} to {max(values):g}; "
            "leave it at auto."
        )
    if equal and (wished is Variation.none or len(samples) > 1):
        return Variation.none, None
    if wished is Variation.seed:
        return Variation.seed, None
    if len(samples) == 1:
        return Variation.noise, None
    stages.enter("measure", "does it vary with the seed alone?")
    again = take_incumbent(parts, commit, first.seed)
    return (Variation.seed, None) if same(again.value, first.value) else (Variation.noise, again)


def twins(
    config: Config, parts: Parts, stages: Stages, measured: Measurement, found: Variation
) -> tuple[Pair, ...]:
    """Pairs of a commit with itself where both run at once: what disturbs both is no noise of a pair.

    None where pairs are taken in turn, as neighbouring samples then say the same.

    Raises:
        IncumbentError: it no longer runs.
    """
    if not config.metric.duet or found is not Variation.noise:
        return ()
    commit, number = measured.commit, stages.number
    slow = any(sample.wall_s > SLOW_S for sample in measured.samples)
    wanted = min(config.metric.baseline_samples, 3) if slow else config.metric.baseline_samples
    pairs: list[Pair] = []
    for position in range(wanted):
        stages.enter("measure", f"both at once, {position + 1} of {wanted}")
        taken = take_pair(config, parts, commit, parts.workspace.twin(commit), number, TWINS + position)
        if not isinstance(taken, Failure):  # runs that fail now and then fail in a pair too
            pairs.append(Pair(incumbent=taken[0], challenger=taken[1]))
    return tuple(pairs)


def begin(parts: Parts, measured: Measurement, found: Variation, twins: Sequence[Pair]) -> None:
    """Let the judge begin with what the incumbent's own samples say, live or replayed."""
    values = [sample.value for sample in measured.samples]
    paired = [(pair.incumbent.value, pair.challenger.value) for pair in twins]
    parts.judge.start(values, found, paired)


def suspicion(config: Config, samples: Sequence[Sample], found: Variation) -> str:
    """What to think of a time or a quality that never varies, or nothing."""
    wished, seeds = config.metric.variation, len({sample.seed for sample in samples})
    if found is not Variation.none or wished is Variation.none or seeds < 2:
        return ""
    if printed_seconds(config.metric):
        return (
            f"constant metric: the number is {samples[0].value:g} in each of {len(samples)} runs, to the "
            "last digit, and no time is: see that the command measures what it runs"
        )
    if wished is Variation.auto and not _is_quality(config.metric, samples[0].value):
        return ""
    return (
        f"the number is the same with {seeds} seeds: it looks exact, but gains may fit this one split "
        "(overfit); take the split and starting weights from AUTOOPT_SEED"
    )


def constancy(history: Sequence[Experiment]) -> str:
    """What to think of a number that no change has moved, once enough of them were measured; or nothing."""
    found = (past.measurement for past in history if past.measurement is not None)
    measured = [*islice(found, 2 + _UNMOVED)]
    if len(measured) != 1 + _UNMOVED or history[-1].measurement is None:
        return ""
    values = {sample.value for one in measured for sample in one.samples}
    if len(values) > 1:
        return ""
    return (
        f"constant metric: the number was {values.pop():g} with each of {_UNMOVED} changes, to the last "
        "digit: see that the command measures what is edited"
    )


def _is_quality(metric: MetricConfig, value: float) -> bool:
    """Whether the number looks like what a model is judged by: no count, no share of one, no cost."""
    if value.is_integer() or metric.unit == "%":
        return False
    higher = metric.direction is Direction.higher
    return higher or abs(value) < 1 or _LOSS.search(metric.unit) is not None


def first_sight(config: Config, parts: Parts, measured: Measurement, found: Variation) -> str:
    """What the baseline says of what can be seen, before anything is spent on it; a doubt is told at once."""
    doubt = suspicion(config, measured.samples, found)
    if config.metric.duet and found is not Variation.noise:
        parts.reporter.on_note(0, "metric.duet does nothing here: no two runs with one seed differ")
    if doubt:
        parts.reporter.on_note(0, doubt)
        return doubt
    outlook = parts.judge.outlook()
    if found is not Variation.seed:
        return outlook
    return f"the number varies with the seed alone, experiments share {config.metric.seeds} seeds; {outlook}"


def renew(config: Config, parts: Parts, journal: Journal) -> None:
    """Measure the incumbent anew where the machine or the metric is not what the journal's numbers are from.

    Raises:
        IncumbentError: it no longer runs.
    """
    now = machine.conditions(config.metric)
    if journal.conditions == now:
        return
    if not journal.history or not journal.conditions:
        journal.measured_on(now)
        return
    reason = machine.difference(journal.conditions, now)
    begin_anew(config, parts, journal, journal.next_number, reason, conditions=now)


def begin_anew(
    config: Config,
    parts: Parts,
    journal: Journal,
    number: int,
    reason: str,
    *,
    conditions: dict[str, str] | None = None,
    found: Variation | None = None,
) -> None:
    """Measure the incumbent; the judge forgets the noise of before.

    Args:
        number: The experiment that is next, or open.
        conditions: What it is measured on from now on, where that has changed.
        found: How the metric varies; by default that is looked into.

    Raises:
        IncumbentError: it no longer runs.
    """
    stages = Stages(parts.reporter, number)
    parts.reporter.on_note(number, f"{reason}: the incumbent is measured anew")
    measured, found = anew(config, parts, stages, parts.workspace.incumbent, found)
    restart = Restart(
        after=journal.history[-1].number,
        measurement=measured,
        reason=reason,
        variation=found.value,
        conditions=journal.conditions if conditions is None else conditions,
        twins=twins(config, parts, stages, measured, found),
    )
    journal.restarted(restart)
    begin(parts, measured, found, restart.twins)


def anew(
    config: Config,
    parts: Parts,
    stages: Stages,
    commit: str,
    found: Variation | None = None,
    *,
    most: int | None = None,
) -> tuple[Measurement, Variation]:
    """Fresh samples of a commit that is or becomes the incumbent, and how they vary.

    Args:
        found: How the metric varies; by default that is looked into.
        most: Samples that are enough, where fewer are than for a baseline.

    Raises:
        IncumbentError: it does not run.
    """
    wanted = min(config.metric.baseline_samples, most or config.metric.baseline_samples)
    samples: list[Sample] = []
    while len(samples) < wanted:
        stages.enter("restart", f"run {len(samples) + 1} of {wanted}")
        samples.append(take_incumbent(parts, commit, _seed(config, stages.number, len(samples), found)))
        wanted = min(wanted, 3) if samples[-1].wall_s > SLOW_S else wanted
    again = None
    if found is None:
        found, again = _varies(config, parts, stages, commit, samples)
    return Measurement(commit=commit, samples=(*samples, *([again] if again else []))), found


def _seed(config: Config, number: int, position: int, found: Variation | None) -> int:
    """One that experiments share, unless it is known already that sharing is of no use."""
    return seed_of(config, 0, position) if found is None else seed_of(config, number, ANEW + position)


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
            f"so it does not run them ({_advice(parts.installed())}; metric.probe=no skips this check)."
        )


def _advice(installed: Sequence[str]) -> str:
    """How a command comes to run the files of its own checkout."""
    if not installed:
        return (
            "an installed copy is the usual cause: set PYTHONPATH in metric.env, or name in scope what the "
            "command does use"
        )
    return (
        f"packages are installed from your own checkout's {', '.join(installed)}: "
        f"metric.env.PYTHONPATH={':'.join(installed)} lets each checkout run its own files"
    )
