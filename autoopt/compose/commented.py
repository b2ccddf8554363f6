"""Writing settings as YAML that a person reads: notes behind the values, lines that fit a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from autoopt.compose.shape import Path

WIDTH = 110


def as_yaml(content: Mapping[str, Any], notes: Mapping[Path, str]) -> str:
    """The settings as a recipe file would have them, with a comment for each note."""
    return "".join(f"{line}\n" for line in _group(content, notes, ()))


def wrapped(text: str, first: str, further: str) -> list[str]:
    """The text in lines that fit, unless a single word does not; paths and hyphenated words stay whole."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _group(content: Mapping[str, Any], notes: Mapping[Path, str], path: Path) -> Iterator[str]:
    for key, value in content.items():
        at = (*path, str(key))
        head = f"{'  ' * len(path)}{_scalar(str(key))}:"
        if isinstance(value, Mapping) and value:
            yield head
            yield from _group(value, notes, at)
        else:
            yield from _entry(head, value, notes.get(at, ""), "  " * len(path))


def _entry(head: str, value: Any, note: str, indent: str) -> Iterator[str]:
    """One value in the first form that fits: on one line, folded, or as it is."""
    flat = _scalar(value)
    line = f"{head} {flat}"
    fits = len(line) <= WIDTH and "\n" not in flat
    comment = f"  # {note}" if note else ""
    if fits and len(line + comment) <= WIDTH:
        yield line + comment
        return
    block = [line] if fits else _block(head, value, indent) or [line]
    if len(block[0] + comment) <= WIDTH and (len(block) > 1 or not note):
        yield block[0] + comment
    else:
        yield from wrapped(note, f"{indent}# ", f"{indent}# ")
        yield block[0]
    yield from block[1:]


def _block(head: str, value: Any, indent: str) -> list[str]:
    """The value on lines of its own; empty when it has to stay on one."""
    if isinstance(value, list):
        dumped = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=WIDTH - len(indent) - 2)
        return [head, *(f"{indent}  {line}" for line in dumped.splitlines())]
    if not isinstance(value, str):
        return []
    if value.split(" ") == value.split() and value.isprintable():
        lines = wrapped(value, f"{indent}  ", f"{indent}  ")
        return [f"{head} >-", *lines]
    if "\n" not in value:  # blanks that folding would lose
        return [head, *(f"{indent}  {line}" for line in _quoted(value, WIDTH - len(indent) - 2))]
    lines = value.split("\n")
    if all(line.isprintable() and line == line.strip() and line for line in lines):
        return [f"{head} |-", *(f"{indent}  {line}" for line in lines)]
    return []


def _quoted(text: str, width: int) -> list[str]:
    """The text in double quotes, broken at blanks.

    YAML drops a line's blanks on both sides of a break unless a backslash keeps them.
    """
    lines, line = [], '"'
    for piece in re.findall(r" *[^ ]+| +$", text):
        word = _scalar_in_quotes(piece)
        if len(line) + len(word) >= width and len(line) > 1:
            lines.append(f"{line}\\")
            line = "\\" if word.startswith(" ") else ""
        line += word
    return [*lines, f'{line}"']


def _scalar_in_quotes(text: str) -> str:
    dumped: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf"))
    return dumped.strip()[1:-1]


def _scalar(value: Any) -> str:
    """The value as YAML on one line."""
    dumped = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=float("inf")
    )
    return dumped.removesuffix("\n").removesuffix("\n...")
