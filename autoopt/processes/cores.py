"""Which processors two commands get when they run at the same moment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")


def halves(usable: frozenset[int] | None = None) -> tuple[frozenset[int], frozenset[int]] | None:
    """The processors in two equal shares; None when there are fewer than two.

    Threads of one core stay together, as they disturb each other, unless there is one core only. Cores are
    dealt in turns, for as many fast and slow ones in both; one that is left over is left to others.
    Where commands cannot be kept to processors (not Linux) both shares are empty, which means any.

    Args:
        usable: The processors; by default those of this process.
    """
    if sys.platform != "linux":
        return (frozenset(), frozenset()) if (os.cpu_count() or 1) > 1 else None
    usable = frozenset(os.sched_getaffinity(0)) if usable is None else usable
    if len(usable) < 2:
        return None
    cores = sorted({_siblings(cpu) & usable for cpu in usable}, key=min)
    if len(cores) < 2:
        cores = [frozenset({cpu}) for cpu in sorted(usable)]
    even = len(cores) // 2 * 2
    return frozenset().union(*cores[0:even:2]), frozenset().union(*cores[1:even:2])


def _siblings(cpu: int) -> frozenset[int]:
    """The threads of the core that a processor is one of: itself where the kernel does not tell."""
    for name in ("core_cpus_list", "thread_siblings_list"):
        try:
            return _parsed((_TOPOLOGY / f"cpu{cpu}" / "topology" / name).read_text())
        except (OSError, ValueError):
            continue
    return frozenset({cpu})


def _parsed(text: str) -> frozenset[int]:
    """The numbers of a list as the kernel writes it: `0,4-6`."""
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)
