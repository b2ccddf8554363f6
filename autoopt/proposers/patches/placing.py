"""Putting the hunks of a patch where they belong: exact lines only, and one place only. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from autoopt import lines
from autoopt.proposers.patches.carrying import UnfitError
from autoopt.proposers.patches.parsing import Hunk

_ANY = 10  # places named in a message at most


def at_their_lines(content: bytes, hunks: Sequence[Hunk]) -> bytes | None:
    """The content after the patch where each hunk fits at the very line it names, else None."""
    old = lines.split(content)
    floor = 0
    for hunk in hunks:
        end = hunk.start + len(hunk.before)
        if not floor <= hunk.start <= len(old) or tuple(old[hunk.start : end]) != hunk.before:
            return None
        floor = end
    return _spliced(old, hunks, [hunk.start for hunk in hunks])


def by_context(content: bytes, hunks: Sequence[Hunk]) -> bytes:
    """The content after the patch, each hunk at its line or else at the only other place where it fits.

    A hunk with less context on one side comes from that end of its file and fits only there; one without any
    context fits only when it is the whole file.

    Raises:
        UnfitError: a hunk fits nowhere, or in several places.
    """
    old = lines.split(content)
    where: dict[bytes, list[int]] = {}
    for number, line in enumerate(old):
        where.setdefault(line, []).append(number)
    starts: list[int] = []
    floor = shift = 0
    for number, hunk in enumerate(hunks, start=1):
        place = _place(old, where, hunk, hunk.start + shift, floor, f"hunk {number} (line {hunk.start + 1})")
        starts.append(place)
        floor, shift = place + len(hunk.before), place - hunk.start
    return _spliced(old, hunks, starts)


def _place(
    old: list[bytes], where: dict[bytes, list[int]], hunk: Hunk, expected: int, floor: int, name: str
) -> int:
    size = len(hunk.before)
    if not hunk.lead and not hunk.trail and size != len(old):
        raise UnfitError(f"{name} has no context to find its place by")
    places = where.get(hunk.before[0], []) if hunk.before else [0]
    fits = [
        place
        for place in places
        if place >= floor
        and tuple(old[place : place + size]) == hunk.before
        and (hunk.lead >= hunk.trail or place == 0)
        and (hunk.trail >= hunk.lead or place + size == len(old))
    ]
    if expected in fits or len(fits) == 1:
        return expected if expected in fits else fits[0]
    if not fits:
        raise UnfitError(f"{name} fits nowhere")
    at = ", ".join(str(place + 1) for place in fits[:_ANY])
    raise UnfitError(f"{name} fits in {len(fits)} places (lines {at})")


def _spliced(old: list[bytes], hunks: Sequence[Hunk], starts: Sequence[int]) -> bytes:
    spliced: list[bytes] = []
    position = 0
    for hunk, start in zip(hunks, starts, strict=True):
        spliced += [*old[position:start], *hunk.after]
        position = start + len(hunk.before)
    return b"".join(spliced + old[position:])
