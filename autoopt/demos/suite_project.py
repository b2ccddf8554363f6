"""A small library of everyday functions with its tests, and patches that people have sent for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from autoopt.demos import files

SETTINGS = """\
[project]
name = "everyday"
version = "1.0"

[tool.pytest.ini_options]
pythonpath = ["src"]
testpaths = ["tests"]
"""

SOURCES: Mapping[str, str] = {
    "src/everyday/__init__.py": '"""Everyday functions."""\n',
    "src/everyday/slugs.py": '''\
"""Names for web addresses."""

import re


def slug(text, longest=40):
    """The text in lower case, with single dashes for all that is neither letter nor digit."""
    if longest < 1:
        raise ValueError("longest must be 1 or more")
    name = re.sub(r"[^a-z0-9]", "-", text.lower())
    return name[:longest].strip("-")
''',
    "src/everyday/ranges.py": '''\
"""Ranges of whole numbers."""


def merged(ranges):
    """The ranges in order, those that overlap or touch as one."""
    found = []
    for low, high in ranges:
        if low > high:
            raise ValueError(f"{low} is above {high}")
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def covers(ranges, number):
    """Whether a number is in one of the ranges."""
    return any(low <= number <= high for low, high in ranges)
''',
    "src/everyday/numerals.py": '''\
"""Roman numerals."""

VALUES = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}


def roman(number):
    """The number in Roman numerals."""
    if not 0 < number < 4000:
        raise ValueError("only 1 to 3999 can be written")
    text = ""
    for sign, value in VALUES.items():
        text += sign * (number // value)
        number %= value
    return text


def arabic(text):
    """The number that Roman numerals stand for."""
    values = [VALUES[sign] for sign in text]
    following = [*values[1:], 0]
    return sum(-one if one < after else one for one, after in zip(values, following))
''',
    "src/everyday/spans.py": '''\
"""Spans of time, as people write them."""

import re

SECONDS = {"h": 3600, "m": 60, "s": 1}


def seconds(text):
    """The seconds of a span such as 1h30m."""
    if not re.fullmatch(r"(\\d+[hms])+", text):
        raise ValueError(f"{text!r} is no span of time")
    match = re.match(r"(\\d+)([hms])", text)
    return int(match[1]) * SECONDS[match[2]]


def span(seconds):
    """The span of so many seconds, without parts that are nothing."""
    parts = []
    for unit, length in SECONDS.items():
        if seconds >= length:
            parts.append(f"{seconds // length}{unit}")
            seconds %= length
    return "".join(parts) or "0s"
''',
}

TESTS: Mapping[str, str] = {
    "tests/test_slugs.py": """\
import pytest

from everyday.slugs import slug


@pytest.mark.parametrize("text, name", [("Tea", "tea"), ("a b", "a-b"), ("!x!", "x"), ("", "")])
def test_letters_and_digits_stay(text, name):
    assert slug(text) == name


@pytest.mark.parametrize("text", ["salt & pepper", "salt -- pepper"])
def test_dashes_are_single(text):
    assert slug(text) == "salt-pepper"


def test_a_long_name_is_cut():
    assert slug("a" * 50) == "a" * 40
""",
    "tests/test_ranges.py": """\
from everyday.ranges import covers, merged


def test_ranges_that_overlap_are_one():
    assert merged([(1, 4), (3, 6)]) == [(1, 6)]


def test_ranges_that_touch_are_one():
    assert merged([(1, 2), (3, 4)]) == [(1, 4)]


def test_ranges_apart_stay():
    assert merged([(1, 2), (5, 6)]) == [(1, 2), (5, 6)]


def test_nothing_merges_to_nothing():
    assert merged([]) == []


def test_the_order_does_not_matter():
    assert merged([(5, 6), (1, 2)]) == [(1, 2), (5, 6)]


def test_a_range_that_comes_later_may_begin_earlier():
    assert merged([(3, 6), (1, 4)]) == [(1, 6)]


def test_a_number_is_covered():
    assert covers([(1, 3)], 2)
    assert not covers([(1, 3)], 4)
""",
    "tests/test_numerals.py": """\
import pytest

from everyday.numerals import arabic, roman


@pytest.mark.parametrize("number, text", [(1, "I"), (6, "VI"), (1666, "MDCLXVI")])
def test_signs_are_added(number, text):
    assert roman(number) == text


@pytest.mark.parametrize("number, text", [(4, "IV"), (1999, "MCMXCIX")])
def test_smaller_signs_in_front_are_subtracted(number, text):
    assert roman(number) == text


def test_numerals_are_read():
    assert arabic("MCMXCIX") == 1999
""",
    "tests/test_spans.py": """\
import pytest

from everyday.spans import seconds, span


@pytest.mark.parametrize("text, number", [("5s", 5), ("2m", 120)])
def test_one_part_is_read(text, number):
    assert seconds(text) == number


@pytest.mark.parametrize("text, number", [("1h30m", 5400), ("1m1s", 61)])
def test_all_parts_are_read(text, number):
    assert seconds(text) == number


def test_a_span_is_written():
    assert span(3661) == "1h1m1s"
""",
}

FIXES: Mapping[str, tuple[str, str, str]] = {
    "src/everyday/slugs.py": ("Make one dash of several", '"[^a-z0-9]"', '"[^a-z0-9]+"'),
    "src/everyday/ranges.py": (
        "Merge ranges in any order",
        "in ranges:\n        if",
        "in sorted(ranges):\n        if",
    ),
    "src/everyday/numerals.py": (
        "Write IV for 4, and the like",
        "    for sign, value in VALUES.items():\n        text",
        "    pairs = {'CM': 900, 'CD': 400, 'XC': 90, 'XL': 40, 'IX': 9, 'IV': 4}\n"
        "    ordered = sorted({**VALUES, **pairs}.items(), key=lambda item: -item[1])\n"
        "    for sign, value in ordered:\n        text",
    ),
    "src/everyday/spans.py": (
        "Read every part of a span",
        '    match = re.match(r"(\\d+)([hms])", text)\n    return int(match[1]) * SECONDS[match[2]]',
        '    parts = re.findall(r"(\\d+)([hms])", text)\n'
        "    return sum(int(count) * SECONDS[unit] for count, unit in parts)",
    ),
}
"""What mends each file: in words, the text to replace, and the text that replaces it."""


def fixed(path: str) -> str:
    """The file without its mistake."""
    _, old, new = FIXES[path]
    return SOURCES[path].replace(old, new)


def write(directory: Path, project: Mapping[str, str]) -> None:
    """Write the project with its settings, and ignore what Python leaves."""
    files.write(directory, {**project, "pyproject.toml": SETTINGS, ".gitignore": "__pycache__/\n"})
