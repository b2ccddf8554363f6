"""Where the incumbent spends its time, as the recipe's profile command prints it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from autoopt import files
from autoopt.processes import complaint, plain, run, tail
from autoopt.processes.arms import Arm, Arms
from autoopt.processes.logs import Logs
from autoopt.protocols import Bench
from autoopt.records import Failure
from autoopt.schema import MetricConfig, ProfileConfig

MOST = 12_000
"""Characters of a profile that are shown; the hottest come first in every profile worth reading."""


class Profile:
    """Profiles of commits, each made once."""

    def __init__(
        self,
        config: ProfileConfig,
        bench: Bench,
        environ: Mapping[str, str],
        logs: Path,
        memory: Path,
        *,
        metric: MetricConfig,
        env_names: Collection[str],
    ) -> None:
        """Profile in checkouts of `bench`, prepared and with the environment as for the metric.

        Args:
            memory: File that remembers the latest profile, so that a resume does not make it again.
        """
        self._config = config
        self._logs = Logs(logs)
        self._arms = Arms(metric, bench, self._logs, environ, env_names)
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
        arm = self._arms.ready(commit)
        if isinstance(arm, Failure):
            return f"(no profile: {arm.reason})", False
        return self._run(command, arm)

    def _run(self, command: str, arm: Arm) -> tuple[str, bool]:
        logs = self._logs.open("profile")
        timeout_s = self._config.timeout_s
        done = run(command, cwd=arm.tree, env=arm.environment, timeout_s=timeout_s, logs=logs)
        problem = complaint(done)
        if problem is None:
            text = _shortened(done.stdout)
        else:
            said = tail(done, 2).rpartition("\n")[2]
            text = f"(no profile: {problem}{f': {said}' if said else ''})"
        self._logs.close(logs, failed=problem is not None)
        return text, problem is None


def _shortened(path: Path) -> str:
    """The beginning of the output, readable by a person, in whole lines."""
    with path.open("rb") as file:
        text = plain(file.read(8 * MOST).decode("utf-8", "replace")).strip("\n")
        more = path.stat().st_size > 8 * MOST
    if len(text) <= MOST and not more:
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
