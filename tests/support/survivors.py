"""Processes that a test has started and that still run, by a word of their command lines."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def commands(mark: str) -> list[tuple[int, str]]:
    """Their process ids and command lines, whatever the numbers they have where they are."""
    found = _from_proc() if sys.platform == "linux" else _from_ps()
    return [(pid, line) for pid, line in found if mark in line]


def _from_proc() -> Iterator[tuple[int, str]]:
    """Quicker than `ps`: some live for a moment only. The dead have no command line."""
    for item in os.scandir("/proc"):
        if item.name.isdigit():
            with suppress(OSError):  # gone since
                words = Path(item.path, "cmdline").read_bytes().split(b"\0")
                yield int(item.name), os.fsdecode(b" ".join(words)).strip()


def _from_ps() -> Iterator[tuple[int, str]]:
    done = subprocess.run(["ps", "-axww", "-o", "pid=,stat=,args="], capture_output=True, text=True)
    for pid, state, line in (row.split(None, 2) for row in done.stdout.splitlines()):
        if not state.startswith("Z"):
            yield int(pid), line


def alive(mark: str) -> list[int]:
    """Their process ids."""
    return [pid for pid, _ in commands(mark)]
