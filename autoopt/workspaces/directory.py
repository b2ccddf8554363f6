"""A directory that is kept equal to a tree, without ever following a link.

Bytes are written as the objects hold them and committed as the files hold them. git's line-ending and
filter attributes are not applied in either direction: both sides of every comparison are raw, so nothing
changes on the way through, and no filter program can run.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from autoopt.removing import clear
from autoopt.workspaces.descent import Descent, is_too_deep, make, opened
from autoopt.workspaces.expected import Expected
from autoopt.workspaces.formats import SHA1
from autoopt.workspaces.ignores import Ignored, nothing
from autoopt.workspaces.nearby import Nearby
from autoopt.workspaces.rules import USUAL
from autoopt.workspaces.store import EXECUTABLE, FILE, GITLINK, LINK, Entry, Files, Store, blob_id

_TICK_S = 0.01  # coarser than the clock that stamps files: HZ=100 kernels count in 10 ms
_FEW = 50  # files that are read from the objects, wherever else they may be
_YOUNG_NS = 1_000_000_000  # generous, because the clock of a file server may be behind ours

Signature = tuple[int, ...]


class Known(NamedTuple):
    """A file we have hashed: what lstat said then, and what it was."""

    signature: Signature
    entry: Entry


_UNKNOWN: tuple[Signature, Entry | None] = ((), None)


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


signature: Callable[[os.stat_result], Signature] = attrgetter(
    "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns", "st_mode", "st_nlink"
)
"""What cannot stay the same when a file is changed: its ctime cannot be set by a program."""


class Directory:
    """One directory and what we know of its files."""

    def __init__(
        self,
        root: Path,
        *,
        skip: frozenset[str] = frozenset(),
        known: dict[str, Known] | None = None,
        algorithm: str = SHA1,
        modes: bool = True,
    ) -> None:
        """`skip` names paths that are none of our business.

        Args:
            algorithm: What makes the ids of files.
            modes: Whether a file's executable bit is to be believed.
        """
        self.root = root
        self.skip = skip
        self.near: Path | None = None
        """Another directory, which may have most of the files when many have to be written."""
        self.renews = False
        """Whether a file that was touched is another one: its times and attributes can tell things, too."""
        self.largest = USUAL.largest_file
        """Bytes; a changed file beyond this is never read, and so never committed."""
        self.known: dict[str, Known] = known or {}
        self._unsure: dict[str, Known] = {}  # hashed so early that a change can leave lstat as it was
        self._written: list[tuple[float, str]] = []
        self._algorithm = algorithm
        self._modes = modes
        self._restamped: set[str] = set()

    def scan(self, expected: Files, ignored: Ignored, forced: frozenset[str] = frozenset()) -> Scan:
        """Compare every file with what is expected, by content where lstat does not vouch for it.

        Args:
            ignored: Which untracked paths to pass over.
            forced: Paths that count even when they are ignored.
        """
        result, present = Scan(), set[str]()
        files = expected if isinstance(expected, Expected) else Expected(expected)
        walk = _Walk(files, ignored, forced, present, result)
        get, known, see = files.get, self.known.get, present.add
        while walk.stack:
            prefix = walk.stack.pop()
            with opened(f"{self.root}/{prefix}") as items:
                for item in items:  # once for every file there is: the usual case takes no call of ours
                    path = prefix + item.name
                    entry, (was, had) = get(path), known(path, _UNKNOWN)
                    if (
                        entry is not None
                        and entry == had
                        and was == signature(item.stat(follow_symlinks=False))
                    ):
                        see(path)
                    elif path not in self.skip:
                        self._meet(path, item, entry, walk)
        if len(present) != len(files):
            gone = files.keys() - present - result.differences.keys()
            result.differences.update(dict.fromkeys(gone))
        return result

    def _meet(self, path: str, item: os.DirEntry[str], entry: Entry | None, walk: _Walk) -> None:
        """Look at what the known signature does not settle."""
        if item.is_dir(follow_symlinks=False) and walk.enter(path, entry):
            return
        if entry is not None or path in walk.forced or not walk.ignored(path, False):
            self._file(path, item.stat(follow_symlinks=False), entry, walk)

    def _file(self, path: str, found: os.stat_result, entry: Entry | None, walk: _Walk) -> None:
        known, unsure = self.known.get(path), self._unsure.get(path)
        if known is not None and known.signature == signature(found):
            looked = Found(found, known.entry, None)
        elif unsure is not None and unsure.signature == signature(found):
            looked = self._look(path, found, entry)
        else:
            is_other = self.renews and (known or unsure) is not None
            looked = Found(found, None, None) if is_other else self._look(path, found, entry)
            self._restamped.add(path)
        if entry is not None and looked.entry == entry:
            walk.present.add(path)
        else:
            walk.result.differences[path] = looked

    def _look(self, path: str, found: os.stat_result, entry: Entry | None) -> Found:
        """Read a file and remember it; only regular files are opened, so that a fifo cannot stop us."""
        if stat.S_ISLNK(found.st_mode):
            data = os.fsencode(os.readlink(self.root / path))  # noqa: PTH115 - a Path would tidy it up
            looked = Found(found, Entry(LINK, blob_id(data, self._algorithm)), data)
        elif stat.S_ISREG(found.st_mode) and (entry is not None or found.st_size <= self.largest):
            try:
                data = self.read(path)
            except PermissionError:
                if found.st_uid == os.geteuid() and found.st_mode & stat.S_IRUSR:
                    raise  # nobody took that away from us: it says nothing of what is in the file
                return Found(found, None, None)
            executable = bool(found.st_mode & stat.S_IXUSR)
            if not self._modes:
                executable = entry is not None and entry.mode == EXECUTABLE
            mode = EXECUTABLE if executable else FILE
            sha = blob_id(data, self._algorithm)
            looked = Found(found, Entry(mode, sha), data if len(data) <= self.largest else None)
        else:
            return Found(found, None, None)
        assert looked.entry is not None
        self._remember(path, Known(signature(found), looked.entry), _is_young(found))
        return looked

    def _remember(self, path: str, known: Known, young: bool) -> None:
        self.forget(path)
        (self._unsure if young else self.known)[path] = known

    def forget(self, path: str) -> None:
        """Read the file's content next time, whatever lstat says of it."""
        self.known.pop(path, None)
        self._unsure.pop(path, None)

    def forget_all(self) -> None:
        """The same for every file."""
        self.known.clear()
        self._unsure.clear()

    def holds(self, path: str, entry: Entry | None) -> bool:
        """Whether that is what was last written or found there and nobody has touched it since."""
        if (found := self._stat(path)) is None:
            return entry is None
        known = self.known.get(path) or self._unsure.get(path)
        return known is not None and known.entry == entry and known.signature == signature(found)

    def find(self, path: str, entry: Entry | None) -> Found | None:
        """What is there, read anew; `entry` is what is expected."""
        if (found := self._stat(path)) is None:
            return None
        return self._look(path, found, entry)

    def _stat(self, path: str) -> os.stat_result | None:
        try:
            with Descent(self.root) as descent:
                folder, name = descent.to(path, make=False, force=False)
                return os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, path: str) -> bytes:
        """The content of a regular file; no link on the way or at the end is followed."""
        with Descent(self.root) as descent:
            folder, name = descent.to(path, make=False, force=False)
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
        self._put({path: expected[path] for path in scan.differences if path in expected}, store)
        if any(found is not None and found.stat.st_nlink > 1 for found in scan.differences.values()):
            self.scan(expected, ignored)  # removing one name of a file restamps its other names
        restamped, self._restamped = self._restamped, set()
        return frozenset(scan.differences.keys() | restamped)

    def change(self, changes: Mapping[str, Entry | None], store: Store) -> None:
        """Set these files or (None) remove them, with directories that become empty; look at no others."""
        for path in sorted((path for path, entry in changes.items() if entry is None), reverse=True):
            self.remove(path)
            self.prune(path)
        self._put({path: entry for path, entry in changes.items() if entry is not None}, store)

    def _put(self, entries: Files, store: Store) -> None:
        if self.near is None or len(entries) <= _FEW:
            self._put_each(entries, lambda path, entry: store.blob(entry.sha))
            return
        with Nearby(self.near, store) as nearby:
            self._put_each(entries, nearby.content)

    def _put_each(self, entries: Files, content: Callable[[str, Entry], bytes]) -> None:
        with Descent(self.root) as descent:
            for path in sorted(entries):  # neighbours one after another
                entry = entries[path]
                data = b"" if entry.mode == GITLINK else content(path, entry)
                self._write(descent, path, entry, data, force=True)
        self._doubt_latest()

    def spoil(self, paths: Iterable[str], data: bytes) -> None:
        """Put this in place of files and forget what they were."""
        with Descent(self.root) as descent:
            for path in sorted(paths):
                self._write(descent, path, Entry(FILE, ""), data, force=True)
                self.forget(path)
        self._doubt_latest()

    def write(self, path: str, entry: Entry, data: bytes, *, force: bool = True) -> None:
        """Put a file in place of whatever is there: unlink, then create, so that no other name of it changes.

        Args:
            force: Replace links and files that stand where a parent directory has to be.

        Raises:
            OutOfScopeError: such an obstacle, without `force`.
        """
        with Descent(self.root) as descent:
            self._write(descent, path, entry, data, force=force)
        self._doubt_latest()

    def _write(self, descent: Descent, path: str, entry: Entry, data: bytes, *, force: bool) -> None:
        folder, name = descent.to(path, make=True, force=force)
        try:
            found = make(folder, name, entry, data)
        except FileExistsError:
            clear(folder, name)
            found = make(folder, name, entry, data)
        except OSError as error:
            error.filename = error.filename or f"{self.root}/{path}"
            raise
        if entry.mode != GITLINK:
            self._remember(path, Known(signature(found), entry), young=False)
            self._written.append((time.monotonic(), path))

    def _doubt_latest(self) -> None:
        """A change within the same clock tick as our write would leave the signature as it is."""
        limit = time.monotonic() - _TICK_S
        while self._written and self._written[-1][0] > limit:
            _, path = self._written.pop()
            if path in self.known:
                self._unsure[path] = self.known.pop(path)
        self._written.clear()

    def remove(self, path: str, *, force: bool = True) -> None:
        """Remove what is there, if anything; a directory with all it holds."""
        self.forget(path)
        try:
            with Descent(self.root) as descent:
                clear(*descent.to(path, make=False, force=force))
        except (FileNotFoundError, NotADirectoryError):
            return  # a parent is gone already, and the file with it

    def prune(self, path: str) -> None:
        """Remove the directories above a removed file that have become empty."""
        while (path := path.rpartition("/")[0]) and self._remove_folder(path):
            pass

    def _remove_folder(self, path: str) -> bool:
        """Whether it could be removed; no link on the way is followed."""
        try:
            with Descent(self.root) as descent:
                folder, name = descent.to(path, make=False, force=False)
                os.rmdir(name, dir_fd=folder)
        except OSError:
            return False  # it holds ignored files, and those stay; or it is gone already
        return True


