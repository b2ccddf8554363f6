"""A directory that is kept equal to a tree, without ever following a link.

Bytes are written as the objects hold them and committed as the files hold them. git's line-ending and
filter attributes are not applied in either direction: both sides of every comparison are raw, so nothing
changes on the way through, and no filter program can run.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from autoopt.errors import OutOfScopeError
from autoopt.workspaces.ignores import Ignored, nothing
from autoopt.workspaces.store import EXECUTABLE, FILE, GITLINK, LINK, Entry, Files, Store, blob_id

LARGEST_CHANGE = 5_000_000
"""Bytes; a changed file beyond this is never read, and so never committed."""

_TICK_S = 0.01  # coarser than the clock that stamps files: HZ=100 kernels count in 10 ms
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

Signature = tuple[int, ...]


class Known(NamedTuple):
    """A file we have hashed: what lstat said then, and what it was."""

    signature: Signature
    entry: Entry


@dataclass(frozen=True, slots=True)
class Found:
    """What is on disk where a tree has something else or nothing.

    Attributes:
        stat: As lstat sees it.
        entry: Its mode and blob id; None for what a tree cannot hold, and for new files too large to read.
        data: Content of a regular file that differs, target of a link.
    """

    stat: os.stat_result
    entry: Entry | None
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Scan:
    """How a directory differs from a tree.

    Attributes:
        differences: By path; None where the tree has a file and the directory has none.
        folders: Directories the tree does not have, parents first.
    """

    differences: dict[str, Found | None] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)


def signature(found: os.stat_result) -> Signature:
    """What cannot stay the same when a file is changed: its ctime cannot be set by a program."""
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode, found.st_nlink)


class Directory:
    """One directory and what we know of its files."""

    def __init__(
        self, root: Path, *, skip: frozenset[str] = frozenset(), known: dict[str, Known] | None = None
    ) -> None:
        """`skip` names paths that are none of our business."""
        self.root = root
        self.skip = skip
        self.known: dict[str, Known] = known or {}
        self._restamped: set[str] = set()

    def scan(self, expected: Files, ignored: Ignored, forced: frozenset[str] = frozenset()) -> Scan:
        """Compare every file with what is expected, by content where lstat does not vouch for it.

        Args:
            ignored: Which untracked paths to pass over.
            forced: Paths that count even when they are ignored.
        """
        result = Scan()
        present: set[str] = set()
        folders = _folders(expected.keys() | forced)
        stack = [""]
        while stack:
            for path, item in self._list(stack.pop()):
                entry = expected.get(path)
                if item.is_dir(follow_symlinks=False):
                    if path in folders or (entry is None and not ignored(path, True)):
                        stack.append(path + "/")
                        if path not in folders:
                            result.folders.append(path)
                    elif entry is not None:
                        self._folder_for_entry(path, entry, present, result, stack)
                elif entry is not None or path in forced or not ignored(path, False):
                    self._file(path, item.stat(follow_symlinks=False), entry, present, result)
        result.differences.update(dict.fromkeys(expected.keys() - present - result.differences.keys()))
        return result

    def _list(self, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        with _opened(self.root / prefix) as items:
            for item in items:
                if (path := prefix + item.name) not in self.skip:
                    yield path, item

    @staticmethod
    def _folder_for_entry(path: str, entry: Entry, present: set[str], result: Scan, stack: list[str]) -> None:
        """A directory where the tree has a submodule (whose place it is) or a file (gone, then)."""
        stack.append(path + "/")
        if entry.mode == GITLINK:
            present.add(path)
        else:
            result.folders.append(path)

    def _file(
        self, path: str, found: os.stat_result, entry: Entry | None, present: set[str], result: Scan
    ) -> None:
        known = self.known.get(path)
        if known is None or known.signature != signature(found):
            looked = self._look(path, found, entry)
            self._restamped.add(path)
        else:
            looked = Found(found, known.entry, None)
        if entry is not None and looked.entry == entry:
            present.add(path)
        else:
            result.differences[path] = looked

    def _look(self, path: str, found: os.stat_result, entry: Entry | None) -> Found:
        """Read a file and remember it; only regular files are opened, so that a fifo cannot stop us."""
        if stat.S_ISLNK(found.st_mode):
            data = os.fsencode(os.readlink(self.root / path))  # noqa: PTH115 - a Path would tidy it up
            looked = Found(found, Entry(LINK, blob_id(data)), data)
        elif stat.S_ISREG(found.st_mode) and (entry is not None or found.st_size <= LARGEST_CHANGE):
            data = self.read(path)
            mode = EXECUTABLE if found.st_mode & stat.S_IXUSR else FILE
            sha = blob_id(data)
            looked = Found(found, Entry(mode, sha), data if len(data) <= LARGEST_CHANGE else None)
        else:
            return Found(found, None, None)
        assert looked.entry is not None
        self.known[path] = Known(signature(found), looked.entry)
        return looked

    def read(self, path: str) -> bytes:
        """The content of a regular file; no link on the way or at the end is followed."""
        with self._parent(path, make=False, force=False) as (folder, name):
            descriptor = os.open(
                name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
            )
        with os.fdopen(descriptor, "rb") as file:
            return file.read()

    def settle(self, expected: Files, store: Store, ignored: Ignored = nothing) -> frozenset[str]:
        """Make the directory equal to the tree, writing only what differs.

        Untracked files go too, except those that are ignored.

        Returns:
            What lstat says something new of since the last call: paths that differed, and files touched or
            linked whose content stayed.
        """
        scan = self.scan(expected, ignored)
        for path in sorted(scan.differences.keys() - expected.keys(), reverse=True):
            self.remove(path)
        for path in reversed(scan.folders):
            self._remove_folder(path)
        for path in sorted(scan.differences.keys() & expected.keys()):
            entry = expected[path]
            self.write(path, entry, b"" if entry.mode == GITLINK else store.blob(entry.sha))
        if scan.differences:
            # A change within the same clock tick as our write would leave the signature as it is.
            time.sleep(_TICK_S)
        if any(found is not None and found.stat.st_nlink > 1 for found in scan.differences.values()):
            self.scan(expected, ignored)  # removing one name of a file restamps its other names
        restamped, self._restamped = self._restamped, set()
        return frozenset(scan.differences.keys() | restamped)

    def write(self, path: str, entry: Entry, data: bytes, *, force: bool = True) -> None:
        """Put a file in place of whatever is there: unlink, then create, so that no other name of it changes.

        Args:
            force: Replace links and files that stand where a parent directory has to be.

        Raises:
            OutOfScopeError: such an obstacle, without `force`.
        """
        with self._parent(path, make=True, force=force) as (folder, name):
            _clear(folder, name)
            if entry.mode == GITLINK:
                os.mkdir(name, dir_fd=folder)
                return
            if entry.mode == LINK:
                os.symlink(data, os.fsencode(name), dir_fd=folder)
            else:
                descriptor = os.open(
                    name, _CREATE, 0o777 if entry.mode == EXECUTABLE else 0o666, dir_fd=folder
                )
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
            self.known[path] = Known(signature(os.stat(name, dir_fd=folder, follow_symlinks=False)), entry)

    def remove(self, path: str, *, force: bool = True) -> None:
        """Remove what is there, if anything; a directory with all it holds."""
        self.known.pop(path, None)
        try:
            with self._parent(path, make=False, force=force) as (folder, name):
                _clear(folder, name)
        except (FileNotFoundError, NotADirectoryError):
            return  # a parent is gone already, and the file with it

    def prune(self, path: str) -> None:
        """Remove the directories above a removed file that have become empty."""
        while path := path.rpartition("/")[0]:
            try:
                (self.root / path).rmdir()
            except OSError:
                return  # not empty, or gone already

    def _remove_folder(self, path: str) -> None:
        try:
            (self.root / path).rmdir()
        except OSError:
            return  # it holds ignored files, and those stay; or it is gone already

    @contextmanager
    def _parent(self, path: str, *, make: bool, force: bool) -> Iterator[tuple[int, str]]:
        """The open directory a path is in, reached without following a link, and the last name."""
        *folders, name = path.split("/")
        descriptor = os.open(self.root, _FOLDER)
        try:
            for folder in folders:
                below = _enter(descriptor, folder, make, force, path)
                os.close(descriptor)
                descriptor = below
            yield descriptor, name
        finally:
            os.close(descriptor)


def _enter(parent: int, name: str, make: bool, force: bool, path: str) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except FileNotFoundError:
        if not make:
            raise
    except OSError as error:  # a link (ELOOP) or a file (ENOTDIR) stands here
        if not make:
            raise NotADirectoryError(path) from error
        if not force:
            raise OutOfScopeError(
                f"{path}: {name} on its way is not a directory; edits follow no links."
            ) from error
        os.unlink(name, dir_fd=parent)
    os.mkdir(name, dir_fd=parent)
    return os.open(name, _FOLDER, dir_fd=parent)


def _clear(folder: int, name: str) -> None:
    try:
        is_folder = stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return
    if is_folder:
        shutil.rmtree(name, dir_fd=folder)
        return
    try:
        os.unlink(name, dir_fd=folder)
    except PermissionError:  # a command made the directory read-only
        os.fchmod(folder, 0o700)
        os.unlink(name, dir_fd=folder)


def _folders(paths: set[str] | frozenset[str]) -> set[str]:
    """Every directory above these paths."""
    found: set[str] = set()
    for path in paths:
        while (path := path.rpartition("/")[0]) and path not in found:
            found.add(path)
    return found


@contextmanager
def _opened(folder: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
    """`os.scandir`, also where a command took away our own permission to look."""
    try:
        items = os.scandir(folder)
    except PermissionError:
        folder.chmod(0o700)
        items = os.scandir(folder)
    with items:
        yield items


def remove_whole(path: Path) -> None:
    """Delete whatever is there, even read-only directories (a Go module cache); links are not followed."""
    try:
        is_folder = stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_folder:
        path.unlink()
        return
    stack = [str(path)]
    while stack:
        folder = stack.pop()
        os.chmod(folder, 0o700)  # noqa: PTH101 - strings are several times faster here
        with os.scandir(folder) as items:
            stack += [item.path for item in items if item.is_dir(follow_symlinks=False)]
    shutil.rmtree(path)


def mapping_with(base: Files, changes: Mapping[str, Entry | None]) -> dict[str, Entry]:
    """The files after these changes."""
    merged = {**base, **changes}
    return {path: entry for path, entry in merged.items() if entry is not None}
