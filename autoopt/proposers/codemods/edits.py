"""What a codemod wants changed, by place: small values that can be kept without the tree they came from."""

from __future__ import annotations

from dataclasses import dataclass

from autoopt.proposers.codemods.source import Position


@dataclass(frozen=True, slots=True)
class Replace:
    """Another expression in place of the one at these positions."""

    start: Position
    end: Position
    code: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Other statements in place of those that begin on lines `first` to `last`, all of one block."""

    first: int
    last: int
    code: str


@dataclass(frozen=True, slots=True)
class Insert:
    """A statement before the one that begins on a line, or after it."""

    line: int
    code: str
    after: bool = False


@dataclass(frozen=True, slots=True)
class Decorate:
    """A decorator for the function whose `def` is on a line."""

    line: int
    code: str


Change = Replace | Rewrite | Insert | Decorate


@dataclass(frozen=True, slots=True)
class Place:
    """One place in a function where a codemod applies.

    Attributes:
        what: What happens there, as in "`in` a list of 40 constants becomes a set".
        changes: All of them, or none.
        depth: How many loops the place is in.
    """

    what: str
    changes: tuple[Change, ...]
    depth: int = 0


def apart(taken: list[Change], changes: tuple[Change, ...]) -> bool:
    """Whether none of the changes touches lines that one of those taken rewrites, or the same expression."""
    return not any(_clash(one, other) for one in taken for other in changes)


def _clash(one: Change, other: Change) -> bool:
    if isinstance(one, (Insert, Decorate)) and isinstance(other, (Insert, Decorate)):
        return False  # new lines at one place come one after the other
    if isinstance(one, Replace) and isinstance(other, Replace):
        return one.start < other.end and other.start < one.end
    first, second = _lines(one), _lines(other)
    strict = isinstance(one, Rewrite) or isinstance(other, Rewrite)
    return strict and first[0] <= second[1] and second[0] <= first[1]


def _lines(change: Change) -> tuple[int, int]:
    if isinstance(change, Replace):
        return change.start[0], change.end[0]
    if isinstance(change, Rewrite):
        return change.first, change.last
    return change.line, change.line
