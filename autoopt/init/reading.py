"""How the number is read out of what a command has printed: where numbers are, and what finds one again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autoopt.meters.extract import Output, extract
from autoopt.meters.formats import NoNumberError, documents
from autoopt.meters.formats.numbers import parse
from autoopt.processes import plain
from autoopt.records import Failure
from autoopt.schema import ExtractConfig, Extraction, Stream

_NUMBER = re.compile(
    r"(?<![\w.])(?<!\d[,:-])[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![A-Za-z]*\d|[.,:_-]\d)"
)
_CHANGING = re.compile(r"(?<!\w)(?:[-+]?\d\S*|(?=\w*\d)[0-9a-f]{7,}(?!\w)|/\S+/\S*)")
"""Words that differ from run to run: numbers, times, hashes, paths of a checkout."""
_METRIC = re.compile(r"METRIC[ \t]+([^=]+)=")
_TELLING = (
    re.compile(r"(?i)\b(?:metric|score|total|overall|result|final)"),
    re.compile(
        r"(?i)(?:elapsed|took|time|duration|latency|throughput|median|mean|average|best|f1|accuracy|loss|rmse|"
        r"mae|auc|error|warning|coverage|size|bytes|per sec|ops|rate)"
    ),
)
_TIMED = re.compile(r" ?(?:s|sec|secs|seconds|ms|us|µs|ns|min)\b")
_GLUED = r"([-+.\deE]+)"
_FREE = r"(\S+)"
_LONGEST = 40
"""Characters after the number that a pattern is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of output.

    Attributes:
        number: As people count it, through both streams.
        row: Its position in its own stream.
    """

    number: int
    stream: Stream
    row: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A number on a line, and between which characters it stands."""

    line: Line
    start: int
    end: int

    @property
    def value(self) -> float:
        """The number."""
        found = parse(self.line.text[self.start : self.end])
        assert found is not None, "the pattern finds numbers only"
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A way to read the number that was tried on the output.

    Attributes:
        mark: Where it stands; None where it is measured, or in a file.
        note: What to know of it; may be empty.
    """

    extract: ExtractConfig
    value: float
    mark: Mark | None = None
    note: str = ""


class Screen:
    """What one execution has left, as lines a person can point at."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.lines = list(_lines(output))
        self.marks = [mark for line in self.lines for mark in marks(line)]

    def on(self, line: Line) -> list[Mark]:
        """The numbers on one line."""
        return [mark for mark in self.marks if mark.line == line]

    def named(self, words: str) -> list[Line]:
        """The lines that are meant: the one of that number, else those that have the text."""
        if words.isdecimal() and (found := [one for one in self.lines if one.number == int(words)]):
            return found
        return [one for one in self.lines if words.casefold() in one.text.casefold()]

    def text(self, stream: Stream) -> str:
        """What was printed on a stream, as extraction sees it."""
        return plain(self.output.stdout if stream is Stream.stdout else self.output.stderr)


def _lines(output: Output) -> Iterator[Line]:
    count = 0
    for stream, said in ((Stream.stdout, output.stdout), (Stream.stderr, output.stderr)):
        text = plain(said).rstrip()
        for row, line in enumerate(text.split("\n") if text else []):
            count += 1
            yield Line(number=count, stream=stream, row=row, text=line)


def marks(line: Line) -> list[Mark]:
    """The plain numbers on a line: no versions, dates, times of day or parts of names."""
    found = _NUMBER.finditer(line.text)
    every = [Mark(line=line, start=match.start(), end=match.end()) for match in found]
    return [mark for mark in every if parse(line.text[mark.start : mark.end]) is not None]


def guess(screen: Screen) -> Mark | None:
    """The number that is most likely meant; None where nothing speaks for one."""
    printed = [mark for mark in screen.marks if mark.line.stream is Stream.stdout] or screen.marks
    if len(printed) == 1 or (printed and _METRIC.match(printed[0].line.text)):
        return printed[0]
    if metrics := [mark for mark in printed if _METRIC.match(mark.line.text)]:
        return metrics[0]
    if printed and printed[-1].line.text.strip() == _shown(printed[-1]):
        return printed[-1]
    for telling in _TELLING:
        if found := [mark for mark in printed if telling.search(label(mark))]:
            return found[-1]
    timed = [mark for mark in printed if _TIMED.match(mark.line.text[mark.end :])]
    return timed[-1] if timed else None


