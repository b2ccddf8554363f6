"""Finding JSON in what an agent says, whatever it says around it."""

from __future__ import annotations

import json
import re
from typing import Any

LIMIT = 200_000
"""Characters of an answer that are looked at, from its end: that is where the answer proper stands."""

_ATTEMPTS = 1000
_START = re.compile(r'\{\s*["}]|\[\s*\{')


def values(text: str) -> list[Any]:
    """Every JSON object, and every array of objects, in the text, the last one first; never raises.

    An agent may repeat the example it was given before it answers: the last one counts. Where an outer value
    is broken, the whole ones inside it are found. NaN and Infinity are no JSON.
    """
    text, found, position = text[-LIMIT:], [], 0
    for _ in range(_ATTEMPTS):
        start = _START.search(text, position)
        if start is None:
            break
        try:
            value, position = _DECODER.raw_decode(text, start.start())
            found.append(value)
        except (ValueError, RecursionError):
            position = start.start() + 1
    return found[::-1]


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_constant=_refuse)
