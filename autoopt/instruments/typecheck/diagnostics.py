"""What a type checker says, and how much of it there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autoopt.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One complaint.

    Attributes:
        path: The file, relative to the working directory, with `/`.
        line: The line it begins on, from 1.
        rule: The checker's name for it, as in `invalid-assignment`; `general` where it gives none.
        message: All it says, in one line.
        is_error: Whether it is an error; a warning otherwise.
    """

    path: str
    line: int
    rule: str
    message: str
    is_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The complaints that count, parted by the scope."""

    inside: tuple[Diagnostic, ...]
    outside: tuple[Diagnostic, ...]


def split(found: Iterable[Diagnostic], scope: Scope, *, warnings: bool) -> Split:
    """Part what counts into what is in scope and what is not; warnings count where they are asked for."""
    counted = [one for one in found if one.is_error or warnings]
    return Split(
        inside=tuple(one for one in counted if scope.contains(one.path)),
        outside=tuple(one for one in counted if not scope.contains(one.path)),
    )


def numbers(parted: Split) -> Mapping[str, int]:
    """The metric's numbers: totals, then those in scope by rule and by file, the most frequent first."""
    inside, outside = len(parted.inside), len(parted.outside)
    return {
        "errors": inside,
        "errors_outside": outside,
        "errors_project": inside + outside,
        **{f"rule:{rule}": count for rule, count in ranked(one.rule for one in parted.inside)},
        **{f"file:{path}": count for path, count in ranked(one.path for one in parted.inside)},
    }


def ranked(names: Iterable[str]) -> Sequence[tuple[str, int]]:
    """How often each occurs, the most frequent first and the same order every time."""
    return sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))
