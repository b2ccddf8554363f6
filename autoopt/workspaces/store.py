"""Commits, trees and blobs: read through dulwich, written here, durably and without any configuration.

Writing needs no more than zlib and a rename, and dulwich's own writer leaves `<object>.lock` files behind
when it is killed, which block that object for ever. No filter, hook or signing program can run from here,
because nothing in this module reads the repository's configuration.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, cast

from dulwich.object_store import DiskObjectStore
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.refs import DiskRefsContainer, Ref

from autoopt.errors import RepositoryError
from autoopt.files import sync_directory
from autoopt.workspaces.locks import release, replace_locked

FILE = 0o100644
EXECUTABLE = 0o100755
LINK = 0o120000
GITLINK = 0o160000
DIRECTORY = 0o040000

_COMMIT = re.compile(r"[0-9a-f]{40}")
CLOCK_SLOP_S = 7 * 86_400  # how wrong the clocks of two committers may be
_CACHED_ENTRIES = 200_000  # some 50 MB


class Entry(NamedTuple):
    """A file as a tree names it: git mode and blob id."""

    mode: int
    sha: str


Files = Mapping[str, Entry]


def blob_id(data: bytes) -> str:
    """The id git gives to a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class Store:
    """The objects of one repository, opened by its common git directory."""

    def __init__(self, control: Path) -> None:
        """Open; reads nothing yet."""
        self._folder = control / "objects"
        self._objects = DiskObjectStore(self._folder)
        self._trees: dict[str, dict[str, Entry]] = {}
        self._cached = 0
        self._touched: set[Path] = set()

    def blob(self, sha: str) -> bytes:
        """The content of a file."""
        return self._read(sha)[1]

    def find_blob(self, prefix: str) -> bytes | None:
        """The content of the one file whose id begins so; None where there are none or several."""
        found = {bytes(sha) for sha in self._objects.iter_prefix(prefix.encode())}
        objects = [self._objects.get_raw(ObjectID(sha)) for sha in found]
        blobs = [data for kind, data in objects if kind == Blob.type_num]
        return blobs[0] if len(blobs) == 1 else None

    def parents(self, sha: str) -> tuple[str, ...]:
        """A commit's parents, without those that a shallow clone does not have."""
        parents = self.commit(sha).parents
        return tuple(parent.decode() for parent in parents if parent in self._objects)

    def commit(self, sha: str) -> Commit:
        """A commit by its full id."""
        kind, raw = self._read(sha)
        if kind != Commit.type_num:
            raise RepositoryError(f"{sha}: not a commit.")
        return cast(Commit, Commit.from_raw_string(kind, raw))

    def descends(self, commit: str, ancestor: str) -> bool:
        """Whether `ancestor` is the commit or in its history.

        Looks no further back than the ancestor's date, give or take wrong clocks.
        """
        oldest = self.commit(ancestor).commit_time - CLOCK_SLOP_S
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
        self._compare("", old, new, found)
        return found

    def _compare(self, prefix: str, old: str, new: str, found: dict[str, Entry | None]) -> None:
        before, after = self.listing(old), self.listing(new)
        for name in before.keys() | after.keys():
            a, b = before.get(name), after.get(name)
            if a == b:
                continue
            path = prefix + name
            old_tree = a.sha if a and a.mode == DIRECTORY else ""
            new_tree = b.sha if b and b.mode == DIRECTORY else ""
            if a and not old_tree and not (b and not new_tree):
                found[path] = None
            if old_tree or new_tree:
                self._compare(path + "/", old_tree, new_tree, found)
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
            items = cast(Tree, Tree.from_raw_string(kind, raw)).iteritems()
            self._trees[tree] = {os.fsdecode(i.path): Entry(_plain(i.mode), i.sha.decode()) for i in items}
            self._cached += 1 + len(self._trees[tree])
        return self._trees[tree]

    def _read(self, sha: str) -> tuple[int, bytes]:
        try:
            return self._objects.get_raw(ObjectID(sha.encode()))
        except KeyError as error:
            raise RepositoryError(
                f"{sha}: not in {self._folder}; fetch it (is this a partial clone?) or run git fsck."
            ) from error

    def add_blob(self, data: bytes) -> str:
        """Store a file's content; return its id."""
        return self._write(b"blob", data)

    def rebuild(self, tree: str, changes: Mapping[str, Entry | None]) -> str:
        """The tree with these paths set or (None) removed; only the directories on their way are written."""
        here: dict[str, Entry | None] = {}
        below: dict[str, dict[str, Entry | None]] = {}
        for path, entry in changes.items():
            name, _, rest = path.partition("/")
            if rest:
                below.setdefault(name, {})[rest] = entry
            else:
                here[name] = entry
        listing = dict(self.listing(tree))
        for name in (name for name, entry in here.items() if entry is None):
            listing.pop(name, None)
        for name, deeper in below.items():
            self._rebuild_below(listing, name, deeper)
        listing.update({name: entry for name, entry in here.items() if entry is not None})
        return self._add_tree(listing) if listing else ""

    def _rebuild_below(self, listing: dict[str, Entry], name: str, changes: dict[str, Entry | None]) -> None:
        old = listing.get(name)
        sha = self.rebuild(old.sha if old and old.mode == DIRECTORY else "", changes)
        if sha:
            listing[name] = Entry(DIRECTORY, sha)
        elif old and old.mode == DIRECTORY:
            del listing[name]

    def _add_tree(self, listing: Mapping[str, Entry]) -> str:
        tree = Tree()
        for name, entry in listing.items():
            tree.add(os.fsencode(name), entry.mode, ObjectID(entry.sha.encode()))
        return self._write(b"tree", tree.as_raw_string())

    def add_tree(self, tree: str, changes: Mapping[str, Entry | None]) -> str:
        """Like `rebuild`, and also for a tree that becomes empty."""
        return self.rebuild(tree, changes) or self._add_tree({})

    def add_commit(self, tree: str, parents: list[str], message: str, identity: bytes, when: int) -> str:
        """Store a commit; return its id."""
        commit = Commit()
        commit.tree = ObjectID(tree.encode())
        commit.parents = [ObjectID(parent.encode()) for parent in parents]
        commit.author = commit.committer = identity
        commit.author_time = commit.commit_time = when
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = message.encode("utf-8", "replace")
        return self._write(b"commit", commit.as_raw_string())

    def _write(self, kind: bytes, data: bytes) -> str:
        content = b"%s %d\0" % (kind, len(data)) + data
        sha = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if ObjectID(sha.encode()) in self._objects:
            return sha
        folder = self._folder / sha[:2]
        folder.mkdir(exist_ok=True)
        # git's own name for unfinished objects: its gc removes what a crash leaves.
        descriptor, name = tempfile.mkstemp(prefix="tmp_obj_", dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(zlib.compress(content, 1))
            file.flush()
            os.fchmod(descriptor, stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
            os.fsync(descriptor)
        Path(name).replace(folder / sha[2:])
        self._touched.add(folder)
        return sha

    def sync(self) -> None:
        """Make the names of all objects written so far durable; before a ref may name one of them."""
        for folder in self._touched:
            sync_directory(folder)
        if self._touched:
            sync_directory(self._folder)
        self._touched.clear()

    def close(self) -> None:
        """Let go of pack files."""
        self._objects.close()


def _plain(mode: int) -> int:
    """The mode as git writes it today; old trees also hold 100664."""
    if stat.S_ISREG(mode):
        return EXECUTABLE if mode & stat.S_IXUSR else FILE
    return mode


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

    def move(self, ref: str, old: str | None, new: str) -> bool:
        """Point a ref from `old` (None: no such ref) to `new`; False, and nothing done, where it is not."""
        path = self._control / ref
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            taken = path.parent.relative_to(self._control)
            raise RepositoryError(f"{taken}: a branch of this name is in the way; rename it.") from error
        return replace_locked(path, f"{new}\n".encode(), self._intent, lambda: self.read(ref) == old)

    def recover(self, ref: str, folder: str) -> None:
        """Remove the locks on a ref and on those in a folder that a killed process of ours left."""
        locks = (self._control / folder).glob("*.lock")
        release(self._intent, [self._control / f"{ref}.lock", *locks])


def read_ref(container: DiskRefsContainer, ref: str) -> str | None:
    """The commit a ref names, or None when there is no such ref, or it names another ref."""
    value = container.read_ref(Ref(ref.encode()))
    if not value or not _COMMIT.fullmatch(text := value.decode("ascii", "replace")):
        return None
    return text
