"""What one context of a search knows: spent assignments, and values that are worth trying alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TypeVar

from autoopt.proposers.search.sites.plain import same
from autoopt.proposers.search.space import Key, Space, singles
from autoopt.records import Experiment, Outcome, Status, Value
from autoopt.schema import ParameterConfig

T = TypeVar("T")
Values = dict[str, Value]
Setting = tuple[str, bool, Value]
"""One parameter at one value; True and 1 differ."""

_WARM_LATEST, _WARM_BEST = 10, 10
"""Old results a new context starts from: so many of the best, and of the others so many of the latest."""


class Knowledge:
    """What is known, and what is left.

    Attributes:
        known: What each assignment was told to be worth; None where it failed.
        declined: Assignments that were proposed and not wanted.
        taken: Assignments that others are measuring.
        tried: Values that were part of an assignment that was measured.
        promised: Values worth another try alone since the code changed.
        poor: Values that promised nothing when they were tried alone on older code, and what they gave.
        present: The incumbent's values.
    """

    def __init__(
        self, space: Space, params: Mapping[str, ParameterConfig], start: Values, present: Values
    ) -> None:
        """Know nothing yet.

        Args:
            start: The values the search began with.
        """
        self._space, self._params, self._start = space, params, start
        self.known: dict[Key, float | None] = {}
        self.declined: set[Key] = set()
        self.taken: set[Key] = set()
        self.tried: set[Setting] = settings(start)
        self.promised: set[Setting] = set()
        self.poor: dict[Setting, float | None] = {}
        self.present = present

    def measured(self, values: Values) -> None:
        """Take in that an assignment was measured in this context."""
        self.tried |= settings(values)
        self.promised -= settings(values)

    def recall(self, values: Values, value: float | None, area: str, *, kept: bool, promising: bool) -> None:
        """Take in a result on older code: it says whether a value is worth another try alone."""
        self.tried |= settings(values)
        if area not in values:
            return  # more than one value was changed
        setting = _setting(area, values[area])
        if kept:
            self.promised.discard(setting)
        elif promising:
            self.promised.add(setting)
        else:
            self.poor[setting] = value
            self.promised.discard(setting)

    def single(self, present: Values) -> tuple[Values, str] | None:
        """The next value worth trying alone on top of the incumbent, with the reason."""
        for name in self._space.domains:
            if not self._space.active(name, present):
                continue
            for value in self._worth_trying_alone(name):
                values = present | {name: value}
                if not self.spent(values):
                    return values, f"{self._why_alone(name, value)}; tried alone on top of the best so far"
        return None

    def _worth_trying_alone(self, name: str) -> tuple[Value, ...]:
        """Those the recipe lists, or a switch's other side: new ones, and what promised on older code."""
        listed = singles(self._params[name], self._space.domains[name], self._start[name])
        untried = self.promised | {_setting(name, value) for value in listed} - self.tried
        return tuple(value for value in listed if _setting(name, value) in untried)

    def _why_alone(self, name: str, value: Value) -> str:
        if _setting(name, value) in self.promised:
            return "it promised something before the code changed"
        return "the recipe lists it as worth trying" if self._params[name].first else "it is a switch"

    def spent(self, values: Values) -> bool:
        """Whether there is nothing to gain from measuring this assignment now."""
        key = self._space.key(values)
        if key in self.known or key in self.declined or key in self.taken:
            return True
        return self._poor_alone(values) is not None

    def _poor_alone(self, values: Values) -> Setting | None:
        """The one value that differs from the incumbent's, if it promised nothing when it was tried alone."""
        key, present = self._space.key(values), self._space.key(self.present)
        changed = [setting for setting in key if setting not in present]
        return changed[0] if len(changed) == 1 and changed[0] in self.poor else None

    def remark(self, values: Values) -> float | None:
        """What the sampler is told of an assignment that is not tried again."""
        key = self._space.key(values)
        poor = self._poor_alone(values)
        return self.poor[poor] if poor is not None and key not in self.known else self.known.get(key)

    def exhausted(self, present: Values) -> bool:
        """Whether the space can be counted through and every assignment is spent."""
        everything = self._space.assignments(present)
        return everything is not None and all(self.spent(values) for values in everything)

    def nearest(self, present: Values, random: Random) -> tuple[Values, str] | None:
        """An assignment that is not spent and differs in few values, with the reason."""
        left = [values for values in self._space.assignments(present) or () if not self.spent(values)]
        if not left:
            return None
        values = min(left, key=lambda v: (sum(not same(v[n], present[n]) for n in present), random.random()))
        return values, "it has not been tried and is nearest to the best so far"


def promises(experiment: Experiment) -> bool:
    """Whether a value that was not kept seemed to help, or was never told from helping."""
    gain, verdict = effect(experiment), experiment.verdict
    return gain is not None and (gain > 0 or (verdict is not None and verdict.outcome is Outcome.unclear))


def effect(experiment: Experiment) -> float | None:
    """The effect an experiment was judged to have; None for what crashed, timed out or was rejected."""
    if experiment.verdict is None or experiment.status in {Status.crash, Status.inspector_reject}:
        return None
    return experiment.verdict.effect if math.isfinite(experiment.verdict.effect) else None


def telling(results: Sequence[T], value: Callable[[T], float]) -> list[T]:
    """The most telling of old results, in their order.

    Args:
        results: The latest of each assignment, the oldest first.
    """
    best = set(sorted(range(len(results)), key=lambda at: -value(results[at]))[:_WARM_BEST])
    others = [at for at in range(len(results)) if at not in best]
    return [results[at] for at in sorted([*best, *others[-_WARM_LATEST:]])]


def settings(values: Values) -> set[Setting]:
    """Every parameter at its value."""
    return {_setting(name, value) for name, value in values.items()}


def _setting(name: str, value: Value) -> Setting:
    return name, isinstance(value, bool), value
