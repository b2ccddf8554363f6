"""Changes from people and other tools: patches in a directory and commits of a branch, tried in turn."""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from autoopt.errors import OutOfScopeError, RepositoryError, UsageError
from autoopt.merging import merge
from autoopt.proposers.candidates import Candidates
from autoopt.proposers.patches import parsing, placing
from autoopt.proposers.patches.carrying import UnfitError, carried, content
from autoopt.proposers.patches.parsing import FilePatch, Hunk, Patch
from autoopt.protocols import Commits
from autoopt.records import Brief, Edit, Experiment, Failure, FileChange, Proposal, Revision, Status

SOURCE = "queue"
LARGEST_PATCH = 10_000_000
"""Bytes of a patch file; a longer one is not read."""

_WIDTH = 160
_ENDINGS = (".patch", ".diff")
_BECAUSE = re.compile(r"\bshould\b.*\bbecause\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Item:
    """One change that waits.

    Attributes:
        name: What people know it by.
        key: Says the same change again, whatever it is called.
        subject, body, author: What it says of itself; may be empty.
        changes: What it does, worked out for the files in a desk; raises `UnfitError`.
    """

    name: str
    key: str
    subject: str
    body: str
    author: str
    changes: Callable[[Path], tuple[FileChange, ...]]


class PatchQueue:
    """Proposes each waiting change on top of the present incumbent; implements `protocols.Proposer`.

    The directory and the branch are read again at every question: changes may be added while a run goes on.
    """

    def __init__(
        self,
        commits: Commits,
        *,
        patches: Path | None = None,
        branch: str | None = None,
        note: Callable[[int, str], None] = lambda number, text: None,
    ) -> None:
        """Take a directory's `*.patch` and `*.diff` files, by name, then a branch's commits, in order.

        Args:
            note: Told, once, why a waiting change is passed over; given the experiment's number and a line.
        """
        self._commits = commits
        self._folder = patches
        self._branch = branch
        self._candidates = Candidates(self._find)
        self._note = note
        self._notes: dict[str, str] = {}
        self._noted: set[str] = set()
        self._incumbent = ""
        self._fitted: dict[str, tuple[Edit, ...] | str] = {}
        self._read: dict[str, Patch | str] = {}

    def check(self) -> None:
        """Refuse places that are not there, before anything is spent.

        Raises:
            UsageError: naming the option.
        """
        if self._folder is not None and not self._folder.is_dir():
            raise UsageError(
                f"propose.queue.patches: {self._folder} is no directory; make it, or correct the path."
            )
        if self._branch is not None:
            try:
                self._commits.branch(self._branch)
            except RepositoryError as error:
                raise UsageError(f"propose.queue.branch: {error}") from error

    @property
    def notes(self) -> tuple[str, ...]:
        """Why waiting changes were passed over at the last question, as in "a.patch: src/x.py: is gone".

        They are tried after all once the incumbent has moved to where they fit.
        """
        return tuple(f"{name}: {reason}" for name, reason in self._notes.items())

    def ask(self, brief: Brief) -> Proposal | None:
        """The first change that was not tried and fits the incumbent."""
        proposal = self._candidates.ask(brief)
        for text in self.notes:
            if text not in self._noted:
                self._noted.add(text)
                self._note(brief.number, f"passed over: {text}")
        return proposal

    def repair(self, proposal: Proposal, failure: Failure) -> Proposal | None:
        """None: whoever made the change has to mend it."""
        return self._candidates.repair(proposal, failure)

    def tell(self, experiment: Experiment) -> None:
        """Remember what was tried, by whomever."""
        self._candidates.tell(experiment)

    def _find(self, brief: Brief) -> Iterator[Proposal]:
        self._notes.clear()
        if brief.incumbent != self._incumbent:
            self._incumbent, self._fitted = brief.incumbent, {}
        ours = [experiment for experiment in brief.history if experiment.source == SOURCE]
        kept = {experiment.description for experiment in ours if experiment.status is Status.keep}
        refused = {experiment.description for experiment in ours if not experiment.commit}
        taken: set[str] = set()
        for item in self._items():
            description = _description(item, taken)
            taken.add(description)
            edits = self._edits(item, brief.desk)
            if isinstance(edits, str):
                self._notes[item.name] = edits
            elif edits and description in refused:
                self._notes[item.name] = "was refused under this subject; once mended it needs another one"
            elif edits:
                yield _proposal(item, description, edits)
            elif description not in kept:
                self._notes[item.name] = "changes nothing: the incumbent has it all"

    def _edits(self, item: _Item, desk: Path) -> tuple[Edit, ...] | str:
        """The change as edits of the desk, or why it does not fit; worked out once for each incumbent."""
        if item.key not in self._fitted:
            try:
                self._fitted[item.key] = carried(item.changes(desk), desk)
            except (UnfitError, OutOfScopeError, RepositoryError) as error:
                self._fitted[item.key] = str(error)
        return self._fitted[item.key]

    def _items(self) -> Iterator[_Item]:
        if self._folder is not None:
            for file in self._files(self._folder):
                yield from self._from_file(file)
        if self._branch is not None:
            try:
                revisions = self._commits.branch(self._branch)
            except RepositoryError as error:
                self._notes[self._branch] = str(error)
                return
            for revision in revisions:
                yield self._from_commit(revision)

    def _files(self, folder: Path) -> list[Path]:
        try:
            return sorted(file for file in folder.iterdir() if file.suffix in _ENDINGS)
        except OSError as error:
            self._notes[str(folder)] = f"cannot be read: {error.strerror}"
            return []

    def _from_file(self, file: Path) -> Iterator[_Item]:
        try:
            found = _parts(file)
        except UnfitError as error:
            self._notes[file.name] = str(error)
            return
        for number, part in enumerate(found, start=1):
            name = file.name if len(found) == 1 else f"{file.name} [{number}/{len(found)}]"
            key = hashlib.sha256(part).hexdigest()
            if key not in self._read:
                self._read[key] = _parsed(part)
            patch = self._read[key]
            if isinstance(patch, str):
                self._notes[name] = patch
            else:
                yield self._from_patch(name, patch, key)

    def _from_patch(self, name: str, patch: Patch, key: str) -> _Item:
        def changes(desk: Path) -> tuple[FileChange, ...]:
            resolved = (_resolved(file, patch.converted, self._commits, desk) for file in patch.files)
            return tuple(change for several in resolved for change in several)

        return _Item(name, key, patch.subject, patch.body, patch.author, changes)

    def _from_commit(self, revision: Revision) -> _Item:
        subject, _, body = revision.message.partition("\n")

        def changes(desk: Path) -> tuple[FileChange, ...]:
            return self._commits.changes(revision.parent, revision.commit)

        return _Item(revision.commit[:10], revision.commit, subject, body, revision.author, changes)


def _parsed(part: bytes) -> Patch | str:
    """The patch, or why it cannot be tried."""
    try:
        return parsing.parse(part)
    except UnfitError as error:
        return str(error)


def _parts(file: Path) -> list[bytes]:
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UnfitError("not a regular file")
        if found.st_size > LARGEST_PATCH:
            raise UnfitError(f"{found.st_size} bytes; a patch may have {LARGEST_PATCH}")
        return parsing.parts(file.read_bytes())
    except OSError as error:
        raise UnfitError(f"cannot be read: {error.strerror}") from error


def _resolved(file: FilePatch, converted: bool, commits: Commits, desk: Path) -> tuple[FileChange, ...]:
    """What a patch does to a file, with the whole content before and after."""
    if file.old is None:
        made = b"".join(line for hunk in file.hunks for line in hunk.after)
        return (FileChange(file.new or "", None, made),)
    now = content(desk, file.old)
    hunks = _in_its_line_ends(file.hunks, now) if converted else file.hunks
    if file.new is None:
        gone = b"".join(line for hunk in hunks for line in hunk.before)
        return (FileChange(file.old, gone, None),)
    before, after = _sides(replace(file, hunks=hunks), now, commits)
    if file.new == file.old:
        return (FileChange(file.old, before, after),)
    return _moved(file, now, before, after, desk)


def _in_its_line_ends(hunks: tuple[Hunk, ...], now: bytes | None) -> tuple[Hunk, ...]:
    """The hunks with the line ends of the file, for a patch that lost its own on the way."""
    if not now or not now.partition(b"\n")[0].endswith(b"\r"):
        return hunks

    def ended(side: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return tuple(line[:-1] + b"\r\n" if line.endswith(b"\n") else line for line in side)

    return tuple(replace(hunk, before=ended(hunk.before), after=ended(hunk.after)) for hunk in hunks)


def _sides(file: FilePatch, now: bytes | None, commits: Commits) -> tuple[bytes | None, bytes]:
    """The file the patch was made from, as well as can be known, and what the patch makes of it.

    First the content that the patch names, then that at the run's base, then the present one. A patch that
    adds to an empty file may also have made the file: plain diffs do not tell.
    """
    assert file.old is not None
    named = commits.blob(file.blob) if file.blob else None
    if named is not None and (after := placing.at_their_lines(named, file.hunks)) is not None:
        return named, after
    base = commits.content(commits.base, file.old)
    if base is not None and base != now:
        try:
            return base, placing.by_context(base, file.hunks)
        except UnfitError:
            pass  # made from something newer, then; what does not fit the present file either is told
    if now is None and all(not hunk.before for hunk in file.hunks) and file.hunks:
        return None, b"".join(line for hunk in file.hunks for line in hunk.after)
    if now is None:
        raise UnfitError(f"{file.old}: is not there")
    try:
        return now, placing.by_context(now, file.hunks)
    except UnfitError as error:
        if _is_there(now, file.hunks):
            return now, now
        raise UnfitError(f"{file.old}: {error}") from error


def _is_there(now: bytes, hunks: tuple[Hunk, ...]) -> bool:
    """Whether the content has all of the patch already: it could be taken back."""
    try:
        placing.by_context(now, [replace(hunk, before=hunk.after, after=hunk.before) for hunk in hunks])
    except UnfitError:
        return False
    return True


def _moved(
    file: FilePatch, now: bytes | None, before: bytes | None, after: bytes, desk: Path
) -> tuple[FileChange, ...]:
    """A file under another name: the old one goes, and the new one has what became of it since."""
    assert file.old is not None
    assert file.new is not None
    if now is None:
        if content(desk, file.new) == after:
            return ()
        raise UnfitError(f"{file.old}: is gone")
    if (desk / file.old).stat().st_mode & stat.S_IXUSR:
        raise UnfitError(f"{file.old}: is executable, which a new file cannot be; rename it by hand")
    merged = merge(before or b"", now, after)
    if merged is None:
        raise UnfitError(f"{file.old}: the same lines were changed since")
    made = FileChange(file.new, None, merged)
    return (made,) if file.copies else (FileChange(file.old, now, None), made)


def _proposal(item: _Item, description: str, edits: tuple[Edit, ...]) -> Proposal:
    return Proposal(
        description=description,
        hypothesis=_hypothesis(item, description),
        area=_area([edit.path for edit in edits]),
        source=SOURCE,
        edits=edits,
    )


def _description(item: _Item, taken: set[str]) -> str:
    """The change's subject on one line, else its name; with its name where another one says the same."""
    subject = " ".join(item.subject.removeprefix("experiment: ").split())[:_WIDTH]
    said = "".join(letter for letter in subject if letter.isprintable()).strip() or item.name
    return f"{said} ({item.name})" if said in taken else said


def _hypothesis(item: _Item, description: str) -> str:
    """What the change says it should do and why, in its own words if it has any."""
    for paragraph in re.split(r"\n\s*\n", item.body):
        text = " ".join(paragraph.split())
        if named := re.match(r"hypothesis:\s*(.+)", text, re.IGNORECASE):
            return named[1]
        for sentence in re.split(r"(?<=[.!?])\s+(?=[^a-z])", text):
            if _BECAUSE.search(sentence):
                return sentence
    return f"{description} should improve the metric because {item.author or item.name} proposed it"


def _area(paths: list[str]) -> str:
    """The file, or the directory that several have in common."""
    if len(paths) == 1:
        return paths[0]
    shared = []
    for parts in zip(*(path.split("/")[:-1] for path in paths), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return "/".join(shared) or "several files"
