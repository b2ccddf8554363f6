"""What a number is likely to be in, which way it is better, and what a recipe could be called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from autoopt.init.reading import Mark, Reading, label
from autoopt.schema import Direction, Extraction

_UNIT = re.compile(
    r"\s?\(?(ns|us|µs|ms|min|seconds|secs|sec|s|h|bytes|KiB|MiB|GiB|kB|KB|MB|GB|B|%|errors|warnings|ops/s|req/s|"
    r"rows/s|MB/s|it/s|fps|tokens/s)(?![\w/])"
)
_WORD_AFTER = re.compile(r"\s([A-Za-z]{2,15})[.)]?\s*")
_IN_NAME = re.compile(
    r"(?:^|[_\s(\[])(ns|us|ms|s|sec|seconds|bytes|kb|mb|gb|percent|pct)[)\]\s\"':=]*$", re.IGNORECASE
)
_SPELLED = {
    "sec": "s",
    "secs": "s",
    "seconds": "s",
    "percent": "%",
    "pct": "%",
    "kb": "kB",
    "mb": "MB",
    "gb": "GB",
}
_HIGHER = re.compile(
    r"(?i)(?:^|[^a-z])(?:score|f1|acc|accuracy|auc|precision|recall|r2|bleu|rouge|iou|dice|map|reward|win|"
    r"throughput|speed|ops|req|rps|qps|tps|fps|gflops|per[ _]?sec\w*|coverage|covered|passed|pass|rate|hits?|"
    r"speedup|efficiency|bandwidth)(?:$|[^a-z])"
)
_LOWER = re.compile(
    r"(?i)(?:^|[^a-z])(?:loss|error|errors|err|miss|latency|time|elapsed|duration|took|cost|size|bytes|"
    r"warnings?|failures?|failed|rmse|mae|mse|perplexity|memory|seconds|ms)(?:$|[^a-z])"
)
_RATE = re.compile(r"/s$|^fps$")
_SLUG = re.compile(r"[^a-z0-9]+")
_MEASURED = {Extraction.wall: "s", Extraction.cpu: "s", Extraction.peak_memory: "bytes"}


def unit(reading: Reading) -> str:
    """The unit of the number, by what stands beside it; empty where nothing does."""
    if reading.extract.kind in _MEASURED:
        return _MEASURED[reading.extract.kind]
    if reading.mark is None:
        return ""
    text, mark = reading.mark.line.text, reading.mark
    if match := _UNIT.match(text[mark.end :]) or _WORD_AFTER.fullmatch(text[mark.end :]):
        return _SPELLED.get(match[1], match[1])
    named = _IN_NAME.search(text[: mark.start].rstrip(" \t=\"':"))
    return _SPELLED.get(named[1].lower(), named[1].lower()) if named else _last_word(mark)


def _last_word(mark: Mark) -> str:
    """What the number is called, in one word: "score 12" is in scores, for want of anything better."""
    words = re.findall(r"[^\W\d_][\w-]*", mark.line.text[: mark.start])
    return words[-1].lower() if words and len(words[-1]) <= 20 else ""


def direction(reading: Reading, unit: str, goal: str) -> Direction:
    """Which way the number is better, by its name and unit, else by the goal."""
    if reading.extract.kind in _MEASURED:
        return Direction.lower
    called = _label_of(reading)
    if _RATE.search(unit):
        return Direction.higher
    for text in (called, goal):
        if _LOWER.search(text):
            return Direction.lower
        if _HIGHER.search(text):
            return Direction.higher
    return Direction.lower


def _label_of(reading: Reading) -> str:
    """What the number is called: the words before it on its line, or its path."""
    if reading.extract.kind in (Extraction.json, Extraction.named):
        return reading.extract.pattern
    return "" if reading.mark is None else label(reading.mark)[-60:]


def name(text: str, taken: Collection[str]) -> str:
    """A name for a recipe like the text, that nobody has."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    stem = _SLUG.sub("-", ascii_text).strip("-")[:40].strip("-") or "mine"
    return next(
        each for each in (stem, *(f"{stem}-{count}" for count in range(2, 1000))) if each not in taken
    )
