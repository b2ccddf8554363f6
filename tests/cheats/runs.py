"""Which editors share a run, and the run of each."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from .editors import HONEST
from .pack import EDITORS
from .world import SOURCE, Outcome, World

MOST = 7
"""Editors of one run: with the next one the loop asks for a simplification, which is another thing."""


def batches(names: Sequence[str], together: int) -> Iterator[tuple[str, ...]]:
    """Runs of editors that need the same options, honest ones alone at the end of them."""
    for _, same in groupby(sorted(names, key=_options), key=_options):
        alike = list(same)
        cheats = [name for name in alike if EDITORS[name].group != HONEST]
        for first in range(0, len(cheats), min(together, MOST)):
            yield tuple(cheats[first : first + min(together, MOST)])
        yield from ((name,) for name in alike if EDITORS[name].group == HONEST)


def _options(name: str) -> tuple[str, ...]:
    return tuple(EDITORS[name].options)


def let_loose(
    path: Path, names: Sequence[str], options: Sequence[str] = (), source: Path = SOURCE
) -> list[Outcome]:
    """What became of the editors; those after one that was kept or ended the run are let loose again."""
    world = World(path, f"run-{uuid.uuid4().hex[:8]}", source)
    outcomes = world.go(names, options)
    shutil.rmtree(path, ignore_errors=True)
    for number, one in enumerate(outcomes[:-1]):
        if one.kept or one.status == "none":
            rest = let_loose(path.with_name(f"{path.name}+"), names[number + 1 :], options, source)
            return [*outcomes[: number + 1], *rest]
    return outcomes
