"""Runs that worked elsewhere and came back: their records, unpacked to where this machine's runs have theirs.

Whatever shows, merges, finishes or cleans runs then finds them as any other. A run of this machine is never
touched, whatever bears its name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from dulwich.refs import DiskRefsContainer

from autoopt import files
from autoopt.errors import BusyError, RepositoryError, ResourceError
from autoopt.journal import held
from autoopt.places import RunFiles
from autoopt.workspaces.addresses import address_of
from autoopt.workspaces.layout import FILE_NAME, Layout
from autoopt.workspaces.refs import Refs, read_ref
from autoopt.workspaces.remotes import address_to
from autoopt.workspaces.repository import Repository
from autoopt.workspaces.sending import RECORDS, About, read_about
from autoopt.workspaces.store import Store
from autoopt.workspaces.transport import Names, Transport

MARK = "away.json"
"""Says in a run's state directory that the run works elsewhere, and what came back last."""
_REF = re.compile(r"refs/autoopt/([A-Za-z0-9][A-Za-z0-9._-]{0,99})/([A-Za-z0-9-]{1,60})")
_BRANCH = re.compile(r"refs/heads/autoresearch/([A-Za-z0-9][A-Za-z0-9._-]{0,99})")
_UNPACKED = ("journal.jsonl", "config.yaml", "parameters.json", "report.md", "report.html")


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """A run that works elsewhere.

    Attributes:
        commit: Its records as they are unpacked here.
        sent: When they were made, in seconds since 1970.
    """

    commit: str
    host: str
    sent: int


def away(state: Path) -> Away | None:
    """Where the run of a state directory works, if not on this machine."""
    try:
        return Away(**json.loads((state / MARK).read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError):
        return Away(commit="", host="another machine", sent=0)  # unpacked anew the next time


def unpack(repository: Repository, folder: Path) -> None:
    """Bring what has come back to this repository to its runs' state directories, below `folder`."""
    new = {
        run_id: commit for run_id, commit in _records(repository.control) if _is_new(folder / run_id, commit)
    }
    if not new:
        return
    store = Store(repository.control)
    try:
        for run_id, commit in sorted(new.items()):
            # another process unpacks it; it is of a later version; or anybody's, and not as records are
            with suppress(BusyError, RepositoryError, ResourceError, OSError):
                _unpack(repository, folder / run_id, store, commit)
    finally:
        store.close()


def _records(control: Path) -> Iterator[tuple[str, str]]:
    """Name and latest records of every run that has some under its ref."""
    refs = DiskRefsContainer(control)
    packed = control / "packed-refs"
    loose = {path.relative_to(control).as_posix() for path in control.glob(f"refs/autoopt/*/{RECORDS}")}
    named = packed.read_text("utf-8", "replace").split() if packed.is_file() else ()
    for ref in sorted(loose | {word for word in named if word.endswith(f"/{RECORDS}")}):
        found, commit = _REF.fullmatch(ref), read_ref(refs, ref)
        if found and found[1] != "searches" and commit:
            yield found[1], commit


def _is_new(state: Path, commit: str) -> bool:
    known = away(state)
    return (
        known.commit != commit
        if known
        else not any((state / name).exists() for name in (FILE_NAME, "making"))
    )


def _unpack(repository: Repository, state: Path, store: Store, commit: str) -> None:
    about = read_about(store, commit)
    if about is None or about.run_id != state.name:
        return
    listing = store.listing(store.tree_of(commit))
    contents = {name: store.blob(listing[name].sha) for name in _UNPACKED if name in listing}
    if "journal.jsonl" not in contents or "config.yaml" not in contents:
        return
    files.make_directory(state)
    with held(state):
        _write(state, RunFiles(state), contents, about, commit)
        _layout(repository, state, about).save(state)


def _write(state: Path, run: RunFiles, contents: Mapping[str, bytes], about: About, commit: str) -> None:
    """The mark before all, so that a killed unpacking is known for one, and once more when all is there."""
    mark = Away(commit="", host=about.host, sent=about.sent)
    files.replace(state / MARK, json.dumps(asdict(mark)).encode())
    for name, data in contents.items():
        files.replace(state / name, data)
    whole = Away(commit=commit, host=about.host, sent=about.sent)
    files.replace(state / MARK, json.dumps(asdict(whole)).encode())


def _layout(repository: Repository, state: Path, about: About) -> Layout:
    """Its places here: it has no desk, and its checkouts are made when they are needed."""
    mark = hashlib.sha256(os.fsencode(state.resolve())).hexdigest()[:8]  # nobody's worktree is called so
    return Layout(
        run_id=about.run_id,
        root=str(repository.root),
        control=str(repository.control),
        base=about.base,
        desk=str(state / "desk"),
        worktree=f"{about.run_id}-{mark}",
    )


def fetch(repository: Repository, folder: Path, environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """Bring runs from the repository's remote; return its address and the refs that could not be moved.

    Branches and refs of runs that work here stay as they are, and so does what was moved here by somebody.

    Raises:
        RepositoryError: it has no remote.
        ResourceError: it cannot be reached.
    """
    url = address_to(repository.control, repository.branch)
    if url is None:
        raise RepositoryError(f"{repository.root}: has no remote to fetch from; git remote add origin URL.")
    if address_of(url) is None:  # a path, which counts from the checkout
        url = str(repository.root / url)
    ours = {path.parent.name for path in folder.glob(f"*/{FILE_NAME}") if away(path.parent) is None}

    def wanted(there: Names) -> Names:
        with_records = {found[1] for name in there if (found := _REF.fullmatch(name)) and found[2] == RECORDS}
        runs = {
            name: found[1] for name in there if (found := _REF.fullmatch(name) or _BRANCH.fullmatch(name))
        }
        return {name: there[name] for name, run_id in runs.items() if run_id in with_records - ours}

    transport = Transport(url, environ)
    there = transport.fetch(repository.control, lambda refs: list(wanted(refs).values()))
    refs = Refs(repository.control, repository.control / f"autoopt-fetch-intent-{uuid4().hex}")
    store = Store(repository.control)
    try:
        moved = {name: _forward(refs, store, name, commit) for name, commit in wanted(there).items()}
    finally:
        store.close()
    return transport.shown, sorted(name for name, is_there in moved.items() if not is_there)


def _forward(refs: Refs, store: Store, name: str, commit: str) -> bool:
    """Have the ref at this commit, where that takes nothing from it."""
    old = refs.read(name)
    if old == commit:
        return True
    return (old is None or store.descends(commit, old)) and refs.move(name, old, commit)
