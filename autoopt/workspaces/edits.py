"""What a proposal may do to the desk: applying its edits, and judging what was changed by whatever means."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from dulwich.index import validate_path_element_hfs, validate_path_element_ntfs

from autoopt.errors import OutOfScopeError
from autoopt.records import Edit, FileChange
from autoopt.scope import Scope
from autoopt.workspaces.contents import Contents
from autoopt.workspaces.descent import is_too_long
from autoopt.workspaces.directory import Directory, Found
from autoopt.workspaces.expected import Expected
from autoopt.workspaces.names import Names
from autoopt.workspaces.rules import Rules
from autoopt.workspaces.store import DIRECTORY, FILE, GITLINK, LINK, Entry, Files, Store

_HARMLESS = frozenset({".github", ".gitlab", ".gitlab-ci.yml", ".gitkeep", ".gitea", ".gitbook.yaml"})
_SHOWN = 120  # characters of a path


def check_edits(edits: Iterable[Edit], scope: Scope) -> None:
    """Refuse edits by their paths alone, before anything is written.

    Raises:
        OutOfScopeError: a path leaves the repository, is git's own, or is out of scope.
    """
    for edit in edits:
        parts = edit.path.split("/")
        if (
            not edit.path
            or edit.path.startswith("/")
            or not {"", ".", ".."}.isdisjoint(parts)
            or "\0" in edit.path
        ):
            raise OutOfScopeError(f"{edit.path!r}: not a path inside the repository.")
        _check_path(edit.path, scope)


def are_apart(edits: Iterable[Edit], expected: Expected) -> bool:
    """Whether no edit's path leads through another's or a committed file's, or is that of a directory.

    What such edits do to other files is only seen by looking at those.
    """
    paths = {edit.path for edit in edits}
    above = {parent.as_posix() for path in paths for parent in PurePosixPath(path).parents}
    return not any(expected.has_folder(path) for path in paths) and not any(
        path in expected or path in paths for path in above
    )


def apply_edits(desk: Directory, edits: Iterable[Edit], expected: Files) -> None:
    """Write the edits into the desk; an existing file keeps its executable bit."""
    for edit in edits:
        if edit.content is None:
            desk.remove(edit.path, force=False)
            desk.prune(edit.path)
            continue
        before = expected.get(edit.path)
        mode = before.mode if before and before.mode not in (LINK, GITLINK) else FILE
        try:
            desk.write(edit.path, Entry(mode, ""), edit.content, force=False)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise OutOfScopeError(f"{edit.path}: no file can be there: {error.strerror}.") from error
        desk.forget(edit.path)  # it has no blob id yet


@dataclass(frozen=True, slots=True)
class Judge:
    """Whether changes found in the desk may be committed.

    Attributes:
        tree: Of the commit that is changed.
        expected: Its files.
        read: Reads a file of the desk.
    """

    scope: Scope
    rules: Rules
    store: Store
    tree: str
    expected: Files
    read: Callable[[str], bytes]

    def judged(self, differences: Mapping[str, Found | None]) -> dict[str, Found | None]:
        """The changes with the content that was looked at, which is what may be committed.

        Raises:
            OutOfScopeError: there is one that may not be; names the path and the reason.
        """
        for path in sorted(differences):
            self._check_kind(path, differences[path])
            _check_path(path, self.scope)
        new = [path for path in differences if path not in self.expected and differences[path] is not None]
        self._check_names(new)
        Names(self.scope, self.rules, self.store, self.expected).check(new)
        # Content is not at hand where an earlier commit of the same attempt had the file already.
        whole = {
            path: found if found is None or found.data is not None else replace(found, data=self.read(path))
            for path, found in differences.items()
        }
        changes = [self._change(path, found) for path, found in sorted(whole.items())]
        Contents(self.rules, self.store, self.expected).check(changes)
        return whole

    def _change(self, path: str, found: Found | None) -> FileChange:
        old = self.expected.get(path)
        return FileChange(
            path, None if old is None else self.store.blob(old.sha), None if found is None else found.data
        )

    def _check_kind(self, path: str, found: Found | None) -> None:
        before = self.expected.get(path)
        if before is not None and before.mode == GITLINK:
            raise OutOfScopeError(f"{path}: a submodule, which may not be changed.")
        parents = (above.as_posix() for above in PurePosixPath(path).parents)
        if any(above in self.expected and self.expected[above].mode == GITLINK for above in parents):
            raise OutOfScopeError(f"{path}: inside a submodule, which may not be changed.")
        if found is None:
            return
        if stat.S_ISREG(found.stat.st_mode) and found.stat.st_size > self.rules.largest_file:
            raise OutOfScopeError(
                f"{_shown(path)}: {found.stat.st_size} bytes; a changed file may have "
                f"{self.rules.largest_file} (workspace.max_file_mb).",
                guard="size",
                where=_shown(path),
            )
        if reason := _objection(found):
            raise OutOfScopeError(f"{_shown(path)}: {reason}.")
        if before is not None and before.mode == LINK:
            raise OutOfScopeError(f"{path}: a symbolic link, which may not become a file.")

    def _check_names(self, new: list[str]) -> None:
        """Refuse names that a file system or git might take for another one."""
        folded: dict[str, str] = {}
        for path in sorted(new):
            if is_too_long(path):
                raise OutOfScopeError(
                    f"{_shown(path)}: a path of {len(os.fsencode(path))} bytes is too long."
                )
            parts = path.split("/")
            tree = self.tree
            for depth, name in enumerate(parts):
                self._check_name(path, name, tree)
                prefix = "/".join(parts[: depth + 1])
                if folded.setdefault(_fold(prefix), prefix) != prefix:
                    raise OutOfScopeError(
                        f"{path}: differs from {folded[_fold(prefix)]} only in letter case."
                    )
                entry = self.store.listing(tree).get(name)
                tree = entry.sha if entry is not None and entry.mode == DIRECTORY else ""

    def _check_name(self, path: str, name: str, tree: str) -> None:
        listing = self.store.listing(tree)
        if name in listing:
            return
        if twin := next((other for other in listing if _fold(other) == _fold(name)), None):
            raise OutOfScopeError(f"{path}: {name} differs from {twin} only in letter case.")
        encoded = os.fsencode(name)
        if not (validate_path_element_hfs(encoded) and validate_path_element_ntfs(encoded)):
            raise OutOfScopeError(
                f"{path}: a name that is not UTF-8, or that some file systems take for .git."
            )


def _objection(found: Found) -> str:
    mode = found.stat.st_mode
    if stat.S_ISLNK(mode):
        return "a symbolic link; proposals change regular files only"
    if stat.S_ISDIR(mode):
        return "a directory nested too deep to be looked into"
    if not stat.S_ISREG(mode):
        return "not a regular file"
    if found.stat.st_nlink != 1:
        return "a hard link: the same file has another name"
    if mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX):
        return "has a setuid, setgid or sticky bit"
    if found.entry is None:
        return "cannot be read"
    return ""


def _shown(path: str) -> str:
    """A path for a person."""
    return path if len(path) <= _SHOWN else f"{path[:_SHOWN]}..."


def _check_path(path: str, scope: Scope) -> None:
    for name in path.split("/"):
        if name.casefold().startswith(".git") and name not in _HARMLESS:
            raise OutOfScopeError(f"{path}: one of git's own files, which no proposal may change.")
    if objection := scope.objection(path):
        raise OutOfScopeError(f"{path}: {objection}.")


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
