"""Whether a run can work in the user's own checkout: nothing under way, and a scope that is as committed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from autoopt.errors import RepositoryError
from autoopt.scope import Scope
from autoopt.workspaces.checkout import MARK, Checkout
from autoopt.workspaces.inscope import InScope
from autoopt.workspaces.repository import Repository
from autoopt.workspaces.store import Files, Store

_SHOWN = 3


def either(now: Files, expected: Files, scope: Scope) -> list[str]:
    """Paths in scope that either has and that are not the same in both, sorted."""
    names = now.keys() | expected.keys()
    return sorted(path for path in names if now.get(path) != expected.get(path) and scope.contains(path))


def listed(paths: Sequence[str]) -> str:
    """The first of them, for a person."""
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


def check(repository: Repository, store: Store, scope: Scope, base: str | None = None) -> None:
    """Refuse a checkout whose files in scope are not exactly the committed ones.

    Args:
        base: What the run started from; files out of scope have to be as they are there.

    Raises:
        RepositoryError: naming the files.
    """
    root, control = repository.root, repository.control
    inside = InScope(root, control, store, scope)
    tree = store.tree_of(repository.head)
    if base is not None:
        _check_base(repository, store, scope, base)
    expected = inside.files(tree)
    index = Checkout(root, repository.git_dir, control, "", control, store.algorithm).index
    content = index.parse(index.raw())
    if halves := [path for path in content.conflicts if scope.contains(path)]:
        raise _unclean(root, halves, "half merged")
    if staged := either(content.entries, expected, scope):
        raise _unclean(root, staged, "staged and not committed")
    if dirty := sorted(inside.differences(expected)):
        raise _unclean(root, dirty, "not as committed")
    linked = [path for path in expected if (root / path).lstat().st_nlink > 1 and (root / path).is_file()]
    if linked:
        raise _unclean(
            root, linked, "linked to under another name, which an edit would change too or tear off"
        )


def check_startable(repository: Repository, scope: Scope) -> None:
    """Refuse a checkout that no run can borrow now.

    Raises:
        BusyError: another run has it.
        RepositoryError: it is in the middle of a merge or the like, or its scope is not clean.
    """
    store = Store(repository.control)
    try:
        nowhere = repository.control
        Checkout(
            repository.root, repository.git_dir, nowhere, "", nowhere / MARK, store.algorithm
        ).check_free()
        check(repository, store, scope)
    finally:
        store.close()


def _check_base(repository: Repository, store: Store, scope: Scope, base: str) -> None:
    changed = store.diff(store.tree_of(base), store.tree_of(repository.head))
    if others := sorted(path for path in changed if not scope.contains(path)):
        raise RepositoryError(
            f"{repository.root}: its commit {repository.head[:12]} differs out of scope from {base[:12]}, "
            f"where the run started ({listed(others)}); git checkout {base[:12]} first, or start a new run."
        )


def _unclean(root: Path, paths: Sequence[str], why: str) -> RepositoryError:
    return RepositoryError(
        f"{listed(paths)}: {why}, and a run in your own checkout ({shlex.quote(str(root))}) starts from a "
        "clean scope; commit or stash, move untracked files away, or set workspace.mode=worktree."
    )
