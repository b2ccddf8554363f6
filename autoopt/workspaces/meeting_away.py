"""Where runs of one search meet whose repository is elsewhere: a ref there, and a push compares and swaps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from autoopt.errors import RepositoryError, ResourceError
from autoopt.workspaces.clones import origin_of
from autoopt.workspaces.meeting import ref_of
from autoopt.workspaces.store import Store
from autoopt.workspaces.transport import AwayError, Names, Transport

T = TypeVar("T")

_PAUSES_S = (1.0, 3.0, 10.0, 30.0)
"""Between tries: a network is gone for a moment more often than for good."""


class _TakenError(RepositoryError):
    """The ref is not where the push was to move it from."""


class AwayMeeting:
    """Implements `meeting.Meeting` in the repository that a clone came from."""

    def __init__(self, control: Path, name: str, environ: Mapping[str, str]) -> None:
        """Nothing is reached for yet.

        Args:
            control: The git directory of a clone of ours.
        """
        origin = origin_of(control)
        assert origin is not None, "only for clones"
        self._control = control
        self._ref = ref_of(name)
        self._transport = Transport(origin.url, environ)

    def tip(self) -> str | None:
        """The commit the search stands at, None before its first run; its objects are here afterwards.

        Raises:
            ResourceError: the repository stays out of reach for a while.
        """
        return self._persistently(self._fetched)

    def advance(self, old: str | None, new: str) -> bool:
        """Have the search stand at `new` instead of `old` (None: nowhere); False where it is not at `old`.

        Raises:
            ResourceError: the repository stays out of reach for a while; whether it moved, `tip` tells.
        """
        return self._persistently(lambda: self._pushed(old, new))

    def _fetched(self) -> str | None:
        def ours(there: Names) -> list[str]:
            return [there[self._ref]] if self._ref in there else []

        return self._transport.fetch(self._control, ours).get(self._ref)

    def _pushed(self, old: str | None, new: str) -> bool:
        def moved(there: Names) -> Names:
            if (found := there.get(self._ref)) not in (old, new):
                raise _TakenError(f"{self._ref} is at {found}")
            return {} if found == new else {self._ref: new}

        try:
            self._transport.push(self._control, moved)
        except _TakenError:
            return self._stands(new)  # an earlier try may have been heard, and followed, without an answer
        return self._stands(new)  # some servers say yes to whoever came second

    def _stands(self, commit: str) -> bool:
        """Whether the search has been at the commit."""
        tip = self._fetched()
        if tip is None:
            return False
        store = Store(self._control)
        try:
            return store.descends(tip, commit)
        finally:
            store.close()

    def _persistently(self, what: Callable[[], T]) -> T:
        for pause_s in (*_PAUSES_S, None):
            try:
                return what()
            except AwayError as error:
                if pause_s is None:
                    raise ResourceError(f"{error} Resume the run when it can be reached.") from error
                time.sleep(pause_s)
        raise AssertionError("the last try returns or raises")
