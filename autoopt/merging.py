"""Carrying changes over to files that have changed themselves: three-way merges that never guess. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from autoopt import lines
from autoopt.records import Edit, FileChange

_Hunk = tuple[int, int, tuple[bytes, ...]]
Span = tuple[int, int]
"""The first and the last of some lines, counted from 1."""


def merge(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """The file with what both sides did to it; None where they did different things to the same lines.

    Lines next to each other count as the same: whoever changed one had the other in mind. Line ends are part
    of their lines, a missing one at the end of the file included. Binary files merge when only one side
    changed them.
    """
    if theirs in (base, ours):
        return ours
    if ours == base:
        return theirs
    if not all(map(lines.is_text, (base, ours, theirs))):
        return None
    old = lines.split(base)
    hunks = sorted({*_hunks(old, ours), *_hunks(old, theirs)})
    if any(left[1] >= right[0] for left, right in pairwise(hunks)):
        return None
    return _with(old, hunks)


def _hunks(old: list[bytes], content: bytes) -> list[_Hunk]:
    new = lines.split(content)
    return [(a, b, tuple(new[c:d])) for a, b, c, d in lines.changed(old, new)]


def clashes(base: bytes, ours: bytes, theirs: bytes) -> tuple[Span, ...]:
    """The lines of `ours` that `theirs` has otherwise, where `merge` finds no answer; none for binary files.

    A line that `ours` has deleted is told by the line that took its place.
    """
    if not all(map(lines.is_text, (base, ours, theirs))):
        return ()
    old = lines.split(base)
    new = lines.split(ours)
    wanted = _hunks(old, theirs)
    return tuple(
        (c + 1, max(c + 1, d))
        for a, b, c, d in lines.changed(old, new)
        if any(_clash((a, b, tuple(new[c:d])), hunk) for hunk in wanted)
    )


def _clash(one: _Hunk, other: _Hunk) -> bool:
    return one != other and one[0] <= other[1] and other[0] <= one[1]


def _with(old: list[bytes], hunks: list[_Hunk]) -> bytes:
    merged: list[bytes] = []
    position = 0
    for start, end, new in hunks:
        merged += [*old[position:start], *new]
        position = end
    return b"".join(merged + old[position:])


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why a change cannot be carried over; `reason` follows on the path, as in "src/a.py: is gone".

    Attributes:
        lines: Which lines of the file as it is now are in the way, where it is lines.
    """

    path: str
    reason: str
    lines: tuple[Span, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        """One line for a person."""
        spans = ", ".join(f"{first}" if first == last else f"{first}–{last}" for first, last in self.lines)
        where = f" ({'line' if spans.isdigit() else 'lines'} {spans})" if spans else ""
        return f"{self.path}: {self.reason}{where}"


def carry(
    changes: Iterable[FileChange], current: Callable[[str], bytes | None]
) -> tuple[Edit, ...] | Conflict:
    """The edits that do the same to the files as they are now; those already as wanted need none.

    Args:
        changes: What was done elsewhere, each path once.
        current: The content of a file now, None where there is none.
    """
    edits = []
    for change in changes:
        now = current(change.path)
        wanted = _carried(change, now)
        if isinstance(wanted, Conflict):
            return wanted
        if wanted != now:
            edits.append(Edit(path=change.path, content=wanted))
    return tuple(edits)


def _carried(change: FileChange, now: bytes | None) -> bytes | Conflict | None:
    path, before, after = change
    if now in (before, after):
        return after
    if now is None:
        return Conflict(path, "is gone")
    if before is None:
        return Conflict(path, "is there already, with other content")
    if after is None:
        return Conflict(path, "was changed since, and would be deleted")
    merged = merge(before, now, after)
    if merged is None and not all(map(lines.is_text, (before, now, after))):
        return Conflict(path, "was changed since, and is no text")
    if merged is None:
        return Conflict(path, "the same lines were changed since", clashes(before, now, after))
    return merged
