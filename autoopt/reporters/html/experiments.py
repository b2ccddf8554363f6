"""Every experiment as a line that opens: what was decided and its picture, then all that is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from autoopt.journal import pairs
from autoopt.records import Experiment, Finding
from autoopt.reporters import evidence, spent, words
from autoopt.reporters.account import Account
from autoopt.reporters.html import calls
from autoopt.reporters.html import pairs as pictures
from autoopt.reporters.html.elements import Html, element, joined
from autoopt.reporters.ruler import Ruler

_DIFF_LINES = 400
_TAIL_LINES = 20
_BROAD = 90  # letters of a row that are not squeezed on a narrow screen


def listed(account: Account) -> Html:
    """The experiments in order, each with its picture."""
    rulers = {
        is_ratio: pictures.ruler_for(account.history, account.direction, is_ratio=is_ratio)
        for is_ratio in (True, False)
    }
    rows = [_row(one, rulers[evidence.has_ratios(one)], account) for one in account.history]
    return element("div", joined(*rows), class_="rows")


def _row(experiment: Experiment, ruler: Ruler, account: Account) -> Html:
    number = element("span", f"#{experiment.number}", class_="number")
    status = element("span", words.status(experiment), class_=f"status {experiment.status.value}")
    moved = element("span", words.moved(experiment, account.unit), class_="moved")
    said = element(
        "span",
        element("span", words.one_line(experiment.description), class_="change"),
        element("span", words.decision(experiment), class_="decision"),
        class_="said",
    )
    drawn = pictures.picture(experiment, ruler, account.direction, account.unit)
    head = element("summary", number, status, moved, said, element("span", drawn, class_="drawn"))
    # a browser that is led to something inside of a closed element opens it
    body = element("div", *_body(experiment, account), class_="body", id=f"e{experiment.number}")
    return element("details", head, body)


def _body(experiment: Experiment, account: Account) -> Iterator[Html]:
    yield facts(_facts(experiment, account))
    if experiment.incumbent_samples:
        yield _section("Pairs", _pairs(experiment, account))
    elif experiment.measurement is not None:
        values = (words.number(sample.value, account.unit) for sample in experiment.measurement.samples)
        yield _section("Samples", element("p", ", ".join(values)))
    if experiment.findings:
        yield _section("Guards", table((), [_finding(finding) for finding in experiment.findings]))
    if experiment.failure is not None and experiment.failure.tail.strip():
        tail = words.lines(experiment.failure.tail).strip("\n").splitlines()[-_TAIL_LINES:]
        yield _section("Last output", element("pre", "\n".join(tail)))
    if diff := account.diffs.get(experiment.number, "").strip("\n"):
        yield _section("Diff", _diff(diff))
    if (asked := calls.listed(experiment, account)) is not None:
        yield _section("Agents", asked)


def _facts(experiment: Experiment, account: Account) -> Mapping[str, str]:
    verdict = experiment.verdict
    named = ", ".join(f"{name} = {words.value(held)}" for name, held in experiment.parameters.items())
    touched = f"{', '.join(experiment.paths)} (+{experiment.added} −{experiment.removed})"
    return {
        "why": evidence.why(experiment, account.direction, account.unit),
        **(evidence.numbers(verdict, account.direction, account.unit) if verdict else {}),
        "varies": evidence.VARIATIONS.get(experiment.variation, experiment.variation),
        "hypothesis": experiment.hypothesis if experiment.is_try else "",
        "parameters": named,
        "not measured": experiment.thought.risk if experiment.thought else "",
        "from": " · ".join(filter(None, (experiment.source, experiment.area))),
        "files": touched if experiment.paths else "",
        "commit": experiment.commit,
        "time": _time(experiment),
        "overruled": words.overruled(experiment),
        "agents": words.usage(experiment.usage),
    }


def _time(experiment: Experiment) -> str:
    if not experiment.seconds:
        return ""
    told = (f"{spent.NAMES.get(stage, stage)} {words.duration(s)}" for stage, s in experiment.seconds.items())
    return f"{words.duration(sum(experiment.seconds.values()))}: {', '.join(told)}"


def facts(named: Mapping[str, str]) -> Html:
    """Names and texts; empty texts are left out."""
    rows = [
        joined(element("dt", words.one_line(name)), element("dd", words.one_line(said)))
        for name, said in named.items()
        if said
    ]
    return element("dl", joined(*rows))


def _section(heading: str, body: Html) -> Html:
    return joined(element("h4", heading), body)


def _pairs(experiment: Experiment, account: Account) -> Html:
    gains = evidence.gains(experiment, account.direction)
    is_ratio = evidence.has_ratios(experiment)
    rows = [
        (
            str(place),
            *words.change(pair.incumbent.value, pair.challenger.value, account.unit).split(" → "),
            words.gain(gain, account.direction, account.unit, is_ratio=is_ratio),
        )
        for place, (pair, gain) in enumerate(zip(pairs(experiment), gains, strict=True), start=1)
    ]
    return table(("pair", "incumbent", "challenger", "change"), rows)


def _finding(finding: Finding) -> Sequence[str | Html]:
    shown = element(
        "span", words.found(finding), class_=f"finding {'passed' if finding.passed else 'failed'}"
    )
    said = "\n".join(filter(None, (words.lines(finding.message).strip(), words.one_line(finding.where))))
    return finding.guard, shown, element("pre", said)


def table(columns: Sequence[str], rows: Sequence[Sequence[str | Html]]) -> Html:
    """A table that scrolls by itself where it is too wide."""
    head = element("tr", *(element("th", column, scope="col") for column in columns)) if columns else None
    body = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    columns_of_text = (
        [cell for cell in column if not isinstance(cell, Html)] for column in zip(*rows, strict=True)
    )
    widths = (max(map(len, column), default=0) for column in columns_of_text)
    broad = "broad" if sum(widths) > _BROAD else None
    return element("div", element("table", head, *body, class_=broad), class_="wide")


def _diff(diff: str) -> Html:
    rows = words.lines(diff).split("\n")
    shown = [element("span", f"{row}\n", class_=words.kind_of_row(row) or None) for row in rows[:_DIFF_LINES]]
    left = len(rows) - _DIFF_LINES
    note = element("p", f"{words.count(left, 'further line')} not shown.") if left > 0 else None
    return joined(element("pre", *shown, class_="diff"), note)
