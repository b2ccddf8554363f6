"""Single samples and interleaved pairs of two commits, and the seeds they are taken with."""

from __future__ import annotations

import random

from autoopt.errors import IncumbentError
from autoopt.measure.parts import Parts
from autoopt.records import Failure, Sample
from autoopt.schema import Config

PER_NUMBER = 1000
"""Seeds of one experiment. The first are those of its pairs; those that follow begin at these positions:"""
FURTHER, ANEW, TWINS, ALONE = 500, 700, 800, 900
_TRIES = 4  # of an incumbent, which gave its number before


def take_sample(
    parts: Parts, commit: str, seed: int, tries: int = 2, limit_s: float | None = None
) -> Sample | Failure:
    """A sample; a command that failed, though not for the time it took, gets another chance."""
    with parts.turn(commit):
        taken = parts.meter.sample(commit, seed, limit_s)
        while isinstance(taken, Failure) and not _took_long(taken) and tries > 1:
            tries -= 1
            taken = parts.meter.sample(commit, seed, limit_s)
    return taken


def take_incumbent(parts: Parts, commit: str, seed: int) -> Sample:
    """A sample of a commit that gave its number before; when it fails too, the change is not to blame.

    Raises:
        IncumbentError: it gives none however often it is run.
    """
    sample = take_sample(parts, commit, seed, tries=_TRIES)
    if isinstance(sample, Failure):
        raise IncumbentError(
            f"the incumbent no longer runs: {sample.reason}; mend what it needs, then `autoopt resume`."
            f"{_tail(sample)}"
        )
    return sample


def take_challenger(parts: Parts, incumbent: str, challenger: str, seed: int) -> Sample | Failure:
    """A sample of a change; where it fails, the incumbent has to run.

    Raises:
        IncumbentError: the incumbent itself no longer runs.
    """
    taken = take_sample(parts, challenger, seed)
    if isinstance(taken, Failure):
        take_incumbent(parts, incumbent, seed)
    return taken


def take_pair(
    config: Config, parts: Parts, incumbent: str, challenger: str, number: int, position: int
) -> tuple[Sample, Sample] | Failure:
    """Both commits once, next to each other, in random order, with one seed; or the challenger's failure.

    With `metric.duet` they run at the same moment.

    Raises:
        IncumbentError: the incumbent itself no longer runs.
    """
    seed = seed_of(config, number, position)
    with parts.turn(incumbent, challenger):
        if config.metric.duet:
            return _take_duet(parts, incumbent, challenger, seed)
        return _take_turns(parts, incumbent, challenger, seed, goes_first(config, number, position))


def _take_turns(
    parts: Parts, incumbent: str, challenger: str, seed: int, incumbent_first: bool
) -> tuple[Sample, Sample] | Failure:
    if incumbent_first:
        known = take_incumbent(parts, incumbent, seed)
        taken = take_sample(parts, challenger, seed)
        return taken if isinstance(taken, Failure) else (known, taken)
    taken = take_challenger(parts, incumbent, challenger, seed)
    return taken if isinstance(taken, Failure) else (take_incumbent(parts, incumbent, seed), taken)


def take_pair_within(
    config: Config,
    parts: Parts,
    incumbent: str,
    challenger: str,
    number: int,
    position: int,
    limit_s: float,
) -> tuple[Sample, Sample] | Failure | None:
    """A pair whose challenger is ended at a limit (`Failure.over_s`); None where both are over it.

    That pair is void: the machine was slow, not the change.

    Raises:
        IncumbentError: the incumbent itself no longer runs.
    """
    seed, first = seed_of(config, number, position), goes_first(config, number, position)
    with parts.turn(incumbent, challenger):
        return _take_turns_within(parts, incumbent, challenger, seed, first, limit_s)


def _take_turns_within(
    parts: Parts, incumbent: str, challenger: str, seed: int, incumbent_first: bool, limit_s: float
) -> tuple[Sample, Sample] | Failure | None:
    known = take_incumbent(parts, incumbent, seed) if incumbent_first else None
    taken = take_sample(parts, challenger, seed, limit_s=limit_s)
    if isinstance(taken, Sample):
        return known or take_incumbent(parts, incumbent, seed), taken
    if taken.over_s is None:
        if known is None:
            take_incumbent(parts, incumbent, seed)
        return taken
    if known is None:
        beside = parts.meter.sample(incumbent, seed, limit_s)
        if isinstance(beside, Failure) and beside.over_s is not None:
            return None
        known = beside if isinstance(beside, Sample) else take_incumbent(parts, incumbent, seed)
    return None if known.wall_s > limit_s else taken


def _take_duet(parts: Parts, incumbent: str, challenger: str, seed: int) -> tuple[Sample, Sample] | Failure:
    """Both at the same moment; where that fails twice, in turn, as each may have been in the other's way."""
    for _ in range(2):
        known, new = parts.meter.duet(incumbent, challenger, seed)
        if isinstance(known, Sample) and isinstance(new, Sample):
            return known, new
        if isinstance(new, Failure) and _took_long(new):
            take_incumbent(parts, incumbent, seed)
            return new
    return _take_turns(parts, incumbent, challenger, seed, incumbent_first=False)


def goes_first(config: Config, number: int, position: int) -> bool:
    """Whether the incumbent is the first of a pair, by lot."""
    return random.Random(f"{config.seed}/{number}/{position}").random() >= 0.5


def seed_of(config: Config, number: int, position: int) -> int:
    """A seed no other pair has, the same on every resume; final comparisons have negative numbers."""
    # Small: scripts derive more seeds from it (20 * seed + split), and NumPy takes no more than 32 bits.
    return (config.seed * 1_000_000 + number * PER_NUMBER + position) % 100_000_000


def _took_long(failure: Failure) -> bool:
    return failure.timeout or failure.over_s is not None


def _tail(failure: Failure) -> str:
    return f"\n{failure.tail}" if failure.tail else ""
