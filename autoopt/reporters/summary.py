"""What the terminal shows when a run has ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from autoopt.records import Experiment
from autoopt.reporters import account as accounts
from autoopt.reporters import honesty, words
from autoopt.reporters.account import Account
from autoopt.reporters.tables import experiments_table, plain_table

_DETAIL_ROWS = 5
_LOG_ROWS = 12


def summary(account: Account) -> RenderableType:
    """Every experiment, the result, what mattered, the kept commits and the commands that come next."""
    parts: list[RenderableType] = [experiments_table(account.history, account.unit)]
    for heading, body in _sections(account):
        parts += [Text(), Text(heading, style="bold"), Padding(body, (0, 0, 0, 2))]
    return Group(*parts)


def _sections(account: Account) -> Iterator[tuple[str, RenderableType]]:
    yield "Result", _result(account)
    if top := accounts.top(account):
        yield "What mattered most", Text("\n".join(_top_line(account, item) for item in top))
    if details := accounts.details(account):
        yield "Details the command printed, medians", _details(details)
    if worth := honesty.rows(account):
        yield "What each kept change is worth at the end", _worth(worth)
    if shares := accounts.shares(account):
        yield "Where the budget went", _shares(account, shares)
    if account.kept:
        yield "Kept commits", Text("\n".join(_log(account)))
    if steps := accounts.next_steps(account):
        yield "Next", _Steps(steps)


def _result(account: Account) -> RenderableType:
    style = "bold green" if account.confirmation is not None and account.confirmation.low > 0 else "bold"
    lines = [Text(accounts.headline(account), style=style)]
    ended = f" Ended: {words.one_line(account.reason)}." if account.reason else ""
    lines.append(Text(f"{accounts.counts(account)}.{ended}"))
    lines += [Text(line) for line in honesty.lines(account)]
    if spent := words.usage(account.usage):
        lines.append(Text(f"Agents: {spent}."))
    if suspects := accounts.suspects(account):
        lines.append(Text(f"{suspects}.", style="yellow"))
    if gone := accounts.interrupted(account):
        lines.append(Text(f"Interrupted before a decision, and reverted: {', '.join(map(str, gone))}."))
    return Group(*lines)


def _top_line(account: Account, experiment: Experiment) -> str:
    verdict = experiment.verdict
    said = (
        words.gain(verdict.effect, account.direction, account.unit, is_ratio=verdict.is_ratio)
        if verdict
        else ""
    )
    return f"{said}: {words.one_line(experiment.description)} (#{experiment.number})"


def _details(rows: tuple[tuple[str, float, float], ...]) -> RenderableType:
    table = plain_table(("", "baseline", "final", "change"), ("baseline", "final", "change"))
    for name, before, after in rows[:_DETAIL_ROWS]:
        change = words.raw_change(before, after)
        table.add_row(Text(words.one_line(name)), words.number(before), words.number(after), change)
    if len(rows) <= _DETAIL_ROWS:
        return table
    return Group(table, Text(f"and {len(rows) - _DETAIL_ROWS} more in the report", style="dim"))


def _worth(rows: tuple[tuple[str, ...], ...]) -> RenderableType:
    table = plain_table(honesty.COLUMNS)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _shares(account: Account, shares: tuple[accounts.Share, ...]) -> RenderableType:
    table = plain_table(accounts.SHARE_COLUMNS, ("tried", "kept", "claimed", "time"))
    for share in shares:
        table.add_row(*(Text(words.one_line(cell)) for cell in accounts.share_cells(account, share)))
    return table


def _log(account: Account) -> tuple[str, ...]:
    lines = [
        f"{item.commit[:10]} {words.one_line(item.description)} (+{item.added} −{item.removed})"
        for item in account.kept
    ]
    hidden = len(lines) - _LOG_ROWS
    return (*lines[-_LOG_ROWS:], f"and {hidden} before these") if hidden > 0 else tuple(lines)


@dataclass(frozen=True, slots=True)
class _Steps:
    """Commands beside what they are for; below it where the terminal is too narrow to keep them whole."""

    steps: tuple[tuple[str, str], ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        widest = max(len(why) for why, _ in self.steps)
        longest = max(len(command) for _, command in self.steps)
        if widest + 2 + longest <= options.max_width:
            yield from (Text(f"{why:<{widest}}  {command}") for why, command in self.steps)
            return
        for why, command in self.steps:
            yield Text(f"{why}:", style="dim")
            lines = _continued(command, options.max_width - 2)
            yield Padding(Text("\n".join(lines), overflow="fold"), (0, 0, 0, 2))


def _continued(command: str, width: int) -> Iterator[str]:
    """The command on lines that still paste as one: broken at spaces, each with a backslash behind it."""
    line = ""
    for word in command.split(" "):
        if line and len(line) + len(word) + 3 > width:
            yield f"{line} \\"
            line = " "
        line = f"{line} {word}" if line else word
    yield line
