"""Turning a directory of files into a repository with one commit, as the demos need it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt import files
from autoopt.errors import UsageError
from autoopt.workspaces.directory import Directory, Found
from autoopt.workspaces.ignores import Ignores, is_scratch, patterns
from autoopt.workspaces.index import Index
from autoopt.workspaces.repository import exclude, identity
from autoopt.workspaces.store import Entry, Refs, Store

_CONFIG = b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"


def init_repository(path: Path, message: str, ignore: Sequence[str] = ()) -> str:
    """Make `path` a git repository with one commit of all its files on branch main; return the commit.

    Args:
        ignore: Patterns as in a `.gitignore` that stay untracked; they go to `info/exclude`.

    Raises:
        UsageError: it is one already, or there is nothing to commit.
    """
    control = path / ".git"
    if control.exists():
        raise UsageError(f"{path}: is a git repository already; choose an empty directory.")
    ignores = Ignores(path, [patterns("\n".join(ignore).encode())])
    directory = Directory(path, skip=frozenset({".git"}))
    scan = directory.scan({}, lambda name, folder: is_scratch(name) or ignores(name, folder))
    if unfit := [name for name, it in scan.differences.items() if it is None or it.data is None]:
        raise UsageError(
            f"{path / unfit[0]}: not a regular file, or a very large one; leave it out with ignore."
        )
    if not scan.differences:
        raise UsageError(f"{path}: holds no file to commit.")
    _make(control)
    exclude(control, list(ignore))
    return _commit(path, control, scan.differences, message)


def _make(control: Path) -> None:
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (control / folder).mkdir(parents=True)
    files.replace(control / "config", _CONFIG)
    files.replace(control / "HEAD", b"ref: refs/heads/main\n")


def _commit(root: Path, control: Path, found: Mapping[str, Found | None], message: str) -> str:
    store = Store(control)
    entries: dict[str, Entry] = {}
    for name, it in found.items():
        if it is not None and it.entry is not None and it.data is not None:
            entries[name] = Entry(it.entry.mode, store.add_blob(it.data))
    tree = store.add_tree("", entries)
    commit = store.add_commit(tree, [], f"{message}\n", identity(control), int(time.time()))
    store.sync()
    store.close()
    intent = control / "autoopt-intent"
    Index(control / "index", root, intent).write(entries)
    Refs(control, intent).move("refs/heads/main", None, commit)
    return commit
