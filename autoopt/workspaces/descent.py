"""Reaching the directories of paths without ever following a link."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from autoopt.errors import OutOfScopeError
from autoopt.workspaces.store import EXECUTABLE, GITLINK, LINK, Entry

_NO_FOLDER = (errno.ELOOP, errno.ENOTDIR)  # a link or a file stands where a directory has to be
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a directory is opened, and nothing but a directory."""

_DEEPEST = 200  # levels; asking the ignore rules costs the square of it
_LONGEST = 3000  # bytes of a path; with the longest of all checkouts' own before it, systems take some 4,000
_ANY_TIME_NS = 1_000_000_000 * 10**9  # in 2001: archives cannot hold those before 1980


class Descent:
    """Opens the directory a path is in; the next path of the same directory finds it open.

    Only one is open at a time, however deep the paths are. As long as it is in use, nobody else may remove
    directories.
    """

    def __init__(self, root: Path) -> None:
        """Nothing is opened yet."""
        self._root = root
        self._folder = ""
        self._descriptor: int | None = None

    def __enter__(self) -> Descent:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is open."""
        self._leave()

    def _leave(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def to(self, path: str, *, make: bool, force: bool) -> tuple[int, str]:
        """The open directory a path is in, and the path's last name.

        Args:
            make: Make the directories that are missing.
            force: Replace links and files that stand where a directory has to be.

        Raises:
            OutOfScopeError: such an obstacle, with `make` and without `force`.
            FileNotFoundError, NotADirectoryError: no such directory, without `make`.
        """
        folder, _, name = path.rpartition("/")
        if self._descriptor is not None and folder == self._folder:
            return self._descriptor, name
        self._leave()
        self._descriptor = self._descend(path.split("/")[:-1], path, make=make, force=force)
        self._folder = folder
        return self._descriptor, name

    def _descend(self, folders: Sequence[str], path: str, *, make: bool, force: bool) -> int:
        descriptor = os.open(self._root, FOLDER)
        for folder in folders:
            try:
                below = _enter(descriptor, folder, make, force, path)
            finally:
                os.close(descriptor)
            descriptor = below
        return descriptor


def _enter(parent: int, name: str, make: bool, force: bool, path: str) -> int:
    try:
        return os.open(name, FOLDER, dir_fd=parent)
    except FileNotFoundError:
        if not make:
            raise
    except OSError as error:
        if error.errno not in _NO_FOLDER:
            raise
        if not make:
            raise NotADirectoryError(path) from error
        if not force:
            raise OutOfScopeError(
                f"{path}: {name} on its way is not a directory; edits follow no links."
            ) from error
        os.unlink(name, dir_fd=parent)
    os.mkdir(name, dir_fd=parent)
    return os.open(name, FOLDER, dir_fd=parent)


def make(folder: int, name: str, entry: Entry, data: bytes) -> os.stat_result:
    """Create a file that is not there; what lstat says of it."""
    if entry.mode == GITLINK:
        os.mkdir(name, dir_fd=folder)
    elif entry.mode == LINK:
        os.symlink(data, os.fsencode(name), dir_fd=folder)
    else:
        descriptor = os.open(name, _CREATE, 0o777 if entry.mode == EXECUTABLE else 0o666, dir_fd=folder)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)
    return os.stat(name, dir_fd=folder, follow_symlinks=False)


@contextmanager
def opened(folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    """`os.scandir`, also where a command took away our own permission to look."""
    try:
        items = os.scandir(folder)
    except PermissionError:
        os.chmod(folder, 0o700)  # noqa: PTH101 - strings are several times faster here
        items = os.scandir(folder)
    with items:
        yield items


def make_alike(folders: Iterable[str], mode: int) -> None:
    """Give directories one time, one mode and no attributes: what they hold says nothing of who was there.

    Args:
        folders: Whole paths, without a link on the way.
    """
    for folder in folders:
        descriptor = os.open(folder, FOLDER)
        try:
            os.fchmod(descriptor, mode)
            for name in _attributes(descriptor):
                with suppress(OSError):  # of a kind that is not ours to remove
                    os.removexattr(descriptor, name)
            os.utime(descriptor, ns=(_ANY_TIME_NS, _ANY_TIME_NS))
        finally:
            os.close(descriptor)


def _attributes(descriptor: int) -> list[str]:
    """Names of a directory's own attributes; none where there are no such things."""
    if sys.platform != "linux":
        return []
    try:
        return [name for name in os.listxattr(descriptor) if name.startswith("user.")]
    except OSError:
        return []


def default_mode() -> int:
    """What new directories are allowed."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o777 & ~mask


def place_of(folder: Path) -> tuple[int, int] | None:
    """Which directory is there now: one that was moved away and made again is another one."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino)


def is_too_deep(path: str) -> bool:
    """Whether a directory that no commit has is too deep to be looked into."""
    return path.count("/") >= _DEEPEST or is_too_long(path)


def is_too_long(path: str) -> bool:
    """Whether there may be checkouts in which no new file can have this path."""
    return len(os.fsencode(path)) > _LONGEST
