"""Numbers in JSON, which may stand among other output."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from autoopt.meters.formats import NoNumberError
from autoopt.meters.formats.limits import PARSE_S, limited
from autoopt.meters.formats.numbers import number, one

_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[(-?[0-9]+)\]")
_DOCUMENT = re.compile(r"^[ \t]*[\[{]", re.MULTILINE)


def path(text: str, pattern: str) -> float:
    """The number at the path."""
    return at(text, pattern, finite)


def at(text: str, where: str, read: Callable[[Any], float]) -> float:
    """The number that `read` makes of what is at a path."""
    with limited(PARSE_S):
        values = (value for document in documents(text) for value in follow(document, where))
        return one((read(value) for value in values), f"the JSON path `{where}`")


def steps(path: str) -> list[str | int]:
    """The keys and indexes of a JSON path; none when it is not one."""
    found: list[str | int] = []
    position = 0
    while match := _STEP.match(path, position):
        found.append(match[1] if match[1] is not None else int(match[2]))
        position = match.end()
    return found if position == len(path) else []


def documents(text: str) -> Iterator[Any]:
    """The JSON values in the text: all of it, or what starts on lines of its own among other output.

    Raises:
        NoNumberError: an object has the same key twice.
    """
    decoder = json.JSONDecoder(parse_int=float, object_pairs_hook=_object)
    position = 0
    while match := _DOCUMENT.search(text, position):
        try:
            document, position = decoder.raw_decode(text, match.end() - 1)
        except (ValueError, RecursionError):
            position = match.end()
        else:
            yield document


def follow(document: Any, path: str) -> list[Any]:
    """The value at the path, in a list; an empty list when there is none."""
    for step in steps(path):
        match document, step:
            case dict(), str() if step in document:
                document = document[step]
            case list(), int() if -len(document) <= step < len(document):
                document = document[step]
            case _:
                return []
    return [document]


def finite(value: Any) -> float:
    """The number that a JSON value is, or holds as text.

    Raises:
        NoNumberError: it is none.
    """
    if isinstance(value, str):
        return number(value)
    if isinstance(value, bool) or not isinstance(value, float) or not math.isfinite(value):
        raise NoNumberError(f"the JSON has {str(value)[:40]} where a finite number is wanted")
    return value


def mean(values: Any, what: str) -> float:
    """The arithmetic mean of a list of numbers; `what` is said when there is none."""
    if not isinstance(values, list) or not values:
        raise NoNumberError(what)
    return finite(math.fsum(finite(each) / len(values) for each in values))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NoNumberError("the JSON has an object with the same key twice")
    return found
