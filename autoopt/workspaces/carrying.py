"""Doing to one tree what was done to another: three-way merges of trees, in the object store alone."""

from __future__ import annotations

from collections.abc import Mapping

from autoopt.merging import Conflict, carry
from autoopt.records import FileChange
from autoopt.workspaces.store import DIRECTORY, EXECUTABLE, FILE, Entry, Store

_REGULAR = frozenset({FILE, EXECUTABLE})


def carried(store: Store, tree: str, old: str, new: str) -> str | tuple[Conflict, ...]:
    """The tree with what turned `old` into `new` done to it; or everything that stands in the way.

    No renames are followed and no merge driver is asked. The cost follows the change, not the trees.
    """
    was, became = store.diff(new, old), store.diff(old, new)
    changes: dict[str, Entry | None] = {}
    conflicts: list[Conflict] = []
    for path in sorted(became):
        found = _carried(store, path, was[path], became[path], entry_of(store, tree, path))
        if isinstance(found, Conflict):
            conflicts.append(found)
        elif found != entry_of(store, tree, path):
            changes[path] = found
    if conflicts:
        return tuple(conflicts)
    result = store.add_tree(tree, changes)
    return _in_the_way(store.diff(tree, result), changes) or result


def entry_of(store: Store, tree: str, path: str) -> Entry | None:
    """What a tree has at a path, None where that is nothing or a directory."""
    *folders, name = path.split("/")
    for folder in folders:
        above = store.listing(tree).get(folder)
        if above is None or above.mode != DIRECTORY:
            return None
        tree = above.sha
    found = store.listing(tree).get(name)
    return None if found is None or found.mode == DIRECTORY else found


def _carried(
    store: Store, path: str, before: Entry | None, after: Entry | None, now: Entry | None
) -> Entry | Conflict | None:
    if now in (before, after):
        return after
    if any(entry is not None and entry.mode not in _REGULAR for entry in (before, after, now)):
        return Conflict(path, "is a link or a submodule on one side, and was changed since")
    change = FileChange(path, _content(store, before), _content(store, after))
    edits = carry([change], lambda _: _content(store, now))
    if isinstance(edits, Conflict):
        return edits
    wanted = edits[0].content if edits else _content(store, now)
    if wanted is None or now is None or after is None:
        return after
    mode = now.mode if before is not None and after.mode == before.mode else after.mode
    return Entry(mode, store.add_blob(wanted))


def _content(store: Store, entry: Entry | None) -> bytes | None:
    return None if entry is None else store.blob(entry.sha)


def _in_the_way(found: Mapping[str, Entry | None], meant: Mapping[str, Entry | None]) -> tuple[Conflict, ...]:
    """Files that would go because a file is to be where their directory is, or the other way round."""
    reason = "is a file on one side and a directory on the other"
    return tuple(Conflict(path, reason) for path in sorted(found.keys() - meant.keys()))
