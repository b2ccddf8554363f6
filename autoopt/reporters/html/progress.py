"""The run as one picture: the incumbent as a line with its noise, every experiment where its pairs put it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from autoopt.journal import pairs
from autoopt.records import Confirmation, Experiment
from autoopt.reporters import evidence, words
from autoopt.reporters.account import Account
from autoopt.reporters.html.elements import Html, element
from autoopt.reporters.html.marks import mark, size_for
from autoopt.reporters.html.scale import Scale, label
from autoopt.schema import Direction

_WIDTH, _HEIGHT = 720.0, 260.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 88.0, 34.0, 14.0, 26.0
_ROOM = 1.5  # of the incumbents' range: marks further off than this lie at the edge


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where one experiment stands.

    Attributes:
        value: The metric it would have beside the baseline; None where it gave no number.
        ends: Its 95 % interval, as far as its pairs say; None where there is none.
        incumbent: That of the best once it was decided.
        low, high: Between which a single run of that lies, by chance alone.
    """

    experiment: Experiment
    value: float | None
    ends: tuple[float, float] | None
    incumbent: float
    low: float
    high: float


def picture(account: Account) -> Html | None:
    """The picture; None while there is nothing beside the baseline."""
    places = _places(account.history, account.direction)
    if len(places) < 2:
        return None
    first, last = places[0].experiment.number, places[-1].experiment.number
    x = Scale(first, last, _LEFT + 10, _WIDTH - _RIGHT - 10)
    ends = _confirmed(places[0].incumbent, account.confirmation, account.direction)
    y = _vertical(places, ends)
    size = size_for(len(places))
    said = f"The metric of each experiment; {account.direction.value} is better"
    return element(
        "svg",
        element("title", said),
        *_grid(x, y, account.unit),
        *_line(places, x, y),
        *_claim(ends, y, account.unit),
        *(_whisker(place, x, y) for place in places if place.ends is not None),
        *(_mark(place, x, y, account, size) for place in places),
        class_="chart",
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        role="img",
        aria_label=said,
    )


def _places(history: Sequence[Experiment], direction: Direction) -> list[_Place]:
    noted = [one.verdict.noise for one in history if one.verdict and one.verdict.noise > 0]
    incumbent, spread, is_ratio = math.nan, median(noted) if noted else 0.0, True
    found: list[_Place] = []
    for one in history:
        if one.verdict is not None and one.verdict.noise > 0:
            spread, is_ratio = one.verdict.noise, one.verdict.is_ratio
        value, ends = _beside(one, incumbent), _interval(one, incumbent, direction)
        if value is not None and one.status.leads:
            incumbent = value
        low, high = _around(incumbent, spread / math.sqrt(2), is_ratio=is_ratio)  # a pair is two runs
        place = _Place(experiment=one, value=value, ends=ends, incumbent=incumbent, low=low, high=high)
        found.append(place)
    return [place for place in found if math.isfinite(place.incumbent)]


def _beside(experiment: Experiment, incumbent: float) -> float | None:
    """The incumbent's value moved by what the pairs say: values of different times are not compared."""
    taken = pairs(experiment)
    if not taken or not math.isfinite(incumbent):
        return experiment.value
    if evidence.has_ratios(experiment):
        return incumbent * median(pair.challenger.value / pair.incumbent.value for pair in taken)
    return incumbent + median(pair.challenger.value - pair.incumbent.value for pair in taken)


def _interval(experiment: Experiment, incumbent: float, direction: Direction) -> tuple[float, float] | None:
    """Between which two numbers it lies beside the incumbent of its time; None where nothing says so."""
    verdict = experiment.verdict
    if verdict is None or verdict.low >= verdict.high or not math.isfinite(incumbent):
        return None
    ends = [
        _moved(incumbent, gain, direction, is_ratio=verdict.is_ratio) for gain in (verdict.low, verdict.high)
    ]
    return min(ends), max(ends)


def _moved(value: float, gain: float, direction: Direction, *, is_ratio: bool) -> float:
    """The number with this gain on top."""
    signed = -gain if direction is Direction.lower else gain
    return value * math.exp(max(-50.0, min(50.0, signed))) if is_ratio else value + signed


