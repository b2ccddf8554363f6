"""The kept gains one after another, against their sum and what was confirmed of it."""

from __future__ import annotations

from collections.abc import Iterator

from autoopt.reporters import honesty, waterfall, words
from autoopt.reporters.account import Account
from autoopt.reporters.html import bars
from autoopt.reporters.html.elements import Html, element
from autoopt.reporters.html.scale import Scale
from autoopt.reporters.waterfall import Step

_MARGIN = 8.0


def picture(account: Account) -> Html | None:
    """A row for each kept step, then the sums; None where nothing can be added up."""
    steps = waterfall.steps(account)
    if not steps:
        return None
    scale = _scale(account, steps)
    return bars.listed(*(_row(account, step, scale) for step in steps))


def note(account: Account) -> tuple[str, ...]:
    """How it is read, in sentences."""
    found = honesty.claims(account)
    return (
        "Each bar begins where the one before it ended; the stroke is the first commit's number, "
        "thin lines are 95 % intervals.",
        waterfall.WHY,
        "" if found is not None else "There is no confirmation to hold the sum against.",
    )


def _scale(account: Account, steps: tuple[Step, ...]) -> Scale:
    """From the worst to the best end, in shares of the metric: a bar is as long as the metric moved."""
    ends = [end for step in steps for end in (step.start, step.end)]
    sums = [end for step in steps if step.kind != "keep" for end in (step.low, step.high)]
    places = [_share(account, end, step.is_ratio) for step in steps[:1] for end in (*ends, *sums, 0.0)]
    return Scale(min(places), max(places), _MARGIN, bars.WIDTH - _MARGIN)


def _share(account: Account, gain: float, is_ratio: bool) -> float:
    """The gain as a part of the first commit's number, or as it is where it is a difference."""
    return words.ratio_gain(gain, account.direction) if is_ratio else gain


def _row(account: Account, step: Step, scale: Scale) -> Html:
    return bars.row(_label(step), _drawn(account, step, scale), waterfall.said(account, step), kind=step.kind)


def _label(step: Step) -> Html:
    if step.number is None:
        return element("span", step.label)
    return element("a", f"#{step.number} {step.label}", href=f"#e{step.number}")


def _drawn(account: Account, step: Step, scale: Scale) -> Iterator[Html]:
    def x(gain: float) -> float:
        return scale.place(_share(account, gain, step.is_ratio))

    yield bars.upright("zero", x(0.0))
    loses = step.gain < 0
    yield bars.bar(f"fill {step.kind}{' loss' if loses else ''}", x(step.start), x(step.end))
    if step.low < step.high:
        yield bars.across("whisker", x(step.low), x(step.high))
