"""The files of submodules, which a commit of the repository only points to.

They are read from the submodule's own objects, wherever the user's checkout has those. Nothing is fetched,
and nothing in them may be edited: they are another repository's.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dulwich.config import ConfigFile, parse_submodules

from autoopt.workspaces.repository import Repository
from autoopt.workspaces.store import GITLINK, Entry, Files, Store


@dataclass(frozen=True, slots=True)
class Submodules:
    """What the submodules of one commit hold.

    Attributes:
        files: By path in the repository around them.
        stores: Where their contents are read from.
        missing: Paths of those whose commit is nowhere here.
    """

    files: Mapping[str, Entry] = field(default_factory=dict)
    stores: tuple[Store, ...] = ()
    missing: tuple[str, ...] = ()


def submodules(store: Store, expected: Files, control: Path, root: Path) -> Submodules:
    """What is below the submodules among the files, and below theirs.

    Args:
        control: The git directory that holds their repositories under `modules`.
        root: The checkout they may be repositories in.
    """
    files: dict[str, Entry] = {}
    stores: list[Store] = []
    missing: list[str] = []
    pointers = [(path, entry.sha) for path, entry in expected.items() if entry.mode == GITLINK]
    names = _names(store, expected) if pointers else {}
    for path, commit in pointers:
        found = next(_opened(_places(control, root / path, names.get(path)), commit), None)
        if found is None:
            missing.append(path)
            continue
        place, inner = found
        own = inner.files(inner.tree_of(commit))
        below = submodules(inner, own, place, root / path)
        files.update({f"{path}/{name}": entry for name, entry in {**own, **below.files}.items()})
        stores += [inner, *below.stores]
        missing += [f"{path}/{name}" for name in below.missing]
    return Submodules(files, tuple(stores), tuple(missing))


def missing_submodules(repository: Repository) -> tuple[str, ...]:
    """Submodules of HEAD whose files are nowhere here."""
    store = Store(repository.control)
    try:
        found = submodules(store, repository.files, repository.control, repository.root)
        store.include(found.stores)
    finally:
        store.close()
    return found.missing


def _names(store: Store, expected: Files) -> dict[str, str]:
    """The submodules' names by their paths, as `.gitmodules` has them."""
    entry = expected.get(".gitmodules")
    if entry is None:
        return {}
    try:
        config = ConfigFile.from_file(io.BytesIO(store.blob(entry.sha)))
    except ValueError:
        return {}  # not a configuration; where git keeps them beside their files they are found all the same
    return {os.fsdecode(path): os.fsdecode(name) for path, _, name in parse_submodules(config)}


def _places(control: Path, checkout: Path, name: str | None) -> Iterator[Path]:
    """Where a submodule's repository may be."""
    if name and not {"", ".", ".."} & set(PurePosixPath(name).parts) and not name.startswith("/"):
        yield control / "modules" / name
    link = checkout / ".git"
    if link.is_dir():
        yield link
    elif link.is_file():
        text = link.read_text("utf-8", "surrogateescape").strip().removeprefix("gitdir:").strip()
        yield checkout / text


def _opened(places: Iterator[Path], commit: str) -> Iterator[tuple[Path, Store]]:
    for place in places:
        if (place / "objects").is_dir():
            store = Store(place)
            if store.has(commit):
                yield place, store
            else:
                store.close()
