"""One mechanical fix, and the rules that find them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from autoopt.instruments.typecheck.diagnostics import Diagnostic
from autoopt.instruments.typecheck.rewrites.module import Cut, Module


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """Edits that belong together.

    Attributes:
        rule: Name of the rule that found it.
        path: The file.
        cuts: What is edited.
        imports: Names that the edit needs from typing.
    """

    rule: str
    path: str
    cuts: tuple[Cut, ...]
    imports: frozenset[str] = frozenset()


Finder = Callable[[Module, Sequence[Diagnostic]], Iterator[tuple[tuple[Cut, ...], frozenset[str]]]]
"""Yields the cuts and the imports of each fix for some of the file's diagnostics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A kind of fix.

    Attributes:
        name: Its own name.
        what: What is done, as in `remove unused ignore comments`.
        why: Why that lowers the count.
        find: Finds the places.
    """

    name: str
    what: str
    why: str
    find: Finder
