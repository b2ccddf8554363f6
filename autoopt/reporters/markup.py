"""Pieces of Markdown that show what they are given as it is, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from autoopt.reporters import words

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#])")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: tuple[int, ...]) -> str:
    """A table of plain text; `right` are the places of columns that hold numbers."""
    marks = ["---:" if place in right else "---" for place in range(len(columns))]
    cells = [[text(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(columns), marks, *cells])


def text(said: str) -> str:
    """The text so that Markdown shows it as it is: it may come from a program's output."""
    return _SPECIAL.sub(r"\\\1", words.one_line(said))


def code(said: str) -> str:
    """The text as code within a line."""
    return f"`{words.one_line(said).replace('`', chr(39))}`"


def fenced(said: str, language: str = "") -> str:
    """The text in a fence longer than any run of backticks inside it."""
    longest = max((len(run) for run in re.findall("`+", said)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{said}\n{fence}"
