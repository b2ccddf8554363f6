"""A search over parameters: which of them matter, and what each value came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log

from autoopt.records import Status, Value, is_number
from autoopt.reporters import searched, words
from autoopt.reporters.account import Account
from autoopt.reporters.html import bars
from autoopt.reporters.html.elements import Html, element, joined
from autoopt.reporters.html.scale import Scale, label
from autoopt.reporters.searched import Result

_WIDTH, _HEIGHT = 300.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 12.0, 12.0, 26.0
_MOST = 12  # parameters that get a picture
_LABELS, _LETTERS = 5, 9  # of values that are no numbers: how many are named, and how long a name may be
_WIDE = 50.0


def importances(account: Account) -> Html | None:
    """A bar for each parameter; None where nothing is said of them."""
    ranked = searched.ranked(account)
    if not ranked:
        return None
    largest = ranked[0][1] or 1.0
    rows = [
        bars.row(
            element("span", words.one_line(name)),
            iter([bars.bar("fill after", 0.0, bars.WIDTH * share / largest)]),
            words.percent(share),
        )
        for name, share in ranked
    ]
    return bars.listed(*rows)


def slices(account: Account) -> Html | None:
    """A picture for each parameter that varied, important ones first: its values against what they gained."""
    results = searched.results(account.history)
    order = [name for name, _ in searched.ranked(account)]
    varied = searched.varied(results)
    names = [*(name for name in order if name in varied), *(name for name in varied if name not in order)]
    if not names or len(results) < 2:
        return None
    levels = _levels(account, results)
    drawn = (_slice(account, name, results, levels) for name in names[:_MOST])
    return element("div", *drawn, class_="slices")


def note(account: Account) -> tuple[str, ...]:
    """How the pictures are read, in sentences."""
    names = searched.varied(searched.results(account.history))
    left = len(names) - _MOST
    return (
        "Each mark is an assignment: across its value, up what it gained beside the run's start.",
        f"{words.count(left, 'further parameter')} varied." if left > 0 else "",
    )


def _levels(account: Account, results: Sequence[Result]) -> Scale:
    """Up: as shares of the metric; the worst are at the edge where they would take all the room."""
    found = sorted(_share(account, result) for result in results)
    low, high = found[len(found) // 10], found[-1]
    low = max(found[0], min(low, 0.0) - 2 * ((high - min(low, 0.0)) or 0.01))
    edge = 0.08 * (max(high, 0.0) - min(low, 0.0)) or 0.01
    return Scale(min(low, 0.0) - edge, max(high, 0.0) + edge, _HEIGHT - _BOTTOM, _TOP)


def _share(account: Account, result: Result) -> float:
    return words.ratio_gain(result.level, account.direction) if result.is_ratio else result.level


@dataclass(frozen=True, slots=True)
class _Across:
    """Where values lie across, and which places have a word."""

    places: dict[str, float]
    labels: tuple[tuple[float, str], ...]

    def place(self, value: Value) -> float:
        return self.places[repr(value)]


def _slice(account: Account, name: str, results: Sequence[Result], y: Scale) -> Html:
    shown = [result for result in results if name in result.values]
    x = _across([result.values[name] for result in shown])
    said = f"What each value of {words.one_line(name)} gained"
    return element(
        "figure",
        element("figcaption", words.one_line(name)),
        element(
            "svg",
            element("title", said),
            *_axes(account, x, y, is_ratio=results[0].is_ratio),
            *(_mark(account, result, name, x, y) for result in shown),
            class_="slice",
            viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
            role="img",
            aria_label=said,
        ),
    )


def _across(values: Sequence[Value]) -> _Across:
    numbers = [value for value in values if is_number(value)]
    return _numbers(numbers) if len(numbers) == len(values) else _words(values)


def _numbers(values: Sequence[float]) -> _Across:
    """Along a line; by its logarithm where it spans decades."""
    low, high = min(values), max(values)
    bent = low > 0 and high / low >= _WIDE
    scale = Scale(log(low) if bent else low, log(high) if bent else high, _LEFT + 14, _WIDTH - _RIGHT - 14)
    places = {repr(value): scale.place(log(value) if bent else value) for value in values}
    ends = {low: places[repr(low)], high: places[repr(high)]}
    labels = tuple((at, words.number(value)) for value, at in ends.items())
    return _Across(places, labels)


def _words(values: Sequence[Value]) -> _Across:
    """Side by side, sorted by their words."""
    kinds = sorted({repr(value): value for value in values}.values(), key=words.value)
    scale = Scale(0, max(1, len(kinds) - 1), _LEFT + 24, _WIDTH - _RIGHT - 24)
    places = {repr(value): scale.place(place) for place, value in enumerate(kinds)}
    step = -(-len(kinds) // _LABELS)
    labels = tuple((places[repr(value)], _short(words.value(value))) for value in kinds[::step])
    return _Across(places, labels)


def _short(said: str) -> str:
    return said if len(said) <= _LETTERS else f"{said[: _LETTERS - 1]}…"


def _axes(account: Account, x: _Across, y: Scale, *, is_ratio: bool) -> Iterator[Html]:
    for value in y.ticks(4):
        at = y.place(value)
        kind = "zero" if abs(value) < 1e-12 else "tick"
        yield element("line", class_=kind, x1=_LEFT, x2=_WIDTH - _RIGHT, y1=at, y2=at)
        said = words.percent(value) if is_ratio else label(value, account.unit)
        yield element("text", said if value else "0", class_="end", x=_LEFT - 6, y=at + 3.5)
    for at, said in x.labels:
        yield element("text", said, x=at, y=_HEIGHT - 8)


def _mark(account: Account, result: Result, name: str, x: _Across, y: Scale) -> Html:
    is_kept = result.status is Status.keep
    gained = words.gain(result.level, account.direction, account.unit, is_ratio=result.is_ratio)
    chosen = f"{words.one_line(name)} = {words.value(result.values[name])}"
    said = f"#{result.number} {result.status}: {chosen}, {gained}"
    circle = element(
        "circle",
        class_=f"mark {result.status.value}",
        cx=x.place(result.values[name]),
        cy=y.place(_share(account, result)),
        r=4.5 if is_kept else 3.5,
    )
    return element("a", joined(element("title", said), circle), href=f"#e{result.number}")
