"""Where the runs of one search meet: one ref that stands for the best commit that any of them has kept."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from autoopt import files
from autoopt.workspaces.refs import Refs

FOLDER = "refs/autoopt/searches"


def ref_of(name: str) -> str:
    """The ref of the search with this name."""
    return f"{FOLDER}/{name}"


class Meeting(Protocol):
    """One line of commits that several runs extend, each by a keep of its own."""

    def tip(self) -> str | None:
        """The commit the search stands at, None before its first run; its objects are here afterwards.

        Raises:
            ResourceError: where it is kept cannot be reached.
        """
        ...

    def advance(self, old: str | None, new: str) -> bool:
        """Have the search stand at `new` instead of `old` (None: nowhere); False where it is not at `old`.

        Whoever is ended in between finds out by `tip` whether it came to pass.

        Raises:
            ResourceError: where it is kept cannot be reached.
        """
        ...


class LocalMeeting:
    """The meeting of runs in one repository: a ref there, moved by compare-and-swap.

    One process at a time moves it, so that a lock on it which a killed one has left can be told from git's.
    """

    def __init__(self, control: Path, name: str) -> None:
        """Nothing is read yet; `control` is the git directory that all worktrees share."""
        self._control = control
        self._ref = ref_of(name)
        self._intent = control / "autoopt-search-intent"
        self._refs = Refs(control, self._intent)

    def tip(self) -> str | None:
        """The commit the search stands at, None before its first run."""
        return self._refs.read(self._ref)

    def advance(self, old: str | None, new: str) -> bool:
        """Have the search stand at `new` instead of `old`; False where it is not at `old`."""
        with files.alone(self._control):
            self._refs.recover(self._ref, FOLDER)
            return self._refs.move(self._ref, old, new)

    def forget(self) -> None:
        """Remove the ref, whatever it names."""
        with files.alone(self._control):
            self._refs.recover(self._ref, FOLDER)
            if (tip := self.tip()) is not None:
                self._refs.delete(self._ref, tip)
