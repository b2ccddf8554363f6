"""What a log of another tool comes to, and how its words and numbers are read without guessing."""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autoopt.errors import UsageError
from autoopt.records import Claim, Status

LARGEST = 64 << 20
"""Bytes of a log that are read."""
MOST = 5000
"""Claims taken from one log, the latest."""
_LARGEST_NUMBER = 1_000_000_000  # of an experiment
TEXT = 500
"""Characters of a text in a claim."""
_WORDS = {
    Status.baseline: ("baseline",),
    Status.keep: ("keep", "kept", "keep (reworked)", "accept", "accepted"),
    Status.discard: ("discard", "discarded", "revert", "reverted", "reject", "rejected", "drop", "dropped"),
    Status.inspector_reject: (
        "checks_failed",
        "checks-failed",
        "guard_failed",
        "guard-failed",
        "inspector-reject",
    ),
    Status.crash: ("crash", "crashed", "fail", "failed", "error", "timeout", "metric-error", "oom"),
}
_STATUSES = {word: status for status, words in _WORDS.items() for word in words}
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_NOTHING_TRIED = ("no-op", "hook-blocked", "skip", "skipped", "follow")
"""Words of logs for a row in which nothing was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What a log says was tried.

    Attributes:
        source: The tool that wrote it.
        name: What it calls the work; may be empty.
        metric: The number's name; empty where it has none.
        direction: "lower" or "higher"; empty where nothing says which is better.
        guessed: Whether the direction is only what its keeps suggest.
        remarks: What was left out, and why.
    """

    source: str
    claims: tuple[Claim, ...]
    name: str = ""
    metric: str = ""
    unit: str = ""
    direction: str = ""
    guessed: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def best(self) -> Claim | None:
        """The kept claim with the best number; None where that cannot be said."""
        kept = [one for one in self.claims if one.status is Status.keep and one.value is not None]
        if not kept or not self.direction:
            return None
        choose = min if self.direction == "lower" else max
        return choose(kept, key=lambda one: one.value or 0.0)


def content(path: Path) -> str:
    """The text of a log; what is no UTF-8 in it is replaced.

    Raises:
        UsageError: it is no regular file, too large, or cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise UsageError(f"{path}: is no regular file; name the log itself.")
            if about.st_size > LARGEST:
                raise UsageError(
                    f"{path}: has {about.st_size >> 20} MB, and at most {LARGEST >> 20} are read; "
                    "import its last part, cut at a line's end."
                )
            return file.read(LARGEST).decode("utf-8-sig", "replace")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from error


def lines(path: Path) -> list[str]:
    """The lines of a log, as whoever writes one ends them: a text may hold other line breaks.

    Raises:
        UsageError: it cannot be read.
    """
    return [line.rstrip("\r") for line in content(path).removesuffix("\n").split("\n")]


def status(word: object) -> Status | None:
    """What a log's word for a decision means; None where that is not known."""
    return _STATUSES.get(str(word).strip().lower()) if isinstance(word, str) else None


def is_idle(word: object) -> bool:
    """Whether the word says that nothing was tried."""
    return isinstance(word, str) and word.strip().lower() in _NOTHING_TRIED


def number(value: object) -> float | None:
    """A finite number, from JSON or written out; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return None  # such as 1_0, which Python takes for 10
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def line(value: object, limit: int = TEXT) -> str:
    """A text of somebody else's on one line, without what a terminal would obey."""
    if not isinstance(value, str):
        return ""
    plain = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def parsed(text: str) -> Mapping[str, Any] | None:
    """The JSON object on a line; None where there is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def latest(claims: Sequence[Claim], remarks: list[str]) -> tuple[Claim, ...]:
    """The claims that are taken, numbered anew where two have one number or one has none that can be."""
    if len(claims) > MOST:
        remarks.append(f"{len(claims) - MOST} older experiments are left out, {MOST} are taken")
    taken = claims[-MOST:]
    doubled = Counter(one.number for one in taken)
    if max(doubled.values(), default=0) < 2 and all(0 <= number < _LARGEST_NUMBER for number in doubled):
        return tuple(taken)
    return tuple(replace(one, number=place) for place, one in enumerate(taken, start=1))


def unreadable(places: Sequence[int], why: str) -> str:
    """A remark on lines that are left out."""
    count = "1 line" if len(places) == 1 else f"{len(places)} lines"
    first = f"line {places[0]}" if len(places) == 1 else f"first: line {places[0]}"
    return f"{count} left out, {why} ({first})"
