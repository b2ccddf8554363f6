"""What there is to tell about a run, from its settings, its journal and its repository."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from multiprocessing import current_process
from pathlib import Path
from typing import TextIO, cast

from rich.console import Console

from autoopt import budget
from autoopt.journal import Journal
from autoopt.records import Status
from autoopt.reporters.account import Account
from autoopt.schema import Config
from autoopt.workspaces.history import diff
from autoopt.workspaces.layout import Layout

WIDE = 120


def terminal(environ: Mapping[str, str], *, aside: bool = False, label: str | None = None) -> Console:
    """Standard output; where that is no terminal, wide enough for lines that people copy from a file.

    Args:
        aside: Standard error instead, where standard output is for a program to read.
        label: What each line begins with, where several runs write to one place; nothing is redrawn then.
    """
    if label is None:
        console = _Terminal(stderr=aside)
    else:
        console = _Terminal(file=cast(TextIO, _Labelled(sys.stdout, label)), force_terminal=False)
    if not console.is_terminal and "COLUMNS" not in environ:
        console.width = WIDE
    return console


class _Terminal(Console):
    """A console that leaves it to its caller what to do about a reader who has left."""

    def on_broken_pipe(self) -> None:
        """Let the error go on, where the library would end the program."""
        raise BrokenPipeError


def in_parallel() -> bool:
    """Whether a launcher has started this process as one of several."""
    return current_process().name != "MainProcess"


class _Labelled(io.TextIOBase):
    """A stream whose lines begin with a label and are written whole: other processes write there too."""

    def __init__(self, stream: TextIO, label: str) -> None:
        self._stream = stream
        self._label = label
        self._begun = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        if lines:
            self._stream.write("".join(f"[{self._label}] {line}\n" for line in lines))
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing to do: whole lines are written at once, and others wait for their end."""


def agreed(console: Console, question: str, *, default: bool = True) -> bool:
    """Whether a person says yes; so is taken the absence of one.

    Args:
        default: What an empty answer means.
    """
    if not (sys.stdin.isatty() and console.is_terminal):
        return True
    hint = "\\[Y/n]" if default else "\\[y/N]"
    try:
        said = console.input(f"{question} {hint} ").strip().lower()
        return said in ("y", "yes") or (default and not said)
    except EOFError:  # Ctrl-D
        return False


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
        holdout=record.holdout,
        has_holdout=config.final.holdout.command is not None,
        omissions=tuple(record.omissions),
        constraints=config.constraints,
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
