"""What the terminal shows when a run has ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from autoopt.records import Experiment
from autoopt.reporters import account as accounts
from autoopt.reporters import honesty, parts, words
from autoopt.reporters.account import Account
from autoopt.reporters.tables import experiments_table, plain_table

_DETAIL_ROWS = 5
_COMPARED = ("baseline", "final", "change")
_LOG_ROWS = 12
_SHELL_WORD = re.compile(r"""(?:[^ '"]|'[^']*'|"[^"]*")+""")


def summary(account: Account) -> RenderableType:
    """Every experiment, the result, what mattered, the kept commits and the commands that come next."""
    shown: list[RenderableType] = [experiments_table(account.history, account.unit)]
    for heading, body in _sections(account):
        shown += [Text(), Text(heading, style="bold"), Padding(body, (0, 0, 0, 2))]
    return Group(*shown)


def _sections(account: Account) -> Iterator[tuple[str, RenderableType]]:
    yield "Result", _result(account)
    if top := accounts.top(account):
        yield "What mattered most", Text("\n".join(_top_line(account, item) for item in top))
    if numbers := parts.rows(account):
        yield "Further numbers", _numbers(numbers)
    if worth := honesty.rows(account):
        yield "What each kept change is worth at the end", _worth(worth)
    if shares := accounts.shares(account):
        yield "Where the budget went", _shares(account, shares)
    if account.steps:
        yield "Kept commits", Text("\n".join(_log(account)))
    if steps := accounts.next_steps(account):
        yield "Next", _Steps(steps)


def _result(account: Account) -> RenderableType:
    style = "bold green" if account.confirmation is not None and account.confirmation.low > 0 else "bold"
    lines = [Text(accounts.headline(account), style=style)]
    unsure = honesty.suspects(account)
    lines += [Text(said, style="yellow" if said == unsure else "") for said in honesty.sentences(account)]
    if account.reason:
        lines.append(Text(f"Ended: {words.one_line(account.reason)}."))
    return Group(*lines)


def _top_line(account: Account, experiment: Experiment) -> str:
    verdict = experiment.verdict
    said = (
        words.gain(verdict.effect, account.direction, account.unit, is_ratio=verdict.is_ratio)
        if verdict
        else ""
    )
    return f"{said}: {words.one_line(experiment.description)} (#{experiment.number})"


def _numbers(rows: tuple[tuple[str, str, str, str], ...]) -> RenderableType:
    table = plain_table(("", *_COMPARED), _COMPARED)
    for row in rows[:_DETAIL_ROWS]:
        table.add_row(*(Text(words.one_line(cell)) for cell in row))
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
        for item in account.steps
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
            lines = continued(command, options.max_width - 2)
            yield Padding(Text("\n".join(lines), overflow="fold"), (0, 0, 0, 2))


def continued(command: str, width: int) -> Iterator[str]:
    """The command on lines that still paste as one: broken between words, each with a backslash behind it."""
    words_of_it = _SHELL_WORD.findall(command)
    line = ""
    for word in words_of_it if " ".join(words_of_it) == command else command.split(" "):
        if line and len(line) + len(word) + 3 > width:
            yield f"{line} \\"
            line = " "
        line = f"{line} {word}" if line else word
    yield line
