"""What a growing history adds up to, without adding it up again for every experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from autoopt.records import Experiment

State = TypeVar("State")


class Fold(Generic[State]):
    """`functools.reduce` over histories that go on where an earlier one ended; any other starts afresh.

    What it returns depends on the history alone: it remembers only what that is the beginning of.
    """

    def __init__(self, step: Callable[[State, Experiment], State], start: State) -> None:
        """Begin with `start`; `step` is pure."""
        self._step = step
        self._start = self._state = start
        self._seen: list[Experiment] = []

    def over(self, history: Sequence[Experiment]) -> State:
        """The state after these experiments."""
        count = len(self._seen)
        if list(history[:count]) != self._seen:  # the same objects as a rule, which takes no time
            self._state, self._seen, count = self._start, [], 0
        for experiment in history[count:]:
            self._state = self._step(self._state, experiment)
            self._seen.append(experiment)
        return self._state

    def resume(self, history: Sequence[Experiment], state: State) -> None:
        """Go on from what these experiments are known to add up to."""
        self._state, self._seen = state, list(history)
