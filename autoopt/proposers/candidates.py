"""Proposers without a model: every change a finder sees in the incumbent becomes an experiment, once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from autoopt.fingerprint import fingerprint
from autoopt.records import Brief, Edit, Experiment, Failure, Proposal

Finder = Callable[[Brief], Iterator[Proposal]]
"""Yields proposals for the files in the desk, the most promising first, lazily, the same ones every time.

It is called for every experiment and read from the beginning, past all that was tried. What is slow it should
therefore remember, by the content of the files it looked at.
"""


class Candidates:
    """Goes through what a finder finds; implements `protocols.Proposer`."""

    def __init__(self, find: Finder) -> None:
        self._find = find
        self._tried: set[str] = set()
        self._refused: set[tuple[str, str]] = set()
        self._asked: tuple[int, str] = (0, "")
        self._marks: dict[bytes, str] = {}

    def ask(self, brief: Brief) -> Proposal | None:
        """The finder's first proposal that was not tried; asked again for a number, that one is declined."""
        for experiment in brief.history:
            self.tell(experiment)
        if self._asked[0] == brief.number:
            self._tried.add(self._asked[1])
        known, self._marks = self._marks, {}
        for proposal in self._find(brief):
            mark = self._mark(proposal, brief.desk, known)
            if (
                mark
                and mark not in self._tried
                and (proposal.source, proposal.description) not in self._refused
            ):
                self._asked = (brief.number, mark)
                return proposal
        return None

    def repair(self, proposal: Proposal, failure: Failure) -> Proposal | None:
        """None: a mechanical change that crashes is wrong."""
        return None

    def tell(self, experiment: Experiment) -> None:
        """Remember what was tried, by whomever; what was never committed is known by its words alone."""
        if experiment.fingerprint:
            self._tried.add(experiment.fingerprint)
        else:
            self._refused.add((experiment.source, experiment.description))

    def _mark(self, proposal: Proposal, desk: Path, known: dict[bytes, str]) -> str:
        """The proposal's mark; comparing long files takes long, so it is worked out once."""
        key = hashlib.sha256()
        for edit in proposal.edits:
            for part in (os.fsencode(edit.path), _content(desk / edit.path), edit.content):
                key.update(b"-" if part is None else b"%d:%b" % (len(part), part))
        digest = key.digest()
        self._marks[digest] = known[digest] if digest in known else mark_of(proposal, desk)
        return self._marks[digest]


def mark_of(proposal: Proposal, desk: Path) -> str:
    """The proposal's normalised diff against the files in the desk; empty when it changes nothing."""
    return fingerprint(_change(edit, desk) for edit in proposal.edits)


def _change(edit: Edit, desk: Path) -> tuple[str, bytes | None, bytes | None]:
    return edit.path, _content(desk / edit.path), edit.content


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (OSError, ValueError):  # also a path that no file can have: it is refused once it is to be written
        return None
