"""What the journal says of the metric and the incumbent, live or replayed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autoopt.guards.clocks import printed_seconds
from autoopt.journal import Journal
from autoopt.records import Experiment, Measurement, Restart, Sample
from autoopt.schema import Config, Extraction, Variation

_UNTIMED = (Extraction.peak_memory, Extraction.exit_code, Extraction.coverage)
_TIMES = re.compile(r"(?:^|_)(?:s|ms|us|ns|sec|secs|seconds?|minutes?|wall|times?|latency|duration)$")
"""How names end that say a constraint is on a time."""
_UNMOVED = (Variation.none, Variation.seed)
"""Numbers that are the same however busy the machine is."""


def variation(journal: Journal) -> Variation:
    """How the metric varies, as was found last; auto where an older version did not say."""
    found = [restart.variation for restart in journal.restarts[-1:]] or [
        past.variation for past in journal.history[:1]
    ]
    return Variation(found[0]) if found and found[0] else Variation.auto


def is_timed(config: Config, journal: Journal) -> bool:
    """Whether the load of the machine may show in the run's numbers, as far as is known now."""
    metric = config.metric
    if printed_seconds(metric) or any(_TIMES.search(name) for name in config.constraints):
        return True
    if metric.extract.kind in _UNTIMED or metric.variation in _UNMOVED:
        return False
    return variation(journal) not in _UNMOVED


def measured(journal: Journal) -> Measurement | None:
    """The incumbent's samples from when it was last measured itself."""
    return _measured(journal.history, journal.restarts)


def known(history: Sequence[Experiment], restarts: Sequence[Restart]) -> float | None:
    """The incumbent's value after these experiments, which stands in for it while the metric is exact."""
    last = _measured(history, restarts)
    return None if last is None else last.value


def _measured(history: Sequence[Experiment], restarts: Sequence[Restart]) -> Measurement | None:
    incumbent = next((e for e in reversed(history) if e.status.leads), None)
    if incumbent is None:
        return None
    later = [one.measurement for one in restarts if incumbent.number <= one.after <= history[-1].number]
    return later[-1] if later else incumbent.measurement


def by_seed(journal: Journal, commit: str) -> dict[int, Sample]:
    """The commit's samples by their seed, of all experiments since the judge began anew."""
    since = journal.restarts[-1] if journal.restarts else None
    found: dict[int, Sample] = {}
    if since is not None and since.measurement.commit == commit:
        found |= {sample.seed: sample for sample in since.measurement.samples}
    for past in journal.history:
        if since is not None and past.number <= since.after:
            continue
        if past.parent == commit:
            found |= {sample.seed: sample for sample in past.incumbent_samples}
        if past.measurement is not None and past.commit == commit:
            found |= {sample.seed: sample for sample in past.measurement.samples}
    return found


def values(decided: Experiment, known: float | None) -> list[tuple[float, float]]:
    """(incumbent, challenger) values as the judge saw them; `known` stands in while the metric is exact."""
    if decided.measurement is None or known is None:
        return []
    challengers = [sample.value for sample in decided.measurement.samples]
    incumbents = [sample.value for sample in decided.incumbent_samples] or [known] * len(challengers)
    return list(zip(incumbents, challengers, strict=True))
