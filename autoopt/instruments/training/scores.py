"""Numbers that a training says with their names: `val f1: 0.8`, `{"f1": 0.8}`, `F1 score = 0.8`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoopt.errors import UsageError

MOST_NAMES = 400
"""Names that are remembered; a program that prints more of them prints no scores."""

_SAID = re.compile(
    r"""(?<![\w./@%-]) (?P<name>[A-Za-z][\w./@%-]*+(?:[ \t]++[A-Za-z][\w./@%-]*+){0,3})
        ["']? \s* (?::|=|->) \s* ["']?
        (?:[\w.]+\()?  # as in np.float64(0.8)
        (?P<value>[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|nan|inf|infinity)) (?!\w|[.:/-]\w|,\d)""",
    re.VERBOSE | re.IGNORECASE,
)
_LONGEST = 4000
_TRAINING = frozenset({"train", "training", "trn", "fit", "batch"})
_HELD_OUT = frozenset({"val", "valid", "validation", "dev", "eval", "cv", "holdout", "heldout", "oof"})


@dataclass(slots=True)
class Series:
    """What one name was said to be, in the course of a training."""

    last: float
    low: float = math.inf
    high: float = -math.inf

    def add(self, value: float) -> None:
        """Take the next value; only finite ones can be the best."""
        self.last = value
        if math.isfinite(value):
            self.low, self.high = min(self.low, value), max(self.high, value)

    def value(self, step: str, direction: str) -> float:
        """The last value, or the best one."""
        if step == "last":
            return self.last
        return self.high if direction == "higher" else self.low


def said(line: str) -> Iterator[tuple[str, float]]:
    """The names and numbers of a line of output, names with underscores for blanks."""
    for match in _SAID.finditer(line.removeprefix("METRIC ")[:_LONGEST]):
        yield re.sub(r"[ \t]+", "_", match["name"]), float(match["value"])


def choose(names: Sequence[str], wanted: str) -> str:
    """The name that means the wanted one: itself, else the one with its words that is not of training data.

    Raises:
        UsageError: there is none, or more than one.
    """
    words = _words(wanted)
    found = [name for name in names if words <= _words(name)]
    for narrower in (
        [name for name in found if name == wanted],
        [name for name in found if name.lower() == wanted.lower()],
        [name for name in found if _words(name) == words],
        [name for name in found if _words(name) & _HELD_OUT and not _words(name) & _TRAINING],
        [name for name in found if not _words(name) & _TRAINING],
        found,
    ):
        if len(narrower) == 1:
            return narrower[0]
        if narrower:
            raise UsageError(
                f"options.metric: {wanted} may be {' or '.join(sorted(narrower)[:5])}; "
                f"give one of them, as in options.metric={sorted(narrower)[0]}."
            )
    raise UsageError(f"options.metric: the training says no {wanted}; {_instead(names)}")


def _instead(names: Sequence[str]) -> str:
    if not names:
        return "it says no number with a name at all; have it print a line such as `f1=0.912`."
    return f"it says {', '.join(sorted(names)[:8])}: give options.metric=NAME, or print `f1=0.912`."


def _words(name: str) -> frozenset[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return frozenset(word for word in re.split(r"[\W_]+", spaced.lower()) if word)


def values(series: Mapping[str, Series], wanted: str, step: str, direction: str) -> dict[str, float]:
    """All finite numbers by name, and the wanted one as `score`.

    Raises:
        UsageError: the wanted one is not there, there more than once, or no finite number.
    """
    name = choose(list(series), wanted)
    score = series[name].value(step, direction)
    if not math.isfinite(score):
        raise UsageError(f"{name} ended as {series[name].last}: the training has diverged.")
    others = {
        other: one.value(step, direction) if other == name else one.last for other, one in series.items()
    }
    return {other: value for other, value in others.items() if math.isfinite(value)} | {"score": score}
