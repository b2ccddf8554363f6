"""Bars beneath each other on one scale, each with its words: they stretch, their words wrap."""

from __future__ import annotations

from collections.abc import Iterator

from autoopt.reporters.html.elements import Content, Html, element, joined

WIDTH, HEIGHT = 1000.0, 16.0
"""Of a bar's drawing, which is stretched to the room there is."""


def listed(*rows: Html) -> Html:
    """The rows as one picture."""
    return element("div", joined(*rows), class_="bars")


def row(label: Content, drawn: Iterator[Html], said: str, *, note: str = "", kind: str = "") -> Html:
    """A label, its bar, and what it says in words.

    Args:
        drawn: Elements within `WIDTH` by `HEIGHT`.
        note: More of it, less loud.
        kind: A further class of the row.
    """
    picture = element(
        "svg",
        *drawn,
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    words = element("span", said, element("small", note) if note else None, class_="figure")
    named = element("span", label, class_="label")
    return element("div", named, picture, words, class_=f"row {kind}".rstrip())


def bar(kind: str, start: float, end: float, *, top: float = 3.0, height: float = 10.0) -> Html:
    """A bar between two places on the scale, at least a hair wide."""
    left, right = sorted((start, end))
    width = max(right - left, 2.0)
    return element("rect", class_=kind, x=round(left, 1), y=top, width=round(width, 1), height=height)


def upright(kind: str, at: float) -> Html:
    """A stroke across the row."""
    return element("line", class_=kind, x1=round(at, 1), x2=round(at, 1), y1=0, y2=HEIGHT)


def across(kind: str, start: float, end: float) -> Html:
    """A stroke along the row's middle."""
    middle = HEIGHT / 2
    return element("line", class_=kind, x1=round(start, 1), x2=round(end, 1), y1=middle, y2=middle)
