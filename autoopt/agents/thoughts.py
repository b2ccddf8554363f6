"""An agent's ideas: read from its answer, checked, and weighed against what was tried."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from autoopt.agents import json_answers
from autoopt.agents.fences import one_line
from autoopt.records import Claim, Experiment, Thought

_SHAPE = re.compile(
    r"\b(?:should|will|would|could|might|may|can)\b.{3,}?\b(?:because|since|as|due to|given that)\b.{3,}",
    re.IGNORECASE,
)
_SCORE = re.compile(r"(10|[1-9])(?:\.0+)?")
_SOURCE = re.compile(
    r"(?:https?://)?(?:[^/@\s]*@)?([\w-]+(?:\.[\w-]+)+)(?::\d+)?(/[^\s?#]*)?(?:[?#].*)?", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]{2,}")
_FILLERS = """
    the and for with from into onto that this these those than then them they its are was were has have had
    not but all any each every one two per via out off over under once only more most less fewer same other
    when where which while should will would could might may can because since due given improve improves
    improving reduce reduces reducing lower lowers raise raises make makes making speed faster slower time
    metric number value change use uses using instead of to in on it is be by as at an or no so we if do
"""
_COMMON = frozenset(_FILLERS.split())
_IDEAS, _QUERIES, _SOURCES = 20, 5, 3
_TEXT = 500  # characters of a hypothesis, an assumption, a risk


@dataclass(frozen=True, slots=True, kw_only=True)
class Idea:
    """A hypothesis that could be edited, as its agent put it; each text is one line.

    Attributes:
        impact, feasibility, novelty: 1 to 10, in the agent's judgement.
        sources: Pages it was read on, as `host/path`.
    """

    hypothesis: str
    area: str
    impact: int
    feasibility: int
    novelty: int
    assumption: str
    risk: str
    sources: tuple[str, ...] = ()

    def thought(self, history: Sequence[Claim | Experiment]) -> Thought:
        """The idea's scores, with its novelty also worked out from what was tried."""
        return Thought(
            impact=self.impact,
            feasibility=self.feasibility,
            novelty=self.novelty,
            newness=newness(self, history)[0],
            assumption=self.assumption,
            risk=self.risk,
            sources=self.sources,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found in an agent's answer.

    Attributes:
        queries: What it would look up on the web.
        objections: What is wrong with the answer or with ideas in it that are left out here.
    """

    ideas: tuple[Idea, ...] = ()
    queries: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()


def parse(text: str) -> Answer:
    """The ideas in an answer; never raises, whatever the text."""
    found = next((found for value in json_answers.values(text) if (found := _shape(value))), None)
    if found is None:
        return Answer(objections=("There is no JSON object with `ideas` in the answer.",))
    listed, queries = found
    ideas: list[Idea] = []
    objections: list[str] = []
    for number, item in enumerate(listed[:_IDEAS], start=1):
        faults = list(_faults(item))
        if faults:
            objections.append(f"Idea {number}: {'; '.join(faults)}.")
        elif (idea := _idea(item)).hypothesis not in {other.hypothesis for other in ideas}:
            ideas.append(idea)
    if not ideas and not objections and not queries:
        objections.append("There is no idea in the answer.")
    return Answer(ideas=tuple(ideas), queries=queries, objections=tuple(objections))


def _shape(value: Any, depth: int = 2) -> tuple[list[Any], tuple[str, ...]] | None:
    """Ideas and queries where the value is an answer, or an object that holds one; None where it is not.

    An answer is an object with either, a single idea, or a list of ideas.
    """
    if isinstance(value, list):
        return (value, ()) if any(isinstance(item, dict) and "hypothesis" in item for item in value) else None
    if not isinstance(value, dict) or not depth:
        return None
    queries = _texts(value.get("queries"), _QUERIES, 200)
    if "hypothesis" in value:
        return [value], queries
    ideas = value.get("ideas")
    if isinstance(ideas, list) or queries:
        return ideas if isinstance(ideas, list) else [], queries
    return next((found for inner in value.values() if (found := _shape(inner, depth - 1))), None)


def _faults(item: Any) -> Iterator[str]:
    """Why this is not an idea; nothing where it is one."""
    if not isinstance(item, Mapping):
        yield "an object was expected"
        return
    hypothesis = _text(item, "hypothesis")
    if not _SHAPE.search(hypothesis):
        yield f'`hypothesis` is "{one_line(hypothesis, 80)}", wanted "X should improve Y because Z"'
    for name in ("impact", "feasibility", "novelty"):
        if _score(item.get(name)) is None:
            yield f"`{name}` is {_shown(item.get(name))}, wanted a whole number from 1 to 10"
    for name, meaning in (
        ("area", "the function, file or setting it touches"),
        ("assumption", "what has to hold for it to work"),
        ("risk", "what could get worse without the metric showing it"),
    ):
        if len(_text(item, name)) < 2:
            yield f"`{name}` is missing: {meaning}"


def _idea(item: Mapping[str, Any]) -> Idea:
    return Idea(
        hypothesis=_text(item, "hypothesis"),
        area=one_line(_text(item, "area"), 60),
        impact=_score(item["impact"]) or 1,
        feasibility=_score(item["feasibility"]) or 1,
        novelty=_score(item["novelty"]) or 1,
        assumption=_text(item, "assumption"),
        risk=_text(item, "risk"),
        sources=sources(item.get("sources")),
    )


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return one_line(value, _TEXT) if isinstance(value, str) else ""


def _shown(value: Any) -> str:
    if isinstance(value, (list, dict)):  # may be nested too deep to be written out
        return "a list" if isinstance(value, list) else "an object"
    return "missing" if value is None else one_line(repr(value), 40)


def _score(value: Any) -> int | None:
    """A whole number from 1 to 10, also as 8.0 or "8"."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, int):  # the decimal digits of a huge one cannot even be written out
        return value if 1 <= value <= 10 else None
    found = _SCORE.fullmatch(str(value).strip())
    return int(found[1]) if found else None


def sources(value: Any) -> tuple[str, ...]:
    """Pages as `host/path`, without what may be private in an address; what is no address is left out."""
    found = (_SOURCE.fullmatch(text) for text in _texts(value, _SOURCES, 500))
    return tuple(
        dict.fromkeys(one_line(f"{page[1]}{page[2] or ''}".rstrip("/"), 80) for page in found if page)
    )


def _texts(value: Any, count: int, limit: int) -> tuple[str, ...]:
    """Up to `count` texts, one line each, of a list or a single text."""
    items = value if isinstance(value, list) else [value]
    lines = (one_line(item, limit) for item in items if isinstance(item, str))
    return tuple(dict.fromkeys(line for line in lines if line))[:count]


def newness(idea: Idea, history: Iterable[Claim | Experiment]) -> tuple[int, int]:
    """How new the idea is, from 1 (tried before) to 10, and the number of the experiment most like it.

    Words count, not their order or endings. Four of five words shared with a hypothesis that was tried, or
    with the description of an edit that was made, is the same idea.
    """
    likeness, past = nearest(idea, history)
    return 10 - round(9 * min(1.0, likeness / 0.8)), 0 if past is None else past.number


def nearest(idea: Idea, history: Iterable[Claim | Experiment]) -> tuple[float, Claim | Experiment | None]:
    """How alike the idea and what was tried that is most like it are, and that; None where nothing is."""
    words = _words(f"{idea.hypothesis} {idea.area}")
    closest: tuple[float, Claim | Experiment | None] = 0.0, None
    for past in history:
        likeness = _likeness(words, past) if past.is_try else 0.0
        if likeness > closest[0]:
            closest = likeness, past
    return closest


def _likeness(words: frozenset[str], past: Claim | Experiment) -> float:
    meant, done = _words(f"{past.hypothesis} {past.area}"), _words(past.description)
    as_meant = 2 * len(words & meant) / max(1, len(words) + len(meant))
    as_done = len(words & done) / max(4, min(len(words), len(done)))  # a word or two in common say little
    return max(as_meant, as_done)


@lru_cache(maxsize=1 << 15)  # every idea is compared with every experiment
def _words(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in _WORD.findall(text.casefold()) if word not in _COMMON)


def _stem(word: str) -> str:
    """The word without the endings that differ between "caching parsed lines" and "cache the parsed line"."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word
