"""Commits, trees and blobs: read through dulwich, written here, durably and without any configuration.

Writing needs no more than zlib and a rename, and dulwich's own writer leaves `<object>.lock` files behind
when it is killed, which block that object for ever. No filter, hook or signing program can run from here,
because of the repository's configuration nothing is looked at but how its objects are stored.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, cast

from dulwich.errors import ApplyDeltaError, ChecksumMismatch, FileFormatException
from dulwich.objects import Blob, Commit, ObjectID, Tag, Tree

from autoopt.errors import RepositoryError
from autoopt.workspaces.formats import SHA1, Objects, believes_modes, hash_of, object_id
from autoopt.workspaces.loose import Loose
from autoopt.workspaces.refs import Refs as Refs
from autoopt.workspaces.refs import checked_out as checked_out
from autoopt.workspaces.refs import delete_ref as delete_ref
from autoopt.workspaces.refs import is_id as is_id
from autoopt.workspaces.refs import read_ref as read_ref

FILE = 0o100644
EXECUTABLE = 0o100755
LINK = 0o120000
GITLINK = 0o160000
DIRECTORY = 0o040000

_KINDS = {Commit.type_num: b"commit", Tree.type_num: b"tree", Blob.type_num: b"blob", Tag.type_num: b"tag"}
_NUMBERS = {name: number for number, name in _KINDS.items()}
_NEVER = frozenset({b"", b".", b"..", b".git"})
_DAMAGE = (
    ValueError,
    AssertionError,
    IndexError,
    EOFError,
    zlib.error,
    struct.error,
    FileFormatException,
    ChecksumMismatch,
    ApplyDeltaError,
)
"""What the library raises where an object is not what it should be."""
CLOCK_SLOP_S = 7 * 86_400  # how wrong the clocks of two committers may be
_CACHED_ENTRIES = 200_000  # some 50 MB
_LONGEST = 3800  # bytes of a path; with the checkout's own before it, systems take some 4,000
_UTF8 = 4  # bytes that a letter has at most


class Entry(NamedTuple):
    """A file as a tree names it: git mode and blob id."""

    mode: int
    sha: str


Files = Mapping[str, Entry]


def blob_id(data: bytes, algorithm: str = SHA1) -> str:
    """The id git gives to a file with this content, in a repository whose ids are made by `algorithm`."""
    return object_id(b"blob %d\0" % len(data) + data, algorithm)


class Store:
    """The objects of one repository, opened by its common git directory.

    Attributes:
        control: That directory.
        algorithm: Which hash its ids are, by hashlib's name.
        modes: Whether the files of a checkout can be executable, or not, on purpose.
    """

    def __init__(self, control: Path) -> None:
        """Open; reads nothing yet."""
        self.control = control
        self.algorithm = hash_of(control)
        self.modes = believes_modes(control)
        self._folder = control / "objects"
        self._objects = Objects(self._folder, self.algorithm)
        self._trees: dict[str, dict[str, Entry]] = {}
        self._cached = 0
        self._loose = Loose(self._folder, lambda content: object_id(content, self.algorithm), self._is_packed)
        self._others: tuple[Store, ...] = ()

    def include(self, others: Iterable[Store]) -> None:
        """Find contents of files in those, too (submodules have their own); close them with this one."""
        self._others += tuple(others)

    def has(self, sha: str) -> bool:
        """Whether there is such an object."""
        return ObjectID(sha.encode()) in self._objects

    def blob(self, sha: str) -> bytes:
        """The content of a file."""
        holder = next((other for other in self._others if not self.has(sha) and other.has(sha)), self)
        return holder._read(sha)[1]

    def find_blob(self, prefix: str) -> bytes | None:
        """The content of the one file whose id begins so; None where there are none or several."""
        found = {bytes(sha) for sha in self._objects.iter_prefix(prefix.encode())}
        objects = [self._objects.get_raw(ObjectID(sha)) for sha in found]
        blobs = [data for kind, data in objects if kind == Blob.type_num]
        return blobs[0] if len(blobs) == 1 else None

    def find_commit(self, prefix: str) -> str | None:
        """The one commit whose id begins so; None where there are none or several."""
        found = {bytes(sha) for sha in self._objects.iter_prefix(prefix.encode())}
        kinds = {sha.decode(): self._objects.get_raw(ObjectID(sha))[0] for sha in found}
        commits = [sha for sha, kind in kinds.items() if kind == Commit.type_num]
        return commits[0] if len(commits) == 1 else None

    def parents(self, sha: str) -> tuple[str, ...]:
        """A commit's parents, without those that a shallow clone does not have."""
        parents = self.commit(sha).parents
        return tuple(parent.decode() for parent in parents if parent in self._objects)

    def commit(self, sha: str) -> Commit:
        """A commit by its full id."""
        kind, raw = self._read(sha)
        if kind != Commit.type_num:
            raise RepositoryError(f"{sha}: not a commit.")
        with self._undamaged(sha):
            found = cast(Commit, Commit.from_raw_string(kind, raw, object_format=self._objects.object_format))
            found.tree  # noqa: B018 - it is parsed when it is first asked
        return found

    def descends(self, commit: str, ancestor: str) -> bool:
        """Whether `ancestor` is the commit or in its history.

        Looks no further back than the ancestor's date, give or take wrong clocks.
        """
        # A clock may have been far ahead when the ancestor was made.
        newest = min(self.commit(ancestor).commit_time, self.commit(commit).commit_time)
        oldest = newest - CLOCK_SLOP_S
        seen, left = {commit}, [commit]
        while left:
            sha = left.pop()
            if sha == ancestor:
                return True
            if self.commit(sha).commit_time >= oldest:
                new = [parent for parent in self.parents(sha) if parent not in seen]
                seen.update(new)
                left += new
        return False

    def tree_of(self, commit: str) -> str:
        """The id of a commit's tree."""
        return str(self.commit(commit).tree.decode())

    def files(self, tree: str) -> dict[str, Entry]:
        """Every file of a tree by its path."""
        return {path: entry for path, entry in self.diff("", tree).items() if entry is not None}

    def diff(self, old: str, new: str) -> dict[str, Entry | None]:
        """The paths whose entries differ between two trees, with the new entry (None: deleted).

        Subtrees with one id are never opened, so the cost follows the change. "" is the empty tree.
        """
        found: dict[str, Entry | None] = {}
        left = [("", old, new)]
        while left:
            left += self._compare(*left.pop(), found)
        return found

    def _compare(
        self, prefix: str, old: str, new: str, found: dict[str, Entry | None]
    ) -> Iterator[tuple[str, str, str]]:
        """Look at one directory in both trees; those below it that differ."""
        before, after = self.listing(old), self.listing(new)
        for name in before.keys() | after.keys():
            a, b = before.get(name), after.get(name)
            if a == b:
                continue
            path = prefix + name
            _check_length(path)
            old_tree = a.sha if a and a.mode == DIRECTORY else ""
            new_tree = b.sha if b and b.mode == DIRECTORY else ""
            if a and not old_tree and not (b and not new_tree):
                found[path] = None
            if old_tree or new_tree:
                yield path + "/", old_tree, new_tree
            if b and not new_tree:
                found[path] = b

    def listing(self, tree: str) -> dict[str, Entry]:
        """One directory of a tree by name; "" is the empty one."""
        if not tree:
            return {}
        if tree not in self._trees:
            if self._cached > _CACHED_ENTRIES:
                self._trees.clear()
                self._cached = 0
            kind, raw = self._read(tree)
            if kind != Tree.type_num:
                raise RepositoryError(f"{tree}: not a tree; run git fsck.")
            with self._undamaged(tree):
                found = Tree.from_raw_string(kind, raw, object_format=self._objects.object_format)
                items = list(cast(Tree, found).iteritems())
            _check_names(tree, [item.path for item in items])
            self._trees[tree] = {os.fsdecode(i.path): Entry(_plain(i.mode), i.sha.decode()) for i in items}
            self._cached += 1 + len(self._trees[tree])
        return self._trees[tree]

    def ids(self, tree: str) -> set[str]:
        """The ids of a tree and of all that is in it."""
        found, left = {tree}, [tree]
        while left:
            entries = self.listing(left.pop()).values()
            left += [entry.sha for entry in entries if entry.mode == DIRECTORY and entry.sha not in found]
            found.update(entry.sha for entry in entries)
        return found

    @contextmanager
    def _undamaged(self, sha: str) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise RepositoryError(
                f"{sha}: damaged in {self._folder} ({reason}); run git fsck, and fetch it again."
            ) from error

    def _read(self, sha: str) -> tuple[int, bytes]:
        try:
            with self._undamaged(sha):
                kind, raw = self._objects.get_raw(ObjectID(sha.encode()))
                # The library believes the name of a file that anybody may have written.
                if object_id(b"%s %d\0" % (_KINDS[kind], len(raw)) + raw, self.algorithm) != sha:
                    raise ValueError("its content has another id")
                return kind, raw
        except KeyError as error:
            if (lately := self._loose.lately(sha)) is not None:
                header, _, data = lately.partition(b"\0")
                return _NUMBERS[header.partition(b" ")[0]], data
            raise RepositoryError(
                f"{sha}: not in {self._folder}; fetch it (is this a partial clone?) or run git fsck."
            ) from error

    def add_blob(self, data: bytes) -> str:
        """Store a file's content; return its id."""
        return self._write(b"blob", data)

    def rebuild(self, tree: str, changes: Mapping[str, Entry | None]) -> str:
        """The tree with these paths set or (None) removed; only the directories on their way are written."""
        wanted = _by_folder(changes)
        folders = sorted(wanted, key=lambda folder: folder.count("/") + bool(folder))
        listings: dict[str, dict[str, Entry]] = {}
        for folder in folders:  # from the top down
            above, _, name = folder.rpartition("/")
            old = listings[above].get(name) if folder else Entry(DIRECTORY, tree)
            listing = dict(self.listing(old.sha if old and old.mode == DIRECTORY else ""))
            listings[folder] = {
                key: entry for key, entry in listing.items() if wanted[folder].get(key, entry)
            }
        for folder in reversed(folders):  # a directory's id is made of those below it
            listing = listings[folder]
            listing.update({name: entry for name, entry in wanted[folder].items() if entry is not None})
            sha = self._add_tree(listing) if listing else ""
            above, _, name = folder.rpartition("/")
            if folder:
                _set_folder(listings[above], name, sha)
        return sha

    def _add_tree(self, listing: Mapping[str, Entry]) -> str:
        tree = Tree()
        for name, entry in listing.items():
            tree.add(os.fsencode(name), entry.mode, ObjectID(entry.sha.encode()))
        return self._write(b"tree", tree.as_raw_string())

    def add_tree(self, tree: str, changes: Mapping[str, Entry | None]) -> str:
        """Like `rebuild`, and also for a tree that becomes empty."""
        return self.rebuild(tree, changes) or self._add_tree({})

    def add_commit(
        self, tree: str, parents: list[str], message: str, identity: bytes, when: int, maker: str = ""
    ) -> str:
        """Store a commit; return its id.

        Args:
            maker: Kept in a header of its own, which git shows nowhere: two who make the same change in the
                same second have two commits all the same.
        """
        commit = Commit()
        commit.tree = ObjectID(tree.encode())
        commit.parents = [ObjectID(parent.encode()) for parent in parents]
        commit.author = commit.committer = identity
        commit.author_time = commit.commit_time = when
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = message.encode("utf-8", "replace")
        headers, end, text = commit.as_raw_string().partition(b"\n\n")
        own = b"\nautoopt-run %s" % maker.encode() if maker else b""
        return self._write(b"commit", headers + own + end + text)

    def _write(self, kind: bytes, data: bytes) -> str:
        return self._loose.write(b"%s %d\0" % (kind, len(data)) + data)

    def _is_packed(self, sha: str) -> bool:
        """Whether a pack that is still there has it, or a folder that this one borrows from."""
        _ = self._objects.packs  # lets go of those that are not
        return ObjectID(sha.encode()) in self._objects

    def remember(self, file: Path) -> None:
        """Have what is written outlive a garbage collection; the file is for the process after this one."""
        self._loose.remember(file)

    def sync(self) -> None:
        """Make the names of all objects written so far durable; before a ref may name one of them."""
        self._loose.sync()

    def secure(self, every_s: float = 0.0) -> None:
        """Put back what somebody's garbage collection has taken away; after a ref names it, and later.

        Args:
            every_s: Do nothing where that was done less than so long ago.
        """
        self._loose.secure(every_s)

    def close(self) -> None:
        """Let go of pack files."""
        try:
            with suppress(OSError, RepositoryError):  # whatever closes it is told
                self._loose.secure()
        finally:
            self._objects.close()
            for other in self._others:
                other.close()


