"""Signs of life: a worker marks the trial it measures, and others see whose mark no longer changes.

Optuna has heartbeats for databases only, and only where it runs the loop itself. Here the mark is an
attribute of the trial, so that it works wherever a study is kept. Nobody compares clocks of two hosts: what
counts is for how long, by its own clock, an observer has seen the same mark.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterable
from contextlib import suppress

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

MARK = "beat"
_SILENT_BEATS = 4


class Heartbeat:
    """Marks one trial at a time from a thread of its own, which ends with the process or with this object.

    Args:
        interval_s: Seconds between marks.
        gone: What the storage raises while it is away; the next mark is tried then.
    """

    def __init__(self, storage: BaseStorage, interval_s: float, gone: tuple[type[Exception], ...]) -> None:
        self._mark = _Mark(storage, interval_s, gone)
        weakref.finalize(self, self._mark.stop)

    def follow(self, trial: int | None) -> None:
        """Mark this trial, by its id in the storage, from now on; none with None."""
        self._mark.follow(trial)


class _Mark:
    """What the thread knows; it must not keep the `Heartbeat` alive."""

    def __init__(self, storage: BaseStorage, interval_s: float, gone: tuple[type[Exception], ...]) -> None:
        self._storage, self._interval_s = storage, interval_s
        self._gone = (
            *gone,
            UpdateFinishedTrialError,
            KeyError,
        )  # it was taken for dead, or the study is gone
        self._trial: int | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def stop(self) -> None:
        self._ended.set()

    def follow(self, trial: int | None) -> None:
        self._trial = trial
        if trial is not None and self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
            self._thread.start()

    def _beat(self) -> None:
        while not self._ended.wait(self._interval_s):
            trial = self._trial
            if trial is not None:
                with suppress(*self._gone):
                    self._storage.set_trial_user_attr(trial, MARK, time.time())


class Observer:
    """Sees which workers have fallen silent.

    Args:
        interval_s: Seconds between the marks of each.
    """

    def __init__(self, interval_s: float) -> None:
        self._silent_s = interval_s * _SILENT_BEATS
        self._seen: dict[int, tuple[object, float]] = {}

    def silent(self, running: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """Those whose mark has been the same for too long."""
        now = time.monotonic()
        seen: dict[int, tuple[object, float]] = {}
        found = []
        for trial in running:
            mark = (len(trial.params), trial.user_attrs.get(MARK))
            before = self._seen.get(trial._trial_id)
            since = before[1] if before is not None and before[0] == mark else now
            seen[trial._trial_id] = (mark, since)
            if now - since > self._silent_s:
                found.append(trial)
        self._seen = seen
        return found
