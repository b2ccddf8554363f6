"""What commands need beside the tracked files: untracked things of the user that checkouts are given.

Environments with absolute paths in them are linked. Everything else is copied where that is cheap, because a
command that writes through a link writes into the user's own files, and into the other checkout's too.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autoopt.errors import UsageError
from autoopt.schema import LinkBy
from autoopt.workspaces.copies import (
    Copy,
    Listing,
    can_clone,
    differences,
    has_depths,
    listing,
    pause,
    weight,
)
from autoopt.workspaces.descent import Descent
from autoopt.workspaces.directory import Directory
from autoopt.workspaces.store import Files

LARGEST_COPY = 100_000_000
"""Bytes of a directory that is still copied where the file system cannot share blocks."""
MOST_COPIED = 10_000
"""Files of such a directory."""

_ENVIRONMENTS = (".venv", "venv", "node_modules")
_DATA = ("data", "dataset", "datasets", "fixtures", "corpus", "models", "weights", "checkpoints")
_PROJECTS = ("pyproject.toml", "package.json", "requirements.txt")  # what environments lie beside
_DATA_FILE = re.compile(
    r"\.(arrow|bin|bz2|csv|db|duckdb|feather|gz|jsonl|np[yz]|onnx|parquet|pkl|pt|safetensors|sqlite3?|tsv|txt|xz|zip|zst)"
)
_RESULTS = re.compile(r"build|coverage|dist|htmlcov|logs?|out|outputs?|reports?|results?|target|tmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What checkouts are given beside tracked files.

    Attributes:
        names: Untracked files and directories, relative to the user's checkout.
        copied: Those of them that are copied; the others are linked.
    """

    names: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()


class Links:
    """Untracked files and directories of the user, in every checkout."""

    def __init__(self, root: Path, names: Sequence[str], copied: Collection[str] = ()) -> None:
        """`root` is the user's checkout; those `copied` are copies, the others symbolic links."""
        self.root = root
        self.names = tuple(names)
        self._copies = {name: Copy(root / name) for name in names if name in copied}
        self._seen: dict[str, Listing] = {}

    @property
    def linked(self) -> tuple[str, ...]:
        """Those that are symbolic links in checkouts."""
        return tuple(name for name in self.names if name not in self._copies)

    def place(self, folder: Path, spared: Collection[str] = ()) -> frozenset[str]:
        """Make each of them but those `spared` in `folder` what it has to be, in place of whatever is there.

        Returns:
            Which of them were something else.

        Raises:
            RepositoryError: what copies are made of has changed.
        """
        folder.mkdir(parents=True, exist_ok=True)
        changed = set()
        for name in self.names:
            if name in spared:
                continue
            with Descent(folder) as descent:  # a link that a command put there leads to somebody's files
                descent.to(name, make=True, force=True)
            if (copy := self._copies.get(name)) is not None:
                if copy.settle(folder / name):
                    changed.add(name)
                continue
            if name not in self._seen:  # before any command can write through the link
                self._seen[name] = listing(self.root / name)
            if self._is_placed(folder / name, name):
                continue
            Directory(folder).remove(name)
            (folder / name).symlink_to(self.root / name)
            changed.add(name)
        if changed:
            pause()
        return frozenset(changed)

    def altered(self, folder: Path) -> frozenset[str]:
        """Those that are not in `folder` what `place` made them."""
        return frozenset(name for name in self.names if not self._is_placed(folder / name, name))

    def _is_placed(self, place: Path, name: str) -> bool:
        if (copy := self._copies.get(name)) is not None:
            return copy.is_settled(place)
        return place.is_symlink() and place.readlink() == self.root / name

    def written(self) -> tuple[str, ...]:
        """The user's files behind links that were changed since the last call, sorted."""
        found = []
        for name, before in self._seen.items():
            self._seen[name] = now = listing(self.root / name)
            found += [f"{name}/{path}".rstrip("/") for path in differences(before, now)]
        return tuple(sorted(found))


