"""A run's result told to those who will read its commits: messages, and the text of a pull request.

A gain is claimed from the confirmation alone; what single changes brought is told with their own intervals,
and never added up.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from autoopt.records import Experiment, Omission, Outcome, Verdict
from autoopt.reporters import account as accounts
from autoopt.reporters import honesty, markup, words
from autoopt.reporters.account import Account

_SUBJECT = 72
_WIDTH = 72
_STEPS = (
    "What a change brought when it was kept is no promise: changes that measured well by luck are kept more "
    "often."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one branch holds of a run's result.

    Attributes:
        changes: The kept experiments in it, in order; at least one.
        place, of: Which of how many parts it is; the parts have no file in common.
        left_out: Kept experiments that are in none of the parts.
        without: What the final commit is worth without exactly those, where that was measured.
        onto: Where it stands, when that is not the commit that everything was measured on.
    """

    changes: tuple[Experiment, ...]
    place: int = 1
    of: int = 1
    left_out: tuple[Experiment, ...] = ()
    without: Omission | None = None
    onto: str = ""


def title(account: Account, part: Part) -> str:
    """One line, short enough for a commit's subject: the only change there is, else the goal."""
    if len(part.changes) == 1:
        said = words.one_line(part.changes[0].description)
    else:
        said = words.one_line(account.goal) or words.count(len(part.changes), "kept change")
        said += f" (part {part.place} of {part.of})" if part.of > 1 else ""
    return _clipped(said or f"experiment {part.changes[0].number}", _SUBJECT)


def message(account: Account, part: Part) -> str:
    """The message of a commit that holds the whole part."""
    paragraphs = [title(account, part), *(_wrapped(line) for line in _claim(account, part))]
    if len(part.changes) == 1:
        (only,) = part.changes
        paragraphs[1:1] = [_wrapped(line) for line in (_why(only), _brought(account, only)) if line]
    else:
        paragraphs.append("\n".join(_item(account, one) for one in part.changes))
        paragraphs += [_wrapped(note) for note in _note(part)]
    return _joined(account, paragraphs)


def change_message(account: Account, part: Part, change: Experiment) -> str:
    """The message of a commit that holds one change among others."""
    subject = _clipped(words.one_line(change.description) or f"experiment {change.number}", _SUBJECT)
    body = [_wrapped(line) for line in (_why(change), _brought(account, change)) if line]
    return _joined(account, [subject, *body, *(_wrapped(line) for line in _claim(account, part))])


def _joined(account: Account, paragraphs: list[str]) -> str:
    return "\n\n".join([*paragraphs, f"Autoopt-Run: {account.run_id}"]) + "\n"


def _claim(account: Account, part: Part) -> Iterator[str]:
    """What is claimed of the result, and what it was measured on."""
    yield _subject(account, part) + accounts.headline(account)
    if account.confirmation is not None:
        tip = account.final.commit[:12] if account.final is not None else ""
        metric = words.one_line(account.facts.get("metric", ""))
        yield f"Measured on {tip} against {account.base[:12]} by: {metric}"
    if part.onto:
        yield f"Carried over onto {part.onto}, where it was not measured."
    if part.left_out:
        yield _left_out(account, part)


def _subject(account: Account, part: Part) -> str:
    """What the headline is about, where that is more than the part."""
    many = len(account.kept)
    if part.of > 1:
        return f"All {many} changes of the run together, of which these are {len(part.changes)}: "
    return f"All {many} changes of the run together: " if many > 1 else ""


def _left_out(account: Account, part: Part) -> str:
    named = ", ".join(f"{words.one_line(one.description)} (experiment {one.number})" for one in part.left_out)
    said = f"Left out, although it was measured with: {named}."
    if part.without is None or part.without.verdict is None:
        return f"{said} The result was not measured without it."
    return f"{said} What it was still worth: {honesty.worth(account, part.without)}."


def _why(change: Experiment) -> str:
    return words.one_line(change.hypothesis)


def _brought(account: Account, change: Experiment) -> str:
    """What a change was worth, with its interval: at the end, as far as is known, and when it was kept."""
    found = [omission for omission in account.omissions if omission.number == change.number]
    at_end = honesty.worth(account, found[0]) if found else ""
    kept = _effect(account, change.verdict) if change.verdict is not None else ""
    said = [
        f"Worth beside the other changes: {at_end}." if at_end else "",
        f"When kept{_reason(change)}: {kept}." if kept else "",
    ]
    return " ".join(filter(None, said))


