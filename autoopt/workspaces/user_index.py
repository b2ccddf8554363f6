"""git's index of the user's own checkout: read as it is, changed entry by entry, all else in it kept."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from autoopt.errors import RepositoryError
from autoopt.workspaces.directory import Signature, signature
from autoopt.workspaces.locks import replace_locked
from autoopt.workspaces.store import GITLINK, Entry

_WORD = 0xFFFFFFFF
_MTIME, _SIZE = 8, 36  # where they are in the stat data
_MODE = slice(24, 28)
_STAGE, _EXTENDED, _LONGEST_NAME = 0x3000, 0x4000, 0xFFF
# The others describe the entries by position or by digest, and git makes them anew.
_KEPT_EXTENSIONS = frozenset({b"REUC"})
_TRIES = 5


class Item(NamedTuple):
    """One entry: 40 bytes of stat data, the id, the flags without the name's length, the extended flags."""

    numbers: bytes
    sha: str
    flags: int
    extended: int

    @property
    def entry(self) -> Entry:
        """What a tree would say of it."""
        return Entry(int.from_bytes(self.numbers[_MODE]), self.sha)

    @property
    def meaning(self) -> tuple[Entry, int, int]:
        """The entry without what only says when git last looked."""
        return self.entry, self.flags, self.extended


@dataclass(frozen=True, slots=True)
class Content:
    """An index as parsed.

    Attributes:
        items: By name and stage, in the index's order; a stage other than 0 is half of a conflict.
        extensions: Those that can be written again after a change.
    """

    items: dict[tuple[bytes, int], Item]
    extensions: tuple[tuple[bytes, bytes], ...]

    @property
    def entries(self) -> dict[str, Entry]:
        """What is staged, by path."""
        return {os.fsdecode(name): item.entry for (name, stage), item in self.items.items() if not stage}

    @property
    def conflicts(self) -> list[str]:
        """Paths that a merge has left half done, sorted."""
        return sorted({os.fsdecode(name) for name, stage in self.items if stage})

    def means(self, other: Content) -> bool:
        """Whether git would say the same of both."""
        return {key: item.meaning for key, item in self.items.items()} == {
            key: item.meaning for key, item in other.items.items()
        }


