"""Kills a program at a chosen system call, by strace.

The program's main thread is traced and nothing else (no `-f`): strace counts calls by name in each thread,
and what is to die is the program, whose children must then end by themselves.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_CALLS = (
    "openat,creat,write,writev,pwrite64,pwritev,pwritev2,copy_file_range,sendfile,fallocate,truncate,ftruncate,"
    "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,symlink,symlinkat,mknod,mknodat,"
    "fsync,fdatasync,sync_file_range,chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,utimensat,setxattr,"
    "fsetxattr,ioctl"
)
_LINE = re.compile(r"(\w+)\((.*)")
_FAILED = re.compile(r"\) += -1 ")
_TELLING = {"openat": re.compile(r"O_CREAT|O_TRUNC"), "ioctl": re.compile("FICLONE")}
"""Calls that change something only when they are told to."""
SAID = "said"
"""What a command printed."""
LIMIT_S = 300.0
"""For one command; one that has not ended by then hangs."""


@dataclass(frozen=True, slots=True)
class Point:
    """The `when`-th call of this name by the program's main thread, and what it did the first time."""

    call: str
    when: int
    told: str


def missing() -> str | None:
    """Why programs cannot be killed at a system call here; None where they can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "strace may not trace here"


def points(command: Sequence[str], place: Path, cwd: Path, environ: Mapping[str, str]) -> list[Point]:
    """Run the command to its end; every call of it that changes something below `place`, in order."""
    record = place.with_name(f"{place.name}.strace")
    traced = ["strace", "-o", str(record), "-y", "-s", "0", "-e", f"trace={_CALLS}", *command]
    code, text = run(traced, cwd, environ)
    if code:
        raise RuntimeError(f"{' '.join(command)} ended with {code}:\n{text}")
    counted: Counter[str] = Counter()
    found = []
    for line in record.read_text(errors="replace").splitlines():
        if (parts := _LINE.match(line)) is None:
            continue  # a signal, or the exit
        call, told = parts[1], parts[2]
        counted[call] += 1
        if f"{place}/" in told and f"{place}/{SAID}>" not in told and _changes(call, told):
            found.append(Point(call, counted[call], told.replace(f"{place}/", "")))
    record.unlink()
    return found


def _changes(call: str, told: str) -> bool:
    wanted = _TELLING.get(call)
    return not _FAILED.search(told) and (wanted is None or bool(wanted.search(told)))


def kill_at(point: Point, command: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> tuple[int, str]:
    """Run the command and kill it as it enters that call; its exit code, negative when it was killed."""
    injected = f"inject={point.call}:signal=SIGKILL:when={point.when}"
    traced = ["strace", "-o", os.devnull, "-e", f"trace={point.call}", "-e", injected, *command]
    return run(traced, cwd, environ)


def run(
    command: Sequence[str], cwd: Path, environ: Mapping[str, str], kill_after_s: float | None = None
) -> tuple[int, str]:
    """Run a command; its exit code and everything it said.

    Args:
        kill_after_s: When to kill it, alone: what it has started is not signalled.
    """
    with (cwd.parent / SAID).open("w+b") as said:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(LIMIT_S if kill_after_s is None else kill_after_s)
        except subprocess.TimeoutExpired:
            if kill_after_s is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()
        said.seek(0)
        return process.returncode, said.read().decode(errors="replace")
