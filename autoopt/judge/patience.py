"""How many pairs a challenger may cost: what each patience means, and which one fits a run."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from autoopt.records import Experiment
from autoopt.schema import Patience

_CHEAP, _DEAR = 2.0, 20.0  # pairs that could be taken in the time an idea takes
_WINDOW = 20  # experiments looked back on: agents and commands get slower and faster


class Terms(NamedTuple):
    """What a patience means.

    Attributes:
        keep: Probability needed to keep.
        stop: Share of its prior probability at which a gain is given up.
        pairs: Most pairs.
        power: The gain that 9 of 10 comparisons confirm, in noise of one pair.
    """

    keep: float
    stop: float
    pairs: int
    power: float


TERMS = {
    Patience.quick: Terms(0.95, 0.5, 8, 2.3),
    Patience.default: Terms(0.95, 0.3, 16, 1.7),
    Patience.patient: Terms(0.95, 0.1, 24, 1.2),
    Patience.careful: Terms(0.99, 0.05, 32, 1.0),
}
"""What every patience but `auto` means."""


def patience_of(history: Sequence[Experiment]) -> Patience:
    """The patience that `auto` stands for after these experiments: quick, default or patient.

    Giving up early is right where another idea costs less than a few pairs, and wasteful where an idea takes
    an agent minutes. It follows from the journal alone, so that a resumed run goes on the same way.
    """
    recent = [past for past in history if past.number > 0][-_WINDOW:]
    thinking = [past.seconds.get("ask", 0.0) + past.seconds.get("edit", 0.0) for past in recent]
    pairs = [seconds for past in recent if (seconds := _pair_seconds(past)) > 0]
    if not pairs:
        return Patience.default
    ratio = median(thinking) / median(pairs)
    if ratio < _CHEAP:
        return Patience.quick
    return Patience.default if ratio < _DEAR else Patience.patient


def _pair_seconds(past: Experiment) -> float:
    """What a pair of this experiment took; 0 where none was taken."""
    taken = len(past.measurement.samples) if past.measurement else 0
    return past.seconds.get("measure", 0.0) / taken if taken else 0.0