class UserIndex:
    """The index file of the user's checkout."""

    def __init__(self, path: Path, root: Path, intent: Path, algorithm: str) -> None:
        """`root` is the checkout, `intent` a file name of our own for locking, `algorithm` makes its ids."""
        self.path = path
        self._root = root
        self._intent = intent
        self._algorithm = algorithm

    def raw(self) -> bytes:
        """The file; empty where there is none, as before the first `git add`."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""

    def stamp(self) -> Signature | None:
        """What lstat says of the file; None where there is none."""
        try:
            found: Signature = signature(self.path.lstat())
            return found
        except FileNotFoundError:
            return None

    def parse(self, data: bytes) -> Content:
        """The entries.

        Raises:
            RepositoryError: it is damaged, or of a kind that cannot be changed entry by entry.
        """
        if not data:
            return Content({}, ())
        try:
            return _parse(data, hashlib.new(self._algorithm, usedforsecurity=False).digest_size)
        except (struct.error, ValueError, IndexError) as error:
            raise RepositoryError(
                f"{self.path}: cannot be read as git's index; see what git status says, or set "
                "workspace.mode=worktree."
            ) from error

    def change(self, changes: Mapping[str, Entry | None]) -> None:
        """Set entries, with what lstat says now of their files, or (None) remove them; others stay.

        Raises:
            RepositoryError: somebody else holds the index.
        """
        for _ in range(_TRIES):
            written, before = _mtime(self.path), self.raw()
            content = self.parse(before)
            wanted = {path: entry for path, entry in changes.items() if content.entries.get(path) != entry}
            if not wanted:
                return
            if self.replace(before, self._format(self._changed(self._doubted(content, written), wanted))):
                return
        raise RepositoryError(f"{self.path}: written all the time by another program; end it, then go on.")

    def replace(self, before: bytes, after: bytes) -> bool:
        """Write the file if it is as before still; return whether it was."""
        return replace_locked(self.path, after, self._intent, lambda: self.raw() == before)

    def _doubted(self, content: Content, written: tuple[int, ...]) -> Content:
        """The same, with no size for files that were changed in the second in which the index was written.

        Where git compares whole seconds it looks into files that are as young as the index, for such changes.
        An index that is written again is younger; without a size git looks all the same.
        """
        items = dict(content.items)
        for key, item in items.items():
            mtime = struct.unpack_from(">2L", item.numbers, _MTIME)
            if mtime[:1] >= written[:1] and mtime != _mtime(self._root / os.fsdecode(key[0])):
                items[key] = item._replace(numbers=item.numbers[:_SIZE] + bytes(4))
        return Content(items, content.extensions)

    def _changed(self, content: Content, changes: Mapping[str, Entry | None]) -> Content:
        items = dict(content.items)
        for path, entry in changes.items():
            key = (os.fsencode(path), 0)
            old = items.pop(key, None)
            if entry is not None:
                kept = (old.flags, old.extended) if old is not None else (0, 0)
                items[key] = Item(self._numbers(path, entry), entry.sha, *kept)
        return Content(dict(sorted(items.items())), content.extensions)

    def _numbers(self, path: str, entry: Entry) -> bytes:
        try:
            found = (self._root / path).lstat()
        except OSError:  # git sees that no stat data vouches for it, and looks for itself
            return struct.pack(">10L", *(0,) * 6, entry.mode, *(0,) * 3)
        size = 0 if entry.mode == GITLINK else found.st_size
        times = (*divmod(found.st_ctime_ns, 10**9), *divmod(found.st_mtime_ns, 10**9))
        numbers = (*times, found.st_dev, found.st_ino, entry.mode, found.st_uid, found.st_gid, size)
        return struct.pack(">10L", *(number & _WORD for number in numbers))

    def _format(self, content: Content) -> bytes:
        version = 3 if any(item.extended for item in content.items.values()) else 2
        body = [struct.pack(">4s2L", b"DIRC", version, len(content.items))]
        body += [_record(name, item) for (name, _), item in content.items.items()]
        body += [struct.pack(">4sL", kind, len(data)) + data for kind, data in content.extensions]
        joined = b"".join(body)
        return joined + hashlib.new(self._algorithm, joined, usedforsecurity=False).digest()


def _mtime(path: Path) -> tuple[int, ...]:
    """Seconds and the rest in nanoseconds; nothing where there is no file."""
    try:
        return divmod(path.lstat().st_mtime_ns, 10**9)
    except OSError:
        return ()


def _record(name: bytes, item: Item) -> bytes:
    flags = item.flags & ~_EXTENDED | min(len(name), _LONGEST_NAME)
    tail = struct.pack(">H", flags)
    if item.extended:
        tail = struct.pack(">2H", flags | _EXTENDED, item.extended)
    record = item.numbers + bytes.fromhex(item.sha) + tail + name
    return record + b"\0" * (8 - len(record) % 8)


def _parse(data: bytes, width: int) -> Content:
    magic, version, count = struct.unpack_from(">4s2L", data)
    if magic != b"DIRC" or version not in (2, 3, 4):
        raise ValueError(f"an index of version {version}")
    items: dict[tuple[bytes, int], Item] = {}
    place, name = 12, b""
    for _ in range(count):
        start = place
        numbers, sha = data[place : place + 40], data[place + 40 : place + 40 + width].hex()
        place += 40 + width
        (flags,) = struct.unpack_from(">H", data, place)
        place += 2
        extended = 0
        if flags & _EXTENDED:
            (extended,) = struct.unpack_from(">H", data, place)
            place += 2
        if version == 4:
            stripped, place = _number(data, place)
            name = name[: len(name) - stripped]
        else:
            name = b""
        end = data.index(b"\0", place)
        name += data[place:end]
        place = end + 1 if version == 4 else start + (end - start) // 8 * 8 + 8
        items[name, (flags & _STAGE) >> 12] = Item(numbers, sha, flags & ~_LONGEST_NAME, extended)
    return Content(items, tuple(_extensions(data, place, width)))


def _number(data: bytes, place: int) -> tuple[int, int]:
    """A number in git's offset encoding, and the place behind it."""
    value = data[place] & 0x7F
    while data[place] & 0x80:
        place += 1
        value = (value + 1) << 7 | data[place] & 0x7F
    return value, place + 1


def _extensions(data: bytes, place: int, width: int) -> Iterable[tuple[bytes, bytes]]:
    while place < len(data) - width:
        kind, size = struct.unpack_from(">4sL", data, place)
        if kind[:1].islower():  # parts of the index are elsewhere, or entries stand for directories
            raise RepositoryError(
                f"your index is split or sparse ({kind.decode('ascii', 'replace')}), which a run in your "
                "checkout cannot change; git update-index --no-split-index, git sparse-checkout disable, or "
                "set workspace.mode=worktree."
            )
        if kind in _KEPT_EXTENSIONS:
            yield kind, data[place + 8 : place + 8 + size]
        place += 8 + size
