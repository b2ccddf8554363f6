"""A guard that holds counts against the base commit's: what must not grow, not shrink, not differ."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autoopt.errors import UsageError
from autoopt.processes.arms import Arms
from autoopt.records import Change, Failure, Finding, Proposal, Trial
from autoopt.schema import GuardConfig

SHOWN = 5
"""Objections that are spelled out; the others are counted."""
_FORM = 'print {"no_more": {name: number}, "no_fewer": {name: number}, "same": {name: value}}'
_GROUPS = ("no_more", "no_fewer", "same", "stays")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What a commit holds.

    Attributes:
        no_more: Numbers that must not grow; a name that the base lacks counts as 0 there.
        no_fewer: Numbers that must not shrink; a name that a change lacks counts as 0 there. What the base
            lacks and a kept change has added must not shrink from then on.
        same: Values that must stay, and no others may come.
        stays: Values that must stay where the base has them; what it lacks may be anything.
    """

    no_more: Mapping[str, float]
    no_fewer: Mapping[str, float]
    same: Mapping[str, Any]
    stays: Mapping[str, Any]


class InventoryGuard:
    """Passes a change when its command's inventory is no worse than the base commit's."""

    def __init__(self, name: str, config: GuardConfig, command: str, arms: Arms, base: str) -> None:
        """Compare with commit `base`, in checkouts of `arms`."""
        self._name = name
        self._config = config
        self._command = command
        self._arms = arms
        self._base = base
        self._known: dict[str, Inventory] = {}

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        """Compare the change's inventory with the base commit's.

        Raises:
            UsageError: the command gives no inventory at the base commit.
        """
        base = self._at_base()
        incumbent, found = self._inventory(change.parent), self._inventory(change.commit)
        wanted = {self._base, change.parent, change.commit}  # nobody asks for older ones again
        self._known = {commit: known for commit, known in self._known.items() if commit in wanted}
        if isinstance(incumbent, Failure):
            return self._finding(_told(incumbent))
        if isinstance(found, Failure):
            return self._finding(_told(found))
        return self._finding(_summary(list(objections(base, found, incumbent))))

    def _at_base(self) -> Inventory:
        found = self._inventory(self._base)
        if isinstance(found, Failure):
            raise UsageError(
                f"guards.{self._name}.command must work at the base commit, with which all others are "
                f"compared, but: {found.reason}. Mend it, then run again.\n{found.tail}".rstrip()
            )
        return found

    def _inventory(self, commit: str) -> Inventory | Failure:
        """What the command prints at the commit; asked once of each commit that may be asked for again."""
        if commit in self._known:
            return self._known[commit]
        what, timeout_s = f"guard-{self._name}", self._config.timeout_s
        found = self._arms.output(commit, self._command, what, timeout_s, parse)
        if isinstance(found, Inventory):
            self._known[commit] = found
        return found

    def _finding(self, objection: str) -> Finding:
        return Finding(guard=self._name, passed=not objection, message=objection)


def parse(output: bytes) -> Inventory:
    """The inventory in what a command printed, one JSON object.

    Raises:
        ValueError: it is none, or not of the form that is wanted.
    """
    try:
        found = json.loads(output.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its output is not one JSON object ({error}); {_FORM}") from error
    if not isinstance(found, dict) or not found or not set(found) <= set(_GROUPS):
        raise ValueError(f"its output is not an object of no_more, no_fewer and same; {_FORM}")
    if not all(isinstance(found.get(group, {}), dict) for group in _GROUPS):
        raise ValueError(f"one of its groups is not an object; {_FORM}")
    return Inventory(
        no_more=_numbers(found.get("no_more", {})),
        no_fewer=_numbers(found.get("no_fewer", {})),
        same=found.get("same", {}),
        stays=found.get("stays", {}),
    )


def _numbers(group: Mapping[str, Any]) -> Mapping[str, float]:
    for name, value in group.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{name}: {value!r} is no finite number; {_FORM}")
    return group


def objections(base: Inventory, found: Inventory, incumbent: Inventory | None = None) -> Iterator[str]:
    """What is worse than at the base, or than what the incumbent added to it, one clause each."""
    for name, number in found.no_more.items():
        if number > (before := base.no_more.get(name, 0)):
            yield f"{name}: {before:g} → {number:g}, and more are not allowed"
    for name, before in {**(incumbent or base).no_fewer, **base.no_fewer}.items():
        if (number := found.no_fewer.get(name, 0)) < before:
            yield f"{name}: {before:g} → {number:g}, and fewer are not allowed"
    for name in {**base.same, **found.same}:
        if name not in found.same:
            yield f"{name}: is gone"
        elif name not in base.same:
            yield f"{name}: is new, {_shown(found.same[name])}"
        elif found.same[name] != base.same[name]:
            yield f"{name}: {_shown(base.same[name])} → {_shown(found.same[name])}"
    for name, value in base.stays.items():
        if (said := found.stays.get(name)) != value and found.same.get(name) == base.same.get(name):
            yield f"{name}: {_shown(value)} → {'something else' if said is None else _shown(said)}"


def _told(failed: Failure) -> str:
    return f"{failed.reason}\n{failed.tail}".rstrip()


def _summary(found: list[str]) -> str:
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}..."
