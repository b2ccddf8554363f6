"""The report of a run as one HTML file: no script, nothing from elsewhere, light or dark as wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from autoopt.records import Status
from autoopt.reporters import account as accounts
from autoopt.reporters import evidence, honesty, pareto, words
from autoopt.reporters.account import Account
from autoopt.reporters.html import experiments, marks, pairs, progress, scatter
from autoopt.reporters.html.elements import Html, element, joined

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # even if something were to slip through


def report(account: Account, further: Sequence[Html] = ()) -> str:
    """The whole page, ending in a newline.

    Args:
        further: Sections between the experiments and what to do next.
    """
    sections = (
        _head(account),
        _result(account),
        _progress(account),
        _experiments(account),
        _worth(account),
        *_trade_offs(account),
        *further,
        _shares(account),
        _next(account),
    )
    return f"<!DOCTYPE html>\n{_page(account, joined(*sections))}\n"


def section(heading: str, *content: Html | None) -> Html:
    """A part of the page with its heading."""
    return element("section", element("h2", heading), *content)


def _page(account: Account, body: Html) -> Html:
    title = words.one_line(account.goal or account.run_id)
    head = joined(
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(Path(__file__).with_name("style.css").read_text("utf-8"))),
    )
    return element("html", element("head", head), element("body", element("main", body)), lang="en")


def _head(account: Account) -> Html:
    facts = {"run": account.run_id, "ended": account.reason, **account.facts, "branch": account.branch}
    title = element("h1", words.one_line(account.goal or account.run_id))
    more = element("details", element("summary", "The run"), experiments.facts(facts), class_="about")
    return element("header", title, more)


def _result(account: Account) -> Html:
    confirmed = account.confirmation is not None and account.confirmation.low > 0
    headline = element("p", accounts.headline(account), class_="headline gain" if confirmed else "headline")
    lines = [f"{accounts.counts(account)}.", *honesty.lines(account)]
    if spent := words.usage(account.usage):
        lines.append(f"Agents: {spent}.")
    if gone := accounts.interrupted(account):
        lines.append(f"Interrupted before a decision, and reverted: {', '.join(map(str, gone))}.")
    return section("Result", headline, *(element("p", words.one_line(line)) for line in lines))


def _progress(account: Account) -> Html | None:
    drawn = progress.picture(account)
    if drawn is None:
        return None
    seen = tuple(status for status in Status if any(one.status is status for one in account.history))
    told = [
        f"The metric by experiment, {account.direction.value} is better: each mark stands where its own "
        "pairs put it beside the incumbent of that time, which is the line; at the edge it is further off.",
        "The band is what a single run varies by chance." if _noted(account) else "",
        "The bar at the right is what was confirmed, with its 95 % interval." if account.confirmation else "",
    ]
    return section("The run", drawn, marks.legend(seen), _note(told))


def _noted(account: Account) -> bool:
    return any(one.verdict is not None and one.verdict.noise > 0 for one in account.history)


def _note(sentences: Sequence[str]) -> Html:
    return element("p", " ".join(filter(None, sentences)), class_="note")


def _experiments(account: Account) -> Html | None:
    if not account.history:
        return None
    judged = [one.verdict for one in account.history if one.verdict is not None]
    ended = any(map(evidence.is_given_up, judged))
    said = pairs.legend(account.direction, account.unit, with_noise=_noted(account), any_given_up=ended)
    legend = _note(said) if judged else None
    return section("Every experiment", legend, experiments.listed(account))


def _trade_offs(account: Account) -> Iterator[Html]:
    """A picture for each bounded number: the metric across, the number up."""
    for name in account.constraints:
        points = [
            scatter.Point(
                experiment=point.experiment,
                across=point.values[pareto.METRIC],
                up=point.values[name],
                is_best=point.is_best,
            )
            for point in pareto.points(account, (name,))
        ]
        drawn = scatter.picture(
            points, "metric", words.one_line(name), account.unit, pareto.UNITS.get(name, "")
        )
        if drawn is not None:
            yield section(f"Trade-off: {words.one_line(name)}", drawn, _note(_sides(account, name)))


def _sides(account: Account, name: str) -> tuple[str, ...]:
    """Which way is better on the picture of this number."""
    up = pareto.better(account.constraints[name])
    return (
        f"Better: {account.direction.value} across, {up.value} up.",
        "A dashed line joins those that nothing beats in both, where there are several.",
    )


def _worth(account: Account) -> Html | None:
    if not (rows := honesty.rows(account)):
        return None
    told = element("p", honesty.WHY_ROWS, class_="note")
    return section(
        "What each kept change is worth at the end", experiments.table(honesty.COLUMNS, rows), told
    )


def _shares(account: Account) -> Html | None:
    rows = [accounts.share_cells(account, share) for share in accounts.shares(account)]
    return section("Where the budget went", experiments.table(accounts.SHARE_COLUMNS, rows)) if rows else None


def _next(account: Account) -> Html | None:
    steps = accounts.next_steps(account)
    listed = [joined(element("dt", why), element("dd", element("code", command))) for why, command in steps]
    return section("Next", element("dl", *listed, class_="steps")) if steps else None
