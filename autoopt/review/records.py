"""What a review says: scores with their reasons, warnings, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from autoopt.records import Usage
from autoopt.review.figures import Piece, Sentence
from autoopt.schema import Direction

LEAST, MOST = 1, 10
"""The ends of a score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One rule of an axis, applied.

    Attributes:
        given: The points it gave; below 0 where it took some.
        possible: The most that it gives.
        why: The reason, with its figure.
    """

    given: int
    possible: int
    why: Sentence


def point(given: int, possible: int, *why: Piece) -> Point:
    """A rule that gave so many of so many points, for this reason."""
    return Point(given=given, possible=possible, why=why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One of the four questions a run is held against.

    Attributes:
        question: What it asks, for people.
        points: The rules in their order.
    """

    name: str
    question: str
    points: tuple[Point, ...]

    @property
    def score(self) -> int:
        """From 1 to 10: one, and what the rules give and take."""
        return max(LEAST, min(MOST, LEAST + sum(point.given for point in self.points)))


class Kind(StrEnum):
    """What a flag warns of."""

    fragile = "fragile keep"
    overfitting = "sign of overfitting"
    revisit = "worth another look"
    unexplored = "unexplored"
    unguarded = "unguarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Something a reader of the result should know; `numbers` are the experiments it is about."""

    kind: Kind
    said: Sentence
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A next step that applies to this run; `command` is what to type."""

    said: Sentence
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Untried:
    """Something that was not tried.

    Attributes:
        score: What the agent who had the idea gave it, 1 to 10; None where nobody scored it.
    """

    what: str
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an agent makes of the run: an opinion, which no score depends on."""

    agent: str
    text: str
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A run, judged after its end; effects in sentences are in its unit and direction."""

    run_id: str
    unit: str
    direction: Direction
    axes: tuple[Axis, ...]
    flags: tuple[Flag, ...] = ()
    boxes: tuple[Box, ...] = ()
    untried: tuple[Untried, ...] = ()
    reading: Reading | None = None
