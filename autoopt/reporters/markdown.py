"""The report of a run as Markdown, to be the text of a pull request: result first, long parts folded."""

from __future__ import annotations

from autoopt.records import Experiment, Status
from autoopt.reporters import account as accounts
from autoopt.reporters import (
    honesty,
    imported,
    markup,
    pareto,
    parts,
    review,
    searched,
    spent,
    waterfall,
    words,
)
from autoopt.reporters.account import Account

_DIFF_LINES = 400
_DETAIL_ROWS = 50
_TAIL_LINES = 20
LIMIT = 65_000
"""Characters of a whole report: a pull request's text may have 65,536, and its author may want a few."""
_WORTH_IT = 1_000  # characters for which something is left out
_EXPENDABLE = (
    "imported",
    "diffs",
    "output",
    "tradeoffs",
    "failed",
    "parts",
    "worth",
    "gain",
    "further",
    "experiments",
    "kept",
)
"""What is left out, in this order, as far as that is needed."""
_CALLED = {
    "imported": "what was tried before the run",
    "diffs": "diffs of the kept changes",
    "output": "output of what failed",
    "tradeoffs": "trade-offs",
    "parts": "where it changed",
    "worth": "what each kept change is worth",
    "gain": "how the gain came together",
    "failed": "what was tried and not kept",
    "further": "further numbers",
    "experiments": "every experiment",
    "kept": "kept commits",
}


def report(account: Account) -> str:
    """The whole report, ending in a newline, as far as a pull request's text has room for it."""
    sections = {
        "title": f"# {markup.text(account.goal or account.run_id)}",
        "result": _result(account),
        "top": _top(account),
        "gain": waterfall.section(account),
        "parts": parts.section(account),
        "further": _further(account),
        "worth": _worth(account),
        "review": "" if account.review is None else review.markdown(account.review),
        "tradeoffs": _folded(pareto.section(account).rstrip()),
        "parameters": searched.section(account),
        "time": _folded(spent.section(account)),
        "shares": _shares(account),
        "experiments": _folded(_experiments(account)),
        "kept": _kept(account),
        "failed": _folded(_failed(account, with_output=True)),
        "imported": _folded(imported.section(account)),
        "diffs": _folded(_diffs(account)),
        "run": _run(account),
        "next": _next(account),
        "ideas": _folded(_ideas(account)) if account.review is None else "",  # a review has those not tried
    }
    return "\n\n".join(section for section in _fitted(account, sections).values() if section) + "\n"


def _fitted(account: Account, sections: dict[str, str]) -> dict[str, str]:
    """The sections without those that there is no room for, and a sentence that says so."""
    gone: list[str] = []
    for name in _EXPENDABLE:
        if sum(len(section) + 2 for section in sections.values()) <= LIMIT:
            break
        less = _folded(_failed(account, with_output=False)) if name == "output" else ""
        place = "failed" if name == "output" else name
        if len(sections[place]) - len(less) >= _WORTH_IT:
            gone.append(_CALLED[name])
            sections[place] = less
    if gone:
        run = markup.code(f"autoopt report {account.run_id} --html")
        sections["run"] += (
            f"\n- left out, as a pull request's text has no room for it: {', '.join(gone)}; {run} has all"
        )
    return sections


def _folded(section: str) -> str:
    """The section as one that opens: its heading stays to be seen."""
    if not section:
        return ""
    heading, _, body = section.partition("\n")
    return f"<details><summary>{heading.lstrip('# ')}</summary>\n\n{body.strip()}\n\n</details>"


def _run(account: Account) -> str:
    """What was run and how, for whoever wants to do so again."""
    facts = {"ended": account.reason, "branch": account.branch, "base": account.base[:12], **account.facts}
    shown = [
        f"- {markup.text(name)}: {markup.code(said) if name in _CODE else markup.text(said)}"
        for name, said in facts.items()
        if said
    ]
    return "\n".join(["## The run", "", f"- run: {markup.code(account.run_id)}", *shown])


_CODE = frozenset({"branch", "base", "metric", "scope", "repository"})


def _result(account: Account) -> str:
    lines = [f"**{markup.text(accounts.headline(account))}**", ""]
    lines += [markup.text(line) for line in honesty.sentences(account)]
    return "## Result\n\n" + "\n".join(lines)


def _top(account: Account) -> str:
    found = accounts.top(account)
    rows = [f"{place}. {_sentence(experiment)}" for place, experiment in enumerate(found, start=1)]
    return "## What mattered most\n\n" + "\n".join(rows) if rows else ""


def _sentence(experiment: Experiment) -> str:
    why = f"{markup.text(words.decision(experiment))}. {markup.text(experiment.hypothesis)}".rstrip()
    what = f"**{markup.text(experiment.description)}** (experiment {experiment.number})"
    overruled = f" (overruled: {markup.text(said)})" if (said := words.overruled(experiment)) else ""
    return f"{what}: {why}{overruled}{_reflection(experiment)}"


