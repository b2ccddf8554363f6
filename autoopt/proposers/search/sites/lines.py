"""Adding and removing whole lines so that adding, then removing, gives the old text back byte for byte."""

from __future__ import annotations

import re

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")


def spans(text: str) -> list[tuple[int, int]]:
    """Start and end of every line, its line ending included."""
    return [match.span() for match in _LINE.finditer(text) if match.group()]


def body(text: str, span: tuple[int, int]) -> str:
    """The line without its ending and trailing blanks."""
    return text[span[0] : span[1]].rstrip()


def ending(text: str) -> str:
    """The text's line ending; a line feed when it has none yet."""
    match = re.search(r"\r\n|\n|\r", text)
    return match.group() if match else "\n"


def insert(text: str, position: int, line: str) -> str:
    """The text with a new line at this position, which is a line's start or the text's end."""
    if position == len(text) and text and not text.endswith(("\n", "\r")):
        return text + ending(text) + line  # a file that does not end in a newline stays one
    return text[:position] + line + ending(text) + text[position:]


def remove(text: str, span: tuple[int, int]) -> str:
    """The text without this line."""
    start, end = span
    if end == len(text) and not text.endswith(("\n", "\r")):
        return re.sub(r"(\r\n|\n|\r)\Z", "", text[:start])
    return text[:start] + text[end:]
