"""Text of others on its way into a prompt or out of an answer: fenced as data, or made one plain line."""

from __future__ import annotations

import re

_RUN = re.compile(r"`+")
_UNUSUAL = re.compile(r"[^\x20-\x7e\n\t]")


def fence(text: str, label: str) -> str:
    """The text as a fenced block that nothing in it can close; invisible characters are shown as escapes.

    Args:
        label: What it is, one or two words after the opening fence.
    """
    body = _UNUSUAL.sub(_visible, text.replace("\r\n", "\n")).rstrip("\n")
    ticks = "`" * max(3, 1 + max((len(run) for run in _RUN.findall(body)), default=0))
    name = one_line(label, 200).replace("`", "'")
    return f"{ticks}data: {name}\n{body}\n{ticks}"


def code(text: str) -> str:
    """The text as inline code, on one line."""
    line = one_line(text, 2000)
    ticks = "`" * (1 + max((len(run) for run in _RUN.findall(line)), default=0))
    space = " " if "`" in line else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def one_line(text: str, limit: int) -> str:
    """The text without line breaks, control and invisible characters, at most `limit` characters long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _visible(found: re.Match[str]) -> str:
    """A character a reader would not see can hide instructions or turn text around: spell it out."""
    character = found.group()
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
