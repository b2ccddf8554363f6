"""What there is to tell about a run, from its settings, its journal and its repository."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Mapping
from multiprocessing import current_process
from pathlib import Path
from typing import TextIO, cast

from rich.console import Console

from autoopt import budget
from autoopt.errors import UsageError
from autoopt.interop import known
from autoopt.interop.known import Known
from autoopt.journal import Journal
from autoopt.places import RunFiles
from autoopt.reporters.account import Account
from autoopt.schema import Config, Extraction
from autoopt.workspaces.layout import Layout

WIDE = 120
_BLANKS = re.compile(r" +(?=\n)")


def terminal(environ: Mapping[str, str], *, aside: bool = False, label: str | None = None) -> Console:
    """Standard output; where that is no terminal, wide enough for lines that people copy from a file.

    Args:
        aside: Standard error instead, where standard output is for a program to read.
        label: What each line begins with, where several runs write to one place; nothing is redrawn then.
    """
    stream = sys.stderr if aside else sys.stdout
    if label is not None:
        console = _Terminal(file=cast(TextIO, _Labelled(sys.stdout, label)), force_terminal=False)
    elif stream.isatty():
        console = _Terminal(stderr=aside)
    else:
        console = _Terminal(file=cast(TextIO, _Trimmed(stream)))
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
    """A stream whose lines begin with a label and are written whole: other processes write there too.

    Blanks that fill a table are left out at their ends.
    """

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
            self._stream.write("".join(f"[{self._label}] {line}".rstrip(" ") + "\n" for line in lines))
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing to do: whole lines are written at once, and others wait for their end."""


class _Trimmed(io.TextIOBase):
    """A stream whose lines end where their text does: in files nobody wants the blanks that fill a table."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def write(self, text: str) -> int:
        self._stream.write(_BLANKS.sub("", text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


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


def account_of(config: Config, record: Journal, layout: Layout) -> Account:
    """What there is to tell about the run from its journal; `autoopt.commands.reporting` knows more."""
    before = _told_before(record)
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
        vocabulary=tuple(config.vocabulary),
        usage=budget.total(record.calls),
        holdout=record.holdout,
        has_holdout=config.final.holdout.command is not None,
        omissions=tuple(record.omissions),
        constraints=config.constraints,
        claims=before.claims,
        told_from=before.told if before.claims else "",
        secondary=config.report.secondary,
        breakdown=config.report.breakdown,
        adopt=config.report.adopt,
        metric_name=config.metric.extract.pattern if config.metric.extract.kind is Extraction.named else "",
        facts={
            "recipe": config.recipe or "none",
            "metric": config.metric.command,
            "agent": config.agent.name if config.agent.command else "",
            "cut short": _cut_short(record),
            "repository": layout.root,
            "scope": ", ".join(config.scope),
        },
    )


def _told_before(record: Journal) -> Known:
    """What others say was tried before the run; a run that lost that file has still measured what it has."""
    try:
        return known.of_run(RunFiles(record.path.parent).known, None)
    except UsageError:
        return known.NOTHING


def _cut_short(record: Journal) -> str:
    count = len(record.unanswered) + sum(not call.complete for call in record.calls)
    calls = "1 call of an agent" if count == 1 else f"{count} calls of agents"
    return f"{calls}; what that cost may be missing from the figures here" if count else ""
