"""A small picture of an experiment's pairs: dots, the zero line, the noise, the interval, the estimate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, median, pstdev

from autoopt.records import Experiment, Verdict
from autoopt.reporters import evidence, words
from autoopt.reporters.html.elements import Html, element
from autoopt.reporters.ruler import Ruler
from autoopt.schema import Direction

_WIDTH, _TOP, _DOTS, _INTERVAL, _BOTTOM, _HEIGHT = 260.0, 4.0, 24.0, 33.0, 40.0, 52.0


def ruler_for(history: Sequence[Experiment], direction: Direction, *, is_ratio: bool) -> Ruler:
    """One line for the pairs of all these experiments, so that their pictures can be compared."""
    judged = [one for one in history if one.verdict is not None and evidence.has_ratios(one) is is_ratio]
    found = [evidence.gains(one, direction) for one in judged]
    verdicts = [one.verdict for one in judged if one.verdict is not None]
    shown = [gain for gains in found for gain in gains]
    ends = [end for verdict in verdicts for end in (verdict.low, verdict.high)]
    noted = [verdict.noise for verdict in verdicts if verdict.noise > 0]
    spreads = noted or [pstdev(gains) for gains in found if len(gains) > 1]
    return Ruler.around([*shown, *ends], median(spreads) if spreads else 0.0)


def picture(experiment: Experiment, ruler: Ruler, direction: Direction, unit: str) -> Html | None:
    """The pairs of one experiment on the line; None where nothing was judged."""
    verdict = experiment.verdict
    if verdict is None:
        return None
    gains = evidence.gains(experiment, direction)
    said = description(experiment, direction, unit)
    return element(
        "svg",
        element("title", said),
        *_ground(ruler, verdict, direction, unit),
        *_dots(gains, ruler),
        *_summary(verdict, ruler, any_pairs=bool(gains)),
        class_=f"pairs {experiment.status.value}",
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        role="img",
        aria_label=said,
    )


def description(experiment: Experiment, direction: Direction, unit: str) -> str:
    """The picture in words: every pair's gain, and the interval."""
    verdict, gains = experiment.verdict, evidence.gains(experiment, direction)
    if verdict is None:
        return ""
    listed = ", ".join(words.gain(gain, direction, unit, is_ratio=verdict.is_ratio) for gain in gains)
    ends = words.interval(verdict.low, verdict.high, direction, unit, is_ratio=verdict.is_ratio)
    pairs = f"{words.count(len(gains), 'pair')}: {listed}; " if gains else ""
    if evidence.is_given_up(verdict):
        least = words.gain(verdict.effect, direction, unit, is_ratio=verdict.is_ratio)
        return f"{pairs}ended early, more than {least}"
    return f"{pairs}95 % {ends}" if verdict.low < verdict.high else f"{pairs}exact"


def _x(gain: float, ruler: Ruler) -> float:
    return round(ruler.place(gain) * _WIDTH, 1)


def _ground(ruler: Ruler, verdict: Verdict, direction: Direction, unit: str) -> Iterator[Html]:
    """The noise as a band, the scale, the zero line, and the gain worth waiting for."""
    if verdict.noise > 0:
        left, right = _x(-verdict.noise, ruler), _x(verdict.noise, ruler)
        yield element("rect", class_="noise", x=left, y=0, width=right - left, height=_BOTTOM)
    for gain, label in ruler.ticks(direction, unit, is_ratio=verdict.is_ratio):
        yield _upright("tick", _x(gain, ruler))
        yield _label(_x(gain, ruler), label)
    if verdict.reach > 0:
        yield _upright("reach", _x(verdict.reach, ruler))
    yield _upright("zero", _x(0.0, ruler))
    yield _label(_x(0.0, ruler), "0")


def _upright(kind: str, x: float) -> Html:
    return element("line", class_=kind, x1=x, x2=x, y1=0, y2=_BOTTOM)


def _label(x: float, label: str) -> Html:
    return element("text", label, x=x, y=_HEIGHT - 2)


def _dots(gains: Sequence[float], ruler: Ruler) -> Iterator[Html]:
    """The pairs from top to bottom in the order they were taken."""
    step = (_DOTS - _TOP) / max(1, len(gains) - 1)
    for place, gain in enumerate(gains):
        y = round(_TOP + place * step, 1) if len(gains) > 1 else fmean((_TOP, _DOTS))
        kind = "better" if gain > 0 else "worse"
        yield element("circle", class_=f"dot {kind}", cx=_x(gain, ruler), cy=y, r=2.6)


def _summary(verdict: Verdict, ruler: Ruler, *, any_pairs: bool) -> Iterator[Html]:
    """The interval with its estimate; an exact number has the estimate alone, an ended run an arrow."""
    y = _INTERVAL if any_pairs else fmean((_TOP, _INTERVAL))
    left, right, middle = (_x(gain, ruler) for gain in (verdict.low, verdict.high, verdict.effect))
    if verdict.low < verdict.high:
        yield element("line", class_="interval", x1=left, x2=right, y1=y, y2=y)
    corners = [(middle - 4, y), (middle, y - 4), (middle + 4, y), (middle, y + 4)]
    if evidence.is_given_up(verdict):  # it was going to be further to the left
        middle = max(middle, 7.0)
        corners = [(middle - 7, y), (middle + 2, y - 4), (middle + 2, y + 4)]
    yield element("polygon", class_="estimate", points=" ".join(f"{a:g},{b:g}" for a, b in corners))


def legend(
    direction: Direction, unit: str, *, with_noise: bool, any_given_up: bool = False
) -> tuple[str, ...]:
    """How the pictures are read, in sentences."""
    worse, better = words.side(-1.0, direction, unit), words.side(1.0, direction, unit)
    return (
        f"Each dot is a pair, in the order taken: left of the line {worse}, right of it {better}.",
        "Below them the 95 % interval, with the likeliest gain as a diamond.",
        "Shaded: what one pair says by chance; dashed: the smallest gain worth waiting for."
        if with_noise
        else "",
        "An arrow: ended as hopeless at that point." if any_given_up else "",
        "All pictures share one scale, ever denser outwards.",
    )
