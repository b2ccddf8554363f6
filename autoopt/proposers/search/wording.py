"""How a choice of parameter values is told to people: the commit subject and the hypothesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autoopt.records import Value

_WIDTH = 72


def shown(value: Value) -> str:
    """A value for people: switches as on and off, an absent line as unset."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 24 else f"{text[:23]}…"


def description(before: Mapping[str, Value], after: Mapping[str, Value], changed: Sequence[str]) -> str:
    """As in `cache_size -2000 → -65536, mmap off → on, +2 more`; one line of about 72 characters."""
    parts = [f"{name} {shown(before[name])} → {shown(after[name])}" for name in changed]
    kept = len(parts)
    while kept > 1 and len(_joined(parts, kept)) > _WIDTH:
        kept -= 1
    return _joined(parts, kept)


def _joined(parts: Sequence[str], kept: int) -> str:
    rest = [f"+{len(parts) - kept} more"] if kept < len(parts) else []
    return ", ".join([*parts[:kept], *rest])


def hypothesis(after: Mapping[str, Value], changed: Sequence[str], reason: str) -> str:
    """As in "Setting X to Y should improve the metric because ..."."""
    names = " and ".join(f"{name} to {shown(after[name])}" for name in changed)
    return f"Setting {names} should improve the metric because {reason}."
