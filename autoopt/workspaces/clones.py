"""Repositories that are elsewhere: a clone for each address, in it a checkout for each commit to start from.

All runs of an address share its clone, at the same time too. A checkout counts as made when git's file is in
it, which is written last; whatever a killed process left before that is made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from autoopt import files
from autoopt.errors import RepositoryError
from autoopt.places import state_root
from autoopt.removing import remove_whole
from autoopt.workspaces.addresses import Address, address_of
from autoopt.workspaces.directory import Directory
from autoopt.workspaces.index import Index
from autoopt.workspaces.store import Store, is_id
from autoopt.workspaces.transport import Names, Transport, peeled

ORIGIN = "autoopt-origin.json"
"""Says in a clone's git directory where it came from."""
_CONFIG = (
    '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[remote "origin"]\n\turl = {}\n'
)
_SHORT = 12


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a clone came from."""

    url: str


def origin_of(control: Path) -> Origin | None:
    """Where a repository came from, by its common git directory; None where it is not a clone of ours."""
    try:
        return Origin(str(json.loads((control / ORIGIN).read_bytes())["url"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise RepositoryError(f"{control / ORIGIN}: not as it was written; remove the clone.") from error


def settled(repo: str, environ: Mapping[str, str]) -> str:
    """The directory that `repo` means: itself, or a checkout in the clone of its address.

    An address is asked once by each process; what it has meanwhile is for later ones.

    Raises:
        UsageError: it is no address that can be used.
        RepositoryError: the repository elsewhere has no such ref.
        ResourceError: it cannot be reached.
    """
    address = address_of(repo)
    return repo if address is None else _settled(address, state_root(environ), tuple(sorted(environ.items())))


def brought(address: Address, environ: Mapping[str, str]) -> tuple[Path, str]:
    """The git directory of the clone of an address, and the commit that the address means.

    Asked each time, but for a commit that is there already.

    Raises:
        RepositoryError: the repository elsewhere has no such ref.
        ResourceError: it cannot be reached.
    """
    place = state_root(environ) / "clones" / address.key
    files.make_directory(place)
    with files.alone(place / "lock"):
        control = place / f"{address.name}.git"
        _found(control, address)
        here = peeled(control, address.ref) if _is_id(address.ref) else None
        return control, here or _fetched(control, address, environ)


def is_known(address: Address, environ: Mapping[str, str]) -> bool:
    """Whether this user has fetched from the address before, or tried to."""
    control = state_root(environ) / "clones" / address.key / f"{address.name}.git"
    return origin_of(control) == Origin(address.url)  # the key is short: one can be made to fit


@cache
def _settled(address: Address, root: Path, environ: tuple[tuple[str, str], ...]) -> str:
    place = root / "clones" / address.key
    files.make_directory(place)
    with files.alone(place / "lock"):  # several may start at once, and one of them fetches for all
        control = place / f"{address.name}.git"
        _found(control, address)
        commit = _fetched(control, address, dict(environ))
        return str(_checkout(control, place / commit[:_SHORT], commit))


def _found(control: Path, address: Address) -> None:
    """Make an empty repository, unless there is one.

    Raises:
        RepositoryError: there is one of another address.
    """
    if (known := origin_of(control)) is not None:
        if known.url != address.url:
            raise RepositoryError(f"{address.url}: {control} is the clone of {known.url}; remove that clone.")
        return
    remove_whole(control)
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        files.make_directory(control / folder)
    url = json.dumps(address.url, ensure_ascii=False)  # git quotes as JSON does
    files.replace(control / "config", _CONFIG.format(url).encode())
    files.replace(control / "HEAD", b"ref: refs/heads/none\n")  # nothing of anybody's is checked out here
    files.replace(control / ORIGIN, json.dumps({"url": address.url}).encode())


def _fetched(control: Path, address: Address, environ: Mapping[str, str]) -> str:
    """The commit that a run of the address starts from, with its history."""
    transport = Transport(address.url, environ)
    head = transport.look().head if not address.ref else ""
    meant: list[str] = []

    def choose(refs: Names) -> list[str]:
        meant[:] = _meant(address, head, refs)
        return meant

    refs = transport.fetch(control, choose)
    wanted = [address.ref] if _is_id(address.ref) else meant
    commit = peeled(control, wanted[0]) if len(wanted) == 1 else None
    if commit is None:
        raise RepositoryError(_no_such(address, refs))
    return commit


def _meant(address: Address, head: str, refs: Mapping[str, str]) -> list[str]:
    """The object that is asked for; for a commit, which nobody advertises, all that may lead to it."""
    ref = address.ref
    if not ref:
        return [refs[name] for name in (head, "HEAD") if name in refs][:1]
    for name in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}"):
        if name in refs and (name.startswith("refs/") or name == "HEAD"):
            return [refs[name]]
    if _is_id(ref):
        return [sha for name, sha in refs.items() if name.startswith(("refs/heads/", "refs/tags/"))]
    return []


def _is_id(ref: str) -> bool:
    return is_id(ref.encode("utf-8", "replace"))


def _no_such(address: Address, refs: Mapping[str, str]) -> str:
    branches = [name.removeprefix("refs/heads/") for name in refs if name.startswith("refs/heads/")]
    shown = ", ".join(sorted(name for name in branches if not name.startswith("autoresearch/"))[:5])
    if not address.ref:
        return (
            f"{address.url}: has no commit at its HEAD; give a branch: repo=URL@BRANCH ({shown or 'none'})."
        )
    return f"{address.url}: has no branch, tag or commit {address.ref!r}; its branches: {shown or 'none'}."


def _checkout(control: Path, root: Path, commit: str) -> Path:
    """A checkout of the commit, with its files as they are committed."""
    if (root / ".git").is_file():
        return root
    admin = control / "worktrees" / root.name
    files.make_directory(admin)
    files.make_directory(root)
    store = Store(control)
    try:
        wanted = store.files(store.tree_of(commit))
        Directory(root, skip=frozenset({".git"}), algorithm=store.algorithm).settle(wanted, store)
        Index(admin / "index", root, admin / "autoopt-intent", store.algorithm).write(wanted)
    finally:
        store.close()
    files.replace(admin / "commondir", b"../..\n")
    files.replace(admin / "gitdir", os.fsencode(root / ".git") + b"\n")
    files.replace(admin / "HEAD", f"{commit}\n".encode())
    files.replace(root / ".git", b"gitdir: " + os.fsencode(admin) + b"\n")
    return root
