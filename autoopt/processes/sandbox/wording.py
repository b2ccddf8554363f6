"""Says what commands can write, read and reach; it is never called safe."""

from __future__ import annotations

from pathlib import Path

from autoopt.processes.walls import Kind, Mechanism
from autoopt.schema import Sandbox

_WRITE = "Your commands can write only to the run's own checkout and private directories"
_WRITE_MORE = (
    "Your commands can write only to the run's own checkout, private directories and what writable names"
)
_OPEN = "they can read the rest of the disk, but for known credential files, and use the network"
_CLOSED = "they can read the disk outside your home and what of it their tools need, and have no network"
_SAME = "Same write limits, but"
_LIMITS = {
    Kind.BUBBLEWRAP: "",
    Kind.BUBBLEWRAP_HOST_PROC: "",
    Kind.BUBBLEWRAP_HOST_PIDS: " Background processes are hunted by the supervisor.",
}
_LANDLOCK = (
    "background processes are hunted by the supervisor, /dev/shm is shared, mode and times of your files can "
    "be changed, and network is open."
)
_NOTICED = (
    "autoopt will notice changes of its own files and of git's settings and stop, but it cannot prevent "
    "them. Install bubblewrap, or use a virtual machine."
)
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


def told(wanted: Sandbox, mechanism: Mechanism, *, more: bool = False) -> str:
    """What holds in a run, for the table of its settings.

    Args:
        more: Whether the user lets commands write elsewhere, too.
    """
    write = _WRITE_MORE if more else _WRITE
    if not mechanism.holds:
        return f"{_arrow(wanted, mechanism)}. {_NOTICED}"
    if mechanism.kind is Kind.LANDLOCK:
        said = f"{_SAME} {_LANDLOCK}"
    elif mechanism.kind is Kind.SANDBOX_EXEC:
        said = f"{write}; {_OPEN}. Background processes are ended as a group."
    else:
        said = f"{write}; {_CLOSED if wanted is Sandbox.strict else _OPEN}.{_LIMITS[mechanism.kind]}"
    inside = not mechanism.is_bubblewrap and is_container()
    container = " This is a container, which is the boundary." if inside else ""
    return f"{_arrow(wanted, mechanism)}{_because(mechanism)}. {said}{container}"


def warning(wanted: Sandbox, mechanism: Mechanism) -> str:
    """What a person has to know before a run that is kept from nothing although it should be; else empty."""
    if wanted is Sandbox.none or mechanism.holds:
        return ""
    return f"no sandbox works here ({mechanism.why}). {_NOTICED}"


def is_container() -> bool:
    """Whether this is the inside of a container, as far as it shows."""
    return any(Path(mark).exists() for mark in _CONTAINER_MARKS)


def _arrow(wanted: Sandbox, mechanism: Mechanism) -> str:
    return wanted.value if wanted.value == mechanism.name else f"{wanted.value} -> {mechanism.name}"


def _because(mechanism: Mechanism) -> str:
    return f" ({mechanism.why})" if mechanism.kind is Kind.LANDLOCK and mechanism.why else ""
