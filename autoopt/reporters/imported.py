"""What others say was tried before the run, as a section of the Markdown report: claims, shown as such."""

from __future__ import annotations

from autoopt.records import Claim
from autoopt.reporters import account as accounts
from autoopt.reporters import markup, words
from autoopt.reporters.account import Account

_ROWS = 100
COLUMNS = ("", "status", "claimed", "experiment")
"""Headings of `rows`."""


def section(account: Account) -> str:
    """The latest claims in a table; empty where nothing was imported."""
    if not account.claims:
        return ""
    table = markup.table(COLUMNS, rows(account), right=(0, 2))
    more = len(account.claims) - _ROWS
    left = f"\n\n{words.count(more, 'earlier one')} not shown." if more > 0 else ""
    return f"## Tried before the run\n\n{markup.text(accounts.imported(account))}\n\n{table}{left}"


def rows(account: Account) -> list[tuple[str, ...]]:
    """The latest claims as cells of a table."""
    return [_row(claim) for claim in account.claims[-_ROWS:]]


def _row(claim: Claim) -> tuple[str, ...]:
    value = "" if claim.value is None else words.number(claim.value)
    return str(claim.number), claim.status.value, value, claim.description
