"""The files in scope in the user's own checkout: written only where what is overwritten is held elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from autoopt import files
from autoopt.errors import OutOfScopeError
from autoopt.records import Edit
from autoopt.removing import remove_whole
from autoopt.scope import Scope
from autoopt.workspaces.descent import is_too_deep
from autoopt.workspaces.directory import Directory, Found, Signature, signature
from autoopt.workspaces.ignores import Ignores, is_scratch
from autoopt.workspaces.repository import shared_ignores
from autoopt.workspaces.store import FILE, Entry, Files, Store, blob_id

What = Entry | Signature | None
"""What is at a path: a file that git can hold, anything else as lstat sees it, or nothing."""

_LARGEST_COPY = 200_000_000  # bytes of the user's uncommitted files, together
_TABLES = ("autoresearch-", ".autoresearch-")


class InScope:
    """The files in scope below one directory.

    A file is ours to restore when what is there is known: a commit of the run has it, or it was there when a
    proposal's edits were looked at. Anything else may be the user's, and stays.
    """

    def __init__(self, root: Path, control: Path, store: Store, scope: Scope) -> None:
        """Nothing is read yet, and nothing is known."""
        self._root = root
        self._control = control
        self._store = store
        self._scope = scope
        self._directory = Directory(
            root, skip=frozenset({".git"}), algorithm=store.algorithm, modes=store.modes
        )
        self._known: dict[str, set[What]] = defaultdict(set)
        self._written: set[str] = set()
        self._made: list[str] = []
        self.modes: dict[str, int] = {}
        """Permissions of files that are restored with them; all others get the usual ones."""

    @property
    def directory(self) -> Directory:
        """The checkout, for writing edits into it."""
        return self._directory

    def files(self, tree: str) -> dict[str, Entry]:
        """A tree's files in scope."""
        return {path: entry for path, entry in self._store.files(tree).items() if self._scope.contains(path)}

    def differences(self, expected: Files, forced: frozenset[str] = frozenset()) -> dict[str, Found | None]:
        """What in scope is not as expected; `forced` paths count even where git ignores them."""

        def is_old(path: str) -> bool:
            return path in expected or not self._scope.contains(path)

        ignores = Ignores(self._root, shared_ignores(self._control), is_old)

        def passed_over(path: str, directory: bool) -> bool:
            if not directory and not self._scope.contains(path):
                return True
            return is_scratch(path) or ignores(path, directory)

        return self._directory.scan(expected, passed_over, forced).differences

    def know(self, path: str, what: What) -> None:
        """Remember that this content of the path is held elsewhere."""
        self._known[path].add(what)

    def know_found(self, path: str, found: Found | None) -> None:
        """The same of what a scan has found; of a directory nested too deep to be looked into, nothing is."""
        if found is None or not stat.S_ISDIR(found.stat.st_mode):
            self.know(path, what_is(found))

    def know_tree(self, tree: str, other: str) -> None:
        """Remember every file in scope in which two trees differ, as either has it."""
        for old, new in ((tree, other), (other, tree)):
            for path, entry in self._store.diff(old, new).items():
                if self._scope.contains(path):
                    self.know(path, entry)

    def is_known(self, path: str, what: What) -> bool:
        """Whether this content of the path is held elsewhere."""
        return what in self._known.get(path, ())

    def know_edits(self, edits: Sequence[Edit], expected: Files, record: Path) -> None:
        """Remember what edits are going to write, also for whoever comes after this process was killed."""
        written: dict[str, list[int | str]] = {}
        for edit in edits:
            before = expected.get(edit.path)
            mode = before.mode if before is not None else FILE
            sha = "" if edit.content is None else blob_id(edit.content, self._store.algorithm)
            written[edit.path] = [mode, sha]
        folders = {parent.as_posix() for edit in edits for parent in PurePosixPath(edit.path).parents}
        missing = {folder for folder in folders if not os.path.lexists(self._root / folder)}
        new = sorted(missing.union(self._made))
        files.replace(record, json.dumps({"files": written, "folders": new}).encode())
        self.recall_edits(record)

    def recall_edits(self, record: Path) -> None:
        """Know what `know_edits` has put on record, whole or not begun to be written."""
        try:
            begun = json.loads(record.read_bytes())
        except (FileNotFoundError, ValueError):
            return  # nothing was begun
        self._made = begun["folders"]
        for path, (mode, sha) in begun["files"].items():
            self.know(path, Entry(mode, sha) if sha else None)
            self.know(path, Entry(mode, blob_id(b"", self._store.algorithm)))

    def theirs(self, expected: Files) -> list[str]:
        """Paths in scope that are neither as expected nor known, sorted."""
        found = self.differences(expected, frozenset(self._known))
        return sorted(path for path in found if not self.is_known(path, what_is(found[path])))

    def bring(self, expected: Files) -> list[str]:
        """Make what is known as expected; paths that stay as they are because they may be the user's."""
        found = self.differences(expected, frozenset(self._known))
        left = {path for path in found if not self.is_known(path, what_is(found[path]))}
        for path in sorted(found.keys() - left - expected.keys(), reverse=True):
            if not self._is_still(path, found[path]):
                left.add(path)
                continue
            self._directory.remove(path)
            self._directory.prune(path)
        for path in sorted((found.keys() - left) & expected.keys()):
            if not self._is_still(path, found[path]) or not self.write(path, expected[path]):
                left.add(path)
        for folder in reversed(self._made):
            with suppress(OSError):  # it is gone, as it should be, or holds a file that is kept
                (self._root / folder).rmdir()
        return sorted(left)

    def _is_still(self, path: str, found: Found | None) -> bool:
        """Whether nobody has saved it since it was looked at: a large scope takes a while."""
        try:
            here = (self._root / path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return found is None
        if found is None:  # only an empty directory makes room
            return stat.S_ISDIR(here.st_mode)
        return signature(here) == signature(found.stat)

    def write(self, path: str, entry: Entry) -> bool:
        """Put a committed file where it belongs; False where something unknown stands in its way."""
        here = self._root / path
        try:
            if stat.S_ISDIR(here.lstat().st_mode):
                here.rmdir()
        except (FileNotFoundError, NotADirectoryError):
            pass  # the usual case: nothing to make room for; a file on the way is told below
        except OSError:
            return False  # it holds files of somebody
        try:
            self._directory.write(path, entry, self._store.blob(entry.sha), force=False)
        except OutOfScopeError:
            return False
        self._written.add(path)
        self._set_mode(path)
        return True

    def sync(self) -> None:
        """Make what was restored survive a power loss."""
        for path in sorted(self._written):
            here = self._root / path
            with suppress(FileNotFoundError, NotADirectoryError):  # removed again since
                if stat.S_ISREG(here.lstat().st_mode):
                    _sync(here)
                files.sync_directory(here.parent)
        self._written.clear()

    def _set_mode(self, path: str) -> None:
        mode = self.modes.get(path)
        if mode is not None and stat.S_IMODE((self._root / path).lstat().st_mode) != mode:
            os.chmod(self._root / path, mode, follow_symlinks=False)  # noqa: PTH101 - a Path's follows links
            self._directory.forget(path)

    def put_back(self, path: str, expected: Files) -> None:
        """Restore one path that a proposal of ours has edited."""
        if (entry := expected.get(path)) is not None:
            self.write(path, entry)
        elif not (self._root / path).is_dir():
            self._directory.remove(path)
            self._directory.prune(path)

    def check_free(self, edit: Edit, expected: Files) -> None:
        """Refuse an edit that would overwrite a file of the user that no commit has.

        Raises:
            OutOfScopeError: something is there that is not the run's.
        """
        try:
            found = (self._root / edit.path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return
        if stat.S_ISDIR(found.st_mode):
            raise OutOfScopeError(f"{edit.path}: a directory of your checkout, which no file may replace.")
        if edit.path not in expected and not self._known.get(edit.path):
            raise OutOfScopeError(f"{edit.path}: an untracked file of yours, which nothing may overwrite.")

    def copy(self, found: Mapping[str, Found | None], folder: Path) -> bool:
        """Copy regular files and links to a new folder; whether there were any."""
        wanted = [path for path, one in found.items() if one is not None and _can_be_copied(one)]
        for path in wanted:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._root / path, target, follow_symlinks=False)
        return bool(wanted)

    def copy_yours(self, paths: Iterable[str], folder: Path) -> None:
        """Copy the user's regular files among the paths, up to a limit, to a folder made anew."""
        remove_whole(folder)
        room = _LARGEST_COPY
        for path in paths:
            found = (self._root / path).lstat() if os.path.lexists(self._root / path) else None
            if found is not None and stat.S_ISREG(found.st_mode) and (room := room - found.st_size) >= 0:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._root / path, folder / path, follow_symlinks=False)

    def outside(self, tracked: Files) -> dict[str, Signature]:
        """What lstat says of every file out of scope that git does not ignore, and of git's own settings."""
        ignores = Ignores(self._root, shared_ignores(self._control))
        found: dict[str, Signature] = {}
        stack = [""]
        while stack:
            prefix = stack.pop()
            for item in _listed(self._root / prefix):
                path = prefix + item.name
                if item.is_dir(follow_symlinks=False):
                    if item.name != ".git" and not (
                        is_scratch(path) or is_too_deep(path) or ignores(path, True)
                    ):
                        stack.append(path + "/")
                elif not self._is_watched(path):
                    continue
                elif path in tracked or not (is_scratch(path) or ignores(path, False)):
                    found[path] = signature(item.stat(follow_symlinks=False))
        return found | self._settings()

    def _is_watched(self, path: str) -> bool:
        """Whether it is out of scope, and none of the tables and logs that runs put into the root."""
        return not self._scope.contains(path) and not ("/" not in path and path.startswith(_TABLES))

    def _settings(self) -> dict[str, Signature]:
        """What lstat says of the files of git that can make it run programs."""
        places = [self._control / "config", self._control / "config.worktree", *self._control.glob("hooks/*")]
        places += [path for path in self._control.glob("info/*") if path.name != "exclude"]
        return {str(path): signature(path.lstat()) for path in places if path.is_file() or path.is_symlink()}


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def what_is(found: Found | None) -> What:
    """What a scan has found, for comparing."""
    if found is None:
        return None
    return found.entry or signature(found.stat)


def _can_be_copied(found: Found) -> bool:
    return stat.S_ISREG(found.stat.st_mode) or stat.S_ISLNK(found.stat.st_mode)


def _listed(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            yield from items
    except (FileNotFoundError, PermissionError):
        return  # gone since it was listed, or nothing that we could have written
