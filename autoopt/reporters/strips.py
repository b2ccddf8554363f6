"""Pairs as a picture made of letters: a mark for each on a line with the zero in its place."""

from __future__ import annotations

from autoopt.reporters.ruler import Ruler

Letters = tuple[str, str, str, str, str, str]
UNICODE: Letters = ("│", "●", "├", "─", "┤", "◆")
ASCII: Letters = ("|", "o", "[", "-", "]", "#")
"""For zero, a pair, the interval's left end, its line, its right end and the estimate."""


def of_pair(gain: float, ruler: Ruler, width: int, letters: Letters) -> str:
    """One pair: its mark, and the zero line."""
    zero, mark = letters[0], letters[1]
    cells = _empty(ruler, width, zero)
    cells[_cell(gain, ruler, width)] = mark
    return "".join(cells)


def of_interval(effect: float, low: float, high: float, ruler: Ruler, width: int, letters: Letters) -> str:
    """What all pairs say together: the interval, and the estimate within."""
    zero, _, left, line, right, estimate = letters
    cells = _empty(ruler, width, zero)
    ends = _cell(low, ruler, width), _cell(high, ruler, width)
    for place in range(ends[0], ends[1] + 1):
        cells[place] = line
    cells[ends[0]], cells[ends[1]] = left, right
    cells[_cell(effect, ruler, width)] = estimate
    return "".join(cells)


def of_scale(worse: str, better: str, ruler: Ruler, width: int) -> str:
    """The two sides' words, either side of zero; without them where they have no room."""
    zero = _cell(0.0, ruler, width)
    if len(worse) + 1 > zero or zero + 1 + len(better) >= width:
        return " " * width
    return f"{worse:>{zero - 1}} 0 {better}".ljust(width)


def _empty(ruler: Ruler, width: int, zero: str) -> list[str]:
    cells = [" "] * width
    cells[_cell(0.0, ruler, width)] = zero
    return cells


def _cell(gain: float, ruler: Ruler, width: int) -> int:
    return min(width - 1, int(ruler.place(gain) * width))
