"""The journal as people and other tools read it: a table and prose, which follow from the history."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from autoopt import files
from autoopt.records import Experiment, Finding, Thought

COLUMNS = ("experiment", "commit", "metric", "status", "description")


def tsv(history: Sequence[Experiment]) -> str:
    """The journal as the five-column table; a crash has an empty metric, not 0."""
    return "\t".join(COLUMNS) + "\n" + _table(history)


def log(history: Sequence[Experiment]) -> str:
    """The journal as prose: what was tried, why, and what came of it."""
    return "\n".join(_paragraph(experiment) for experiment in history)


def publish(history: Sequence[Experiment], table: Path, prose: Path) -> None:
    """Regenerate both projections of the journal, each atomically."""
    Projections(table, prose).publish(history)


class Projections:
    """Both projections of one run, where new experiments are added to what is there already.

    Whatever else happens to a file - somebody edits it, takes it away, half a line is written - it is made
    anew from the history.
    """

    def __init__(self, table: Path, prose: Path) -> None:
        """Nothing is read or written yet."""
        self._files = (_Projection(table, tsv, _table), _Projection(prose, log, _more_prose))

    def remembered(self) -> Any:
        """What the files held when they were last written, as plain data."""
        return [file.state for file in self._files]

    def recall(self, states: Sequence[Sequence[Any]]) -> None:
        """Go on from files as `remembered` described them, where they still begin so."""
        for file, (count, size, digest) in zip(self._files, states, strict=True):
            file.recall(count, size, digest)

    def publish(self, history: Sequence[Experiment]) -> None:
        """Bring both up to the history."""
        for file in self._files:
            file.publish(history)


class _Projection:
    """One file: `whole` makes it from a history, `more` what further experiments add to its end."""

    def __init__(
        self,
        path: Path,
        whole: Callable[[Sequence[Experiment]], str],
        more: Callable[[Iterable[Experiment]], str],
    ) -> None:
        self._path, self._whole, self._more = path, whole, more
        self._count = self._size = 0
        self._digest = hashlib.sha256()
        self._mark: tuple[int, ...] | None = None  # how the file was left
        self._begun = b""  # what it began with when it was recalled

    @property
    def state(self) -> list[Any]:
        return [self._count, self._size, self._digest.hexdigest()]

    def recall(self, count: int, size: int, digest: str) -> None:
        begun = _content(self._path)[:size]
        found = hashlib.sha256(begun)
        if len(begun) == size and found.hexdigest() == digest:
            self._count, self._size, self._digest, self._begun = count, size, found, begun

    def publish(self, history: Sequence[Experiment]) -> None:
        begun, self._begun = self._begun, b""
        if self._mark is not None and self._mark == _mark(self._path):
            new = self._more(history[self._count :]).encode()
            self._mark = None  # until it is known to be whole
            self._add(new)
        elif begun:
            new = self._more(history[self._count :]).encode()
            if _content(self._path) != begun + new:
                files.replace(self._path, begun + new, mark="new")
        else:
            new = self._whole(history).encode()
            files.replace(self._path, new, mark="new")
            self._size, self._digest = 0, hashlib.sha256()
        self._count, self._size = len(history), self._size + len(new)
        self._digest.update(new)
        self._mark = _mark(self._path)

    def _add(self, new: bytes) -> None:
        """Append, unsynced: where that comes to nothing, a resume finds that the journal goes further."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            while new:
                new = new[os.write(descriptor, new) :]
        finally:
            os.close(descriptor)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _mark(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _table(history: Iterable[Experiment]) -> str:
    return "".join("\t".join(_row(experiment)) + "\n" for experiment in history)


def _more_prose(history: Iterable[Experiment]) -> str:
    return "".join("\n" + _paragraph(experiment) for experiment in history)


def _row(experiment: Experiment) -> tuple[str, ...]:
    value = "" if experiment.value is None else f"{experiment.value:.6g}"
    suspicions = ", ".join(dict.fromkeys(finding.guard for finding in experiment.suspicions))
    told = f" (suspect: {suspicions})" if suspicions else ""
    if experiment.overrule is not None:
        told = f" (#{experiment.overrule.number} overruled){told}"
    description = " ".join(experiment.description.split()) + told
    return str(experiment.number), experiment.commit[:10], value, experiment.status.value, description


def _paragraph(experiment: Experiment) -> str:
    lines = [f"#{experiment.number} {experiment.status} {experiment.commit[:10]} {experiment.description}"]
    if experiment.hypothesis:
        lines.append(f"  why: {experiment.hypothesis}")
    if (thought := experiment.thought) is not None:
        lines += _reflection(thought)
    if experiment.value is not None:
        lines.append(f"  metric: {experiment.value:.6g} (median of {len(experiment.measurement.samples)})")  # type: ignore[union-attr]
    if experiment.verdict is not None:
        lines.append(f"  verdict: {experiment.verdict.sentence}")
    lines += [_finding(finding) for finding in experiment.findings]
    if (said := experiment.overrule) is not None:
        lines.append(f"  overruled: #{said.number} was suspect; {said.by}, {said.when}: {said.reason}")
    if experiment.failure is not None:
        lines.append(f"  failed: {experiment.failure.reason}")
    return "\n".join(lines) + "\n"


def _finding(finding: Finding) -> str:
    """As in "FAILED tests: exit code 1"."""
    if finding.suspect:
        word = "overruled" if finding.passed else "SUSPECT"
    else:
        word = "passed" if finding.passed else "FAILED"
    where = f" ({finding.where})" if finding.where and finding.where not in finding.message else ""
    return f"  {word} {finding.guard}: {finding.message}{where}"


def _reflection(thought: Thought) -> list[str]:
    scores = f"impact {thought.impact}, feasibility {thought.feasibility}, novelty {thought.novelty}"
    said = {
        "assumes": thought.assumption,
        "not measured": thought.risk,
        "sources": ", ".join(thought.sources),
    }
    return [
        f"  score: {thought.score:.1f} of 10 ({scores}; the journal says {thought.newness})",
        *(f"  {label}: {' '.join(text.split())}" for label, text in said.items() if text),
    ]
