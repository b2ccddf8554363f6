"""Words for `bwrap` that put up walls: namespaces in which the disk is read-only but for a few places."""

from __future__ import annotations

import os
from pathlib import Path

from autoopt.processes.sandbox import gate
from autoopt.processes.sandbox.places import Access, gpu_nodes, in_order, within
from autoopt.processes.sandbox.syscalls import call_filter
from autoopt.processes.sandbox.tmp import SEEN, TMP, entries, renew
from autoopt.processes.walls import Kind, Walls

_READY, _GO, _FILTER = (word.decode() for word in (gate.READY, gate.GO, gate.FILTER))

_ROOT_KEEPS = {
    "CHOWN": 0,
    "DAC_OVERRIDE": 1,
    "FOWNER": 3,
    "FSETID": 4,
    "KILL": 5,
    "SETGID": 6,
    "SETUID": 7,
    "SETPCAP": 8,
    "NET_BIND_SERVICE": 10,
    "IPC_LOCK": 14,
    "SYS_NICE": 23,
    "SYS_RESOURCE": 24,
    "SETFCAP": 31,  # without it no user namespace can have a root, and agents' own sandboxes are such
}
"""What root may still do inside, with the kernel's numbers: serve, change users, own files. Not: mount, load
modules, trace others, set the clock, open files by their number on disk."""

_SWITCHES = ("sys", "sysrq-trigger", "fs", "acpi", "scsi")


def words(walls: Walls, cwd: Path) -> list[str]:
    """The program and its options; the command's own words follow.

    There is no `--die-with-parent`: what the program that waits outside is to die with is the command, and
    then everything inside would be killed at once, before a `tee` has written the end of the output. The
    supervisor ends it all, as without walls, also when autoopt itself is gone.
    """
    return [
        walls.mechanism.program,
        *("--ro-bind", "/", "/"),
        *_processes(walls.mechanism.kind),
        *([] if walls.network else ["--unshare-net"]),
        *_rights(),
        *_devices(),
        *_places(walls, cwd),
        *("--chdir", str(cwd)),
        *("--new-session",),  # `kill 0` must not reach the program that waits outside
        # As soon as this file is made the places are all mounted; shared memory proper then goes over it.
        *("--file", _READY, "/dev/shm/ready", "--tmpfs", "/dev/shm"),
        *("--seccomp", _FILTER + call_filter().hex()),
        *("--block-fd", _GO),
        "--",
    ]


def _processes(kind: Kind) -> list[str]:
    """Process numbers and memory to share of its own, as far as this machine grants them.

    Where /proc is that of outside, who makes a sandbox inside writes there; but not root, whom it would obey
    in everything.
    """
    if kind is Kind.BUBBLEWRAP:
        return ["--unshare-ipc", "--unshare-pid", "--proc", "/proc", *_switches()]
    numbers = ["--unshare-pid"] if kind is Kind.BUBBLEWRAP_HOST_PROC else []
    return ["--unshare-ipc", *numbers, *([] if os.geteuid() == 0 else ["--bind", "/proc", "/proc"])]


def _switches() -> list[str]:
    """The kernel's own settings in a new /proc, read-only: root may write them without any capability.

    `bwrap` means to see to it and does not: a directory of settings says that it is not writable. With
    /proc/sys/kernel/core_pattern alone whoever crashes has a program run outside, as root.
    """
    if os.geteuid() != 0:
        return []
    return [word for name in _SWITCHES for word in ("--ro-bind-try", f"/proc/{name}", f"/proc/{name}")]


def _rights() -> list[str]:
    """Root's capabilities would undo the walls; everybody else has none.

    Only those that autoopt has itself are kept: when one cannot be had, `bwrap` takes none away, silently.
    """
    if os.geteuid() != 0:
        return []
    own = _own_capabilities()
    kept = [name for name, number in _ROOT_KEEPS.items() if own >> number & 1]
    return ["--cap-drop", "ALL", *(word for name in kept for word in ("--cap-add", f"CAP_{name}"))]


def _own_capabilities() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapPrm:"))


def _devices() -> list[str]:
    """The devices that are only files in disguise, shared memory of its own, and what computes."""
    nodes = (word for node in gpu_nodes() for word in ("--dev-bind-try", node, node))
    return ["--dev", "/dev", *nodes]


def _places(walls: Walls, cwd: Path) -> list[str]:
    found: list[str] = []
    closed: list[str] = []
    places = in_order(walls)
    if walls.tmp is not None:
        mounted = [*(path for path, _ in places), os.path.realpath(cwd)]
        found += _private_tmp(walls.tmp, [*mounted, *(entries() if walls.nested else ())])
        places += [(SEEN + path[len(TMP) :], access) for path, access in places if _is_shut(path, access)]
    for path, access in places:
        if access is Access.WRITE:
            found += ["--bind-try", path, path]
        elif access is Access.READ:
            found += ["--ro-bind-try", path, path]
        elif _is_folder(path):
            found += ["--tmpfs", path]
            closed += ["--remount-ro", path]
        else:
            found += ["--dev-bind", "/dev/null", path]  # as a device, else it could not be opened
    return found + closed


def _private_tmp(private: Path, places: list[str]) -> list[str]:
    found = ["--ro-bind", TMP, SEEN, "--bind", os.path.realpath(private), TMP]
    for path in renew(private, places):
        found += ["--ro-bind-try", path, path]
    return found


def _is_folder(path: str) -> bool:
    return Path(TMP + path[len(SEEN) :] if within(path, SEEN) else path).is_dir()


def _is_shut(path: str, access: Access) -> bool:
    return access is Access.HIDE and within(path, TMP)
