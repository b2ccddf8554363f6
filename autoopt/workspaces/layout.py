"""Where the parts of one run's workspace are, and what may be asked of them before it is made."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from dulwich.refs import DiskRefsContainer

from autoopt import files
from autoopt.errors import DamagedStateError, RepositoryError, UsageError
from autoopt.scope import Scope
from autoopt.workspaces.attributes import FILTER, Attributes
from autoopt.workspaces.formats import user_config
from autoopt.workspaces.links import Needs
from autoopt.workspaces.repository import Repository
from autoopt.workspaces.store import EXECUTABLE, FILE, GITLINK, Files, Store, checked_out, read_ref

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HALF_WRITTEN = re.compile(r"\.\.git\.\w+\.tmp")
FILE_NAME = "workspace.json"
FOUNDING = "founding"
"""Is there once making the workspace has begun, where no folder in `worktrees` tells that."""
EXCLUDED = "excluded.json"
"""Holds the lines that making a run's workspace added to `info/exclude`."""
WRITTEN = "written"
"""Holds the objects that were written lately, for the case that a garbage collection takes them away."""
PROJECTIONS = ("/autoresearch-*.tsv", "/autoresearch-*.log", "/.autoresearch-*.tmp")
"""What `info/exclude` lists for every run: its table and its log in the repository root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The places of a run, as remembered for its resumption.

    Attributes:
        root: The user's checkout.
        control: The git directory its worktrees share.
        worktree: Name of the desk's folder in the repository's `worktrees`.
        links: Untracked names in `root` that checkouts are given.
        copied: Those of them that checkouts have copies of; the others are links.
    """

    run_id: str
    root: str
    control: str
    base: str
    desk: str
    worktree: str
    links: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()

    @property
    def in_place(self) -> bool:
        """Whether proposals are edited in the user's own checkout."""
        return self.desk == self.root

    @property
    def branch(self) -> str:
        """The run branch's short name."""
        return f"autoresearch/{self.run_id}"

    @property
    def ref(self) -> str:
        """The run branch's full name."""
        return f"refs/heads/{self.branch}"

    @property
    def experiments(self) -> str:
        """The folder of refs that keep every experiment's commit."""
        return f"refs/autoopt/{self.run_id}"

    def intent(self, purpose: str) -> Path:
        """A file name for taking locks in the repository, which nothing else of any run uses."""
        return Path(self.control) / f"autoopt-{purpose}-intent-{self.worktree}"

    def save(self, state: Path) -> None:
        """Remember it; the workspace counts as made from here on."""
        files.replace(state / FILE_NAME, json.dumps(asdict(self), indent=1).encode())

    @classmethod
    def load(cls, state: Path) -> Layout:
        """What `save` wrote.

        Raises:
            DamagedStateError: it is not there or not whole.
        """
        path = state / FILE_NAME
        try:
            found = json.loads(path.read_bytes())
        except FileNotFoundError as error:
            raise DamagedStateError(
                f"{path}: missing, so the run was never set up; start it again."
            ) from error
        except ValueError as error:
            raise DamagedStateError(f"{path}: not JSON; restore it or start a new run.") from error
        if not isinstance(found, dict) or not _is_layout(found.keys()):
            raise DamagedStateError(f"{path}: not written by this version; restore it or start a new run.")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
        }
        return cls(**values)


def _is_layout(names: Collection[str]) -> bool:
    """Whether they are a layout's fields; those with a default may be missing, as in earlier versions."""
    known = {field.name: field.default is MISSING for field in fields(Layout)}
    return all(name in known for name in names) and all(name in names for name in known if known[name])


def plan(repository: Repository, run_id: str, state: Path, desk: Path | None, needs: Needs) -> Layout:
    """Choose the places of a new run; nothing is made yet.

    Raises:
        UsageError: the run id or the desk cannot be used.
    """
    if not _RUN_ID.fullmatch(run_id) or ".." in run_id or run_id.endswith((".", ".lock")):
        raise UsageError(f"run_id: {run_id!r} is no branch name; use letters, digits, '-', '_' and '.'.")
    mark = hashlib.sha256(os.fsencode(state.resolve()) + b"\0" + run_id.encode()).hexdigest()[:8]
    layout = Layout(
        run_id=run_id,
        root=str(repository.root),
        control=str(repository.control),
        base=repository.head,
        desk=str(_desk(repository, run_id, state, desk)),
        worktree=f"{run_id}-{mark}",
        links=needs.names,
        copied=needs.copied,
    )
    if not layout.in_place:
        _check_desk(layout)
    return layout


def check_new(layout: Layout, state: Path) -> None:
    """Refuse a run that exists; one whose making was cut short may be made again.

    Raises:
        UsageError: the run exists.
        RepositoryError: a branch is in the way.
    """
    control = Path(layout.control)
    refs = DiskRefsContainer(control)
    if read_ref(refs, "refs/heads/autoresearch"):
        raise RepositoryError("refs/heads/autoresearch: a branch of this name is in the way; rename it.")
    begun = (control / "worktrees" / layout.worktree).is_dir() or (state / FOUNDING).exists()
    cut_short = begun and not (state / FILE_NAME).exists()
    if read_ref(refs, layout.ref) and not cut_short:
        raise UsageError(
            f"run_id: {layout.branch} exists already; go on with autoopt resume {layout.run_id}, "
            "or choose another id."
        )


