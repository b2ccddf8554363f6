"""Fetching from and pushing to a repository elsewhere: refs and packs, and nobody's configuration.

No hook, filter or credential helper is run from here. The one program that can be started is ssh, for its
addresses, and it asks nobody anything.
"""

from __future__ import annotations

import os
import re
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from autoopt.errors import RepositoryError, ResourceError
from autoopt.files import alone
from autoopt.workspaces.refs import checked_out, is_id

if TYPE_CHECKING:
    from dulwich.client import GitClient
    from dulwich.repo import Repo

_SSH = "-o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15"
_PEELED = b"^{}"
_USER = re.compile(r"^([a-z+]+://)[^/@]*:[^/@]*@|^(https?://)[^/@]*@", re.IGNORECASE)
_HEAD = b"HEAD"

LEFT_S = 30.0
_PAUSE_S = 0.2
_OURS = re.compile(r"/(refs/autoopt/.+|refs/heads/autoresearch/.+|objects/pack/pack-[0-9a-f]+\.idx)\.lock$")

T = TypeVar("T")
Names = Mapping[str, str]
"""Commits (or tags) by the full names of their refs."""


class AwayError(ResourceError):
    """A repository elsewhere cannot be reached, or does not answer as one does; later it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertised:
    """What a repository says that it has.

    Attributes:
        head: The branch that its HEAD is at; empty where it does not tell.
    """

    refs: Names
    head: str


class Transport:
    """The way to one repository elsewhere; every call is a connection of its own.

    Attributes:
        shown: Its address without what may be a password.
    """

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        """Nothing is reached for yet."""
        self.shown = _USER.sub(lambda found: found[1] or found[2], url)
        self._url = url
        self._environ = environ

    def look(self) -> Advertised:
        """What it has now.

        Raises:
            AwayError: it cannot be reached.
        """
        with self._reached("pull") as (client, path):
            found = client.get_refs(path.encode())
            return _advertised(found.refs, found.symrefs)

    def fetch(self, control: Path, choose: Callable[[Names], list[str]]) -> Names:
        """Bring what `choose` takes of its refs, by object id, with all they lead to; return the refs.

        Raises:
            AwayError: it cannot be reached.
        """
        from dulwich.objects import ObjectID

        def fetched() -> Names:
            told: list[Names] = []

            def wants(refs: Mapping[Any, Any], depth: int | None = None) -> list[Any]:
                told.append(_names(refs))
                chosen = [ObjectID(one.encode()) for one in dict.fromkeys(choose(told[-1]))]
                return [sha for sha in chosen if sha not in here.object_store]

            # One at a time, as two that bring the same would write one file; and what is said to be there is
            # what was there before: a repository on this machine is asked again afterwards.
            with (
                alone(control / "objects"),
                _opened(control) as here,
                self._reached("pull") as (client, path),
            ):
                found = client.fetch(path.encode(), here, determine_wants=wants)
                return told[-1] if told else _names(found.refs)

        return self._unlocked(fetched)

    def push(self, control: Path, choose: Callable[[Names], Names]) -> dict[str, str]:
        """Point its refs where `choose` says, each only from where it was when asked; why not, by name.

        Args:
            choose: Told the refs it has; returns those to set, with objects that `control` has. An exception
                of its own ends the push with nothing done.

        Raises:
            AwayError: it cannot be reached, or refuses what it is sent.
            RepositoryError: a branch of those is checked out there, and somebody's files are of it.
        """

        def pushed() -> dict[str, str]:
            with _opened(control) as here, self._reached("push") as (client, path):
                done = client.send_pack(
                    path.encode(),
                    lambda refs: _raw(self._free(client, path, choose(_names(refs)))),
                    cast("Any", here.generate_pack_data),  # the library's own annotations differ
                )
            refused = done.ref_status or {}
            return {_text(name): str(why) for name, why in refused.items() if why is not None}

        return self._unlocked(pushed)

    def _unlocked(self, work: Callable[[], T]) -> T:
        """What the work returns, once nobody else has what it writes locked.

        Raises:
            AwayError: somebody keeps it locked.
        """
        from dulwich.file import FileLocked

        until = time.monotonic() + LEFT_S + _PAUSE_S
        while True:
            try:
                return work()
            except FileLocked as error:
                lock = Path(os.fsdecode(error.lockfilename))
                if not _forsaken(lock) and time.monotonic() > until:
                    raise AwayError(
                        f"{self.shown}: {lock} is locked by another git process; if none is running, "
                        "delete it."
                    ) from error
            time.sleep(_PAUSE_S)

    @contextmanager
    def _reached(self, operation: str) -> Iterator[tuple[GitClient, str]]:
        from dulwich.errors import GitProtocolError, NotGitRepository, ObjectMissing
        from urllib3.exceptions import HTTPError

        odd = (ValueError, KeyError, AssertionError, EOFError, zlib.error, struct.error)  # half an answer
        try:
            yield self._client(operation)
        except NotGitRepository as error:
            raise AwayError(
                f"{self.shown}: no git repository, or none that may be seen; check repo."
            ) from error
        except (GitProtocolError, ObjectMissing, HTTPError, OSError, *odd) as error:
            raise AwayError(f"{self.shown}: cannot {operation} ({self._reason(error)}).") from error

    def _free(self, client: GitClient, path: str, wanted: Names) -> Names:
        """The same, unless a repository that no server guards has a checkout of one of them."""
        from dulwich.client import LocalGitClient

        if isinstance(client, LocalGitClient):
            inside = Path(path) / ".git"
            control = inside if inside.is_dir() else Path(path)
            for name in wanted:
                if any(checked_out(control, name)):
                    raise RepositoryError(
                        f"{self.shown}: {name} is checked out there; check out another branch."
                    )
        return wanted

    def _reason(self, error: BaseException) -> str:
        reason = " ".join(str(error).replace(self._url, self.shown).split())
        return reason[:200] or type(error).__name__

    def _client(self, operation: str) -> tuple[GitClient, str]:
        from dulwich.client import get_transport_and_path
        from dulwich.config import ConfigFile

        token = self._environ.get("AUTOOPT_GIT_TOKEN") if self._url.startswith("https:") else None
        user = self._environ.get("AUTOOPT_GIT_USER", "git") if token else None
        return get_transport_and_path(
            self._url,
            config=ConfigFile(),  # nobody's
            operation=operation,
            quiet=True,
            username=user,
            password=token,
            ssh_command=f"{self._environ.get('GIT_SSH_COMMAND', 'ssh')} {_SSH}",
        )


def _forsaken(lock: Path) -> bool:
    """Whether a lock is gone now: one that a killed run has left on what only runs write is removed.

    Such a lock is held for milliseconds; none that is half a minute old has a process any more.
    """
    try:
        if time.time() - lock.lstat().st_mtime > LEFT_S and _OURS.search(str(lock)):
            lock.unlink()
    except FileNotFoundError:
        return True
    return not lock.exists()


def peeled(control: Path, sha: str) -> str | None:
    """The commit that an object of ours is or, as a tag, leads to; None where it is something else."""
    from dulwich.objects import Commit, ObjectID, Tag

    with _opened(control) as here:
        wanted = ObjectID(sha.encode())
        while wanted in here.object_store:
            found = here.object_store[wanted]
            if not isinstance(found, Tag):
                return found.id.decode() if isinstance(found, Commit) else None
            wanted = found.object[1]
    return None


@contextmanager
def _opened(control: Path) -> Iterator[Repo]:
    """Our own repository, durable in what it is given and telling of all it has."""
    from dulwich.repo import Repo

    class Here(Repo):
        def get_graph_walker(self, heads: Any = None) -> Any:
            """Tell of whatever a ref or a checkout holds; the library's own would tell of branches alone."""
            return super().get_graph_walker(
                heads or [sha for sha in _tips(control) if sha in self.object_store]
            )

    here = Here(str(control))
    here.object_store.fsync_object_files = True
    try:
        yield here
    finally:
        here.close()


def _tips(control: Path) -> list[Any]:
    from dulwich.refs import DiskRefsContainer

    held = [head.read_bytes().strip() for head in control.glob("worktrees/*/HEAD")]
    values = [*DiskRefsContainer(control).as_dict().values(), *held]
    return list(dict.fromkeys(value for value in values if is_id(value)))


def _advertised(refs: Mapping[Any, Any], symrefs: Mapping[Any, Any] | None) -> Advertised:
    head = (symrefs or {}).get(_HEAD)
    return Advertised(refs=_names(refs), head=_text(head) if head else "")


def _names(refs: Mapping[Any, Any]) -> dict[str, str]:
    return {_text(name): sha.decode() for name, sha in refs.items() if sha and not name.endswith(_PEELED)}


def _raw(refs: Names) -> Any:
    return {name.encode(): sha.encode() for name, sha in refs.items()}


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
