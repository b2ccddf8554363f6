"""The guard that reads what a change adds, and objects to lines by which it could fool whoever judges it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from autoopt.guards.essence import is_python
from autoopt.guards.suspicions import (
    awareness,
    keeping,
    patches,
    results,
    silence,
    tables,
    tested,
    texts,
    uses,
)
from autoopt.guards.suspicions.judging import Judging
from autoopt.guards.suspicions.rules import RULES, check
from autoopt.guards.suspicions.sources import LONGEST, Sign, Source, is_test, python
from autoopt.lines import changed, is_text, split
from autoopt.records import Change, FileChange, Finding, Proposal, Trial

NAME = "suspicions"
_SEARCHES = (
    uses.signs,
    patches.signs,
    awareness.signs,
    results.signs,
    keeping.signs,
    silence.signs,
    tested.signs,
)
_ANY_NUMBER = frozenset({"seed", "network", "history"})
"""Rules in which what was there before may come again: a seed for another model, a client's next request."""
_DATA = frozenset({".json", ".csv", ".tsv", ".txt", ".xml", ".dat", ".jsonl"})
_MUCH = 2000
"""Bytes of a new data file from which on it may hold answers."""
_SHOWN = 3
"""Further places that are named; others are counted."""


@dataclass(frozen=True, slots=True)
class Place:
    """A sign and the file it is in."""

    path: str
    sign: Sign

    @property
    def where(self) -> str:
        """Path and line."""
        return f"{self.path}:{self.sign.line}" if self.sign.line else self.path

    @property
    def certain(self) -> bool:
        """Whether no honest change has a reason for it."""
        return RULES[self.sign.rule].certain

    @property
    def key(self) -> tuple[str, str]:
        """What it has in common with a place that it was moved from."""
        return self.sign.rule, self.sign.subject


class Suspicions:
    """Passes a change whose added code has nothing in it that looks like a way around the measurement."""

    def __init__(
        self,
        changes: Callable[[str, str], Iterable[FileChange]],
        judging: Judging,
        ignore: Collection[str] = (),
    ) -> None:
        """Search with all rules but those that are ignored.

        Args:
            changes: The files that differ between two commits.

        Raises:
            UsageError: there is no rule of an ignored name.
        """
        check(ignore)
        self._changes = changes
        self._judging = judging
        self._ignored = frozenset(ignore)

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        """Name the first suspicious place, those that are certain before the others."""
        if change.commit == change.parent:
            return Finding(guard=NAME, passed=True, message="")
        files = tuple(self._changes(change.parent, change.commit))
        places = [one for one in places_of(files, self._judging) if one.sign.rule not in self._ignored]
        return _finding(sorted(places, key=lambda one: not one.certain))


def places_of(files: Sequence[FileChange], judging: Judging) -> list[Place]:
    """The suspicious places that are new: code that was there before, anywhere in these files, may move."""
    before = _Side([(path, old) for path, old, _ in files if old is not None], judging)
    after = _Side([(path, new) for path, _, new in files if new is not None], judging)
    known = {value for source in before.sources for value in tables.values(source)}
    found = [*after.places(), *_compared(before, after, judging)]
    found += [Place(one.path, sign) for one in after.sources for sign in tables.signs(one, known)]
    budget = Counter(place.key for place in before.places())
    budget += Counter(
        Place(one.path, sign).key for one in before.sources for sign in tables.signs(one, frozenset())
    )
    budget.update({key: len(found) for key in budget if key[0] in _ANY_NUMBER})
    added = {path: _added(old, new) for path, old, new in files if new is not None}
    fresh = []
    for place in sorted(found, key=lambda one: one.sign.line in added[one.path]):
        if budget[place.key] > 0:
            budget[place.key] -= 1
        else:
            fresh.append(place)
    fresh += [Place(path, sign) for path, sign in tested.lost(before.sources, after.sources)]
    fresh += [place for file in files for place in _unreadable(file)]
    return sorted(fresh, key=lambda one: (one.path, one.sign.line))


class _Side:
    """The files as they were, or as they are."""

    def __init__(self, files: Sequence[tuple[str, bytes]], judging: Judging) -> None:
        self._judging = judging
        read = {path: _text(content) for path, content in files}
        self._texts = {path: text for path, text in read.items() if text is not None}
        parsed = ((path, python(path, text)) for path, text in self._texts.items() if is_python(path))
        self._python = {path: source for path, source in parsed if source is not None}

    @property
    def sources(self) -> list[Source]:
        """The files that are Python."""
        return list(self._python.values())

    def source(self, path: str) -> Source | None:
        """The file of this name, if it is Python."""
        return self._python.get(path)

    def places(self) -> Iterator[Place]:
        """Whatever looks suspicious, new or not."""
        for path, text in self._texts.items():
            source = self._python.get(path)
            if source is None:
                yield from (Place(path, sign) for sign in texts.unparsed(path, text))
                yield from (Place(path, sign) for sign in texts.signs(path, text, self._judging))
                continue
            for search in _SEARCHES:
                yield from (Place(path, sign) for sign in search(source, self._judging))


def _compared(before: _Side, after: _Side, judging: Judging) -> Iterator[Place]:
    for source in after.sources:
        old = before.source(source.path)
        if old is not None:
            yield from (Place(source.path, sign) for sign in results.compared(old, source, judging))


def _text(content: bytes) -> str | None:
    if len(content) > LONGEST or not is_text(content):
        return None
    return content.decode("utf-8", "replace").removeprefix("\ufeff")


def _unreadable(file: FileChange) -> Iterator[Place]:
    """A file of code that nobody can read, or a new one of data that nobody will."""
    path, before, after = file
    if after is None:
        return
    if texts.is_closed(path) or (is_python(path) and _text(after) is None):
        yield Place(path, Sign("binary", path, 0, "the file"))
    elif before is None and len(after) >= _MUCH and _is_data(path):
        yield Place(path, Sign("table", path, 0, f"a new file with {len(after)} bytes of data"))


def _is_data(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in _DATA and not is_test(path)


def _added(before: bytes | None, after: bytes) -> frozenset[int]:
    blocks = changed(split(before or b""), split(after))
    return frozenset(line + 1 for _, _, start, end in blocks for line in range(start, end))


def _finding(places: list[Place]) -> Finding:
    if not places:
        return Finding(guard=NAME, passed=True, message="")
    first, *others = places
    message = f"{first.sign.rule}: {first.sign.saw} {RULES[first.sign.rule].why}"
    if others:
        named = ", ".join(f"{one.sign.rule} {one.where}" for one in others[:_SHOWN])
        more = ", …" if len(others) > _SHOWN else ""
        message += f" ({first.where}); and {len(others)} more ({named}{more})"
    return Finding(guard=NAME, passed=False, message=message, where=first.where, suspect=not first.certain)
