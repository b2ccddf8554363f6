"""What speaks against a merge although no line of it is in dispute: file names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from autoopt import lines
from autoopt.merging import Conflict
from autoopt.workspaces.carrying import entry_of
from autoopt.workspaces.store import EXECUTABLE, FILE, Entry, Store

_ALIKE = 0.5  # share of its lines by which a file is known again under another name
_REGULAR = frozenset({FILE, EXECUTABLE})

_Diff = Mapping[str, Entry | None]


def doubts(store: Store, ours: str, base: str, theirs: str) -> tuple[Conflict, ...]:
    """Why what turned one tree into `theirs` should not be done to `ours` unseen, file by file."""
    here, there = store.diff(base, ours), store.diff(base, theirs)
    return (*_moved_twice(store, base, here, there), *_by_case(store, ours, base, there))


def _moved_twice(store: Store, base: str, here: _Diff, there: _Diff) -> Iterator[Conflict]:
    """Files that each side gave another name: both would stay."""
    for path in sorted(path for path in here.keys() & there.keys() if here[path] is there[path] is None):
        was = entry_of(store, base, path)
        if was is None or was.mode not in _REGULAR:
            continue
        mine, others = (_like(store, store.blob(was.sha), base, diff) for diff in (here, there))
        if mine and others and mine.isdisjoint(others):
            yield Conflict(path, f"was moved to {min(mine)} on one side, to {min(others)} on the other")


def _like(store: Store, content: bytes, base: str, diff: _Diff) -> set[str]:
    """The new files of one side that have most of the content."""
    new = {
        path: entry.sha
        for path, entry in diff.items()
        if entry is not None and entry.mode in _REGULAR and entry_of(store, base, path) is None
    }
    return {path for path, sha in new.items() if _are_alike(content, store.blob(sha))}


def _are_alike(one: bytes, other: bytes) -> bool:
    if one == other:
        return True
    if not (lines.is_text(one) and lines.is_text(other)):
        return False
    a, b = set(lines.split(one)), set(lines.split(other))
    return len(a & b) > _ALIKE * max(len(a), len(b))


def _by_case(store: Store, ours: str, base: str, there: _Diff) -> Iterator[Conflict]:
    """New names that some systems take for others that are there already."""
    new = sorted(
        path for path, entry in there.items() if entry is not None and entry_of(store, base, path) is None
    )
    if not new:
        return
    names = {name for path in store.files(ours) for name in _names(path)}
    known = {_folded(name): name for name in names}
    for path in new:
        own = next((name for name in _names(path) if name not in names and _folded(name) in known), None)
        if own is not None:
            other = known[_folded(own)]
            yield Conflict(path, f"is there as {other}, which is the same name where case does not count")


def _names(path: str) -> Iterator[str]:
    """The path and the directories above it, the outermost first."""
    yield from (path[:at] for at, letter in enumerate(path) if letter == "/")
    yield path


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
