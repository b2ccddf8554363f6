"""How busy the machine is beside what the doctor itself runs, as far as it can be read."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from time import monotonic, thread_time

_IDLE, _IOWAIT, _STEAL = 3, 4, 7  # columns of the first line of /proc/stat
_COUNTED = 8  # guests are counted among user and nice
_BUSY_SHARE = 0.15  # of all cores, from which on others are felt
_BUSY_LOAD = 0.5  # of a core, where nothing better can be read
_STOLEN = 0.02
_GRANTED = 0.85
_SPIN_S = 0.1  # a few turns of the scheduler
_SLOWED = 0.8  # of the highest frequency


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What else the machine did while it was watched.

    Attributes:
        cores: Those this process may run on.
        load: Processes that wanted to run in the minute before, for each core; None where unknown.
        others: Cores that other programs kept busy; None where unknown.
        stolen: Share of the time in which the host ran another guest; None where unknown.
        frequency: The cores' frequency as a share of their highest; None where unknown.
        governor: The frequency governor's name; empty where unknown.
        granted: Share of a core that a program gets which only computes; 1 where nobody is in its way.
    """

    cores: int
    load: float | None = None
    others: float | None = None
    stolen: float | None = None
    frequency: float | None = None
    governor: str = ""
    granted: float = 1.0

    @property
    def is_loaded(self) -> bool:
        """Whether others are likely to be felt in what is measured."""
        if self.is_robbed or self.granted < _GRANTED:
            return True
        if self.others is not None:
            return self.others > _BUSY_SHARE * self.cores
        return (self.load or 0.0) > _BUSY_LOAD

    @property
    def is_robbed(self) -> bool:
        """Whether the host of a virtual machine gives its cores to others."""
        return (self.stolen or 0.0) > _STOLEN

    @property
    def is_slowed(self) -> bool:
        """Whether the cores run well under what they can, so that their speed may change at any moment."""
        return self.frequency is not None and self.frequency < _SLOWED


class Watch:
    """Watches the machine from its making to `read`."""

    def __init__(self) -> None:
        """Begin."""
        self._since = monotonic()
        self._load = _load()
        self._ticks = _ticks()
        self._own_s = _own_s()
        self._spun_s = self._felt_s = 0.0

    def feel(self) -> None:
        """Compute for a moment, to see how much of a core one gets."""
        began, spent = monotonic(), thread_time()
        while thread_time() - spent < _SPIN_S:
            pass
        self._spun_s += thread_time() - spent
        self._felt_s += monotonic() - began

    def read(self) -> Machine:
        """What others did since; the load is that of the minute before."""
        cores = available()
        others, stolen = self._others(monotonic() - self._since)
        return Machine(
            cores=cores,
            load=None if self._load is None else self._load / cores,
            others=others,
            stolen=stolen,
            frequency=_frequency(),
            governor=_text(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
            granted=min(1.0, self._spun_s / self._felt_s) if self._felt_s else 1.0,
        )

    def _others(self, elapsed_s: float) -> tuple[float | None, float | None]:
        """Cores that others kept busy, and the share of time that was stolen."""
        now = _ticks()
        passed = [after - before for before, after in zip(self._ticks, now, strict=False)]
        total = sum(passed)
        if total <= 0 or elapsed_s <= 0:
            return None, None
        busy = total - passed[_IDLE] - passed[_IOWAIT] - passed[_STEAL]
        own = (_own_s() - self._own_s) / elapsed_s
        return max(0.0, busy / os.sysconf("SC_CLK_TCK") / elapsed_s - own), passed[_STEAL] / total


def available() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load() -> float | None:
    with contextlib.suppress(OSError):
        return os.getloadavg()[0]
    return None


def _ticks() -> list[int]:
    """Clock ticks of all cores since the machine started, by what they did; nothing where it is not told."""
    words = _text(Path("/proc/stat")).partition("\n")[0].split()[1 : 1 + _COUNTED]
    return [int(word) for word in words] if len(words) == _COUNTED else []


def _own_s() -> float:
    """CPU seconds of this process and of every command it has run to the end."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _frequency() -> float | None:
    shares = []
    for folder in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq"):
        now, most = _text(folder / "scaling_cur_freq"), _text(folder / "cpuinfo_max_freq")
        if now.isdigit() and most.isdigit() and int(most):
            shares.append(int(now) / int(most))
    return fmean(shares) if shares else None


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:
        return ""
