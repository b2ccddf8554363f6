"""Turns walls into what the supervisor is told: words before the command, or rules for its process."""

from __future__ import annotations

from pathlib import Path

from autoopt.processes.sandbox import bubblewrap, rules, seatbelt
from autoopt.processes.walls import Kind, Walls


def plan(walls: Walls | None, cwd: Path) -> tuple[list[str], list[str]]:
    """The words of the program that puts up the walls, and the rules the process asks the kernel for itself.

    Both are empty without walls.
    """
    if walls is None or not walls.mechanism.holds:
        return [], []
    if walls.mechanism.kind is Kind.LANDLOCK:
        return [], rules.rules(walls)
    if walls.mechanism.kind is Kind.SANDBOX_EXEC:
        return seatbelt.words(walls), []
    return bubblewrap.words(walls, cwd), []
