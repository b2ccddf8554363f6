"""The README and the topics of `autoopt help`: what they show in blocks, and the commands in these."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoopt import help as topics

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = {"README": ROOT / "README.md"} | {
    name: ROOT / "autoopt" / "help" / f"{name}.md" for name in topics.TOPICS
}
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.S | re.M)
_NOTE = re.compile(r"<!-- ([a-z ]+): (.*?) -->\n *\Z", re.S)
_EVAL = re.compile(r'^eval "\$\((.*)\)"')
_INTO_FILE = re.compile(r" > [\w./-]+")
_VARIABLE = re.compile(r"[A-Z_]+=")
_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What is fenced; a comment before it, as in `<!-- not run: why -->`, says what is special about it."""

    place: str
    language: str
    text: str
    note: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The words of one command, without variables set before it and what the shell does with its output."""

    place: str
    words: tuple[str, ...]
    reason: str  # why it is not run; mostly empty


def blocks(page: str) -> list[Block]:
    text = PAGES[page].read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        before = text[: match.start()]
        note = _NOTE.search(before)
        found.append(
            Block(
                place=f"{page}:{before.count(chr(10)) + 1}",
                language=match[2],
                text=match[3],
                note=note[1] if note else "",
                about=" ".join(note[2].split()) if note else "",
            )
        )
    return found


def commands(page: str) -> list[Command]:
    """Those of its blocks for a shell, and what was typed in those that show a terminal."""
    found = []
    for block in blocks(page):
        if block.language not in ("sh", "console"):
            continue
        reason = block.about if block.note == "not run" else ""
        found += [
            Command(place=block.place, words=words, reason=reason)
            for line in _lines(block)
            for words in _parts(line)
        ]
    return found


def _lines(block: Block) -> list[str]:
    if block.language == "sh":
        return block.text.replace("\\\n", " ").splitlines()
    typed = re.sub(r"\n {6}(?=\S)", " ", block.text)  # a long command goes on below, far to the right
    return [line.removeprefix("$ ") for line in typed.splitlines() if line.startswith("$ ")]


def _parts(line: str) -> Iterator[tuple[str, ...]]:
    line = _INTO_FILE.sub("", line)
    words = shlex.split(_EVAL.sub(r"\1", line), comments=True)
    part: list[str] = []
    for word in [*words, "&&"]:
        if word not in ("&&", "|"):
            part += [] if not part and _VARIABLE.match(word) else [word]
        elif part:
            yield tuple(part)
            part = []


def code(page: str) -> list[str]:
    """What stands between backticks in running text."""
    text = re.sub(r"<!-- options -->.*<!-- /options -->", "", PAGES[page].read_text("utf-8"), flags=re.S)
    return [" ".join(one.split()) for one in _CODE.findall(_FENCE.sub("", text))]
