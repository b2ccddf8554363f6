"""Looking at commits of a repository without opening a run's workspace."""

from __future__ import annotations

from pathlib import Path

from autoopt.workspaces import lines
from autoopt.workspaces.store import GITLINK, Entry, Store


def diff(control: Path, before: str, after: str) -> str:
    """The unified diff between two commits, as `git apply` reads it.

    Args:
        control: The git directory all worktrees of the repository share.
        before, after: Commits.
    """
    store = Store(control)
    try:
        old, new = store.tree_of(before), store.tree_of(after)
        was, became = store.diff(new, old), store.diff(old, new)
        return "".join(
            lines.unified(path, _content(store, was[path]), _content(store, became[path]))
            for path in sorted(became)
        )
    finally:
        store.close()


def _content(store: Store, entry: Entry | None) -> bytes | None:
    if entry is None:
        return None
    return f"Subproject commit {entry.sha}\n".encode() if entry.mode == GITLINK else store.blob(entry.sha)
