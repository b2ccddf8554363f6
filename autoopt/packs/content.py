"""What a pack brings: the plain files of one folder of a commit, and nothing else of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autoopt import files
from autoopt.errors import RepositoryError, UsageError
from autoopt.removing import remove_whole
from autoopt.walking import walk
from autoopt.workspaces.store import DIRECTORY, EXECUTABLE, FILE, GITLINK, LINK, Store

FOLDERS = ("recipes", ".autoopt/recipes", "")
"""Where the recipes of a pack are looked for, in this order, unless somebody says where they are."""
SUFFIX = ".yaml"
_FRESH = ".new-"
_MOST_FILES = 1000
_MOST_ENTRIES = 10_000  # folders included: a tree may hold another one many times, and that one the next
_MOST_BYTES = 20_000_000
_KINDS = {LINK: "a link", GITLINK: "a submodule"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The files of a pack at a commit.

    Attributes:
        folder: Where they are in the commit.
        tree: The id of that folder's content.
        files: Their content by path from there.
        executable: The paths of those that are programs.
    """

    folder: str
    tree: str
    files: Mapping[str, bytes]
    executable: frozenset[str]


def is_recipe(name: str) -> bool:
    """Whether a file of this name is a recipe where recipes are."""
    return name.endswith(SUFFIX) and not name.startswith(".")


def find_folder(exists: Callable[[str], bool], shown: str, given: str | None) -> str:
    """The folder that holds a pack's recipes.

    Args:
        exists: Whether a folder has recipes directly in it.
        shown: What to call the pack.
        given: The one to use; None for the first of the usual ones that has recipes.

    Raises:
        UsageError: none has.
    """
    for folder in FOLDERS if given is None else (given,):
        if exists(folder):
            return folder
    looked = "recipes/, .autoopt/recipes/ and its top" if given is None else f"{given or 'its top'}"
    raise UsageError(
        f"{shown}: has no recipes (*{SUFFIX}) in {looked}; give folder=PATH, where they are in it."
    )


def read(control: Path, commit: str, shown: str, given: str | None = None) -> Content:
    """The content of a pack, from the objects that were fetched; each is checked against its id.

    Args:
        shown: What to call it in a refusal.
        given: The folder of its recipes, if somebody says so.

    Raises:
        UsageError: it has no recipes.
        RepositoryError: it holds what no pack may, or is too large for one.
    """
    store = Store(control)
    try:
        top = store.tree_of(commit)
        trees: dict[str, str] = {}

        def has_recipes(folder: str) -> bool:
            trees[folder] = _below(store, top, folder)
            return any(map(is_recipe, store.listing(trees[folder])))

        folder = find_folder(has_recipes, shown, given)
        return _content(store, folder, trees[folder], shown)
    finally:
        store.close()


def _below(store: Store, tree: str, folder: str) -> str:
    """The tree of a folder; the empty one where there is none."""
    for name in filter(None, folder.split("/")):
        entry = store.listing(tree).get(name)
        tree = entry.sha if entry is not None and entry.mode == DIRECTORY else ""
    return tree


def _is_small(store: Store, tree: str) -> bool:
    """Whether it is no more than a pack may be, however few objects it is made of."""
    left, folders, number = [tree], 0, 0
    while left and folders + number <= _MOST_ENTRIES and number <= _MOST_FILES:
        inside = store.listing(left.pop()).values()
        below = [entry.sha for entry in inside if entry.mode == DIRECTORY]
        left += below
        folders, number = folders + len(below), number + len(inside) - len(below)
    return not left and number <= _MOST_FILES


def _content(store: Store, folder: str, tree: str, shown: str) -> Content:
    if not _is_small(store, tree):
        raise RepositoryError(
            f"{shown}: {folder or 'its top'} has more than {_MOST_FILES} files, which a pack has at most; "
            "give folder=PATH, with nothing but recipes and their scripts."
        )
    found = store.files(tree)
    content: dict[str, bytes] = {}
    folded: dict[str, str] = {}
    size = 0
    for path, entry in sorted(found.items()):
        if entry.mode not in (FILE, EXECUTABLE) or not path.isprintable():
            what = _KINDS.get(entry.mode, "no plain file")
            raise RepositoryError(f"{shown}: {path!r} is {what}, and a pack is plain files; ask its author.")
        for spelled in (path, *map(str, PurePosixPath(path).parents)):
            other = folded.setdefault(unicodedata.normalize("NFC", spelled).casefold(), spelled)
            if other != spelled:
                raise RepositoryError(
                    f"{shown}: {path} and {other} are one file on some systems; ask its author."
                )
        content[path] = store.blob(entry.sha)
        size += len(content[path])
        if size > _MOST_BYTES:
            raise RepositoryError(
                f"{shown}: more than {_MOST_BYTES // 1_000_000} MB in {folder or 'its top'}; give "
                "folder=PATH, with nothing but recipes and their scripts."
            )
    programs = frozenset(path for path, entry in found.items() if entry.mode == EXECUTABLE)
    return Content(folder=folder, tree=tree, files=content, executable=programs)


def settle(content: Content, place: Path) -> bool:
    """Have exactly these files at a place; returns whether anything had to be written."""
    files.make_directory(place.parent)
    with files.alone(place.parent):
        if found(place) == content.files:
            return False
        for left in place.parent.glob(f"{_FRESH}*"):
            remove_whole(left)  # of a process that was killed
        fresh = Path(tempfile.mkdtemp(dir=place.parent, prefix=_FRESH))
        try:
            for path, data in content.files.items():
                _write(fresh / path, data, 0o555 if path in content.executable else 0o444)
            fresh.chmod(0o755)
            remove_whole(place)
            fresh.rename(place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    files.sync_directory(place.parent)
    return True


def _write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def found(place: Path) -> dict[str, bytes] | None:
    """The files at a place by path; None where something there is no plain file, or there is nothing."""
    content: dict[str, bytes] = {}
    for folder, folders, names in walk(place):
        for path in (Path(folder, name) for name in (*folders, *names)):
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                return None
            if path.is_file():
                content[path.relative_to(place).as_posix()] = path.read_bytes()
    return content or None
