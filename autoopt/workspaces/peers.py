"""The runs of one search on this machine: what they share besides the ref at which they meet.

Who takes part is known by the runs' own locks, so that a killed run is no part of it any more. What each has
tried is in one file that all of them append to; it only saves work, and no decision hangs on it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoopt import diffs, files, journal, merging
from autoopt.errors import OutOfScopeError, RepositoryError
from autoopt.records import Change, Edit, Experiment
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.meeting import Meeting

_BEGUN = "begun"
_OVERTAKEN = "overtaken"
_CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The directory that the runs of one search in one repository share.

    Attributes:
        folder: That directory; the runs' own are beside the one that holds it.
        run: The name of this run.
    """

    folder: Path
    run: str

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let one process at a time look at what is in it and change that."""
        files.make_directory(self.folder)
        with files.alone(self.folder / "lock"):
            yield

    def lives(self, run: str) -> bool:
        """Whether some process works on that run of the search."""
        return journal.is_held(self.folder.parents[1] / run)

    def join(self) -> None:
        """Take part."""
        with self.alone():
            files.make_directory(self.folder / "runs")
            (self.folder / "runs" / self.run).write_text("takes part\n")

    def leave(self) -> bool:
        """Take part no more; whether no other run does."""
        with self.alone():
            (self.folder / "runs" / self.run).write_text("has left\n")
            others = [path for path in (self.folder / "runs").iterdir() if path.name != self.run]
            return not any(path.read_text() == "takes part\n" and self.lives(path.name) for path in others)

    def confirmed(self) -> tuple[str, ...]:
        """Base, tip and run of the latest end-to-end measurement; nothing where there was none."""
        try:
            return tuple((self.folder / _CONFIRMED).read_text().split())
        except FileNotFoundError:
            return ()

    def tried(self) -> list[Mapping[str, Any]]:
        """What the runs have said of their tries, oldest first; a torn line says nothing."""
        try:
            content = (self.folder / "tried.jsonl").read_bytes()
        except FileNotFoundError:
            return []
        found = []
        for line in content.splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def tell(self, **said: Any) -> None:
        """Add to what is said of this run's tries."""
        line = json.dumps({"run": self.run, **said}).encode()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.folder / "tried.jsonl", flags, 0o644)
        try:
            os.write(descriptor, b"\n" + line + b"\n")  # what a killed process left torn ends here
        finally:
            os.close(descriptor)


