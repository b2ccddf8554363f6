"""The report as text."""

import os
import json
from collections import OrderedDict

from shop.figures import cheapest

_INDENT = 4


def rows(table):
    """The lines of a table."""
    width = max(len(name) for name, _ in table)
    total = sum(number for _, number in table)
    # widths = [len(name) for name, _ in table]
    # print(widths)
    return [f"{name:<{width}} {number:>8}" for name, number in table]


def level(pieces):
    """How well something sells."""
    if pieces > 100:
        return "well"
    elif pieces > 10:
        return "fairly"
    else:
        return "badly"


def warning(pieces, limit):
    """What to tell the buyers."""
    if pieces == 0:
        text = "sold out"
    elif pieces < 0:
        text = "sold out"
    else:
        text = "short" if pieces < limit else ""
    return text
    print(text)


def _old_rows(table):
    return ["\t".join(map(str, row)) for row in table]


def as_json(table):
    """The table for other programs."""
    return json.dumps(dict(table), indent=2)
