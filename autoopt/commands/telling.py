"""What there is to tell about a run, from its settings, its journal and its repository."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from autoopt import budget
from autoopt.journal import Journal
from autoopt.records import Status
from autoopt.reporters.account import Account
from autoopt.schema import Config
from autoopt.workspaces.history import diff
from autoopt.workspaces.layout import Layout

WIDE = 120


def terminal(environ: Mapping[str, str], *, aside: bool = False) -> Console:
    """Standard output; where that is no terminal, wide enough for lines that people copy from a file.

    Args:
        aside: Standard error instead, where standard output is for a program to read.
    """
    console = Console(stderr=aside)
    if not console.is_terminal and "COLUMNS" not in environ:
        console.width = WIDE
    return console


def account_of(config: Config, record: Journal, layout: Layout, *, diffs: bool = False) -> Account:
    """What there is to tell about the run, with the diffs of what was kept if they are wanted."""
    kept = [past for past in record.history if past.status is Status.keep] if diffs else []
    return Account(
        run_id=layout.run_id,
        goal=config.goal,
        unit=config.metric.unit,
        direction=config.metric.direction,
        history=tuple(record.history),
        confirmation=record.confirmation,
        branch=layout.branch,
        base=layout.base,
        reason=record.stopped or "it has not ended",
        desk=layout.desk if Path(layout.desk).is_dir() else None,
        diffs={past.number: diff(Path(layout.control), past.parent, past.commit) for past in kept},
        vocabulary=tuple(config.vocabulary),
        usage=budget.total(record.calls),
        facts={
            "recipe": config.recipe or "none",
            "metric": config.metric.command,
            "agent": config.agent.name if config.agent.command else "",
            "cut short": _cut_short(record),
            "repository": layout.root,
            "scope": ", ".join(config.scope),
        },
    )


def _cut_short(record: Journal) -> str:
    count = len(record.unanswered) + sum(not call.complete for call in record.calls)
    calls = "1 call of an agent" if count == 1 else f"{count} calls of agents"
    return f"{calls}; what that cost may be missing from the figures here" if count else ""