def _shown(mark: Mark) -> str:
    return mark.line.text[mark.start : mark.end]


def label(mark: Mark) -> str:
    """The words before a number, as far back as the number before it."""
    before = mark.line.text[: mark.start]
    return re.split(r"\d[\s,;|)]", before)[-1]


def read(screen: Screen, config: ExtractConfig) -> Reading | Failure:
    """What an extraction makes of the output, with the place of the number where it is in there."""
    value = extract(config, screen.output)
    if isinstance(value, Failure):
        return value
    return Reading(extract=config, value=value, mark=_place(screen, config, value))


def _place(screen: Screen, config: ExtractConfig, value: float) -> Mark | None:
    if config.file is not None or config.kind not in _PRINTED:
        return None
    same = [mark for mark in screen.marks if mark.value == value and _is_on(mark, config.stream)]
    if config.kind is Extraction.regex:
        pattern = re.compile(config.pattern, re.MULTILINE)
        rows = {_row(match) for match in pattern.finditer(screen.text(config.stream)) if match[1] is not None}
        same = [mark for mark in same if mark.line.row in rows] or same
    elif config.kind is Extraction.json:
        key = str(documents.steps(config.pattern)[-1])
        same = [mark for mark in same if f'"{key}"' in mark.line.text[: mark.start]] or same
    elif config.kind is Extraction.named:
        same = [mark for mark in same if _name(mark) == config.pattern]
    return same[-1] if same else None


def _name(mark: Mark) -> str:
    """The name of a number on a `METRIC name=value` line; empty for others."""
    match = _METRIC.match(mark.line.text)
    return match[1].strip() if match and match.end() <= mark.start else ""


_PRINTED = {Extraction.regex, Extraction.line, Extraction.json, Extraction.named}


def _is_on(mark: Mark, stream: Stream) -> bool:
    return stream in (mark.line.stream, Stream.both)


def _row(match: re.Match[str]) -> int:
    return match.string.count("\n", 0, match.start(1))


def of_mark(screen: Screen, mark: Mark) -> list[Reading]:
    """Ways to read just this number again, the most robust first; each gives it on this output."""
    made = [*_by_name(mark), *_by_path(screen, mark), *_by_line(screen, mark), *_by_label(screen, mark)]
    stream = mark.line.stream
    tried = [(replace(config, stream=stream), note) for config, note in made]
    return [
        Reading(extract=config, value=mark.value, mark=mark, note=note)
        for config, note in tried
        if extract(config, screen.output) == mark.value
    ]


_Made = Iterator[tuple[ExtractConfig, str]]


def _by_name(mark: Mark) -> _Made:
    if name := _name(mark):
        yield ExtractConfig(kind=Extraction.named, pattern=name), ""


def _by_path(screen: Screen, mark: Mark) -> _Made:
    """The JSON paths that lead there."""
    before = mark.line.text[: mark.start]
    try:
        found = [*documents.documents(screen.text(mark.line.stream))]
    except NoNumberError:
        return
    leaves = [leaf for document in found for leaf in _leaves(document)]
    paths = [path for path, key, value in leaves if value == mark.value and (not key or f'"{key}"' in before)]
    same = [one for one in screen.marks if one.value == mark.value and one.line.stream is mark.line.stream]
    place = min(same.index(mark), max(len(paths) - 1, 0))  # of several equal numbers
    for path in dict.fromkeys([*paths[place : place + 1], *paths]):
        yield ExtractConfig(kind=Extraction.json, pattern=path), ""


def _leaves(value: Any, path: str = "", key: str = "") -> Iterator[tuple[str, str, float]]:
    """Every number in nested data: its path, the last key in it, and itself."""
    if isinstance(value, dict):
        for name, below in value.items():
            if not re.search(r"[.\[\]]", name):
                yield from _leaves(below, f"{path}.{name}" if path else name, name)
    elif isinstance(value, list):
        for position, below in enumerate(value):
            yield from _leaves(below, f"{path}[{position}]", key)
    elif isinstance(value, float) and path:
        yield path, key, value


