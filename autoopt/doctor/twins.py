"""A/A pairs: both checkouts hold the same commit, so whatever differs is noise."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from time import monotonic

from autoopt.errors import UsageError
from autoopt.measure.sampling import seed_of
from autoopt.processes.turns import Turns
from autoopt.protocols import Meter
from autoopt.records import Failure, Sample
from autoopt.schema import Config

Twins = tuple[Sample, Sample]
Tell = Callable[[str, str], None]
"""Is told what is done now, and how far it is."""

FEWEST, MOST = 6, 12
"""Pairs of each way, unless a number is asked for."""
_ENOUGH_S = 60.0  # for the pairs of one way, where so many go into it


class Way(StrEnum):
    """How the two runs of a pair stand to each other."""

    turns = "turns"
    duet = "duet"


@dataclass(slots=True)
class Series:
    """A/A pairs that were taken one way.

    Attributes:
        pairs: In the order they were taken; each has one seed.
        seconds: Elapsed time of each pair.
        failures: Why runs gave no number; their pairs are void.
    """

    way: Way
    pairs: list[Twins] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def pair_s(self) -> float:
        """What a pair takes once both checkouts are ready."""
        return median(self.seconds[1:] or self.seconds)

    @property
    def ready_s(self) -> float:
        """What preparing and warming up both checkouts takes."""
        return max(0.0, self.seconds[0] - self.pair_s)


def take(
    config: Config,
    meter: Meter,
    names: tuple[str, str],
    way: Way,
    wanted: int | None,
    tell: Tell,
    queue: Turns | None = None,
) -> Series:
    """Pairs of a commit with itself.

    Args:
        names: The commit, and the name by which the other checkout has it.
        wanted: How many pairs; None for as many as a minute holds, within limits.
        tell: Told how far it is, before each pair.
        queue: Where each pair waits for its turn; None for a machine that nobody shares.

    Raises:
        UsageError: the metric command gives no number at all.
    """
    series, queue = Series(way), queue or Turns()
    attempts = 0
    while attempts < (goal := wanted or _fitting(series)):
        tell(_TOLD[way], f"pair {attempts + 1} of {goal}")
        with queue.measuring():
            began = monotonic()
            pair = _pair(config, meter, names, way, attempts)
        attempts += 1
        if isinstance(pair, Failure):
            series.failures.append(pair)
            if not series.pairs and len(series.failures) > 1:
                raise UsageError(pair.told(f"{pair.reason}, so there is nothing to compare"))
            continue
        series.pairs.append(pair)
        series.seconds.append(monotonic() - began)
    if not series.pairs:
        raise UsageError(
            series.failures[-1].told(f"{series.failures[-1].reason}, so there is nothing to compare")
        )
    return series


_TOLD = {Way.turns: "in turns", Way.duet: "both at once"}


def _fitting(series: Series) -> int:
    if not series.seconds:
        return MOST
    return max(FEWEST, min(MOST, int(_ENOUGH_S / max(series.pair_s, 1e-3))))


def _pair(config: Config, meter: Meter, names: tuple[str, str], way: Way, position: int) -> Twins | Failure:
    """One pair with one seed, the first checkout's sample first, whichever was run first."""
    seed = seed_of(config, 0, position)
    swapped = random.Random(f"{config.seed}/{way}/{position}").random() < 0.5
    first, second = reversed(names) if swapped else names
    if way is Way.duet:
        one, other = meter.duet(first, second, seed)
    else:
        one, other = meter.sample(first, seed), meter.sample(second, seed)
    for taken in (one, other):
        if isinstance(taken, Failure):
            return taken
    assert isinstance(one, Sample) and isinstance(other, Sample), "neither has failed"
    return (other, one) if swapped else (one, other)