def _around(value: float, spread: float, *, is_ratio: bool) -> tuple[float, float]:
    if is_ratio:
        factor = math.exp(min(spread, 5.0))
        return value / factor, value * factor
    return value - spread, value + spread


def _confirmed(base: float, claim: Confirmation | None, direction: Direction) -> tuple[float, ...]:
    """The final claim's estimate, low and high beside the baseline; nothing where there is none."""
    if claim is None:
        return ()
    gains = (claim.effect, claim.low, claim.high)
    return tuple(_moved(base, gain, direction, is_ratio=claim.is_ratio) for gain in gains)


def _vertical(places: Sequence[_Place], ends: Sequence[float]) -> Scale:
    """Room for the incumbents and the claim, and for what was tried unless it is far off."""
    low = min([place.low for place in places] + list(ends))
    high = max([place.high for place in places] + list(ends))
    room = _ROOM * (high - low) or abs(high) * 0.1 or 1.0
    tried = [place.value for place in places if place.value is not None]
    near = [value for value in tried if low - room <= value <= high + room]
    low, high = min([low, *near]), max([high, *near])
    edge = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    return Scale(low - edge, high + edge, _HEIGHT - _BOTTOM, _TOP)


def _grid(x: Scale, y: Scale, unit: str) -> Iterator[Html]:
    for value in y.ticks(4):
        at = y.place(value)
        yield element("line", class_="tick", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=at, y2=at)
        yield element("text", label(value, unit), class_="end", x=_LEFT - 8, y=at + 3.5)
    for value in x.ticks(10, whole=True):
        yield element("text", f"{value:.0f}", x=x.place(value), y=_HEIGHT - 6)


def _line(places: Sequence[_Place], x: Scale, y: Scale) -> Iterator[Html]:
    """The incumbent, over the band of what one run varies by."""
    numbers = [place.experiment.number for place in places]
    upper = _steps(numbers, [place.high for place in places], x, y)
    lower = _steps(numbers, [place.low for place in places], x, y)
    yield element("polygon", class_="noise", points=" ".join((*upper, *reversed(lower))))
    level = _steps(numbers, [place.incumbent for place in places], x, y)
    yield element("polyline", class_="incumbent", points=" ".join(level))


def _steps(numbers: Sequence[int], values: Sequence[float], x: Scale, y: Scale) -> list[str]:
    """A staircase through these: it stays where it was until the next one is decided."""
    points = [f"{x.place(numbers[0]):g},{y.place(values[0]):g}"]
    for number, before, value in zip(numbers[1:], values, values[1:], strict=False):
        points += [f"{x.place(number):g},{y.place(before):g}", f"{x.place(number):g},{y.place(value):g}"]
    return points


def _claim(ends: Sequence[float], y: Scale, unit: str) -> Iterator[Html]:
    """At the right what was confirmed: a bar for the interval, a stroke for the estimate."""
    if not ends:
        return
    estimate, low, high = (y.place(end) for end in ends)
    x = _WIDTH - _RIGHT + 12
    said = element("title", f"confirmed: {words.number(ends[0], unit)}")
    bar = element("line", x1=x, x2=x, y1=low, y2=high)
    stroke = element("line", x1=x - 7, x2=x + 7, y1=estimate, y2=estimate)
    yield element("g", said, bar, stroke, class_="confirmed")


def _whisker(place: _Place, x: Scale, y: Scale) -> Html:
    """The interval of an experiment."""
    at, (low, high) = x.place(place.experiment.number), place.ends or (0.0, 0.0)
    kind = f"whisker {place.experiment.status.value}"
    return element("line", class_=kind, x1=at, x2=at, y1=y.place(low), y2=y.place(high))


def _mark(place: _Place, x: Scale, y: Scale, account: Account, size: float) -> Html:
    """The experiment where its number is; at the worse edge where it has none."""
    one = place.experiment
    worst = y.high if account.direction is Direction.lower else y.low
    at = y.place(worst if place.value is None else place.value)
    said = ": ".join(filter(None, (f"#{one.number} {one.status}", words.moved(one, account.unit))))
    return mark(one, x.place(one.number), at, f"{said}, {words.one_line(one.description)}", size)
