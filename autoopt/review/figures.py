"""Sentences with their figures left as numbers: whoever shows them knows how people read those."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gain:
    """A gain, as verdicts hold it: a log ratio, or a difference in the metric's unit; positive is better."""

    effect: float
    is_ratio: bool = True


@dataclass(frozen=True, slots=True)
class Ends:
    """The two ends of a gain's interval."""

    low: float
    high: float
    is_ratio: bool = True


@dataclass(frozen=True, slots=True)
class Size:
    """The size of an effect, without its direction."""

    effect: float
    is_ratio: bool = True


@dataclass(frozen=True, slots=True)
class Sure:
    """A probability, as how sure something is."""

    probability: float


@dataclass(frozen=True, slots=True)
class Share:
    """A ratio, shown as a percentage."""

    ratio: float


@dataclass(frozen=True, slots=True)
class Count:
    """So many of something; `noun` in the singular."""

    amount: int
    noun: str


@dataclass(frozen=True, slots=True)
class Amount:
    """A plain number; `in_unit` has the metric's unit behind it."""

    value: float
    in_unit: bool = False


@dataclass(frozen=True, slots=True)
class Numbers:
    """Experiments by their numbers."""

    of: tuple[int, ...]


Piece = str | Gain | Ends | Size | Sure | Share | Count | Amount | Numbers
Sentence = tuple[Piece, ...]
