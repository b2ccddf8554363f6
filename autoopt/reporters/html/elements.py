"""HTML and SVG as text, in which every string is escaped: it may come from a stranger's program."""

from __future__ import annotations

from html import escape

from autoopt.reporters import words

_VOID = frozenset({"meta", "link", "br", "path", "line", "rect", "circle", "polygon", "polyline"})


class Html(str):
    """Text that is markup already; any other string is escaped when it becomes part of an element."""

    __slots__ = ()


Content = str | Html | None


def element(tag: str, *content: Content, **attributes: str | float | None) -> Html:
    """An element; attributes without a value are left out.

    Args:
        content: Its children: markup as it is, other text escaped, None nothing.
        attributes: By name, with `_` for `-` and one at the end where Python has the word (`class_`).
    """
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_shown(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID and not content:
        return Html(f"<{tag}{named}/>")
    return Html(f"<{tag}{named}>{joined(*content)}</{tag}>")


def joined(*content: Content) -> Html:
    """These one after another."""
    return Html("".join(text(part) for part in content if part is not None))


def text(content: str) -> Html:
    """The text as markup that shows it as it is, without colours, cursor moves and control characters."""
    return content if isinstance(content, Html) else Html(escape(words.lines(content)))


def _shown(value: str | float) -> str:
    return words.lines(value) if isinstance(value, str) else f"{value:.6g}"
