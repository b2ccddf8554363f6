"""What is known before the first experiment: the baseline, and whether the metric notices the scope."""

from __future__ import annotations

from autoopt.errors import UsageError
from autoopt.journal import Journal
from autoopt.measure.parts import Parts, Stages
from autoopt.measure.sampling import seed_of, take_sample
from autoopt.records import Failure, Measurement, Sample
from autoopt.schema import Config

SLOW_S = 60.0  # a metric this slow gets three baseline samples at most


def baseline(config: Config, parts: Parts, journal: Journal, stages: Stages) -> Measurement:
    """Samples of the commit the run starts from.

    Raises:
        UsageError: the metric command gives no number there.
    """
    base, wanted = parts.workspace.base, config.metric.baseline_samples
    samples: list[Sample] = []
    while len(samples) < wanted:
        stages.enter("measure", f"baseline {len(samples) + 1} of {wanted}")
        taken = take_sample(parts, base, seed_of(config, 0, len(samples)))
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
