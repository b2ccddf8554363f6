"""Sending a run that works in a clone to where the clone came from: its branch, its records, its commits.

Everything goes forward only: a ref there is moved from what this run has put there or from an ancestor, and
where somebody else has put something the run's is not sent. The records of a run are a line of commits on
`refs/autoopt/<run>/records`, which shares no history with the code.
"""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from autoopt.errors import RepositoryError
from autoopt.places import RunFiles
from autoopt.workspaces.formats import hash_of
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.repository import identity
from autoopt.workspaces.store import FILE, Entry, Refs, Store, is_id
from autoopt.workspaces.transport import Names, Transport

RECORDS = "records"
"""The last name of the ref that a run's records are under."""
ABOUT = "about.json"
VERSION = 1
_LONGEST_HOST = 255
_LATEST = 1 << 40
_LONGEST = 100_000_000  # bytes of one file that hosts of repositories take


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What records say of themselves.

    Attributes:
        host: The machine the run works on.
        sent: When they were made, in seconds since 1970.
    """

    run_id: str
    base: str
    host: str
    sent: int
    version: int = VERSION


class TakenError(RepositoryError):
    """The repository elsewhere has something else under a name of the run; nothing of it is touched."""


class Sender:
    """Sends one run; the caller holds the run's lock."""

    def __init__(
        self,
        layout: Layout,
        files: RunFiles,
        transport: Transport,
        redact: Callable[[str], str],
        *,
        discards: bool,
    ) -> None:
        """`discards`: whether commits that were not kept are sent, too."""
        self._layout = layout
        self._files = files
        self._transport = transport
        self._redact = redact
        self._discards = discards
        self._control = Path(layout.control)
        self._refs = Refs(self._control, layout.intent("send"))

    @property
    def url(self) -> str:
        """Where to."""
        return self._transport.shown

    def send(self) -> None:
        """Bring everything up to date there.

        Raises:
            AwayError: it cannot be reached now.
            TakenError: somebody else's commits are there.
        """
        store = Store(self._control)
        try:
            wanted = {self._records_ref: self._recorded(store), **self._own()}
            refused = self._transport.push(self._control, lambda there: self._updates(store, wanted, there))
        finally:
            store.close()
        if refused:
            name, why = next(iter(refused.items()))
            raise TakenError(f"{self.url}: does not take {name} ({why}).")

    def withdraw(self) -> None:
        """Take back what was sent, as far as it is there as this run has put it.

        Raises:
            AwayError: it cannot be reached now.
        """
        names = (self._records_ref, self._layout.ref)
        sent = {name: commit for name in names if (commit := self._refs.read(name)) is not None}
        gone = "0" * hashlib.new(hash_of(self._control)).digest_size * 2
        self._transport.push(
            self._control, lambda there: {name: gone for name in sent if there.get(name) == sent[name]}
        )

    @property
    def _records_ref(self) -> str:
        return f"{self._layout.experiments}/{RECORDS}"

    def _own(self) -> dict[str, str]:
        """The run branch, what finishing the run needs besides, and, where they are wanted, all attempts."""
        folder = self._layout.experiments
        numbers = [] if self._discards else self._refs.numbers(folder)
        unwanted = {RECORDS, *map(str, numbers)}
        names = [f"{folder}/{name}" for name in self._refs.names(folder) if name not in unwanted]
        found = {name: self._refs.read(name) for name in (self._layout.ref, *names)}
        return {name: commit for name, commit in found.items() if commit is not None}

    def _updates(self, store: Store, wanted: Names, there: Names) -> dict[str, str]:
        """What of it is to be moved there.

        Raises:
            TakenError: one of the names holds what is not ours.
        """
        for name, commit in wanted.items():
            old = there.get(name, commit)
            if old != commit and not (store.has(old) and store.descends(commit, old)):
                raise TakenError(
                    f"{self.url}: {name} is at {old[:12]} there, not of this run's making; it stays. "
                    "Rename it there, and autoopt resume sends the run."
                )
        return {name: commit for name, commit in wanted.items() if there.get(name) != commit}

    def _recorded(self, store: Store) -> str:
        """A commit of the records as they are now; the last one where nothing has happened since."""
        self._refs.recover(self._records_ref, self._layout.experiments)
        last = self._refs.read(self._records_ref)
        contents = self._contents()
        entries = {name: Entry(FILE, store.add_blob(data)) for name, data in contents.items()}
        if last is not None and _is_same(store, last, entries):
            return last
        about = About(
            run_id=self._layout.run_id,
            base=self._layout.base,
            host=socket.gethostname(),
            sent=int(time.time()),
        )
        entries[ABOUT] = Entry(FILE, store.add_blob(json.dumps(asdict(about)).encode()))
        tree = store.add_tree("", entries)
        message = f"records of {self._layout.run_id}\n"
        parents = [] if last is None else [last]
        commit = store.add_commit(tree, parents, message, identity(self._control), about.sent)
        store.sync()
        if not self._refs.move(self._records_ref, last, commit):
            raise RepositoryError(
                f"{self._records_ref} moves at the same time; autoopt resume sends the run."
            )
        return commit

    def _contents(self) -> dict[str, bytes]:
        """The run's records, without secrets.

        Raises:
            RepositoryError: the journal has one, of a variable that was not there when it was written.
        """
        root, name = Path(self._layout.root), f"autoresearch-{self._layout.run_id}"
        journal = self._files.journal.read_bytes()
        found = {"journal.jsonl": journal[: journal.rfind(b"\n") + 1]}
        if self._redact(text := journal.decode("utf-8", "replace")) != text:  # its lines cannot be changed
            raise RepositoryError(
                f"{self._files.journal}: holds what a variable of this environment holds as a secret; "
                "it is not sent. Resume without that variable where it is none."
            )
        others = {
            "config.yaml": self._files.config,
            "parameters.json": self._files.parameters,
            "report.md": self._files.report,
            "report.html": self._files.page,
            "table.tsv": root / f"{name}.tsv",
            "table.log": root / f"{name}.log",
        }
        for inside, path in others.items():
            if path.is_file():
                text = self._redact(path.read_text("utf-8", "replace"))
                found[inside] = text.encode()
        return {inside: data for inside, data in found.items() if len(data) < _LONGEST}


def _is_same(store: Store, last: str, entries: Mapping[str, Entry]) -> bool:
    listing = store.listing(store.tree_of(last))
    return {**entries, ABOUT: listing.get(ABOUT)} == listing


def read_about(store: Store, commit: str) -> About | None:
    """What a commit of records says of itself; None where it is none that can be read here."""
    entry = store.listing(store.tree_of(commit)).get(ABOUT)
    try:
        body = json.loads(store.blob(entry.sha)) if entry else None
        if not isinstance(body, dict) or body.get("version") != VERSION:
            return None
        about = About(**body)
    except (ValueError, TypeError, RecursionError):
        return None
    return about if _is_sane(about) else None


def _is_sane(about: About) -> bool:
    """Whether it is what this version writes: anybody who may push may have written it."""
    host, sent = about.host, about.sent
    return (
        all(isinstance(text, str) for text in (about.run_id, about.base, host))
        and is_id(about.base.encode("utf-8", "replace"))
        and host.isprintable()
        and len(host) <= _LONGEST_HOST
        and type(sent) is int
        and 0 <= sent < _LATEST
    )
