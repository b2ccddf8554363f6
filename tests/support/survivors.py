"""Processes that a test has started and that still run, by a word of their command lines."""

from __future__ import annotations

import subprocess


def alive(mark: str) -> list[int]:
    """Their process ids."""
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,stat=,args="], capture_output=True, text=True).stdout
    rows = [line.split(None, 2) for line in listing.splitlines() if mark in line]
    return [int(pid) for pid, state, _ in rows if not state.startswith("Z")]