def find(
    root: Path, expected: Files, wanted: Sequence[str], by: LinkBy, commands: Iterable[str], folder: Path
) -> Needs:
    """What checkouts of a commit are given besides.

    Args:
        root: The user's checkout.
        expected: The commit's files.
        wanted: What the user names.
        by: How checkouts get it.
        commands: The run's shell commands; data they name is found by itself.
        folder: Exists, on the file system where checkouts will be.

    Raises:
        UsageError: a wanted one is not there, or tracked and so in every checkout already.
    """
    tracked = _with_parents(expected)
    named = [_checked(root, name, tracked, expected) for name in wanted]
    found = [
        name
        for name in (*_beside_projects(expected), *_DATA, *_named_by(commands))
        if name not in tracked and not _above(name, expected) and (root / name).exists()
    ]
    names = tuple(_outermost([*named, *found]))
    copied = {
        LinkBy.copy: lambda name: True,
        LinkBy.link: lambda name: False,
        LinkBy.auto: lambda name: _is_cheap(root / name, folder),
    }[by]
    return Needs(names=names, copied=tuple(filter(copied, names)))


def _with_parents(expected: Files) -> set[str]:
    """Every path that a commit has, directories included."""
    found = set(expected)
    for path in expected:
        while (path := path.rpartition("/")[0]) and path not in found:
            found.add(path)
    return found


def _checked(root: Path, name: str, tracked: Collection[str], expected: Files) -> str:
    cleaned = name.strip().removeprefix("./").rstrip("/")
    parts = cleaned.split("/")
    if not {"", ".", "..", ".git"}.isdisjoint(parts):
        raise UsageError(
            f"workspace.link: {name!r} has to be a path inside the repository, as in data/train."
        )
    if not (root / cleaned).exists():
        raise UsageError(f"workspace.link: {root / cleaned} does not exist; make it or correct the name.")
    if cleaned in tracked:
        raise UsageError(
            f"workspace.link: {cleaned} is tracked, so every checkout has it; remove it from the list."
        )
    if link := _above(cleaned, expected):
        raise UsageError(
            f"workspace.link: {cleaned} is behind {link}, a tracked link that every checkout has; "
            "remove it from the list."
        )
    return cleaned


def _above(name: str, expected: Files) -> str | None:
    """The tracked link that a path leads through: in every checkout it leads to the user's own files."""
    return next(
        (path for above in PurePosixPath(name).parents if (path := above.as_posix()) in expected), None
    )


def _beside_projects(expected: Files) -> Iterator[str]:
    """Environments in the top directory, and beside the files that say what goes into them."""
    yield from _ENVIRONMENTS
    for path in sorted(expected):
        folder, _, name = path.rpartition("/")
        if folder and name in _PROJECTS:
            yield from (f"{folder}/{environment}" for environment in _ENVIRONMENTS)


def _named_by(commands: Iterable[str]) -> Iterator[str]:
    """Paths in commands that are data rather than results, as far as names tell."""
    for word in (word for command in commands for word in _words(command)):
        path = PurePosixPath(word)
        if path.is_absolute() or not {"..", ".git"}.isdisjoint(path.parts):
            continue
        if _DATA_FILE.fullmatch(path.suffix) or (len(path.parts) > 1 and not _is_result(path)):
            yield path.as_posix()


def _is_result(path: PurePosixPath) -> bool:
    return path.suffix != "" or _RESULTS.fullmatch(path.parts[0]) is not None


def _words(command: str) -> list[str]:
    """Shell words, also what follows `--option=` in one."""
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        return []  # whatever this is, the shell will say
    return [word.rpartition("=")[2] for word in words]


def _outermost(names: Iterable[str]) -> list[str]:
    """Without those inside another one."""
    unique = dict.fromkeys(names)
    return [
        name
        for name in unique
        if not any(parent.as_posix() in unique for parent in PurePosixPath(name).parents)
    ]


def _is_cheap(source: Path, folder: Path) -> bool:
    # An environment has its own place written in its programs; a copy would run the original's anyway.
    if (source / "pyvenv.cfg").is_file():
        return False
    found = listing(source)
    if has_depths(found):
        return False  # a link takes it as it is
    is_small = len(found) <= MOST_COPIED and weight(found) <= LARGEST_COPY
    return is_small or can_clone(source, folder)
