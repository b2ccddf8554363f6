"""The run's own time as a strip: what went into what, from its beginning to its last word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autoopt.records import Status
from autoopt.reporters import spent, words
from autoopt.reporters.account import Account
from autoopt.reporters.html import bars
from autoopt.reporters.html.elements import Html, element
from autoopt.reporters.html.scale import Scale
from autoopt.reporters.spent import Span

_WIDTH, _HEIGHT = 720.0, 74.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 4.0, 4.0, 16.0, 52.0
_HAIR = 0.25  # narrower stretches are drawn with the next one
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


def picture(account: Account) -> Html | None:
    """The strip, with a mark above each kept change; None where nobody knows when things were."""
    spans = spent.spans(account)
    if not spans:
        return None
    x = Scale(0.0, spans[-1].end, _LEFT, _WIDTH - _RIGHT)
    said = f"Where {words.duration(spans[-1].end)} of wall time went"
    return element(
        "svg",
        element("title", said),
        *_ticks(x),
        *_strip(spans, x),
        *_kept(account, spans, x),
        class_="chart timeline",
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        role="img",
        aria_label=said,
    )


def _ticks(x: Scale) -> Iterator[Html]:
    size = next((step for step in _STEPS if x.high / step <= 6), _STEPS[-1] * -(-x.high // (_STEPS[-1] * 6)))
    at = 0.0
    while at <= x.high * 0.97:
        yield element("line", class_="tick", x1=x.place(at), x2=x.place(at), y1=_TOP, y2=_BOTTOM + 5)
        if at <= x.high * 0.85:
            label = words.duration(at) if at else "0"
            yield element("text", label, class_="start", x=x.place(at) + 2, y=_HEIGHT - 8)
        at += size


def _strip(spans: Sequence[Span], x: Scale) -> Iterator[Html]:
    drawn = x.start
    for span, following in zip(spans, [*spans[1:], None], strict=True):
        end = x.start + span.end / (x.high or 1.0) * (x.end - x.start)
        goes_on = following is not None and following.kind == span.kind and following.number == span.number
        if goes_on or (end - drawn < _HAIR and following is not None):
            continue
        about = f"#{span.number}: " if span.number is not None else ""
        title = element("title", f"{about}{spent.NAMES[span.kind]}, {words.duration(span.seconds)}")
        rect = element(
            "rect", title, class_=f"time {span.kind}", x=round(drawn, 2), y=_TOP,
            width=round(max(end - drawn, _HAIR), 2), height=_BOTTOM - _TOP,
        )  # fmt: skip
        yield rect if span.number is None else element("a", rect, href=f"#e{span.number}")
        drawn = end


def _kept(account: Account, spans: Sequence[Span], x: Scale) -> Iterator[Html]:
    ends = {span.number: span.end for span in spans if span.number is not None}
    for one in account.history:
        if one.status is Status.keep and one.number in ends:
            at = x.place(ends[one.number])
            points = f"{at:g},{_TOP - 2:g} {at - 4:g},{_TOP - 10:g} {at + 4:g},{_TOP - 10:g}"
            title = element("title", f"#{one.number} kept: {words.one_line(one.description)}")
            yield element(
                "a", title, element("polygon", class_="mark keep", points=points), href=f"#e{one.number}"
            )


def shares(account: Account) -> Html:
    """How much of the time went into what, as bars."""
    found = spent.shares(account)
    largest = max((seconds for _, seconds, _ in found), default=1.0)
    rows = [
        bars.row(
            element("span", spent.NAMES[kind]),
            iter([bars.bar(f"time {kind}", 0.0, bars.WIDTH * seconds / largest)]),
            words.percent(share),
            note=words.duration(seconds),
        )
        for kind, seconds, share in found
    ]
    return bars.listed(*rows)
