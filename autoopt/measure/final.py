"""The final claim: fresh pairs of two commits that nobody has selected for these numbers."""

from __future__ import annotations

from dataclasses import dataclass

from autoopt import judge
from autoopt.errors import IncumbentError
from autoopt.journal import Journal
from autoopt.measure.parts import Parts, Stages
from autoopt.measure.sampling import take_pair
from autoopt.records import Confirmation, Failure, Sample, Status
from autoopt.schema import Config

_HOPELESS = 4  # pairs in a row, none of which came about


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
            pair = take_pair(config, parts, old, new, -number, position)
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
