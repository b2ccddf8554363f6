"""A review in words: for the terminal and as a section of the Markdown report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from autoopt.reporters import markup, words
from autoopt.reporters.summary import continued
from autoopt.review.figures import Amount, Count, Ends, Gain, Numbers, Piece, Sentence, Share, Size, Sure
from autoopt.review.records import MOST, Axis, Point, Reading, Review, Untried
from autoopt.schema import Direction

OPINION = "An opinion. The scores are computed from the evidence, and this has changed none of them."
"""What stands above an agent's reading."""


def say(sentence: Sentence, review: Review) -> str:
    """The sentence with its figures as people read them, on one line."""
    said = words.one_line("".join(_piece(piece, review) for piece in sentence))
    return said[:1].upper() + said[1:]


def _piece(piece: Piece, review: Review) -> str:
    match piece:
        case Gain(effect, is_ratio):
            return words.gain(effect, review.direction, review.unit, is_ratio=is_ratio)
        case Ends(low, high, is_ratio):
            return words.interval(low, high, review.direction, review.unit, is_ratio=is_ratio)
        case Size(effect, is_ratio):
            ratio = words.ratio_gain(effect, Direction.higher)
            return words.percent(ratio) if is_ratio else words.number(effect, review.unit)
        case Sure(probability):
            return words.percent_sure(probability)
        case Share(ratio):
            return words.percent(ratio)
        case Count(amount, noun):
            return words.count(amount, noun)
        case Amount(value, in_unit):
            return words.number(value, review.unit if in_unit else "")
        case Numbers(of):
            return ", ".join(f"#{number}" for number in of)
        case _:
            return piece


def points(point: Point) -> str:
    """What a rule gave, as in "+2 of 3" or "−1"."""
    given = f"+{point.given}" if point.given >= 0 else f"−{-point.given}"
    return f"{given} of {point.possible}" if point.possible else given


def idea(untried: Untried) -> str:
    """Something that was not tried, with its score where it has one."""
    score = "" if untried.score is None else f" (scored {untried.score:.1f} of 10)"
    return f"{words.one_line(untried.what)}{score}"


def cost(reading: Reading) -> str:
    """Who has read it and what that took."""
    return f"{words.one_line(reading.agent)}: {words.usage(reading.usage) or 'it does not say what it cost'}"


def facts(review: Review) -> dict[str, Any]:
    """The review as plain data, with its sentences in words."""
    return {
        "run": review.run_id,
        "scores": {axis.name.lower(): axis.score for axis in review.axes},
        "axes": [_axis_facts(axis, review) for axis in review.axes],
        "flags": [
            {"kind": flag.kind.value, "experiments": list(flag.numbers), "why": say(flag.said, review)}
            for flag in review.flags
        ],
        "next": [{"what": say(box.said, review), "command": box.command} for box in review.boxes],
        "untried": [{"what": words.one_line(one.what), "score": one.score} for one in review.untried],
        "opinion": None if review.reading is None else asdict(review.reading),
    }


def _axis_facts(axis: Axis, review: Review) -> dict[str, Any]:
    rules = [
        {"given": point.given, "possible": point.possible, "why": say(point.why, review)}
        for point in axis.points
    ]
    return {"name": axis.name, "question": axis.question, "score": axis.score, "rules": rules}


def markdown(review: Review) -> str:
    """The section of a Markdown report, without a line feed at its end."""
    parts = ["## Review", _scores(review), *(_axis(axis, review) for axis in review.axes)]
    if review.flags:
        rows = [f"- **{flag.kind.value}**: {markup.text(say(flag.said, review))}" for flag in review.flags]
        parts.append("### What to be careful about\n\n" + "\n".join(rows))
    if review.boxes:
        rows = [
            f"- [ ] {markup.text(say(box.said, review))}: {markup.code(box.command)}" for box in review.boxes
        ]
        parts.append("### Next steps\n\n" + "\n".join(rows))
    if review.untried:
        parts.append("### Not tried\n\n" + "\n".join(f"- {markup.text(idea(one))}" for one in review.untried))
    if review.reading is not None:
        parts.append(_opinion(review.reading))
    return "\n\n".join(parts)


def _scores(review: Review) -> str:
    rows = [(axis.name, f"{axis.score} of {MOST}", axis.question) for axis in review.axes]
    return markup.table(("", "score", ""), rows, right=(1,))


def _axis(axis: Axis, review: Review) -> str:
    rows = [f"- {points(point)}: {markup.text(say(point.why, review))}" for point in axis.points]
    return f"### {axis.name}: {axis.score} of {MOST}\n\n" + "\n".join(rows)


def _opinion(reading: Reading) -> str:
    said = markup.fenced(words.lines(reading.text).strip())
    return f"### What an agent makes of it\n\n{OPINION} {markup.text(cost(reading))}.\n\n{said}"


def terminal(review: Review) -> RenderableType:
    """The review for a terminal of any width."""
    parts: list[RenderableType] = []
    for heading, rows in _sections(review):
        parts += [Text(heading, style="bold"), *(Padding(row, (0, 0, 0, 2)) for row in rows), Text()]
    return Group(*parts[:-1])


def _sections(review: Review) -> Iterator[tuple[str, list[RenderableType]]]:
    for axis in review.axes:
        told = [Text(f"{points(point)}: {say(point.why, review)}") for point in axis.points]
        yield f"{axis.name} {axis.score} of {MOST}: {axis.question}", [*told]
    if review.flags:
        yield (
            "What to be careful about",
            [Text(f"{flag.kind.value}: {say(flag.said, review)}") for flag in review.flags],
        )
    if review.boxes:
        yield "Next steps", [_Box(say(box.said, review), words.one_line(box.command)) for box in review.boxes]
    if review.untried:
        yield "Not tried", [Text(idea(one)) for one in review.untried]
    if review.reading is not None:
        said = [OPINION, f"{cost(review.reading)}.", words.lines(review.reading.text).strip()]
        yield "What an agent makes of it", [Text(line) for line in said]


@dataclass(frozen=True, slots=True)
class _Box:
    """A next step with its command below it, on lines that still paste as one."""

    said: str
    command: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        lines = continued(self.command, options.max_width - 4)
        yield Text(f"[ ] {self.said}")
        yield Padding(Text("\n".join(lines), overflow="fold"), (0, 0, 0, 4))
