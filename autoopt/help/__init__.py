"""What `autoopt help` reads: the topics, one Markdown file each beside this module."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

TOPICS = (
    *("start", "recipes", "parameters", "agents", "verdicts", "reports", "results", "troubleshooting", "faq"),
    *("safety", "repository", "parallel", "clusters", "writing-recipes", "packs", "interop", "options"),
    "contributing",
)
"""Their names, in the order in which a newcomer may want them."""

_COMMENT = re.compile(r"<!--.*?-->\n?", re.S)
_LINK = re.compile(r"\[([^\]\n]+)\]\(([a-z-]+)\.md(?:#[^)\s]*)?\)")
_BEGINS = re.compile(r"#|- |\| |\d+\. ")
_FENCE = "```"
_WORD = re.compile(r"[a-z0-9_]{2,}")
_SHOWN = 6
_RELEVANT = 0.6  # of the best score
_NEARBY = 12  # words among which those that are wanted are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A paragraph, list item or table row of a topic, with the heading it stands under."""

    topic: str
    heading: str
    text: str


def source(topic: str) -> str:
    """The topic's Markdown as it is in its file."""
    return resources.files(__package__).joinpath(f"{topic}.md").read_text(encoding="utf-8")


def text(topic: str) -> str:
    """The topic's Markdown for a reader at a terminal: links to topics name the command that shows them."""
    return _LINK.sub(_command, _COMMENT.sub("", source(topic)))


def _command(link: re.Match[str]) -> str:
    said, topic = link.group(1), link.group(2)
    return f"`autoopt help {topic}`" if said == topic else f"{said} (`autoopt help {topic}`)"


def title(topic: str) -> str:
    """The topic in a line: its first heading."""
    return source(topic).partition("\n")[0].lstrip("# ")


def search(wanted: str) -> list[Passage]:
    """Where most of what is wanted is said, best first, one passage of a section.

    Rare words count for more than common ones, those of a heading twice; long passages, which say much
    else, count for less than short ones.
    """
    passages = [passage for topic in TOPICS for passage in passages_of(topic)]
    headings = [_words(one.heading) for one in passages]
    words = [_words(one.text) | heading for one, heading in zip(passages, headings, strict=True)]
    weights = {word: _weight(word, words) for word in _words(wanted)}
    usual = sum(map(len, words)) / len(words)
    scores = [
        (_sum(weights, said) + _sum(weights, heading)) / (1 + len(said) / usual)
        for said, heading in zip(words, headings, strict=True)
    ]
    best: dict[tuple[str, str], tuple[float, Passage]] = {}
    for score, passage in sorted(zip(scores, passages, strict=True), key=lambda pair: -pair[0]):
        best.setdefault((passage.topic, passage.heading), (score, passage))
    least = max(max(scores) * _RELEVANT, 1e-9)
    return [passage for score, passage in best.values() if score >= least][:_SHOWN]


def _sum(weights: Mapping[str, float], said: frozenset[str]) -> float:
    return sum(weight for word, weight in weights.items() if _has(word, said))


def excerpt(passage: Passage, wanted: str, width: int) -> str:
    """At most so many letters of the passage, from the words on that are wanted."""
    if len(passage.text) <= width:
        return passage.text
    looked_for = _words(wanted)
    words = passage.text.split(" ")
    hits = [_has_any(looked_for, word) for word in words]
    counts = [sum(hits[at : at + _NEARBY]) for at in range(len(words))]
    first = counts.index(max(counts))
    text = " ".join(words[first:])
    cut = text if len(text) <= width else text[:width].rpartition(" ")[0] + " …"
    return f"… {cut}" if first else cut


def _has_any(looked_for: frozenset[str], word: str) -> bool:
    said = _words(word)
    return any(_has(one, said) for one in looked_for)


def _words(said: str) -> frozenset[str]:
    return frozenset(_WORD.findall(said.lower()))


def _has(word: str, words: frozenset[str]) -> bool:
    """Whether it is there, also as the beginning of a longer word: "trust" finds "trusted"."""
    return word in words or (len(word) > 3 and any(one.startswith(word) for one in words))


def _weight(word: str, all_words: Sequence[frozenset[str]]) -> float:
    found = sum(_has(word, words) for words in all_words)
    return math.log(len(all_words) / found) if found else 0.0


def passages_of(topic: str) -> list[Passage]:
    """Everything that a topic says, piece by piece; what is fenced stays in one piece."""
    passages: list[Passage] = []
    heading, piece, fenced = "", list[str](), False

    def end() -> None:
        if said := " ".join(" ".join(piece).split()):
            passages.append(Passage(topic=topic, heading=heading, text=said))
        piece.clear()

    for line in text(topic).splitlines():
        fence = line.lstrip().startswith(_FENCE)
        begins = not fenced and (not line.strip() or _BEGINS.match(line) or fence)
        if begins:
            end()
        if not fenced and line.startswith("#"):
            heading = line.lstrip("# ")
        elif not fence:
            piece.append(line)
        fenced = fenced != fence
        if fence and not fenced:
            end()
    end()
    return passages