def _by_folder(changes: Mapping[str, Entry | None]) -> dict[str, dict[str, Entry | None]]:
    """The changes by the directory they are in; the top and every directory on the way has its place."""
    found: dict[str, dict[str, Entry | None]] = {"": {}}
    for path, entry in changes.items():
        folder, _, name = path.rpartition("/")
        above = folder
        while above not in found:
            found[above] = {}
            above = above.rpartition("/")[0]
        found[folder][name] = entry
    return found


def _set_folder(listing: dict[str, Entry], name: str, sha: str) -> None:
    """Put a directory of that tree into a listing; one that has become empty goes."""
    if sha:
        listing[name] = Entry(DIRECTORY, sha)
    elif (old := listing.get(name)) and old.mode == DIRECTORY:
        del listing[name]


def _check_length(path: str) -> None:
    if len(path) * _UTF8 > _LONGEST and len(os.fsencode(path)) > _LONGEST:
        raise RepositoryError(
            f"{path[:60]}...: a path of {len(os.fsencode(path))} bytes, and no checkout is sure to hold more "
            f"than {_LONGEST}; start from a commit without it."
        )


def _check_names(tree: str, names: Iterable[bytes]) -> None:
    """Refuse a tree that would be written outside of its directory, or over git's own files."""
    for name in names:
        if b"/" in name or name.lower() in _NEVER:
            raise RepositoryError(
                f"{tree}: a tree with a file named {os.fsdecode(name)!r}, which is unsafe to check out; "
                "see git fsck, and start from another commit."
            )


def _plain(mode: int) -> int:
    """The mode as git writes it today; old trees also hold 100664."""
    if stat.S_ISREG(mode):
        return EXECUTABLE if mode & stat.S_IXUSR else FILE
    return mode
