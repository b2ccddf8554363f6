"""Tells at the end of a run which of the user's own files changed, where nothing kept commands from them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from autoopt.assemble import confining
from autoopt.schema import Config, DeskMode
from autoopt.workspaces.repository import Repository, discover
from autoopt.workspaces.store import Store

_NAMED = 3
_MOST = 50_000
"""Files that are looked at: 2 µs each."""


@contextmanager
def watched(config: Config, console: Console, environ: Mapping[str, str]) -> Iterator[None]:
    """Compare tracked files of the user's checkout before and after: a note, as it may have been the user."""
    if confining.holds(config, environ) or config.workspace.mode is DeskMode.inplace:
        yield
        return
    repository = discover(Path(config.repo))
    paths = _tracked(repository)
    before = _seen(repository.root, paths)
    try:
        yield
    finally:
        after = _seen(repository.root, paths)
        changed = [path for path in paths if before.get(path) != after.get(path)]
        with suppress(OSError):  # a closed terminal
            _tell(changed, console)


def _tracked(repository: Repository) -> list[str]:
    store = Store(repository.control)
    try:
        return sorted(store.files(store.tree_of(repository.head)))[:_MOST]
    finally:
        store.close()


def _seen(root: Path, paths: list[str]) -> dict[str, tuple[int, int, int]]:
    found = {}
    for path in paths:
        with suppress(OSError):
            status = os.lstat(f"{root}/{path}")
            found[path] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def _tell(changed: list[str], console: Console) -> None:
    if not changed:
        return
    named = ", ".join(changed[:_NAMED])
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    console.print(
        f"note: {named}{more} in your checkout changed during the run. Unless that was you, a command did "
        "it, as nothing kept it from that.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
