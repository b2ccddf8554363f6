"""Files as lines, and which of them differ, in time that stays bounded whatever the files hold. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

Block = tuple[int, int, int, int]
"""Lines a to b of the old side became lines c to d of the new one; either range may be empty."""

_DEEPEST = 12  # how often a gap between anchors may be looked into again; two or three times is usual
_MOST_LINES = 4000  # on both sides of a gap that is compared thoroughly
_MOST_PAIRS = 200_000  # of equal lines in such a gap: what a thorough comparison has to weigh


def is_text(data: bytes) -> bool:
    """Whether git would call this text: no NUL in its first 8000 bytes."""
    return b"\0" not in data[:8000]


def split(data: bytes) -> list[bytes]:
    """The lines with their ends, which only LF makes; the last one may lack it."""
    *whole, rest = data.split(b"\n")
    ended = [line + b"\n" for line in whole]
    return [*ended, rest] if rest else ended


def changed(old: Sequence[bytes], new: Sequence[bytes]) -> list[Block]:
    """The blocks that differ, in order; between two of them at least one line is the same.

    Lines that occur once on either side hold the two together, and only what is between them is compared.
    An edit elsewhere therefore changes nothing about how a place is compared. A long gap of lines that all
    repeat counts as changed as a whole: finding out more would take quadratic time.
    """
    return list(_compare(old, new, (0, len(old), 0, len(new)), 0))


def _compare(old: Sequence[bytes], new: Sequence[bytes], gap: Block, depth: int) -> Iterator[Block]:
    a, b, c, d = gap = _trimmed(old, new, gap)
    if a == b or c == d:
        if a < b or c < d:
            yield gap
        return
    anchors = _anchors(old, new, gap) if depth < _DEEPEST else []
    if not anchors:
        yield from _thorough(old, new, gap)
        return
    for x, y in [*anchors, (b, d)]:
        yield from _compare(old, new, (a, x, c, y), depth + 1)
        a, c = x + 1, y + 1


def _trimmed(old: Sequence[bytes], new: Sequence[bytes], gap: Block) -> Block:
    """The gap without the beginning and the end that both sides share."""
    a, b, c, d = gap
    while a < b and c < d and old[a] == new[c]:
        a, c = a + 1, c + 1
    while a < b and c < d and old[b - 1] == new[d - 1]:
        b, d = b - 1, d - 1
    return a, b, c, d


def _anchors(old: Sequence[bytes], new: Sequence[bytes], gap: Block) -> list[tuple[int, int]]:
    """The longest run of lines in the same order that occur once on either side of the gap."""
    a, b, c, d = gap
    here, there = _once(old, a, b), _once(new, c, d)
    pairs = [(x, there[line]) for line, x in here.items() if line in there]
    return _rising(pairs)


def _once(lines: Sequence[bytes], start: int, end: int) -> dict[bytes, int]:
    counts = Counter(lines[start:end])
    return {line: n for n in range(start, end) if counts[line := lines[n]] == 1}


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest subsequence of pairs (sorted by their first) whose second ones rise too."""
    ends: list[int] = []  # the smallest last second of a run of each length
    last: list[int] = []  # the position of the pair it belongs to
    before: list[int] = []  # for each pair, the position of the one it follows
    for position, (_, y) in enumerate(pairs):
        length = bisect_left(ends, y)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [y]
        last[length : length + 1] = [position]
    run = []
    position = last[-1] if last else -1
    while position >= 0:
        run.append(pairs[position])
        position = before[position]
    return run[::-1]


def _thorough(old: Sequence[bytes], new: Sequence[bytes], gap: Block) -> Iterator[Block]:
    """The blocks of a gap that nothing holds together; the whole gap where that would take too long."""
    a, b, c, d = gap
    left, right = old[a:b], new[c:d]
    counts = Counter(right)
    if len(left) + len(right) > _MOST_LINES or sum(counts[line] for line in left) > _MOST_PAIRS:
        yield gap
        return
    for kind, i, j, k, m in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind != "equal":
            yield a + i, a + j, c + k, c + m
