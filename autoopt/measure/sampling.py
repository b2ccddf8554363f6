"""Single samples and interleaved pairs of two commits, and the seeds they are taken with."""

from __future__ import annotations

import random

from autoopt.errors import IncumbentError
from autoopt.measure.parts import Parts
from autoopt.records import Failure, Sample
from autoopt.schema import Config


def take_sample(parts: Parts, commit: str, seed: int, tries: int = 2) -> Sample | Failure:
    """A sample; a command that failed, though not for the time it took, gets another chance."""
    taken = parts.meter.sample(commit, seed)
    while isinstance(taken, Failure) and not taken.timeout and tries > 1:
        tries -= 1
        taken = parts.meter.sample(commit, seed)
    return taken


def take_incumbent(parts: Parts, commit: str, seed: int) -> Sample:
    """A sample of a commit that gave its number before; when it fails too, the change is not to blame.

    Raises:
        IncumbentError: it gives none however often it is run.
    """
    sample = take_sample(parts, commit, seed, tries=4)
    if isinstance(sample, Failure):
        raise IncumbentError(
            f"the incumbent no longer runs: {sample.reason}; mend what it needs, then `autoopt resume`."
            f"{_tail(sample)}"
        )
    return sample


def take_pair(
    config: Config, parts: Parts, incumbent: str, challenger: str, number: int, position: int
) -> tuple[Sample, Sample] | Failure:
    """Both commits once, next to each other, in random order, with one seed; or the challenger's failure.

    Raises:
        IncumbentError: the incumbent itself no longer runs.
    """
    seed, taken = seed_of(config, number, position), dict[str, Sample]()
    order = [incumbent, challenger]
    if random.Random(f"{config.seed}/{number}/{position}").random() < 0.5:
        order.reverse()
    for commit in order:
        sample = (
            take_incumbent(parts, commit, seed) if commit == incumbent else take_sample(parts, commit, seed)
        )
        if isinstance(sample, Failure):
            if incumbent not in taken:
                take_incumbent(parts, incumbent, seed)
            return sample
        taken[commit] = sample
    return taken[incumbent], taken[challenger]


def seed_of(config: Config, number: int, position: int) -> int:
    """A seed no other pair has, the same on every resume; final comparisons have negative numbers."""
    # Small: scripts derive more seeds from it (20 * seed + split), and NumPy takes no more than 32 bits.
    return (config.seed * 1_000_000 + number * 100 + position) % 100_000_000


def _tail(failure: Failure) -> str:
    return f"\n{failure.tail}" if failure.tail else ""
