"""What was not tried: ideas that were scored, kinds of ideas that the recipe names, files in scope."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from autoopt.review.evidence import Evidence
from autoopt.review.records import Untried

_WORD = re.compile(r"[^\W_]{3,}")
_FILLERS = """
    the and for with from into that this than then them they its are was has have not but all any each every
    one two per via out off over under once only more most less fewer same other when where which while
    instead does what fit done again called rarely made late way look looks another needed nobody kept better
"""
_COMMON = frozenset(_FILLERS.split())
_STEM = 4
_SHARE = 0.3
"""How many of its words make a kind of ideas recognisable."""


def untried(evidence: Evidence) -> tuple[Untried, ...]:
    """Ideas with the best scores first, then the recipe's kinds of ideas that no experiment was about."""
    ideas = sorted(evidence.ideas, key=lambda idea: -(idea.score or 0.0))
    return (*ideas, *(Untried(what=kind) for kind in kinds(evidence)))


def kinds(evidence: Evidence) -> tuple[str, ...]:
    """The recipe's kinds of ideas that no experiment was about, as far as its words tell."""
    said = [stems(f"{one.description} {one.hypothesis} {one.area}") for one in evidence.tried]
    searched = stems(" ".join(name for one in evidence.tried for name in one.parameters))
    named = {kind: stems(kind) for kind in evidence.config.vocabulary}
    return tuple(kind for kind, words in named.items() if not words & searched and not _is_tried(words, said))


def files(evidence: Evidence) -> tuple[str, ...]:
    """The files in scope that no experiment has changed."""
    return tuple(path for path in evidence.files if path not in evidence.touched)


def _is_tried(kind: frozenset[str], said: Iterable[frozenset[str]]) -> bool:
    wanted = max(1, round(_SHARE * len(kind)))
    return any(len(kind & words) >= wanted for words in said)


@lru_cache(maxsize=1 << 13)
def stems(text: str) -> frozenset[str]:
    """The beginnings of its words, without those that say nothing."""
    words = _WORD.findall(text.casefold())
    return frozenset(word[:_STEM] for word in words if word not in _COMMON)
