"""What a command may write, see and reach, and by which means of this machine that is held to."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path


class Kind(enum.StrEnum):
    """The means there are, best first."""

    BUBBLEWRAP = "bubblewrap"
    BUBBLEWRAP_HOST_PROC = "bubblewrap-host-proc"
    BUBBLEWRAP_HOST_PIDS = "bubblewrap-host-pids"
    LANDLOCK = "landlock"
    SANDBOX_EXEC = "sandbox-exec"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """A means that was seen to work on this machine.

    Attributes:
        program: What makes the walls; empty where the kernel is asked directly, or there are none.
        why: Why it is not a better one, for a person; empty for the best.
    """

    kind: Kind
    program: str = ""
    why: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return "bubblewrap" if self.is_bubblewrap else str(self.kind)

    @property
    def is_bubblewrap(self) -> bool:
        """Whether it is bubblewrap, with whatever namespaces it gets."""
        return self.kind in (Kind.BUBBLEWRAP, Kind.BUBBLEWRAP_HOST_PROC, Kind.BUBBLEWRAP_HOST_PIDS)

    @property
    def holds(self) -> bool:
        """Whether it keeps commands from anything; without, changes are noticed at best."""
        return self.kind is not Kind.NONE

    @property
    def nests(self) -> bool:
        """Whether a program inside can make a sandbox of its own, as some agents do."""
        return self.kind is not Kind.LANDLOCK and self.kind is not Kind.SANDBOX_EXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """What one command may write, see and reach.

    Everything on disk is readable and nothing is writable but for what is said here. Where places lie in one
    another the inner one counts: a writable directory in a hidden one is writable, and so on.

    Attributes:
        mechanism: What holds to it, as `sandbox.choose` found it.
        writable: Directories, or files that exist, that may be changed.
        hidden: Directories and files that are there, but empty. What does not exist is skipped.
        read_only: What stays readable only although it lies in a writable place, or readable at all although
            it lies in a hidden one. What does not exist is skipped.
        network: Whether other hosts and this host's own ports can be reached.
        tmp: The private directory that stands for /tmp, where that can be; it is emptied for the command.
            What is in /tmp already is seen there read-only, through links. None for no change.
        watched: Files, and directories whose files, nobody but autoopt and the user may change. Where the
            mechanism does not prevent it, the run stops when they are not as they were before the command.
        nested: Whether the command puts up walls of its own inside, with a /dev of its own: there links to
            what is in /tmp would lead nowhere, so all of it is mounted, which takes 2 ms for each entry.
    """

    mechanism: Mechanism
    writable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    read_only: tuple[Path, ...] = ()
    network: bool = True
    tmp: Path | None = None
    watched: tuple[Path, ...] = ()
    nested: bool = False
