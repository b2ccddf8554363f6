"""Where the incumbent spends its time, as the recipe's profile command prints it."""

from __future__ import annotations

import json
from pathlib import Path

from autoopt import files
from autoopt.processes import plain
from autoopt.processes.arms import Arms
from autoopt.records import Failure
from autoopt.schema import ProfileConfig

NONE = "(no profile: "
"""How the note begins that stands for a profile that could not be made."""
MOST = 12_000
"""Characters of a profile that are shown; the hottest come first in every profile worth reading."""


class Profile:
    """Profiles of commits, each made once."""

    def __init__(self, config: ProfileConfig, arms: Arms, memory: Path) -> None:
        """Profile in checkouts of `arms`.

        Args:
            memory: File that remembers the latest profile, so that a resume does not make it again.
        """
        self._config = config
        self._arms = arms
        self._memory = memory
        self._latest = _remembered(memory)

    def of(self, commit: str) -> str:
        """The commit's profile; empty without a command, a one-line note when the command fails."""
        command = self._config.command
        if command is None:
            return ""
        if self._latest is None or self._latest[0] != (commit, command):
            text, made = self._make(command, commit)
            self._latest = ((commit, command), text)
            if made:
                record = {"commit": commit, "command": command, "text": text}
                files.replace(self._memory, json.dumps(record).encode())
        return self._latest[1]

    def _make(self, command: str, commit: str) -> tuple[str, bool]:
        """The profile or the note, and which of them it is."""
        made = self._arms.output(commit, command, "profile", self._config.timeout_s, _shortened)
        if isinstance(made, Failure):
            said = made.tail.rpartition("\n")[2]
            return f"{NONE}{made.reason}{f': {said}' if said else ''})", False
        return made, True


def _shortened(output: bytes) -> str:
    """The beginning of the output, readable by a person, in whole lines."""
    text = plain(output[: 8 * MOST].decode("utf-8", "replace")).strip("\n")
    if len(text) <= MOST and len(output) <= 8 * MOST:
        return text
    head = text[:MOST]
    head = head[: head.rfind("\n")] if "\n" in head else head
    return f"{head}\n(cut after {len(head)} characters: only the beginning is shown)"


def _remembered(memory: Path) -> tuple[tuple[str, str], str] | None:
    try:
        record = json.loads(memory.read_bytes())
        return (record["commit"], record["command"]), record["text"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # made again: it is a convenience
        return None