def _desk(repository: Repository, run_id: str, state: Path, desk: Path | None) -> Path:
    root = repository.root
    if desk is not None:
        return (root / desk.expanduser()).resolve()
    strange = any((above / ".git").exists() for above in root.parents)  # a repository this one is part of
    if os.access(root.parent, os.W_OK) and root != root.parent and not strange:
        return root.parent / f"{root.name}-{run_id}"
    return state.resolve() / "desk"


def _check_desk(layout: Layout) -> None:
    desk = Path(layout.desk)
    for taken in (Path(layout.root), Path(layout.control)):
        if desk.is_relative_to(taken):
            raise UsageError(f"workspace.desk: {desk} is inside {taken}; choose a directory outside of it.")
    ours = f"gitdir: {layout.control}/worktrees/{layout.worktree}\n"
    link = desk / ".git"
    if link.is_file() and link.read_text("utf-8", "surrogateescape") == ours:
        return  # left by our own first steps, which were cut short
    if desk.is_symlink() or (desk.exists() and not _is_vacant(desk)):
        raise UsageError(
            f"workspace.desk: {desk} exists already; remove it, or set workspace.desk to another place."
        )


def _is_vacant(desk: Path) -> bool:
    """Whether it is a directory that holds at most a `.git` file which a crash left half written."""
    return desk.is_dir() and all(_HALF_WRITTEN.fullmatch(item.name) for item in desk.iterdir())


def check_scope(store: Store, expected: Files, scope: Scope, here: str = "") -> None:
    """Refuse a scope without a file, or with files whose content git would convert by a program.

    Args:
        here: The directory the user is in, relative to the repository root.

    Raises:
        UsageError: naming `scope`.
    """
    editable = [
        path for path, entry in expected.items() if entry.mode in (FILE, EXECUTABLE) and scope.contains(path)
    ]
    if not editable:
        shown = ", ".join(scope.patterns)
        pointers = (path for path, entry in expected.items() if entry.mode == GITLINK)
        if inside := next((path for path in pointers if _leads_into(scope, path)), None):
            raise UsageError(
                f"scope: {inside} is a submodule, a repository of its own; run autoopt in there, or choose "
                "files of this one."
            )
        if any(Scope(scope.patterns).contains(path) for path in expected):
            raise UsageError(f"scope: all that {shown} matches is off limits; change off_limits.")
        raise UsageError(
            f"scope: {shown} matches no committed file; {_from_root(scope.patterns, expected, here)}."
        )
    converted = Attributes(store, user_config(), expected).converted(editable)
    if filtered := [path for path, how in converted.items() if FILTER in how]:
        raise UsageError(
            f"scope: {filtered[0]} is stored through a git filter (LFS?), and none is ever run; "
            "take the file out of the scope."
        )


def _leads_into(scope: Scope, folder: str) -> bool:
    """Whether a pattern is about this directory or files in it."""
    return any(f"{pattern.removeprefix('./')}/".startswith(f"{folder}/") for pattern in scope.patterns)


def _from_root(patterns: Sequence[str], expected: Files, here: str) -> str:
    """From where paths count, and the ones that were meant where they were written from `here`."""
    meant = [f"{here}/{pattern.removeprefix('./')}" for pattern in patterns]
    if here and any(Scope(meant).contains(path) for path in expected):
        given = meant[0] if len(meant) == 1 else f"[{','.join(meant)}]"
        return f"paths count from the repository root, also in {here}: scope={given}"
    return "write paths relative to the repository root"


def as_stored(repository: Repository) -> dict[str, str]:
    """Files of HEAD that git would convert in a checkout and we do not, with the attribute that says so."""
    store = Store(repository.control)
    try:
        expected = store.files(store.tree_of(repository.head))
        paths = [path for path, entry in expected.items() if entry.mode in (FILE, EXECUTABLE)]
        found = Attributes(store, user_config(), expected).converted(paths)
    finally:
        store.close()
    return {path: ", ".join(f"{name}={value}" for name, value in how.items()) for path, how in found.items()}


def moved(layout: Layout, expected: str, found: str | None) -> RepositoryError:
    """The error for a run branch that is not where the run left it."""
    return RepositoryError(
        f"{layout.branch}: branch moved: the run left it at {expected}, now it is "
        f"{found or 'gone'}; put it back with `git update-ref {layout.ref} {expected}`, or start a new run."
    )


def check_branch_is_ours(layout: Layout) -> None:
    """See that no other checkout stands on the run branch: a keep would move it away from under its files.

    Raises:
        RepositoryError: naming the checkout.
    """
    for git_dir in checked_out(Path(layout.control), layout.ref):
        if git_dir.name != layout.worktree:
            place = _checkout_of(git_dir)
            raise RepositoryError(
                f"{layout.branch}: checked out in {place}, where every keep would change what is shown;"
                f" check out another branch there (`git -C {place} checkout --detach` stays at the commit), "
                "then `autoopt resume`."
            )


def _checkout_of(git_dir: Path) -> Path:
    """The directory of files that belongs to a git directory."""
    link = git_dir / "gitdir"
    return Path(os.fsdecode(link.read_bytes().strip())).parent if link.is_file() else git_dir.parent


def gone(layout: Layout) -> RepositoryError:
    """The error for a run branch that is nowhere."""
    return RepositoryError(
        f"{layout.branch}: the run branch is gone; `autoopt show {layout.run_id}` tells the kept COMMIT, "
        f"`git update-ref {layout.ref} COMMIT` puts it back. Or start a new run."
    )
