"""What a run is doing, in a small file beside its journal: for whoever watches it from another terminal.

The journal has what is decided, and nothing before. The file is written whole, without waiting for the disk:
it is worth nothing once the process is gone.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from autoopt.codec import decode, encode
from autoopt.records import Call, Confirmation, Experiment, Usage, Verdict
from autoopt.reporters.live.glance import Stage
from autoopt.reporters.shielding import shielded

_LARGEST = 1 << 16
_NOTES = 5
_LONGEST = 1000  # characters of what a command or an agent has said


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that was said of the run's progress.

    Attributes:
        place: Its place among all of the process, from 1.
        number: The experiment it came before.
    """

    place: int
    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What a process that works on a run is doing.

    Attributes:
        worked_s: Seconds the run has been worked on, at `at` (seconds since the epoch).
        notes: The latest.
    """

    pid: int
    at: float
    worked_s: float
    stage: Stage = field(default_factory=Stage)
    notes: tuple[Note, ...] = ()


def read(path: Path) -> Now | None:
    """What the file says; None where there is none, or none that can be understood."""
    try:
        with path.open("rb") as file:
            found: Now = decode(Now, json.loads(file.read(_LARGEST)))
    except (OSError, KeyError, TypeError, ValueError):
        return None
    return found


class StatusFile:
    """Keeps the file; a `Reporter`."""

    def __init__(self, path: Path, worked_s: Callable[[], float]) -> None:
        """Write to `path` what is told from now on.

        Args:
            worked_s: How long the run has been worked on.
        """
        self.warned = False
        self._path = path
        self._worked_s = worked_s
        self._stage = Stage()
        self._notes: tuple[Note, ...] = ()
        self._said = 0

    def on_start(self, run_id: str, goal: str, unit: str, experiments: int | None) -> None:
        """Say that somebody works on it."""
        self._write()

    @shielded
    def on_stage(self, number: int, stage: str, detail: str) -> None:
        """Say where it is."""
        self._stage = self._stage.next(number, stage, _clipped(detail), time.time())
        self._write()

    def on_call(self, call: Call, total: Usage) -> None:
        """Nothing to say: the journal has it."""

    @shielded
    def on_note(self, number: int, text: str) -> None:
        """Say it."""
        self._said += 1
        note = Note(place=self._said, number=number, text=_clipped(text))
        self._notes = (*self._notes, note)[-_NOTES:]
        self._write()

    @shielded
    def on_verdict(self, number: int, verdict: Verdict) -> None:
        """Say what the pairs say so far."""
        self._stage = replace(self._stage, verdict=verdict)
        self._write()

    def on_experiment(self, experiment: Experiment, incumbent: Experiment) -> None:
        """Nothing to say: the journal has it."""

    def on_finish(
        self, reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None
    ) -> None:
        """Take the file away: the journal says why it ended."""
        with suppress(OSError):
            self._path.unlink()

    def _write(self) -> None:
        now = Now(
            pid=os.getpid(),
            at=time.time(),
            worked_s=self._worked_s(),
            stage=self._stage,
            notes=self._notes,
        )
        temporary = self._path.with_name(f".{self._path.name}.tmp")
        try:
            temporary.write_text(json.dumps(encode(now), ensure_ascii=False), "utf-8", "replace")
            temporary.replace(self._path)
        except OSError:  # a full disk: the journal will say so, and needs what there is
            with suppress(OSError):
                temporary.unlink()


def _clipped(text: str) -> str:
    return text[:_LONGEST]
