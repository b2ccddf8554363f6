"""What came of putting several runs together, as Markdown: for a file, or the text of a pull request."""

from __future__ import annotations

from dataclasses import dataclass

from autoopt.records import Confirmation
from autoopt.reporters import markup, words
from autoopt.schema import Direction

COLUMNS = ("run", "by itself", "in the merge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What a run's number is called and which way it is better."""

    name: str
    direction: Direction
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A run that was to be merged.

    Attributes:
        alone: What it gained by itself; None where that is not known.
        here: What it gained on top of those before it; None where it is not in the merge.
        reasons: Why it is not.
        is_contained: Whether it is all the same, as part of another run's result.
    """

    run_id: str
    goal: str = ""
    metric: Metric | None = None
    alone: Confirmation | None = None
    here: Confirmation | None = None
    reasons: tuple[str, ...] = ()
    is_contained: bool = False

    @property
    def is_in(self) -> bool:
        """Whether the merge has all of it."""
        return self.here is not None or self.is_contained


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What the merge gains as a whole by one metric, or on one run's holdout.

    Attributes:
        holdout_of: The run whose holdout it is; empty for a metric.
        excuse: Why there is no claim.
    """

    metric: Metric
    claim: Confirmation | None
    holdout_of: str = ""
    excuse: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All there is to tell about a merge.

    Attributes:
        branch: The branch that was made; None where nothing was merged.
        commit: What is on it.
        start: The commit it stands on and is compared with.
        fit: Whether it fits the user's branch; empty where that goes without saying.
        steps: The commands that take it.
    """

    branch: str | None
    commit: str
    start: str
    rows: tuple[Row, ...]
    totals: tuple[Total, ...]
    fit: str = ""
    steps: tuple[str, ...] = ()


def cells(row: Row) -> tuple[str, str, str]:
    """The run's line in a table; several reasons are several lines of the last cell."""
    by_itself = _gain(row, row.alone)
    if row.here is not None:
        return words.one_line(row.run_id), by_itself, f"merged: {_gain(row, row.here)}"
    reasons = "\n".join(map(words.one_line, row.reasons))
    return words.one_line(row.run_id), by_itself, reasons if row.is_contained else f"left out: {reasons}"


def _gain(row: Row, claim: Confirmation | None) -> str:
    """As in "22.8 % faster (95 % 21.9–23.7 %)"."""
    if claim is None or row.metric is None:
        return ""
    direction, unit, is_ratio = row.metric.direction, row.metric.unit, claim.is_ratio
    said = words.gain(claim.effect, direction, unit, is_ratio=is_ratio)
    if claim.low == claim.high:
        return said
    return f"{said} (95 % {words.interval(claim.low, claim.high, direction, unit, is_ratio=is_ratio)})"


def lines(account: Account) -> tuple[str, ...]:
    """What the merge gains, metric by metric; a metric is named where there are several numbers."""
    return tuple(_line(total, named=len(account.totals) > 1) for total in account.totals)


def _line(total: Total, *, named: bool) -> str:
    metric, claim = total.metric, total.claim
    if claim is None:
        said = f"could not be measured: {words.one_line(total.excuse)}"
    else:
        said = words.headline(claim, metric.direction, metric.unit)
    label = f"holdout of {total.holdout_of}" if total.holdout_of else metric.name if named else ""
    return f"{words.one_line(label)}: {said}" if label else said


def report(account: Account) -> str:
    """The whole report, ending in a newline."""
    sections = (_head(account), _result(account), _composed(account), _rest(account), _next(account))
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(account: Account) -> str:
    merged = [row.run_id for row in account.rows if row.here is not None]
    title = f"# Merge of {markup.text(', '.join(merged))}" if merged else "# Nothing was merged"
    facts = [f"- compared with: {markup.code(account.start)}"]
    if account.branch is not None:
        facts += [f"- branch: {markup.code(account.branch)}", f"- commit: {markup.code(account.commit)}"]
    return f"{title}\n\n" + "\n".join(facts)


def _result(account: Account) -> str:
    if not account.totals:
        return ""
    found = "\n".join(f"- **{markup.text(line)}**" for line in lines(account))
    fit = f"\n\n{markup.text(account.fit)}" if account.fit else ""
    return f"## Result\n\n{found}{fit}"


def _composed(account: Account) -> str:
    """The merged runs in their order: each gain was measured again on top of those above it."""
    rows = [
        (row.run_id, row.goal, _headline(row, row.alone), _headline(row, row.here))
        for row in account.rows
        if row.here is not None
    ]
    if not rows:
        return ""
    table = markup.table(("run", "goal", "by itself", "on top of those above"), rows, right=())
    return f"## What composed\n\n{table}"


def _headline(row: Row, claim: Confirmation | None) -> str:
    if claim is None or row.metric is None:
        return ""
    return words.headline(claim, row.metric.direction, row.metric.unit)


def _rest(account: Account) -> str:
    """The runs that were left out, each with everything that speaks against it."""
    found = []
    for row in account.rows:
        if row.here is None:
            alone = f" ({markup.text(_headline(row, row.alone))} by itself)" if row.alone else ""
            reasons = "\n".join(f"  - {markup.text(reason)}" for reason in row.reasons)
            found.append(f"- {markup.code(row.run_id)}{alone}\n{reasons}")
    return "## What did not compose\n\n" + "\n".join(found) if found else ""


def _next(account: Account) -> str:
    return "## Next\n\n" + markup.fenced("\n".join(account.steps), "sh") if account.steps else ""
