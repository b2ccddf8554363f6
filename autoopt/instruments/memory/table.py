"""What was held at the peak, as a table for people: by the line of the project that asked for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from linecache import getline
from pathlib import Path
from typing import Any

from autoopt.instruments.files import relative, within

Place = tuple[str, int]
"""File, below the root where it is, and line."""

ELSEWHERE = 8
LEAST = 0.005
"""Share of the whole that a place elsewhere is worth a line for."""
_SHOWN = 90
_TOOLS = {
    "memray": "held at the peak, as memray saw it",
    "tracemalloc": "held near the peak, as tracemalloc saw it: what Python's own allocators gave",
}


def lines(seen: Sequence[Mapping[str, Any]], root: Path, scope: Sequence[str], top: int) -> Iterator[str]:
    """The table of the process that held the most; paths are relative to `root`."""
    largest = max(seen, key=lambda process: process["bytes"])
    total = largest["bytes"] or 1
    mine: dict[Place, list[int]] = {}
    others: dict[Place, list[int]] = {}
    for stack, size, count in largest["rows"]:
        place, is_mine = _asked(stack, root, scope)
        held = (mine if is_mine else others).setdefault(place, [0, 0])
        held[0] += size
        held[1] += count
    many = f" (the largest of {len(seen)} processes)" if len(seen) > 1 else ""
    yield f"{total / 1e6:.1f} MB {_TOOLS[largest['tool']]}{many}"
    yield f"{'share':>6} {'MB':>8} {'blocks':>9}  line"
    yield from _shown(mine, total, root, top)
    others = {place: held for place, held in others.items() if held[0] >= LEAST * total}
    if others:
        yield "Held by none of these:"
        yield from _shown(others, total, root, ELSEWHERE)


def _asked(stack: Sequence[Sequence[Any]], root: Path, scope: Sequence[str]) -> tuple[Place, bool]:
    """The innermost line of the scope that the allocation goes back to, else where it was made."""
    places = [(relative(file, root), int(line)) for file, line, _ in stack]
    for place in places:
        if within(place[0], scope):
            return place, True
    return (places[0] if places else ("(unknown)", 0)), False


def _shown(held: Mapping[Place, list[int]], total: int, root: Path, top: int) -> Iterator[str]:
    for place, (size, count) in sorted(held.items(), key=lambda item: -item[1][0])[:top]:
        file, line = place
        text = getline(str(root / file), line).strip()[:_SHOWN]
        yield f"{size / total:6.1%} {size / 1e6:8.2f} {count:9}  {file}:{line} {text}".rstrip()