class SearchPeers:
    """Implements `protocols.Peers` for a run of a search."""

    def __init__(self, name: str, group: Group, meeting: Meeting, workspace: GitWorkspace) -> None:
        """Nothing is read or written yet."""
        self._name = name
        self._group = group
        self._meeting = meeting
        self._workspace = workspace

    @property
    def name(self) -> str:
        """The search's name."""
        return self._name

    def join(self) -> None:
        """Take part from now on.

        Raises:
            RepositoryError: the search's line does not come by the commit this run starts from.
        """
        here = self._workspace.incumbent
        if (tip := self._meeting.tip()) is None and not self._meeting.advance(None, here):
            tip = self._meeting.tip()
        if tip is not None:
            self.line(tip)
        self._group.join()

    def tip(self) -> str | None:
        """The commit the search stands at, None where there is none; its objects are here afterwards."""
        return self._meeting.tip()

    def advance(self, old: str | None, new: str) -> bool:
        """Have the search stand at `new` instead of `old`; False where another run was first."""
        return self._meeting.advance(old, new)

    def line(self, tip: str) -> tuple[tuple[str, str], ...]:
        """Commit and subject of all from after the base to the tip, oldest first.

        Raises:
            RepositoryError: the tip does not come from the base.
        """
        found = self._workspace.commits.line(tip)
        if found is None:
            raise RepositoryError(
                f"search={self._name} stands at {tip[:12]}, which does not come from "
                f"{self._workspace.base[:12]}, where this run starts: check out the commit the search "
                "started from, or give another name."
            )
        return found

    def keeper(self, commit: str) -> str:
        """Who kept a commit of the line, as in "run sort-w2"."""
        who = next((said["run"] for said in self._group.tried() if said.get("commit") == commit), None)
        return "another machine" if who is None else f"run {who}"

    def claim(self, number: int, fingerprint: str) -> str | None:
        """Begin to try a normalised diff, wherever it is made; who else has tried it, else None."""
        return self._claimed(number, fingerprint=fingerprint) if fingerprint else None

    def claim_commit(self, number: int, change: Change) -> str | None:
        """Begin to try a change as committed; who else has tried exactly that, else None."""
        return self._claimed(number, tree=change.tree, commit=change.commit)

    def _claimed(self, number: int, *, tree: str = "", fingerprint: str = "", commit: str = "") -> str | None:
        with self._group.alone():
            if (said := self._twin(tree, fingerprint)) is None:
                self._say(number, tree, fingerprint, commit, _BEGUN)
        return said

    def decided(self, experiment: Experiment) -> None:
        """Let the others know what became of what this run has tried."""
        repeats = any(finding.guard == "duplicate" for finding in experiment.findings)
        if experiment.tree and experiment.is_try and not repeats:
            status = _OVERTAKEN if experiment.overtaken else experiment.status.value
            with self._group.alone():
                self._say(
                    experiment.number, experiment.tree, experiment.fingerprint, experiment.commit, status
                )

    def _say(self, number: int, tree: str, fingerprint: str, commit: str, status: str) -> None:
        self._group.tell(number=number, tree=tree, fingerprint=fingerprint, commit=commit, status=status)

    def _twin(self, tree: str, fingerprint: str) -> str | None:
        """Who has tried this tree or this diff, or is trying it."""
        said = [one for one in self._group.tried() if one["run"] != self._group.run]
        decided = {(one["run"], one["number"]): one["status"] for one in said}
        last = {one["run"]: one["number"] for one in said}
        for one in said:
            run, number = one["run"], one["number"]
            same = (tree and one["tree"] == tree) or (fingerprint and one["fingerprint"] == fingerprint)
            status = decided[run, number]
            if not same or status == _OVERTAKEN:
                continue
            if status != _BEGUN:
                return f"#{number} of run {run} was the same ({status})"
            if last[run] == number and self._group.lives(run):
                return f"run {run} tries the same now (#{number})"
        return None

    def extent(self, parent: str, commit: str) -> tuple[tuple[str, ...], int, int]:
        """Which paths differ between two commits, and how many lines come and go."""
        changes = self._workspace.commits.changes(parent, commit)
        counts = [diffs.count(change.before or b"", change.after or b"") for change in changes]
        paths = tuple(change.path for change in changes)
        return paths, sum(added for added, _ in counts), sum(removed for _, removed in counts)

    def carried(self, parent: str, commit: str) -> tuple[Edit, ...] | str:
        """The edits that do to the desk's files what turned one commit into another, or why they cannot."""
        commits, incumbent = self._workspace.commits, self._workspace.incumbent
        try:
            changes = commits.changes(parent, commit)
        except OutOfScopeError as error:
            return str(error)
        found = merging.carry(changes, lambda path: commits.content(incumbent, path))
        return str(found) if isinstance(found, merging.Conflict) else found

    def leave(self) -> bool:
        """Take part no more; whether nobody else does, so that the end is this run's to tell."""
        return self._group.leave()

    def confirmed(self, base: str, tip: str) -> str | None:
        """The run that has measured this gain already, None where none has."""
        known = self._group.confirmed()
        return known[2] if known[:2] == (base, tip) and known[2] != self._group.run else None

    def confirm(self, base: str, tip: str) -> None:
        """Let the others know that this run has measured it."""
        files.replace(self._group.folder / _CONFIRMED, f"{base} {tip} {self._group.run}\n".encode())
