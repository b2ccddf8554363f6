"""A guard that wants the diff of an idea alone: nothing laid out anew beside it, nothing left lying about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from autoopt.guards import essence
from autoopt.lines import changed, is_text, split
from autoopt.records import Change, FileChange, Finding, Outcome, Proposal, Trial, Verdict

NAME = "minimal-diff"
_MOST = 10
"""Lines that may be laid out anew beside a change, and nobody minds."""
_LEFT = re.compile(r"(\.(bak|orig|rej|tmp|swp|log|pyc)|~)$")
_LAYOUT = re.compile(rb"""[\s,()'"\\;]+""")


@dataclass(frozen=True, slots=True)
class _Churn:
    """What a change does to one file.

    Attributes:
        line: The first line that is only laid out anew.
        idle: Changed lines that do what they did.
        total: Changed lines.
    """

    path: str
    line: int
    idle: int
    total: int


class Minimal:
    """Passes a change that changes what runs, and little else."""

    def __init__(
        self, changes: Callable[[str, str], Iterable[FileChange]], *, is_run: bool, suspects: bool = True
    ) -> None:
        """Look at diffs.

        Args:
            changes: The files that differ between two commits.
            is_run: Whether the metric can only change where what runs does, so that all else is noise.
            suspects: Whether lines that are only laid out anew matter.
        """
        self._changes = changes
        self._is_run = is_run
        self._suspects = suspects

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        """Reject what changes nothing that runs; suspect what is mostly layout."""
        if change.commit == change.parent:
            return _finding("")
        files = tuple(self._changes(change.parent, change.commit))
        if self._needs_effect(trial.verdict) and files and all(map(_is_idle, files)):
            return _finding("only comments, blanks and layout differ, so the gain is not the change's")
        left = [path for path, before, after in files if before is None and after and _LEFT.search(path)]
        if left:
            return _finding(f"a file is left behind, {left[0]}", left[0], suspect=True)
        return self._churned([_churn(file) for file in files]) if self._suspects else _finding("")

    def _needs_effect(self, verdict: Verdict | None) -> bool:
        """Whether a gain cannot come from how things are written; a simplification claims none."""
        if verdict is None or verdict.outcome is Outcome.holds:
            return False
        return self._is_run or verdict.noise > 0

    def _churned(self, churns: Sequence[_Churn]) -> Finding:
        idle, total = sum(one.idle for one in churns), sum(one.total for one in churns)
        if idle <= _MOST or idle * 2 <= total:
            return _finding("")
        worst = max(churns, key=lambda one: one.idle)
        said = f"{idle} of {total} changed lines are only laid out anew; the change alone is wanted"
        return _finding(said, f"{worst.path}:{worst.line}", suspect=True)


def _is_idle(file: FileChange) -> bool:
    """Whether the file does what it did."""
    if file.before is None or file.after is None:
        content = file.after if file.before is None else file.before
        return essence.is_prose(file.path) and content is not None
    before = essence.of(file.path, file.before)
    return before is not None and before == essence.of(file.path, file.after)


def _churn(file: FileChange) -> _Churn:
    """How many of its changed lines say the same as before, with other blanks, quotes and brackets."""
    if file.before is None or file.after is None or not (is_text(file.before) and is_text(file.after)):
        return _Churn(file.path, 0, 0, 0)
    old, new = split(file.before), split(file.after)
    idle, total, first = 0, 0, 0
    for a, b, c, d in changed(old, new):
        size = b - a + d - c
        total += size
        if _plain(old[a:b]) == _plain(new[c:d]):
            idle, first = idle + size, first or c + 1
    return _Churn(file.path, first, idle, total)


def _plain(lines: Iterable[bytes]) -> bytes:
    return _LAYOUT.sub(b"", b"".join(lines))


def _finding(objection: str, where: str = "", suspect: bool = False) -> Finding:
    return Finding(guard=NAME, passed=not objection, message=objection, where=where, suspect=suspect)
