"""The metric's parts before and after: a bar for each query, file or rule."""

from __future__ import annotations

from collections.abc import Iterator

from autoopt.reporters import parts, words
from autoopt.reporters.account import Account
from autoopt.reporters.html import bars
from autoopt.reporters.html.elements import Html, element
from autoopt.reporters.parts import Breakdown, Part


def pictures(account: Account) -> Iterator[tuple[str, Html, str]]:
    """Each breakdown: its title, its bars, and a sentence about it."""
    for one in parts.breakdowns(account):
        rows = [_row(account, part, one) for part in one.parts]
        yield f"By {words.one_line(one.kind)}", bars.listed(*rows), _note(one)


def _note(breakdown: Breakdown) -> str:
    hidden = f" {breakdown.hidden:,} more changed less." if breakdown.hidden else ""
    return f"Pale: before the run. Solid: with all that was kept.{hidden} {parts.WHY}"


def _row(account: Account, part: Part, breakdown: Breakdown) -> Html:
    before, after = parts.values(part, breakdown.unit)
    moved = " → ".join(filter(None, (before, after))) if before != after else before
    return bars.row(
        element("span", words.one_line(part.name)),
        _drawn(account, part, breakdown),
        parts.change(part, breakdown.unit),
        note=moved,
    )


def _drawn(account: Account, part: Part, breakdown: Breakdown) -> Iterator[Html]:
    """Two bars from zero on a scale that all rows share."""
    largest = max(
        (abs(value) for one in breakdown.parts for value in (one.before, one.after) if value), default=1.0
    )
    is_better = parts.is_better(part, account.direction) if breakdown.is_judged else None
    side = "" if is_better is None else " better" if is_better else " worse"
    if part.before:
        yield bars.bar("fill before", 0.0, bars.WIDTH * abs(part.before) / largest, top=1, height=14)
    if part.after:
        yield bars.bar(f"fill after{side}", 0.0, bars.WIDTH * abs(part.after) / largest, top=4, height=8)
