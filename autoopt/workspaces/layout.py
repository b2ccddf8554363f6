"""Where the parts of one run's workspace are, and what may be asked of them before it is made."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from dulwich.attrs import Pattern, parse_git_attributes
from dulwich.refs import DiskRefsContainer

from autoopt import files
from autoopt.errors import DamagedStateError, RepositoryError, UsageError
from autoopt.scope import Scope
from autoopt.workspaces.repository import Repository
from autoopt.workspaces.store import EXECUTABLE, FILE, Entry, Files, Store, read_ref

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HALF_WRITTEN = re.compile(r"\.\.git\.\d+\.tmp")
_FOUND_BY_ITSELF = (".venv", "venv", "node_modules", "data")
FILE_NAME = "workspace.json"
EXCLUDED = "excluded.json"
"""Holds the lines that making a run's workspace added to `info/exclude`."""
PROJECTIONS = ("/autoresearch-*.tsv", "/autoresearch-*.log", "/.autoresearch-*.tmp")
"""What `info/exclude` lists for every run: its table and its log in the repository root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The places of a run, as remembered for its resumption.

    Attributes:
        root: The user's checkout.
        control: The git directory its worktrees share.
        worktree: Name of the desk's folder in the repository's `worktrees`.
        links: Names in `root` that checkouts link to.
    """

    run_id: str
    root: str
    control: str
    base: str
    desk: str
    worktree: str
    links: tuple[str, ...]

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
        if not isinstance(found, dict) or found.keys() != {field.name for field in fields(cls)}:
            raise DamagedStateError(f"{path}: not written by this version; restore it or start a new run.")
        return cls(**{**found, "links": tuple(found["links"])})


def plan(repository: Repository, run_id: str, state: Path, desk: Path | None, links: Sequence[str]) -> Layout:
    """Choose the places of a new run; nothing is made yet.

    Raises:
        UsageError: the run id or the desk cannot be used, or a link leads nowhere.
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
        links=_links(repository.root, links),
    )
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
    cut_short = (control / "worktrees" / layout.worktree).is_dir() and not (state / FILE_NAME).exists()
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


def _links(root: Path, wanted: Sequence[str]) -> tuple[str, ...]:
    names = [_link(root, name) for name in wanted]
    names += [name for name in _FOUND_BY_ITSELF if (root / name).exists()]
    return tuple(dict.fromkeys(names))


def _link(root: Path, name: str) -> str:
    cleaned = name.strip().removeprefix("./").rstrip("/")
    parts = cleaned.split("/")
    if not {"", ".", "..", ".git"}.isdisjoint(parts):
        raise UsageError(
            f"workspace.link: {name!r} has to be a path inside the repository, as in data/train."
        )
    if not (root / cleaned).exists():
        raise UsageError(f"workspace.link: {root / cleaned} does not exist; make it or correct the name.")
    return cleaned


def links(repository: Repository, wanted: Sequence[str]) -> tuple[str, ...]:
    """Untracked files and directories that a run's checkouts would reach through links.

    Raises:
        UsageError: a wanted one cannot be linked.
    """
    store = Store(repository.control)
    try:
        expected = store.files(store.tree_of(repository.head))
    finally:
        store.close()
    return _untracked(_links(repository.root, wanted), repository.root, expected, wanted)


def untracked_links(layout: Layout, expected: Files, wanted: Sequence[str]) -> tuple[str, ...]:
    """The layout's links without those found by themselves that are tracked.

    Raises:
        UsageError: a wanted one is tracked, so it is in every checkout already.
    """
    return _untracked(layout.links, Path(layout.root), expected, wanted)


def _untracked(names: Sequence[str], root: Path, expected: Files, wanted: Sequence[str]) -> tuple[str, ...]:
    asked = {_link(root, name) for name in wanted}
    kept = []
    for name in names:
        tracked = name in expected or any(path.startswith(name + "/") for path in expected)
        if tracked and name in asked:
            raise UsageError(
                f"workspace.link: {name} is tracked, so every checkout has it; remove it from the list."
            )
        if not tracked:
            kept.append(name)
    return tuple(kept)


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
        if any(Scope(scope.patterns).contains(path) for path in expected):
            raise UsageError(f"scope: all that {shown} matches is off limits; change off_limits.")
        raise UsageError(
            f"scope: {shown} matches no committed file; {_from_root(scope.patterns, expected, here)}."
        )
    if filtered := _filtered(store, expected, editable):
        raise UsageError(
            f"scope: {filtered} is stored through a git filter (LFS?), and none is ever run; "
            "take the file out of the scope."
        )


def _from_root(patterns: Sequence[str], expected: Files, here: str) -> str:
    """From where paths count, and the ones that were meant where they were written from `here`."""
    meant = [f"{here}/{pattern.removeprefix('./')}" for pattern in patterns]
    if here and any(Scope(meant).contains(path) for path in expected):
        given = meant[0] if len(meant) == 1 else f"[{','.join(meant)}]"
        return f"paths count from the repository root, also in {here}: scope={given}"
    return "write paths relative to the repository root"


def _filtered(store: Store, expected: Files, editable: list[str]) -> str | None:
    """The first file with a `filter` attribute."""
    rules = [
        (path.removesuffix(".gitattributes"), pattern, attributes[b"filter"])
        for path, entry in sorted(expected.items())
        if path.rpartition("/")[2] == ".gitattributes"
        for pattern, attributes in _attributes(store, entry)
        if b"filter" in attributes
    ]
    return next((path for path in editable if _is_filtered(path, rules)), None)


def _attributes(store: Store, entry: Entry) -> list[tuple[Pattern, dict[bytes, bytes | bool | None]]]:
    parsed = parse_git_attributes(io.BytesIO(store.blob(entry.sha)))
    return [(Pattern(pattern), dict(attributes)) for pattern, attributes in parsed]


def _is_filtered(path: str, rules: list[tuple[str, Pattern, bytes | bool | None]]) -> bool:
    last: bytes | bool | None = None
    for folder, pattern, value in rules:
        if path.startswith(folder) and pattern.match(os.fsencode(path[len(folder) :])):
            last = value
    return bool(last)


def moved(layout: Layout, expected: str, found: str | None) -> RepositoryError:
    """The error for a run branch that is not where the run left it."""
    return RepositoryError(
        f"{layout.branch}: branch moved: the run left it at {expected}, now it is "
        f"{found or 'gone'}; put it back with `git update-ref {layout.ref} {expected}`, or start a new run."
    )
