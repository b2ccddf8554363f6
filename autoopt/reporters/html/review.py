"""A review as a section of the page: four scores, their reasons behind them, warnings and next steps."""

from __future__ import annotations

from pathlib import Path

from autoopt.reporters import review as texts
from autoopt.reporters import words
from autoopt.reporters.html.elements import Html, element, joined
from autoopt.review.records import MOST, Axis, Reading, Review


def section(review: Review) -> Html:
    """The review with its own style rules, which follow the page's colours."""
    style = element("style", Html(Path(__file__).with_name("review.css").read_text("utf-8")))
    scores = element("div", *(_axis(axis, review) for axis in review.axes), class_="axes")
    return element(
        "section",
        style,
        element("h2", "Review"),
        scores,
        _flags(review),
        _boxes(review),
        _untried(review),
        None if review.reading is None else _opinion(review.reading),
        class_="review",
    )


def _axis(axis: Axis, review: Review) -> Html:
    bar = element(
        "span", element("span", style=f"width:{10 * axis.score}%"), class_="bar", aria_hidden="true"
    )
    head = element(
        "summary",
        element("span", axis.name, class_="axis"),
        element("span", f"{axis.score} of {MOST}", class_="score"),
        bar,
        element("span", axis.question, class_="asked"),
    )
    rows = [
        element(
            "li",
            element("span", texts.points(point), class_="points"),
            element("span", texts.say(point.why, review)),
        )
        for point in axis.points
    ]
    return element("details", head, element("ul", *rows))


def _flags(review: Review) -> Html | None:
    rows = [
        element("li", element("strong", flag.kind.value), f": {texts.say(flag.said, review)}")
        for flag in review.flags
    ]
    return joined(element("h3", "What to be careful about"), element("ul", *rows)) if rows else None


def _boxes(review: Review) -> Html | None:
    rows = [
        element("li", f"☐ {texts.say(box.said, review)} ", element("code", box.command))
        for box in review.boxes
    ]
    return joined(element("h3", "Next steps"), element("ul", *rows, class_="boxes")) if rows else None


def _untried(review: Review) -> Html | None:
    rows = [element("li", texts.idea(one)) for one in review.untried]
    return joined(element("h3", "Not tried"), element("ul", *rows)) if rows else None


def _opinion(reading: Reading) -> Html:
    return joined(
        element("h3", "What an agent makes of it"),
        element("p", f"{texts.OPINION} {texts.cost(reading)}.", class_="note"),
        element("pre", words.lines(reading.text).strip(), class_="opinion"),
    )
