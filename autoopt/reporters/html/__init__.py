"""The report of a run as one HTML file: no script, nothing from elsewhere, light or dark as wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from autoopt.records import Status
from autoopt.reporters import account as accounts
from autoopt.reporters import evidence, honesty, imported, pareto, words
from autoopt.reporters import parts as breakdown
from autoopt.reporters import searched as found
from autoopt.reporters.account import Account
from autoopt.reporters.chained import unit_of
from autoopt.reporters.html import (
    experiments,
    marks,
    pairs,
    parts,
    progress,
    review,
    scatter,
    searched,
    timeline,
    waterfall,
)
from autoopt.reporters.html.elements import Html, element, joined
from autoopt.schema import Direction

_DETAILS = 60
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # even if something were to slip through


def report(account: Account) -> str:
    """The whole page, ending in a newline."""
    shown = [(name, part) for name, part in _sections(account) if part is not None]
    places = element("nav", *(element("a", name, href=f"#s{at}") for at, (name, _) in enumerate(shown)))
    parts_of_it = (element("div", part, id=f"s{at}") for at, (_, part) in enumerate(shown))
    return f"<!DOCTYPE html>\n{_page(account, joined(_head(account), places, *parts_of_it))}\n"


def _sections(account: Account) -> Iterator[tuple[str, Html | None]]:
    """The page's sections in order, each with its short name."""
    yield "result", _result(account)
    yield "run", _progress(account)
    yield "gain", _waterfall(account)
    yield "worth", _worth(account)
    yield "review", None if account.review is None else review.section(account.review)
    for title, drawn, said in parts.pictures(account):
        yield title.lower(), section(title, drawn, _note((said,)))
    yield "further numbers", _details(account)
    yield "trade-offs", _trade_offs(account)
    yield "parameters", joined(*_searched(account)) or None
    yield "before", _imported(account)
    yield "experiments", _experiments(account)
    yield "time", _time(account)
    yield "budget", _shares(account)
    yield "next", _next(account)


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
    lines = (element("p", words.one_line(line)) for line in honesty.sentences(account))
    return section("Result", headline, *lines)


def _progress(account: Account) -> Html | None:
    drawn = progress.picture(account)
    if drawn is None:
        return None
    seen = tuple(status for status in Status if any(one.status is status for one in account.history))
    any_interval = any(one.verdict and one.verdict.low < one.verdict.high for one in account.history)
    told = [
        f"The metric by experiment, {account.direction.value} is better: each mark stands where its own "
        "pairs put it beside the incumbent of that time, which is the line; at the edge it is further off.",
        "The band is what a single run varies by chance." if _noted(account) else "",
        "Thin lines are 95 % intervals." if any_interval else "",
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


def _trade_offs(account: Account) -> Html | None:
    """A picture for each number beside the metric: the metric across, the number up."""
    drawn = [_trade_off(account, name, way) for name, way in pareto.beside(account).items()]
    if not any(drawn):
        return None
    told = "A dashed line joins those that nothing beats in both, where there are several."
    return section("Trade-offs", element("div", *drawn, class_="slices broad"), _note((told,)))


def _trade_off(account: Account, name: str, way: Direction) -> Html | None:
    points = [
        scatter.Point(
            experiment=point.experiment,
            across=point.values[pareto.METRIC],
            up=point.values[name],
            is_best=point.is_best,
        )
        for point in pareto.points(account, (name,))
    ]
    shown = words.one_line(name)
    drawn = scatter.picture(points, "metric", shown, account.unit, unit_of(name))
    better = element("small", f"better: {account.direction.value} across, {way.value} up")
    return None if drawn is None else element("figure", element("figcaption", shown, " ", better), drawn)


def _waterfall(account: Account) -> Html | None:
    drawn = waterfall.picture(account)
    if drawn is None:
        return None
    return section("How the gain came together", drawn, _note(waterfall.note(account)))


def _details(account: Account) -> Html | None:
    """Numbers beside the metric that are no parts of it."""
    rows = breakdown.further(account)
    table = experiments.table(("", "baseline", "final", "change"), rows[:_DETAILS])
    return section("Further numbers", table, _note((breakdown.WHY_FURTHER,))) if rows else None


def _searched(account: Account) -> Iterator[Html]:
    """The parameters: which of them matter, and what their values came to."""
    ranked, slices = searched.importances(account), searched.slices(account)
    missing = found.missing(account)
    if ranked is not None or missing:
        said = _note((found.WHY,)) if ranked is not None else element("p", missing)
        yield section("Which parameter matters", ranked, said)
    if slices is not None:
        yield section("What each value came to", slices, _note(searched.note(account)))


def _imported(account: Account) -> Html | None:
    """What others say was tried before the run."""
    rows = imported.rows(account)
    told = _note((accounts.imported(account),))
    return section("Tried before the run", told, experiments.table(imported.COLUMNS, rows)) if rows else None


def _time(account: Account) -> Html | None:
    drawn = timeline.picture(account)
    if drawn is None:
        return None
    told = "The run's own time: pauses between its processes are not in it. Triangles: what was kept."
    return section("Where the time went", drawn, timeline.shares(account), _note((told,)))


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
