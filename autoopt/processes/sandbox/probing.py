"""Finds the best means that works by running a command in each, and remembers it until something changes.

That a program is installed says little: user namespaces may be forbidden, /proc not be mountable, the
kernel's own means switched off. So a command really tries to write where it must and where it must not.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from autoopt import files
from autoopt.errors import ResourceError
from autoopt.processes import run
from autoopt.processes.sandbox import landlock
from autoopt.processes.walls import Kind, Mechanism, Walls

_REMEMBERED = "sandbox.json"
_LIMIT_S = 20.0
_SANDBOX_EXEC = Path("/usr/bin/sandbox-exec")
_TRY = """
echo in > in/file || exit 1
{ echo out > out/file; cat hidden/file; } 2> /dev/null
while read -r name value; do [ "$name" = CapEff: ] && echo "$value"; done 2> /dev/null < /proc/self/status
exit 0
"""
_SYS_ADMIN = 21
"""The capability with which root could undo the walls from inside."""
_RESTRICTIONS = (
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "/proc/sys/kernel/random/boot_id",
)
_LIMITS_OF_THIS_PROCESS = ("NoNewPrivs:", "Seccomp:", "CapEff:")


def remembered(state_home: Path, environ: Mapping[str, str], *, network: bool) -> Mechanism:
    """The best means, tried now unless it was tried before under the same circumstances."""
    path = state_home / _REMEMBERED
    slot = "network" if network else "no network"
    now = _circumstances(environ)
    known = _read(path)
    with contextlib.suppress(ValueError, KeyError, TypeError):
        before = known[slot]
        if before["circumstances"] == now and before["kind"] != Kind.NONE:
            return Mechanism(
                kind=Kind(before["kind"]), program=str(before["program"]), why=str(before["why"])
            )
    found = _tried(_bubblewrap(environ), network, json.dumps(now))
    if not state_home.is_dir():  # nothing is to be written yet
        return found
    known[slot] = {"circumstances": now, "kind": found.kind, "program": found.program, "why": found.why}
    files.replace(path, json.dumps(known).encode())
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


@functools.cache
def _tried(program: str, network: bool, circumstances: str) -> Mechanism:
    """The same as `best`, once in this process; the circumstances are only what it is remembered by."""
    return best(program, network=network)


def best(program: str, *, network: bool) -> Mechanism:
    """The first of all means that keeps a command from writing elsewhere; none at all is the last.

    Args:
        program: Where bubblewrap is; empty where it is not installed.
        network: Whether commands have one.
    """
    why = "" if program or sys.platform != "linux" else "bubblewrap is not installed"
    for candidate in _candidates(program):
        fault = _fault(candidate, network=network)
        if not fault:
            return replace(candidate, why="" if candidate.kind is Kind.BUBBLEWRAP else why)
        why = why or f"{candidate.name} does not work here: {fault}"
    return Mechanism(kind=Kind.NONE, why=why or "this system has no means that autoopt knows")


def _candidates(program: str) -> Iterator[Mechanism]:
    if program:
        for kind in (Kind.BUBBLEWRAP, Kind.BUBBLEWRAP_HOST_PROC, Kind.BUBBLEWRAP_HOST_PIDS):
            yield Mechanism(kind=kind, program=program)
    if sys.platform == "linux" and landlock.version():
        yield Mechanism(kind=Kind.LANDLOCK)
    if sys.platform == "darwin" and _SANDBOX_EXEC.exists():
        yield Mechanism(kind=Kind.SANDBOX_EXEC, program=str(_SANDBOX_EXEC))


def _bubblewrap(environ: Mapping[str, str]) -> str:
    if sys.platform != "linux":
        return ""
    found = shutil.which("bwrap", path=environ.get("PATH", os.defpath))
    return os.path.realpath(found) if found else ""


def _fault(candidate: Mechanism, *, network: bool) -> str:
    """Why this means does not do; empty when it does."""
    with tempfile.TemporaryDirectory(prefix="autoopt-sandbox-") as made:
        place = Path(made)
        for name in ("in", "out", "hidden", "tmp"):
            (place / name).mkdir()
        (place / "hidden" / "file").write_text("readable")
        walls = Walls(
            mechanism=candidate,
            writable=(place / "in",),
            hidden=(place / "hidden",),
            network=network,
            tmp=place / "tmp",
        )
        logs = place / "logs"
        try:
            done = run(_TRY, cwd=place, env={"PATH": os.defpath}, timeout_s=_LIMIT_S, logs=logs, walls=walls)
        except ResourceError:
            said = (logs / "stderr").read_text("utf-8", "replace").strip()
            return said.splitlines()[-1] if said else "it cannot be started"
        said = done.stdout.read_text("utf-8", "replace").strip()
        if done.code != 0 or not (place / "in" / "file").exists():
            return "a command in it cannot write where it must"
        if (place / "out" / "file").exists() or "readable" in said:
            return "a command in it is kept from nothing"
        return "" if _is_powerless(said, candidate) else "root keeps its rights in it"


def _is_powerless(capabilities: str, candidate: Mechanism) -> bool:
    """Whether the command could not undo its walls; the kernel's own cannot be undone by anybody."""
    if not candidate.is_bubblewrap:
        return True
    return capabilities != "" and not int(capabilities.split()[-1], 16) >> _SYS_ADMIN & 1


def _circumstances(environ: Mapping[str, str]) -> dict[str, str | int]:
    """What decides whether a means works; the same home may be used on several machines and in containers."""
    found: dict[str, str | int] = {"uid": os.geteuid(), "kernel": platform.release()}
    program = _bubblewrap(environ)
    if program:
        status = os.stat(program)  # noqa: PTH116
        found["bubblewrap"] = f"{program} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
    for path in _RESTRICTIONS:
        with contextlib.suppress(OSError):
            found[path] = Path(path).read_text().strip()
    with contextlib.suppress(OSError):
        for name in ("user", "pid", "mnt"):
            found[name] = os.readlink(f"/proc/self/ns/{name}")  # noqa: PTH115
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(_LIMITS_OF_THIS_PROCESS):
                found[line.split()[0]] = line.split()[1]
    return found