def _by_line(screen: Screen, mark: Mark) -> _Made:
    """Its position, where it stands alone on a line."""
    if mark.line.text.strip() != _shown(mark):
        return
    own = [line for line in screen.lines if line.stream is mark.line.stream]
    is_last = mark.line == own[-1]
    position = "-1" if is_last else str(mark.line.row + 1)
    note = "" if is_last else f"always line {position}: it must stay there"
    yield ExtractConfig(kind=Extraction.line, pattern=position), note


def _by_label(screen: Screen, mark: Mark) -> _Made:
    """The words around it; where other lines have the same words, the first or the last of them."""
    text = screen.text(mark.line.stream)
    patterns = _patterns(mark)
    for pattern in patterns:
        if len(_matches(pattern, text)) == 1:
            yield ExtractConfig(kind=Extraction.regex, pattern=pattern), ""
            return
    if not patterns:
        return
    others = _matches(patterns[0], text)
    note = _likeness(mark, others)
    if _row(others[-1]) == mark.line.row:
        last = rf"(?s:.*){patterns[0]}"
        yield ExtractConfig(kind=Extraction.regex, pattern=last), f"{note}; this takes the last"
    elif _row(others[0]) == mark.line.row:
        first = rf"\A(?s:.*?){patterns[0]}"
        yield ExtractConfig(kind=Extraction.regex, pattern=first), f"{note}; this takes the first"


def unclear(screen: Screen, mark: Mark) -> str:
    """Why a number cannot be found again, for a person."""
    text = screen.text(mark.line.stream)
    others = [_matches(pattern, text) for pattern in _patterns(mark)]
    more = f": {_likeness(mark, others[0])}, and it is neither the first nor the last" if others else ""
    return (
        f"{_shown(mark)} on line {mark.line.number} cannot be told apart from other numbers{more}. Point at "
        "another one, or have the command print a line `METRIC name=value`."
    )


def _likeness(mark: Mark, matches: Sequence[re.Match[str]]) -> str:
    """As in "3 lines look like this (2: 13.1, 5: 12.9, 9: 12.5)"."""
    offset = mark.line.number - mark.line.row
    shown = [f"{_row(match) + offset}: {match[1]}" for match in matches[:4]]
    more = ", ..." if len(matches) > 4 else ""
    return f"{len(matches)} lines look like this ({', '.join(shown)}{more})"


def _matches(pattern: str, text: str) -> list[re.Match[str]]:
    return [*re.compile(pattern, re.MULTILINE).finditer(text)]


def _patterns(mark: Mark) -> list[str]:
    """Regexes that find the number by the words before it, and by those on both sides."""
    text = mark.line.text
    before, after = text[: mark.start], text[mark.end :]
    glued = re.match(r"\S*", after)
    unit = glued[0] if glued else ""
    head = f"^{_loosened(before)}"
    short = head + (_GLUED + re.escape(unit[:_LONGEST]) if unit else _FREE)
    rest = _loosened(after[len(unit) :][:_LONGEST].rstrip())
    whole = [short + rest] if rest else []
    return [short, *whole] if re.search(r"[^\W\d_]", before) or not whole else whole


def _loosened(text: str) -> str:
    """The text as a regex for itself with other numbers, times and paths, and other runs of blanks."""
    made, position = [], 0
    for match in _CHANGING.finditer(text):
        made += [_blanks(text[position : match.start()]), r"\S+"]
        position = match.end()
    return "".join([*made, _blanks(text[position:])])


def _blanks(text: str) -> str:
    pieces = re.split(r"([ \t]+)", text)
    made = (
        " +" if piece.strip(" ") == "" else "[ \\t]+" if piece.isspace() else _plainly(piece)
        for piece in filter(None, pieces)
    )
    return "".join(made)


def _plainly(text: str) -> str:
    """The text escaped as far as it must be, so that a person can read it."""
    return re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", text)


def measured(screen: Screen) -> list[Reading]:
    """What is known of every command, without looking at its output: time, CPU time and memory."""
    kinds = (Extraction.wall, Extraction.cpu, Extraction.peak_memory)
    found = [(ExtractConfig(kind=kind), extract(ExtractConfig(kind=kind), screen.output)) for kind in kinds]
    return [Reading(extract=config, value=value) for config, value in found if isinstance(value, float)]
