"""Refs of a repository: read as git does, moved and removed under git's own locks."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from dulwich.errors import FileFormatException
from dulwich.refs import DiskRefsContainer, Ref

from autoopt.errors import RepositoryError
from autoopt.files import make_directory
from autoopt.workspaces.locks import release, remove_locked, replace_locked

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PACKED_TRIES = 5
_EMPTY_TRIES = 100


class Refs:
    """The refs of one repository, moved by compare-and-swap."""

    def __init__(self, control: Path, intent: Path) -> None:
        """Open; `intent` is a file name of our own for locking, on the same file system."""
        self._control = control
        self._container = DiskRefsContainer(control)
        self._intent = intent

    def read(self, ref: str) -> str | None:
        """The commit a ref names, or None when there is no such ref."""
        return read_ref(self._container, ref)

    def names(self, folder: str) -> list[str]:
        """The last names of the refs in a folder, loose and packed."""
        return [os.fsdecode(bytes(name)) for name in self._container.subkeys(Ref(f"{folder}/".encode()))]

    def numbers(self, folder: str) -> list[int]:
        """Those of them that are numbers, sorted."""
        return sorted(int(name) for name in self.names(folder) if name.isdigit())

    def move(self, ref: str, old: str | None, new: str) -> bool:
        """Point a ref from `old` (None: no such ref) to `new`; False, and nothing done, where it is not."""
        for _ in range(_EMPTY_TRIES):
            with contextlib.suppress(FileNotFoundError):  # git packs refs, and removes what becomes empty
                return self._moved(ref, old, new)
        return self._moved(ref, old, new)

    def _moved(self, ref: str, old: str | None, new: str) -> bool:
        path = self._control / ref
        try:
            make_directory(path.parent)
        except (FileExistsError, NotADirectoryError) as error:
            taken = path.parent.relative_to(self._control)
            raise RepositoryError(f"{taken}: a branch of this name is in the way; rename it.") from error
        return replace_locked(path, f"{new}\n".encode(), self._intent, lambda: self.read(ref) == old)

    def delete(self, ref: str, old: str) -> bool:
        """Remove a ref that names `old`; False, and nothing done, where it does not. Its log stays.

        What is packed goes first, as it would show again once the loose one is gone.
        """
        if self.read(ref) != old:
            return False
        self.drop_packed([ref])
        return remove_locked(self._control / ref, self._intent, lambda: self.read(ref) in (old, None))

    def drop_packed(self, refs: Iterable[str]) -> None:
        """Take refs out of packed-refs, all at once; those that are loose, too, are still there.

        Raises:
            RepositoryError: it is never as it was read.
        """
        packed, unwanted = self._control / "packed-refs", {os.fsencode(ref) for ref in refs}
        for _ in range(_PACKED_TRIES):
            before = packed.read_bytes() if packed.is_file() else b""
            after = _without(before, unwanted)
            if before == after or replace_locked(
                packed,
                after,
                self._intent,
                lambda known=before: packed.read_bytes() == known,  # type: ignore[misc]
            ):
                return
        raise RepositoryError(f"{packed}: changes all the time; try again when git is done.")

    def recover(self, ref: str, folder: str) -> None:
        """Remove the locks on a ref, on packed ones and in a folder that a killed process of ours left."""
        locks = (self._control / folder).glob("*.lock")
        release(self._intent, [self._control / f"{ref}.lock", self._control / "packed-refs.lock", *locks])


def delete_ref(control: Path, ref: str, intent: Path, expected: str | None = None) -> bool:
    """Remove a ref; False where there is none, where it has just been moved, or is not at `expected`.

    Args:
        intent: A file name of our own for locking, never used by two processes at once.
    """
    refs = Refs(control, intent)
    refs.recover(ref, ref.rpartition("/")[0])
    found = refs.read(ref)
    return found is not None and found == (expected or found) and refs.delete(ref, found)


def prune(control: Path, folder: str) -> None:
    """Remove the directories of refs that runs leave empty, `folder` being one run's."""
    for empty in (folder, "refs/autoopt", "refs/heads/autoresearch"):
        for above in (control, control / "logs"):
            with contextlib.suppress(OSError):  # not empty, or not there
                (above / empty).rmdir()


def checked_out(control: Path, ref: str) -> Iterator[Path]:
    """The git directories, a repository's own and its worktrees', whose HEAD says that a branch is there."""
    wanted = b"ref: " + os.fsencode(ref)
    for head in (control / "HEAD", *control.glob("worktrees/*/HEAD")):
        if head.is_file() and head.read_bytes().strip() == wanted:
            yield head.parent


def _without(packed: bytes, refs: Collection[bytes]) -> bytes:
    """The lines of packed-refs without those of some refs; what a tag leads to is on a line below its own."""
    kept: list[bytes] = []
    left_out = False
    for line in packed.splitlines(keepends=True):
        if not (left_out and line.startswith(b"^")):
            left_out = not line.startswith(b"#") and line.rstrip(b"\n").partition(b" ")[2] in refs
        if not left_out:
            kept.append(line)
    return b"".join(kept)


def is_id(value: bytes) -> bool:
    """Whether it is an object's full id."""
    return _ID.fullmatch(value.decode("ascii", "replace")) is not None


def read_ref(container: DiskRefsContainer, ref: str) -> str | None:
    """The commit a ref names, or None when there is no such ref, or it names another ref."""
    try:
        value = container.read_ref(Ref(ref.encode()))
    except (FileFormatException, StopIteration) as error:
        raise RepositoryError(f"{os.fsdecode(container.path)}/packed-refs: damaged; run git fsck.") from error
    if not value or not _ID.fullmatch(text := value.decode("ascii", "replace")):
        return None
    return text