def _further(account: Account) -> str:
    rows = parts.further(account)
    if not rows:
        return ""
    note = parts.WHY_FURTHER
    if len(rows) > _DETAIL_ROWS:
        note += f" The {_DETAIL_ROWS} largest changes of {len(rows)}."
    table = markup.table(("", "baseline", "final", "change"), rows[:_DETAIL_ROWS], right=(1, 2, 3))
    return f"## Further numbers\n\n{table}\n\n{note}"


def _worth(account: Account) -> str:
    if not (rows := honesty.rows(account)):
        return ""
    table = markup.table(honesty.COLUMNS, rows, right=())
    return f"## What each kept change is worth at the end\n\n{table}\n\n{honesty.WHY_ROWS}"


def _shares(account: Account) -> str:
    rows = [accounts.share_cells(account, share) for share in accounts.shares(account)]
    table = markup.table(accounts.SHARE_COLUMNS, rows, right=(1, 2, 3, 4))
    return f"## Where the budget went\n\n{table}" if rows else ""


def _experiments(account: Account) -> str:
    rows = [
        (
            str(experiment.number),
            words.status(experiment),
            words.moved(experiment, account.unit),
            experiment.description,
            words.decision(experiment),
            experiment.commit[:10],
        )
        for experiment in account.history
    ]
    columns = ("", "status", "metric", "experiment", "why", "commit")
    return "## Every experiment\n\n" + markup.table(columns, rows, right=(0,)) if rows else ""


def _kept(account: Account) -> str:
    rows = [
        f"{experiment.commit[:10]} experiment: {words.one_line(experiment.description)} "
        f"(+{experiment.added} −{experiment.removed}, {', '.join(map(words.one_line, experiment.paths))})"
        for experiment in account.steps
    ]
    return "## Kept commits\n\n" + markup.fenced("\n".join(rows)) if rows else ""


def _failed(account: Account, *, with_output: bool) -> str:
    tried = _tried if with_output else _line
    groups = []
    for status in (Status.discard, Status.inspector_reject, Status.crash):
        mine = [experiment for experiment in account.failed if experiment.status is status]
        for name in dict.fromkeys(sorted(map(words.status, mine), key=len)):
            found = [experiment for experiment in mine if words.status(experiment) == name]
            groups.append(f"### {name} ({len(found)})\n\n" + "\n".join(map(tried, found)))
    return "## Tried and not kept\n\n" + "\n\n".join(groups) if groups else ""


def _tried(experiment: Experiment) -> str:
    line = _line(experiment)
    output = words.lines(_output(experiment)).strip("\n").splitlines()[-_TAIL_LINES:]
    return line + "\n\n" + _indented(markup.fenced("\n".join(output))) if output else line


def _line(experiment: Experiment) -> str:
    return f"- {_sentence(experiment)}"


def _reflection(experiment: Experiment) -> str:
    """What the agent who had the idea said of it: its score, and what the metric would not show."""
    if (thought := experiment.thought) is None:
        return ""
    risk = f"; not measured: {markup.text(thought.risk)}" if thought.risk else ""
    return f" (scored {thought.score:.1f} of 10{risk})"


def _output(experiment: Experiment) -> str:
    """What the command or the guard printed, where it is more than the line above has room for."""
    if experiment.failure is not None:
        return experiment.failure.tail
    said = [finding.message for finding in experiment.findings if not finding.passed]
    return "\n".join(message for message in said if "\n" in message.strip())


def _next(account: Account) -> str:
    steps = accounts.next_steps(account)
    return "## Next\n\n" + markup.fenced("\n".join(f"{command}  # {why}" for why, command in steps), "sh")


def _ideas(account: Account) -> str:
    """What a search over parameters does not think of, from the recipe's vocabulary."""
    listed = "\n".join(f"- {markup.text(idea)}" for idea in account.vocabulary)
    return f"## Other ideas for this domain\n\n{listed}" if listed else ""


def _diffs(account: Account) -> str:
    shown = [
        f"### {item.number}. {markup.text(item.description)}\n\n{_diff(account.diffs[item.number])}"
        for item in account.kept
        if account.diffs.get(item.number, "").strip()
    ]
    return "## Diffs\n\n" + "\n\n".join(shown) if shown else ""


def _diff(diff: str) -> str:
    rows = words.lines(diff).rstrip("\n").split("\n")
    fenced = markup.fenced("\n".join(rows[:_DIFF_LINES]), "diff")
    left = len(rows) - _DIFF_LINES
    return f"{fenced}\n\n{words.count(left, 'further line')} not shown." if left > 0 else fenced


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