def _reason(change: Experiment) -> str:
    """What it was kept for, where that is not the gain."""
    held = change.verdict is not None and change.verdict.outcome is Outcome.holds
    return ", for less code" if held else ""


def _effect(account: Account, verdict: Verdict) -> str:
    gain = words.gain(verdict.effect, account.direction, account.unit, is_ratio=verdict.is_ratio)
    if verdict.low >= verdict.high:
        return f"{gain} (exact)"
    ends = words.interval(
        verdict.low, verdict.high, account.direction, account.unit, is_ratio=verdict.is_ratio
    )
    return f"{gain} (95 % {ends}), {words.count(verdict.pairs, 'pair')}"


def _note(part: Part) -> list[str]:
    """What to think of the numbers of single changes, where they are not exact."""
    verdicts = (change.verdict for change in part.changes)
    return [_STEPS] if any(verdict and verdict.low < verdict.high for verdict in verdicts) else []


def _item(account: Account, change: Experiment) -> str:
    head = textwrap.fill(
        f"{words.one_line(change.description)} (experiment {change.number})",
        _WIDTH,
        initial_indent="- ",
        subsequent_indent="  ",
        break_on_hyphens=False,
    )
    rest = (line for line in (_why(change), _brought(account, change)) if line)
    return "\n".join([head, *(textwrap.indent(_wrapped(line, _WIDTH - 2), "  ") for line in rest)])


def _wrapped(line: str, width: int = _WIDTH) -> str:
    return textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)


def _clipped(line: str, length: int) -> str:
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"


def description(account: Account, part: Part, merge: str) -> str:
    """The text of a pull request, as Markdown that ends in a newline; its title is `title`.

    Args:
        merge: What a trial merge into the branch it is for said, in one line; empty where there was none.
    """
    sections = (
        "\n\n".join(_lead(account, part, merge)),
        _changes(account, part),
        _adopting(account, part),
        _checks(account, part),
        _how(account, part),
    )
    return "\n\n".join(filter(None, sections)) + "\n"


def _lead(account: Account, part: Part, merge: str) -> Iterator[str]:
    yield f"**{markup.text(_subject(account, part) + accounts.headline(account))}**"
    if account.goal and (len(part.changes) == 1 or len(account.goal) > _SUBJECT):
        yield f"Goal: {markup.text(account.goal)}"
    if part.of > 1:
        yield (
            f"This is part {part.place} of {part.of}. The parts have no file in common, so they can be "
            "reviewed and merged one by one; they were measured together, not by themselves."
        )
    if part.onto:
        yield markup.text(f"Carried over onto {part.onto}, where it was not measured.")
    if part.left_out:
        yield markup.text(_left_out(account, part))
    if said := honesty.held_out(account):
        yield markup.text(said)
    if merge:
        yield markup.text(merge)


def _changes(account: Account, part: Part) -> str:
    listed = "\n".join(_change(account, change) for change in part.changes)
    return "\n\n".join(["## What changed and why", listed, *_note(part)])


def _change(account: Account, change: Experiment) -> str:
    files = ", ".join(map(markup.code, change.paths))
    lines = [
        f"- **{markup.text(change.description)}** ({files}, +{change.added} −{change.removed})",
        markup.text(_why(change)),
        markup.text(_brought(account, change)),
    ]
    if change.thought is not None and change.thought.risk:
        lines.append(f"Not measured: {markup.text(change.thought.risk)}")
    return "  \n  ".join(filter(None, lines))


def _adopting(account: Account, part: Part) -> str:
    """What a merge alone does not do."""
    listed = [
        f"- {markup.code(path)}: {markup.text(todo)}"
        for path, todo in accounts.outside(account, part.changes)
    ]
    return "\n".join(["## After the merge\n", *listed]) if listed else ""


def _checks(account: Account, part: Part) -> str:
    """The guards that every change in it has passed."""
    passed = [{one.guard for one in change.findings if one.passed} for change in part.changes]
    names = sorted(set.intersection(*passed))
    if not names:
        return ""
    listed = "\n".join(f"- {markup.text(name)}" for name in names)
    return f"## Checks that every change passed when it was kept\n\n{listed}"


def _how(account: Account, part: Part) -> str:
    lines = [
        f"- run: {markup.code(account.run_id)}, {markup.text(accounts.counts(account))}",
        f"- metric: {markup.code(account.facts.get('metric', ''))}",
        f"- started from: {markup.code(account.base[:12])}",
    ]
    if (final := account.final) is not None:
        lines.append(f"- measured at its end: {markup.code(final.commit[:12])}")
    return "## How it was measured\n\n" + "\n".join(lines)
