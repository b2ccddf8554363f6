"""What of a text is an answer, and what only belongs to the run that printed it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

_DIGITS = 9
"""Significant digits of a number that count: adding up in another order changes the last ones."""
BLOCKS = 200
"""Parts of a text whose times and sizes are compared one by one."""
_DAYS_S = 2 * 86_400.0
_UNITS = (
    r"(?:ns|us|µs|μs|ms|msec|s|secs?|seconds?|mins?|minutes?|h|hours?|[kKMG]i?B|(?:\w+|[kKMG]i?B)/s(?:ec)?)"
)
_MEASURED = re.compile(rf"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?\s?{_UNITS}(?![\w/])", re.IGNORECASE)
_ABOUT_TIME = re.compile(
    r"(?i)\b(?:elapsed|took|takes|duration|seconds|runtime|wall|cpu|timing|speed|throughput|per second)\b"
    r"|\btime\b(?=\s*[:=(])"
)
_SAYS_SO = re.compile(
    r"(?i)\b(?:elapsed|took|takes|wall|cpu|runtime|rss|maxrss|memory)\b"
    rf"|\b(?:in|after)\s+[\d.]+(?:e[+-]?\d+)?\s?{_UNITS}(?![\w/])"
)
_NUMBER = re.compile(r"(?<![\w.])[+-]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?(?![\w.])")
_CLOCK = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?")
_VARIES = "(differs from run to run)"
_NOW, _TODAY, _TIME = "(now)", "(today)", "(time)"


class Line(str):
    """A line without any times and sizes; `whole` is the line with those that can be answers."""

    whole: str

    @classmethod
    def of(cls, text: str, whole: str) -> Line:
        """The line in both forms."""
        line = cls(text)
        line.whole = whole
        return line


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a text says of the run and not of the answer.

    Attributes:
        places: Directories of the run, the longest first, and what stands for them.
        days: Today, yesterday and tomorrow.
        now: Seconds since the epoch.
    """

    places: tuple[tuple[str, str], ...]
    days: tuple[str, ...]
    now: float

    @classmethod
    def of(cls, root: Path, environ: Mapping[str, str]) -> Hidden:
        """What this run could say of itself."""
        places = {str(root): ".", str(root.resolve()): "."}
        for name in ("TMPDIR", "HOME"):
            if environ.get(name, "/") != "/":
                places[environ[name]] = f"${name}"
        today = datetime.now()
        days = tuple((today + timedelta(days=n)).strftime("%Y-%m-%d") for n in (-1, 0, 1))
        return cls(tuple(sorted(places.items(), key=lambda item: -len(item[0]))), days, today.timestamp())

    def lines(self, text: str) -> list[Line]:
        """The lines of a text without it, and without the last digits of long numbers."""
        for place, sign in self.places:
            text = text.replace(place, sign)
        return [self._line(line) for line in text.splitlines()]

    def _line(self, line: str) -> Line:
        if any(day in line for day in self.days):
            for day in self.days:
                line = line.replace(day, _TODAY)
            line = _CLOCK.sub(_NOW, line)
        line = line.rstrip()
        return Line.of(self._without_times(line, None), self._without_times(line, _most_digits(line)))

    def _without_times(self, line: str, most_digits: int | None) -> str:
        """The line without times and sizes, of all digits or of so many at most."""
        timed = _ABOUT_TIME.search(line) is not None

        def hidden(text: str) -> bool:
            return most_digits is None or _is_rough(text, most_digits)

        line = _MEASURED.sub(lambda found: _TIME if hidden(found[0]) else found[0], line)
        return _NUMBER.sub(lambda found: self._number(found[0], timed and hidden(found[0])), line)

    def _number(self, text: str, timed: bool) -> str:
        """A number as far as it is an answer."""
        digits = sum(character.isdigit() for character in text)
        if digits > 40:
            return text
        value = float(text)
        if any(abs(value / unit - self.now) < _DAYS_S for unit in (1, 1e3, 1e6, 1e9)):
            return _NOW
        fraction = "." in text or "e" in text.lower()
        if timed and fraction:
            return _TIME
        return f"{value:.{_DIGITS}g}" if fraction and digits > _DIGITS else text


def _most_digits(line: str) -> int:
    """The digits that two runs may well share in a time that each of them has measured.

    With five there is no chance; on a line that does not say what was measured a number is rather an answer.
    """
    return 4 if _SAYS_SO.search(line) else 2 if _ABOUT_TIME.search(line) else 1


def _is_rough(text: str, most_digits: int) -> bool:
    """Whether a number has so few significant digits; with one of them it needs a fraction, as in `0.2 s`."""
    number = text.lower().partition("e")[0] if _NUMBER.fullmatch(text) else text
    digits = "".join(filter(str.isdigit, number)).lstrip("0")
    return len(digits) <= most_digits and (most_digits > 1 or "." in number)


def settled(one: Sequence[Line], other: Sequence[Line]) -> list[Line]:
    """The lines of a text, marked where the same commit's next run says something else.

    Where the runs differ in the number of lines, those that both have, each once. Whatever both agree on is
    an answer, times and sizes too, as far as they cannot be measured ones that happen to be equal.
    """
    if len(one) == len(other):
        return [_settled(mine, theirs) for mine, theirs in zip(one, other, strict=True)]
    known = {line: line for line in reversed(other)}
    return [_settled(line, known[line]) for line in dict.fromkeys(one) if line in known]


def _settled(mine: Line, theirs: Line) -> Line:
    if mine != theirs:
        return Line.of(_VARIES, _VARIES)
    return mine if mine.whole == theirs.whole else Line.of(mine, mine)


def digest(lines: Sequence[str]) -> str:
    """The lines, for a comparison: how many, and a hash."""
    content = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return f"{len(lines)} lines with the hash {content[:16]}"


def exact(lines: Sequence[Line], name: str = "") -> dict[str, str]:
    """The times and sizes among the answers: by line, of a long text by as many lines as make `BLOCKS` parts.

    A part in which some are measured says nothing.
    """
    size = -(-len(lines) // BLOCKS) or 1
    found = {}
    for start in range(0, len(lines), size):
        timed = [line for line in lines[start : start + size] if _TIME in line]
        if timed and all(line.whole != line for line in timed):
            place = f"line {start + 1}" if size == 1 else f"lines {start + 1} to {start + size}"
            wholes = [line.whole for line in timed]
            found[f"{name} {place}".strip()] = wholes[0] if size == 1 else digest(wholes)
    return found


def says(line: str) -> bool:
    """Whether there is an answer in a settled line, as far as can be told."""
    return not any(sign in line for sign in (_VARIES, _NOW, _TODAY, _TIME))
