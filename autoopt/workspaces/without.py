"""Taking kept changes back out of a commit, in the object store alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autoopt.errors import OutOfScopeError
from autoopt.merging import Conflict, carry
from autoopt.records import Edit, FileChange
from autoopt.workspaces.history import StoredCommits
from autoopt.workspaces.store import EXECUTABLE, FILE, GITLINK, LINK, Entry, Store


def commit_without(
    store: Store, commits: StoredCommits, tip: str, unwanted: Sequence[str], identity: bytes
) -> str | None:
    """A commit on top of `tip` with the changes of some of its ancestors undone; `tip` where nothing differs.

    None where others stand on them. No ref names the commit yet.
    """
    tree = tree_without(store, commits, tip, unwanted)
    if tree is None or tree == store.tree_of(tip):
        return None if tree is None else tip
    # Its date is the tip's, so that the same asked again is the same commit.
    when = store.commit(tip).commit_time
    message = "without " + ", ".join(sha[:12] for sha in unwanted) + "\n"
    commit = store.add_commit(tree, [tip], message, identity, when)
    store.sync()
    return commit


def tree_without(store: Store, commits: StoredCommits, tip: str, unwanted: Sequence[str]) -> str | None:
    """The tree of `tip` with the changes of some of its ancestors undone; None where others stand on them.

    Args:
        unwanted: The commits, newest first: a change is undone after those that were made on top of it.
    """
    tree = store.tree_of(tip)
    for commit in unwanted:
        parent = store.commit(commit).parents[0].decode()
        try:
            changes = [FileChange(path, new, old) for path, old, new in commits.changes(parent, commit)]
        except OutOfScopeError:
            return None
        present = store.files(tree)
        edits = carry(changes, lambda path, present=present: _content(store, present, path))  # type: ignore[misc]
        if isinstance(edits, Conflict) or _clash(present, edits):
            return None
        before = store.files(store.tree_of(parent))
        tree = store.add_tree(tree, {edit.path: _entry(store, edit, present, before) for edit in edits})
    return tree


def _content(store: Store, files: Mapping[str, Entry], path: str) -> bytes | None:
    entry = files.get(path)
    return store.blob(entry.sha) if entry is not None and entry.mode in (FILE, EXECUTABLE) else None


def _entry(
    store: Store, edit: Edit, present: Mapping[str, Entry], before: Mapping[str, Entry]
) -> Entry | None:
    """The file as it will be; one that comes back has the mode that it went with."""
    if edit.content is None:
        return None
    known = present.get(edit.path) or before[edit.path]
    return Entry(known.mode, store.add_blob(edit.content))


def _clash(present: Mapping[str, Entry], edits: Sequence[Edit]) -> bool:
    """Whether a file that comes back is in the way of another by now, as its directory or under its name."""
    gone = {edit.path for edit in edits if edit.content is None}
    stay = {path: entry for path, entry in present.items() if path not in gone}
    back = [edit.path for edit in edits if edit.content is not None]
    folders = {path[:at] for path in stay for at, letter in enumerate(path) if letter == "/"}
    above = {path[:at] for path in back for at, letter in enumerate(path) if letter == "/"}
    odd = any(path in stay and stay[path].mode in (LINK, GITLINK) for path in back)
    return odd or not folders.isdisjoint(back) or not above.isdisjoint(stay)
