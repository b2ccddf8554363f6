"""Whose copy or index something is: names and comments that only the run that made it can have given.

The name of a copy begins with a digest of the run, and a comment on it (or on an index) says the same in
words. Nothing without one of the two is ever dropped.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path

BY_HAND = "by-hand"
"""The run of whoever calls the instrument without one."""
_IDLE_S = 3600.0  # a run that an agent drives holds no lock between two experiments
_SLUG = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A run on a machine.

    Attributes:
        run: Its id.
        state: Its state directory; empty when it has none.
        host, boot: The machine, and since which start of it.
    """

    run: str
    state: str
    host: str
    boot: str

    @property
    def digest(self) -> str:
        """What no other run has, on this machine or another."""
        return _digest(self.run, self.state, self.host)[:12]

    @property
    def prefix(self) -> str:
        """How the names of all its copies begin."""
        slug = re.sub(r"[^a-z0-9]+", "_", self.run.lower())[:_SLUG]
        return f"autoopt_{slug}_{self.digest}_"

    def copy_name(self, source: str, scratch: Path) -> str:
        """The copy that belongs to a checkout, known by its scratch directory."""
        return self.prefix + _digest(source, str(scratch.resolve()))[:8]

    def kept_name(self, source: str) -> str:
        """The copy that belongs to no checkout, from which others are made."""
        return self.prefix + _digest(source)[:8]

    def owns(self, other: Owner) -> bool:
        """Whether the other one is this run, perhaps before the machine was started anew."""
        return self.digest == other.digest

    def is_dead(self) -> bool:
        """Whether the run has certainly ended, or rests so long that it may make its copies again.

        Of a run on another machine, or without a state directory, that cannot be said.
        """
        here = _host(), _boot()
        if self.host != here[0] or not self.state:
            return False
        state = Path(self.state)
        if not state.is_dir():
            return True
        return not _is_locked(state / "lock") and (self.boot != here[1] or _idle_s(state) > _IDLE_S)


def of(environ: Mapping[str, str]) -> Owner:
    """The run that this command belongs to: AUTOOPT_RUN, and the directory above the scratch one so named."""
    run = environ.get("AUTOOPT_RUN") or BY_HAND
    above = Path(environ.get("AUTOOPT_SCRATCH") or "/").resolve().parents
    state = next((str(folder) for folder in above if folder.name == run), "")
    return Owner(run=run, state=state, host=_host(), boot=_boot())


def passing(environ: Mapping[str, str], folder: Path) -> Owner:
    """The owner of what is there for one command only, as long as its temporary directory."""
    return replace(of(environ), state=str(folder))


def comment(owner: Owner, **further: object) -> str:
    """The text of a comment on something that the owner made."""
    return json.dumps({"autoopt": 1, **asdict(owner), **further}, sort_keys=True)


def read(text: str | None) -> tuple[Owner, dict[str, object]] | None:
    """What such a comment says; None for everybody else's comments."""
    if not text or not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    names = {field.name for field in fields(Owner)}
    if not isinstance(found, dict) or found.pop("autoopt", None) != 1 or not names <= set(found):
        return None
    return Owner(**{name: str(found.pop(name)) for name in names}), found


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@cache
def _host() -> str:
    """The machine by name and id: containers of one image share the id only."""
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except OSError:
        machine = ""
    return f"{socket.gethostname()} {_digest(machine)[:12]}"


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _is_locked(lock: Path) -> bool:
    """Whether a process has the run open; yes, where that cannot be seen."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _idle_s(state: Path) -> float:
    try:
        return time.time() - (state / "journal.jsonl").stat().st_mtime
    except OSError:
        return 0.0
