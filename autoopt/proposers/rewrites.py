"""Edits that a recipe's own command finds in the incumbent, as JSON: rewrites of SQL, or any tool's."""

from __future__ import annotations

import json
import os.path
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autoopt import files
from autoopt.errors import UsageError
from autoopt.processes.arms import Arms
from autoopt.proposers.candidates import Candidates
from autoopt.records import Brief, Edit, Failure, Proposal

OPTION = "propose.rewrites"
SOURCE = "rewrites"
LIMIT_S = 1800.0
_FORM = (
    'print a list of {"description", "hypothesis", "area", "edits": {path: text}} '
    "(null as the text deletes the file)"
)


def rewrites(command: str, arms: Arms, memory: Path) -> Candidates:
    """A proposer of what `command` prints, run once for each incumbent in its prepared checkout.

    Args:
        memory: File that remembers what was found in the latest incumbent, so that a resume goes on with it.
    """
    return Candidates(Finder(command, arms, memory))


class Finder:
    """Finds proposals for the incumbent; implements `candidates.Finder`."""

    def __init__(self, command: str, arms: Arms, memory: Path) -> None:
        """Run `command` in checkouts of `arms`; nothing is run yet."""
        self._command = command
        self._arms = arms
        self._memory = memory
        self._latest: tuple[str, tuple[Proposal, ...]] | None = None

    def __call__(self, brief: Brief) -> Iterator[Proposal]:
        """The proposals in the order in which the command printed them, without those of files off limits."""
        if self._latest is None or self._latest[0] != brief.incumbent:
            self._latest = (brief.incumbent, self._found(brief.incumbent))
        for proposal in self._latest[1]:
            if all(
                edit.path in brief.scope or not os.path.lexists(brief.desk / edit.path)
                for edit in proposal.edits
            ):
                yield proposal

    def _found(self, commit: str) -> tuple[Proposal, ...]:
        """What the command finds in the commit.

        A command that never worked is a mistake in the recipe; that one fails later, at a commit some
        experiment has made, is no reason to end the run.
        """
        memory = _remembered(self._memory, self._command)
        if memory is not None and memory["commit"] == commit:
            return _proposals(memory["found"])
        try:
            found = self._run(commit)
            proposals = _proposals(found)
        except UsageError:
            if memory is None:
                raise
            return ()
        record = {"commit": commit, "command": self._command, "found": found}
        files.replace(self._memory, json.dumps(record).encode())
        return proposals

    def _run(self, commit: str) -> Any:
        found = self._arms.output(commit, self._command, "rewrites", LIMIT_S, _document)
        if isinstance(found, Failure):
            raise UsageError(f"{OPTION}: {found.reason}\n{found.tail}".rstrip())
        return found


def _document(output: bytes) -> Any:
    try:
        return json.loads(output.decode("utf-8"))
    except ValueError as error:
        raise ValueError(f"its output is no JSON ({error}); {_FORM}.") from error


def _proposals(found: Any) -> tuple[Proposal, ...]:
    """The proposals of a JSON list.

    Raises:
        UsageError: it is none, or an entry is not of the form that is wanted.
    """
    if not isinstance(found, list):
        raise UsageError(f"{OPTION}: it printed a JSON {type(found).__name__}; {_FORM}.")
    return tuple(_proposal(number, entry) for number, entry in enumerate(found, start=1))


def _proposal(number: int, entry: Any) -> Proposal:
    fields = entry if isinstance(entry, dict) else {}
    texts = [" ".join(str(fields.get(name) or "").split()) for name in ("description", "hypothesis", "area")]
    edits = fields.get("edits")
    if not all(texts) or not isinstance(edits, dict) or not edits:
        raise UsageError(f"{OPTION}: entry {number} lacks a field or leaves it empty; {_FORM}.")
    if not all(isinstance(text, str | None) for text in edits.values()):
        raise UsageError(f"{OPTION}: entry {number} has an edit that is no text; {_FORM}.")
    try:
        contents = {path: None if text is None else text.encode() for path, text in edits.items()}
    except UnicodeEncodeError as error:
        raise UsageError(f"{OPTION}: entry {number} has half a character in an edit; {_FORM}.") from error
    return Proposal(
        description=texts[0],
        hypothesis=texts[1],
        area=texts[2],
        source=SOURCE,
        edits=tuple(Edit(path=path, content=content) for path, content in contents.items()),
    )


def _remembered(memory: Path, command: str) -> dict[str, Any] | None:
    """What the same command found in an earlier incumbent."""
    try:
        record = json.loads(memory.read_bytes())
    except (FileNotFoundError, ValueError):  # made again: it is a convenience
        return None
    known = (
        isinstance(record, dict) and record.get("command") == command and {"commit", "found"} <= record.keys()
    )
    return record if known else None
