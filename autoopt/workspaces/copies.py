"""Untracked files of the user, copied into a checkout and kept as they were copied."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from autoopt.errors import RepositoryError
from autoopt.removing import remove_whole
from autoopt.workspaces.descent import is_too_deep
from autoopt.workspaces.directory import Signature, signature

# ioctl_ficlone(2): one file shares another's blocks until either is written. Python names it from 3.12 on.
_FICLONE = 0x40049409
_TICK_S = 0.01  # a change within one tick of the clock that stamps files would leave the stamp as it is

Listing = Mapping[str, Signature]
"""What lstat says of everything below a path by its relative name; "" is the path itself."""


def listing(top: Path, *, follow: bool = True) -> dict[str, Signature]:
    """What is at `top` and below it; of a directory only its mode, which is all that a copy of it has.

    No link is followed but the one that `top` itself may be, with `follow`; directories that are too deep
    are not looked into.
    """
    try:
        here = top.stat(follow_symlinks=follow)
    except OSError:
        return {}
    found = {"": _sign(here)}
    stack = [("", os.fspath(top))] if stat.S_ISDIR(here.st_mode) else []
    while stack:
        prefix, folder = stack.pop()
        with suppress(FileNotFoundError, PermissionError), os.scandir(folder) as items:
            for item in items:
                with suppress(FileNotFoundError):  # gone since
                    found[prefix + item.name] = _sign(item.stat(follow_symlinks=False))
                    if item.is_dir(follow_symlinks=False) and not is_too_deep(prefix + item.name):
                        stack.append((f"{prefix}{item.name}/", item.path))
    return found


def _sign(found: os.stat_result) -> Signature:
    return (found.st_mode,) if stat.S_ISDIR(found.st_mode) else signature(found)


def weight(found: Listing) -> int:
    """Bytes of its files."""
    return sum(one[1] for one in found.values() if len(one) > 1)


def has_depths(found: Listing) -> bool:
    """Whether it leaves out what is in a directory that is too deep."""
    return any(len(one) == 1 and is_too_deep(name) for name, one in found.items())


def differences(before: Listing, after: Listing) -> list[str]:
    """The names that came, went or changed, sorted."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


class Copy:
    """One file or directory of the user's, and the copies of it in checkouts."""

    def __init__(self, source: Path, *, follow: bool = True) -> None:
        """Nothing is read yet; with `follow` a link is a copy of what it leads to."""
        self._source = source
        self._follow = follow
        self._original: Listing | None = None
        self._copied: dict[Path, Listing] = {}

    def adopt(self, target: Path) -> None:
        """Take what is at `target` for a copy; it was not changed since `pause`."""
        self._copied[target] = listing(target, follow=False)

    def is_settled(self, target: Path) -> bool:
        """Whether the copy at `target` is what it was when it was made."""
        return self._copied.get(target) == listing(target, follow=False)

    def settle(self, target: Path) -> bool:
        """Make the copy at `target`, or make it again what it was when it was made.

        Args:
            target: No link is on the way to it; what it is itself does not matter.

        Returns:
            Whether it was something else. Then `pause` before anybody else may change it.

        Raises:
            RepositoryError: the source is no longer what the first copy was made of, or cannot be read.
        """
        if self._original is None:
            self._original = listing(self._source, follow=self._follow)
            if has_depths(self._original):
                raise RepositoryError(
                    f"workspace.link: {self._source} holds directories nested too deep to be copied; set "
                    "workspace.link_by=link."
                )
        found, known = listing(target, follow=False), self._copied.get(target)
        if known is not None and found == known:
            return False
        # Only what was found on the way down is removed: nothing behind a link that a command put there.
        for name in sorted(
            found if known is None else found.keys() & differences(known, found), reverse=True
        ):
            remove_whole(target / name)
        present = listing(target, follow=False)
        target.parent.mkdir(parents=True, exist_ok=True)
        for name in sorted(self._original.keys() - present.keys()):  # parents first
            self._make(target, name)
        self._copied[target] = listing(target, follow=False)
        return True

    def _make(self, target: Path, name: str) -> None:
        assert self._original is not None
        source = self._source / name
        try:
            found = source.stat(follow_symlinks=self._follow and not name)
            if _sign(found) != self._original[name]:
                raise RepositoryError(_changed(source))
            self._copy(source, target / name, found, target)
        except FileNotFoundError as error:
            raise RepositoryError(_changed(source)) from error
        except PermissionError as error:
            raise RepositoryError(
                f"workspace.link: {source} cannot be read; allow it, or set workspace.link_by=link."
            ) from error

    def _copy(self, source: Path, place: Path, found: os.stat_result, target: Path) -> None:
        if stat.S_ISDIR(found.st_mode):
            place.mkdir()
            place.chmod(stat.S_IMODE(found.st_mode) | stat.S_IRWXU)
        elif stat.S_ISLNK(found.st_mode):
            place.symlink_to(_retargeted(source.readlink(), self._source, target))
        elif stat.S_ISREG(found.st_mode):
            copy_file(source, place)
            place.chmod(stat.S_IMODE(found.st_mode) | stat.S_IWUSR)
            os.utime(place, ns=(found.st_atime_ns, found.st_mtime_ns))
        # What else there is (sockets, pipes) belongs to a process, not to a checkout.


def pause() -> None:
    """Wait until a change of what was just written shows in its times."""
    time.sleep(_TICK_S)


def copy_file(source: Path, place: Path) -> None:
    """Make a new file of the same content; the two share blocks where the file system can."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with source.open("rb") as old, os.fdopen(os.open(place, flags, 0o666), "wb") as new:
        if not _clone(old.fileno(), new.fileno()):
            shutil.copyfileobj(old, new, 1 << 20)


def _clone(old: int, new: int) -> bool:
    try:
        fcntl.ioctl(new, _FICLONE, old)
    except OSError:
        return False  # no such file system, or another one
    return True


def can_clone(source: Path, folder: Path) -> bool:
    """Whether copies of `source` in `folder` share its blocks: they cost next to nothing then."""
    for path in (source / name for name in listing(source)):
        if path.is_file() and (path == source or not path.is_symlink()):
            with path.open("rb") as old, tempfile.TemporaryFile(dir=folder) as new:
                return _clone(old.fileno(), new.fileno())
    return True  # no file to copy at all


def _retargeted(link: Path, source: Path, target: Path) -> Path:
    """Where a copied link leads: not back into the original."""
    return target / link.relative_to(source) if link.is_relative_to(source) else link


def _changed(source: Path) -> str:
    return (
        f"workspace.link: {source} has changed since the run began, so numbers before and after cannot be "
        "compared; put it back as it was and resume, or start a new run."
    )