@dataclass(frozen=True, slots=True)
class _Walk:
    """The way through a directory: what is looked for, what is still ahead, what was found."""

    files: Expected
    ignored: Ignored
    forced: frozenset[str]
    present: set[str]
    result: Scan
    stack: list[str] = field(default_factory=lambda: [""])

    def enter(self, path: str, entry: Entry | None) -> bool:
        """Meet a directory; False where it is nested so deep that nothing but itself is to be looked at."""
        if entry is not None:  # of a submodule, whose place it is, or where a file was
            if entry.mode == GITLINK:
                self.present.add(path)
            elif not self.files.has_folder(path):
                self.result.folders.append(path)
            self.stack.append(path + "/")
            return True
        due = self.files.has_folder(path)
        if not due and not any(one.startswith(path + "/") for one in self.forced):
            if self.ignored(path, True):
                return True
            if is_too_deep(path):
                return False
        self.stack.append(path + "/")
        if not due:
            self.result.folders.append(path)
        return True


def _is_young(found: os.stat_result) -> bool:
    """Whether it changed so recently that the clock which stamps files may not have moved on since."""
    return found.st_ctime_ns > time.time_ns() - _YOUNG_NS


def mapping_with(base: Files, changes: Mapping[str, Entry | None]) -> dict[str, Entry]:
    """The files after these changes."""
    merged = {**base, **changes}
    return {path: entry for path, entry in merged.items() if entry is not None}
