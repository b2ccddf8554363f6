"""What counts as a number: plain, finite, and exactly one of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from autoopt.meters.formats import NoNumberError

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def parse(text: str) -> float | None:
    """The number, if the text is one: ASCII digits, decimal point, finite."""
    if _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def number(text: str) -> float:
    """The number that the text is.

    Raises:
        NoNumberError: it is none; with what is wrong with it.
    """
    found = parse(text)
    if found is not None:
        return found
    shown = repr(text if len(text) <= 40 else f"{text[:37]}...")
    if re.fullmatch(r"[+-]?[\d.]*,\d[\d.,]*", text):
        raise NoNumberError(f"{shown} has a comma; print numbers with a decimal point only")
    if text.strip().lower().lstrip("+-") in {"nan", "inf", "infinity"} or _NUMBER.fullmatch(text):
        raise NoNumberError(f"{shown} is no finite number")
    raise NoNumberError(f"{shown} is no plain number (digits, decimal point, exponent)")


def one(numbers: Iterable[float], what: str) -> float:
    """The only distinct one of the numbers; `what` is where they are looked for.

    Raises:
        NoNumberError: there is none, or there are several.
    """
    distinct: set[float] = set()
    for each in numbers:
        distinct.add(each)
        if len(distinct) > 1:
            shown = " and ".join(f"{each:g}" for each in sorted(distinct))
            raise NoNumberError(f"{what} gives different numbers ({shown}); it must give one")
    if not distinct:
        raise NoNumberError(f"{what} was not found in the output")
    return distinct.pop()
