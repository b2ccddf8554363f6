"""Numbers in plain text: behind a regex, alone on a line, or on a `METRIC name=value` line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autoopt.meters.formats import NoNumberError
from autoopt.meters.formats.limits import SEARCH_S, limited
from autoopt.meters.formats.numbers import number, one

_METRIC_LINE = re.compile(r"^METRIC[ \t]([^\n]*)", re.MULTILINE)
_NUMBER_GOES_ON = re.compile(r"[.,_]?\d[\d.,_]*|[eE][+-]?\d+|[xX][\dA-Fa-f]+")
_NUMBER_BEFORE = re.compile(r"(?:\d[.,_]?|(?<![\w.])-?\.|(?<![\w)\]])-)\Z")


def regex(text: str, pattern: str) -> float:
    """The number in the regex's only group."""
    with limited(SEARCH_S):
        matches = re.compile(pattern, re.MULTILINE).finditer(text)
        numbers = (_captured(match) for match in matches if match[1] is not None)
        return one(numbers, f"the regex `{pattern}`")


def line(text: str, pattern: str) -> float:
    """The number alone on the line of that position; -1 is the last."""
    lines = text.rstrip().split("\n")
    position = int(pattern)
    if not -len(lines) <= position <= len(lines):
        raise NoNumberError(f"there is no line {position}; the output has {len(lines)}")
    return number(lines[position - 1 if position > 0 else position].strip())


def named(text: str, pattern: str) -> float:
    """The value of the `METRIC name=value` line of that name."""
    numbers = (number(value) for name, value in metric_lines(text) if name == pattern)
    return one(numbers, f"the line `METRIC {pattern}=`")


def metric_lines(text: str) -> Iterator[tuple[str, str]]:
    """Name and value of each `METRIC name=value` line."""
    for said in _METRIC_LINE.findall(text):
        name, equals, value = said.partition("=")
        if equals:
            yield name.strip(), value.strip()


def _captured(match: re.Match[str]) -> float:
    r"""The number in the group, unless the regex begins or ends in the middle of one.

    `(\d+)` on `0,53`, `1_000` or `-5` finds 0, 1 and 5: numbers, but not the ones that were printed. Where
    the regex itself says what stands beside the group, it is taken to know.
    """
    start, end = match.span(1)
    text = match.string
    before = _NUMBER_BEFORE.search(text[max(0, start - 3) : start]) if start == match.start() else None
    after = _NUMBER_GOES_ON.match(text, end) if end == match.end() and match[1].strip() else None
    whole = f"{before[0] if before else ''}{match[1]}{after[0] if after else ''}".strip()
    found = number(whole)
    if before or after:
        raise NoNumberError(f"the regex takes only {match[1]!r} of {whole!r}")
    return found
