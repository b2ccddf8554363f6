"""The metric's parts: how each query, file or rule came out, where the metric command tells them apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from autoopt.errors import UsageError
from autoopt.records import Experiment
from autoopt.reporters import markup, words
from autoopt.reporters.account import Account
from autoopt.reporters.chained import UNITS, Number, unit_of
from autoopt.schema import Direction

ROWS = 30
"""How many parts are shown, those that changed most."""
_CLOSE = 0.01  # how well parts add up to the metric that are said to do so
WHY = (
    "Where there were pairs, a part's change is what the pairs of each kept step say of it together, and "
    "“within the noise” is what they cannot tell from nothing. A part that is not listed any more counts as "
    "0 if the parts add up to the metric."
)

WHY_FURTHER = (
    "Where there were pairs, a change is what the pairs of each kept step say of it together; otherwise "
    "these are medians from when each of the two was measured."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part, before the run and with all that was kept.

    Attributes:
        before, after: In the part's own unit; None where the command did not print it.
        is_sure: Whether the difference is more than noise.
    """

    name: str
    before: float | None
    after: float | None
    is_sure: bool

    @property
    def moved(self) -> float:
        """By how much it changed, in its unit."""
        return (self.after or 0.0) - (self.before or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """The metric's parts of one kind, those that changed most first.

    Attributes:
        kind: What the parts are, as in "file".
        is_judged: Whether a part is better in the same direction as the metric.
        hidden: How many more there are.
        names: What the metric command calls all of them.
    """

    kind: str
    unit: str
    is_judged: bool
    parts: tuple[Part, ...]
    hidden: int
    names: frozenset[str]


def check(patterns: Mapping[str, str]) -> None:
    """See that each pattern says which part of a name is the part's.

    Raises:
        UsageError: one has no star, or several.
    """
    for kind, pattern in patterns.items():
        if pattern.count("*") != 1:
            raise UsageError(
                f"report.breakdown.{kind}: {pattern!r} needs one `*` for the name of the part, as in '*_ms'."
            )


def breakdowns(account: Account) -> tuple[Breakdown, ...]:
    """Every breakdown there is; none while nothing but the baseline is known."""
    final = _final(account)
    if final is None:
        return ()
    names = _names((account.history[0], final))
    patterns = account.breakdown
    found = [_breakdown(account, final, kind, pattern, names) for kind, pattern in patterns.items()]
    left = [name for name in names if not any(_part(name, pattern) for pattern in patterns.values())]
    found += [_breakdown(account, final, kind, pattern, left) for kind, pattern in _guessed(left).items()]
    return tuple(one for one in found if one is not None)


def _final(account: Account) -> Experiment | None:
    """The last step of the branch; None where it is where it began."""
    final = account.final
    return None if final is None or final.number == account.history[0].number else final


def rows(account: Account) -> tuple[tuple[str, str, str, str], ...]:
    """The metric's parts and all further numbers in one table: name, before, after, change."""
    found = breakdowns(account)
    listed = [(f"{one.kind} {part.name}", part, one.unit) for one in found for part in one.parts]
    return (*(_row(name, part, unit) for name, part, unit in listed), *further(account))


def further(account: Account) -> tuple[tuple[str, str, str, str], ...]:
    """Numbers beside the metric that are no parts of it: name, before, after, change; the largest first."""
    final = _final(account)
    if final is None:
        return ()
    covered = {name for one in breakdowns(account) for name in one.names} | {account.metric_name}
    names = [name for name in _names((account.history[0], final)) if name not in covered]
    names = [name for name in names if not _is_the_metric(account.history[0], final, name)]
    found = [_moved(account, final, name, name, adds_up=False) for name in (*names, *UNITS)]
    return tuple(_row(part.name, part, unit_of(part.name)) for part in sorted(found, key=_by_change))


def _is_the_metric(start: Experiment, final: Experiment, name: str) -> bool:
    """Whether the number is the metric by another name."""
    return all(_median(one, name) == one.value for one in (start, final))


def _by_change(part: Part) -> tuple[float, str]:
    """Those that changed most by their own measure first, what is within the noise last."""
    if part.before is None or part.after is None or not part.is_sure:
        return 0.0, part.name
    whole = max(abs(part.before), abs(part.after)) or 1.0
    return -abs(part.moved) / whole, part.name


def _names(measured: Sequence[Experiment]) -> list[str]:
    samples = [sample for one in measured if one.measurement for sample in one.measurement.samples]
    return list(dict.fromkeys(name for sample in samples for name in sample.details))


def _guessed(names: Sequence[str]) -> Mapping[str, str]:
    """Kinds and patterns of names such as `file:PATH` and `PATH:coverage`, or with a slash for the colon."""
    found: dict[str, str] = {}
    for mark in (":", "/"):
        those = [name for name in names if mark in name and (mark == ":" or ":" not in name)]
        heads = [name.partition(mark)[0] for name in those]
        tails = [name.rpartition(mark)[2] for name in those]
        for head, tail in zip(heads, tails, strict=True):
            if heads.count(head) > 1 and tails.count(tail) < heads.count(head):
                found.setdefault(head, f"{head}{mark}*")
            elif tails.count(tail) > 1:
                found.setdefault(tail, f"*{mark}{tail}")
    return found


def _part(name: str, pattern: str) -> str:
    """What the star stands for; empty where the name is no part of it."""
    head, _, tail = pattern.partition("*")
    fits = len(name) > len(head) + len(tail) and name.startswith(head) and name.endswith(tail)
    return name[len(head) : len(name) - len(tail)] if fits else ""


def _breakdown(
    account: Account, final: Experiment, kind: str, pattern: str, names: Sequence[str]
) -> Breakdown | None:
    named = {name: part for name in names if name != account.metric_name and (part := _part(name, pattern))}
    if len(named) < 2:
        return None
    start = account.history[0]
    adds_up = _adds_up(start, named)
    is_metric = adds_up or _is_metric(pattern, account.metric_name)
    unit = account.unit if is_metric else unit_of(pattern)
    parts = [_moved(account, final, name, part, adds_up=adds_up) for name, part in named.items()]
    parts.sort(key=lambda part: (-abs(part.moved), -(part.before or 0.0), part.name))
    return Breakdown(
        kind=kind,
        unit=unit,
        is_judged=is_metric or bool(unit and unit == account.unit),
        parts=tuple(parts[:ROWS]),
        hidden=max(0, len(parts) - ROWS),
        names=frozenset(named),
    )


def _is_metric(pattern: str, metric: str) -> bool:
    return bool(metric) and pattern.replace("*", "").strip(":/_") == metric


def _adds_up(start: Experiment, names: Mapping[str, str]) -> bool:
    if start.measurement is None:
        return False
    total = math.fsum(_median(start, name) or 0.0 for name in names)
    value = start.measurement.value
    return value != 0 and abs(total - value) <= _CLOSE * abs(value)


def _moved(account: Account, final: Experiment, name: str, part: str, *, adds_up: bool) -> Part:
    start = account.history[0]
    before, after = _median(start, name), _median(final, name)
    if before is None or after is None:
        missing = 0.0 if adds_up else None
        before, after = missing if before is None else before, missing if after is None else after
        return Part(name=part, before=before, after=after, is_sure=True)
    leading = [one for one in account.history if one.status.leads]
    number = Number(name, Direction.higher, leading)
    places = number.places
    if start.number not in places or final.number not in places:
        return Part(name=part, before=before, after=after, is_sure=before != after)
    first, last = places[start.number], places[final.number]
    error = last.error * math.sqrt(max(1, len(leading) - 1))
    after = number.value(last) if last.level != first.level else before
    return Part(name=part, before=before, after=after, is_sure=abs(last.level - first.level) > error)


def _median(one: Experiment, name: str) -> float | None:
    samples = one.measurement.samples if one.measurement else ()
    found = [value for sample in samples if (value := sample.number(name)) is not None]
    return median(found) if found else None


def change(part: Part, unit: str) -> str:
    """How much it changed in words: as a percentage where it can be one."""
    if part.before is None or part.after is None:
        return "not listed before" if part.before is None else "not listed any more"
    if part.before == part.after:
        return "the same"
    if not part.is_sure:
        return "within the noise"
    if said := words.raw_change(part.before, part.after):
        return said
    moved = words.number(part.moved, unit)
    return f"+{moved}" if part.moved > 0 else moved


def is_better(part: Part, direction: Direction) -> bool | None:
    """Whether it went the metric's way; None where that cannot be told or nothing changed."""
    if not part.is_sure or part.before is None or part.after is None or part.moved == 0:
        return None
    return (part.moved < 0) == (direction is Direction.lower)


def section(account: Account) -> str:
    """The breakdowns as a section of the Markdown report; empty where there are none."""
    found = breakdowns(account)
    tables = [f"### By {markup.text(one.kind)}\n\n{_table(one)}" for one in found]
    return "## Where it changed\n\n" + "\n\n".join(tables) + f"\n\n{WHY}" if found else ""


def _table(breakdown: Breakdown) -> str:
    table = markup.table(
        (markup.text(breakdown.kind), "baseline", "final", "change"),
        [_row(part.name, part, breakdown.unit) for part in breakdown.parts],
        right=(1, 2, 3),
    )
    return f"{table}\n\n{breakdown.hidden:,} more, which changed less." if breakdown.hidden else table


def _row(name: str, part: Part, unit: str) -> tuple[str, str, str, str]:
    return (name, *values(part, unit), change(part, unit))


def values(part: Part, unit: str) -> tuple[str, str]:
    """Before and after in words; empty where the command did not print it."""
    shown = ["" if value is None else words.number(value, unit) for value in (part.before, part.after)]
    return shown[0], shown[1]
