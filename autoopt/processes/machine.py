"""What numbers are measured with: this machine, and how the metric is taken."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import socket
from collections.abc import Mapping
from pathlib import Path

from autoopt.codec import encode
from autoopt.schema import MetricConfig

_MEANT = {
    "host": "another host",
    "cpu": "another processor",
    "cores": "another number of cores",
    "memory": "another amount of memory",
    "python": "another Python",
    "metric": "the metric is taken in another way",
}
_TAKEN_BY = ("command", "prepare", "extract", "env", "pass_env", "env_file", "duet")


def conditions(metric: MetricConfig) -> dict[str, str]:
    """What must stay the same for numbers to be comparable; a reboot changes none of it."""
    return {
        "host": socket.gethostname(),
        "cpu": _processor(),
        "cores": str(_cores()),
        "memory": _memory(),
        "python": platform.python_version(),
        "metric": _hash(metric),
    }


def difference(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What changed, for a person, as in "another host (a → b), another number of cores (4 → 8)"."""
    changed = [name for name in now if before.get(name) != now[name]]
    return ", ".join(
        _MEANT[name] + ("" if name == "metric" else f" ({before.get(name, '?')} → {now[name]})")
        for name in changed
    )


def _hash(metric: MetricConfig) -> str:
    taken = {name: encode(getattr(metric, name)) for name in _TAKEN_BY}
    return hashlib.sha256(json.dumps(taken, sort_keys=True).encode()).hexdigest()[:16]


def _cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return "unknown"
    return f"{round(size / 2**30)} GiB"  # what the kernel leaves of it differs from boot to boot
