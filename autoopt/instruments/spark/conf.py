"""Spark's settings files: `spark-defaults.conf` and other Java properties."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from autoopt.errors import UsageError

_ITEM = re.compile(r"((?:[^\s=:\\]|\\.)+)[ \t\f]*[=:]?[ \t\f]*(.*)", re.DOTALL)


def load(path: Path) -> dict[str, str]:
    """The settings of a file; none when there is no file, which a search may still write.

    Raises:
        UsageError: a line is no setting of Spark, which Spark itself would pass over.
    """
    try:
        text = path.read_text("utf-8", "strict")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: {error}.") from error
    return dict(_items(path, text))


def _items(path: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, line in _logical(text):
        match = _ITEM.fullmatch(line)
        if match is None or not match[1].startswith("spark."):
            raise UsageError(
                f"{path}, line {number}: {line[:60]!r} is no setting of Spark; write `spark.NAME value`."
            )
        yield match[1], match[2].rstrip()  # spark-submit trims the values too


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines that are not comments, with the number of their first; a backslash at the end joins the next."""
    joined, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.lstrip()
        if not joined and (not line or line.startswith(("#", "!"))):
            continue
        first = first if joined else number
        if (len(line) - len(line.rstrip("\\"))) % 2:
            joined += line[:-1]
            continue
        yield first, joined + line
        joined = ""
    if joined:
        yield first, joined
