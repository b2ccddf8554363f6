"""The report of a run as Markdown: result first, then every experiment, kept or not."""

from __future__ import annotations

from autoopt.records import Experiment, Status
from autoopt.reporters import account as accounts
from autoopt.reporters import honesty, markup, pareto, words
from autoopt.reporters.account import Account

_DIFF_LINES = 400
_DETAIL_ROWS = 50
_TAIL_LINES = 20


def report(account: Account) -> str:
    """The whole report, ending in a newline."""
    sections = (
        _head(account),
        _result(account),
        _top(account),
        _details(account),
        _worth(account),
        pareto.section(account).rstrip(),
        _shares(account),
        _experiments(account),
        _kept(account),
        _failed(account),
        _next(account),
        _ideas(account),
        _diffs(account),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(account: Account) -> str:
    facts = {"ended": account.reason, "branch": account.branch, "base": account.base[:12], **account.facts}
    rows = [
        (name, markup.code(text) if name in ("branch", "base") else markup.text(text))
        for name, text in facts.items()
    ]
    title = f"# {markup.text(account.goal or account.run_id)}"
    listed = "\n".join(f"- {markup.text(name)}: {shown}" for name, shown in rows if shown)
    return f"{title}\n\n- run: {markup.code(account.run_id)}\n{listed}"


def _result(account: Account) -> str:
    lines = [
        f"**{markup.text(accounts.headline(account))}**",
        "",
        f"{markup.text(accounts.counts(account))}.",
    ]
    lines += [markup.text(line) for line in honesty.lines(account)]
    if spent := words.usage(account.usage):
        lines.append(f"Agents: {markup.text(spent)}.")
    if suspects := accounts.suspects(account):
        lines.append(f"{markup.text(suspects)}.")
    if gone := accounts.interrupted(account):
        numbers = ", ".join(f"{number}" for number in gone)
        lines.append(f"Interrupted before a decision, and reverted: {numbers}.")
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


def _details(account: Account) -> str:
    rows = accounts.details(account)
    if not rows:
        return ""
    shown = [
        (name, words.number(before), words.number(after), words.raw_change(before, after))
        for name, before, after in rows[:_DETAIL_ROWS]
    ]
    note = "Medians from when each of the two was measured, for orientation: they are not fresh pairs."
    if len(rows) > _DETAIL_ROWS:
        note += f" The {_DETAIL_ROWS} largest changes of {len(rows)}."
    table = markup.table(("", "baseline", "final", "change"), shown, right=(1, 2, 3))
    return f"## Details the command printed\n\n{table}\n\n{note}"


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
        for experiment in account.kept
    ]
    return "## Kept commits\n\n" + markup.fenced("\n".join(rows)) if rows else ""


def _failed(account: Account) -> str:
    groups = []
    for status in (Status.discard, Status.inspector_reject, Status.crash):
        mine = [experiment for experiment in account.failed if experiment.status is status]
        for name in dict.fromkeys(sorted(map(words.status, mine), key=len)):
            found = [experiment for experiment in mine if words.status(experiment) == name]
            groups.append(f"### {name} ({len(found)})\n\n" + "\n".join(map(_tried, found)))
    return "## Tried and not kept\n\n" + "\n\n".join(groups) if groups else ""


def _tried(experiment: Experiment) -> str:
    line = f"- {_sentence(experiment)}"
    output = words.lines(_output(experiment)).strip("\n").splitlines()[-_TAIL_LINES:]
    return line + "\n\n" + _indented(markup.fenced("\n".join(output))) if output else line


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
        for item in account.history
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
