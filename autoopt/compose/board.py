"""What the jobs of a sweep and whoever started them tell each other: files, as any launcher may be between.

A job says which process it is before it does anything, and what became of it when it ends; one that was
killed says nothing more. They are told to end by a signal where they are on this machine, and not to begin
wherever they are.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoopt.processes import leftovers

_PROCESS, _FAILURE, _DONE, _CLOSED = "process", "failure.txt", "done", "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a job.

    Attributes:
        begun: Whether it was ever begun.
        code: Its exit code; None where it did not say, as it was killed or never begun.
        line: Why it failed, for people.
    """

    begun: bool
    code: int | None
    line: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """One directory for each job, by its number, on storage that all machines of the sweep share."""

    directory: Path

    def begin(self, number: int) -> bool:
        """Say that this process does the job; whether one has begun it before.

        A launcher may start a job again that was killed or put off.
        """
        mine = self._of(number)
        again = (mine / _PROCESS).exists()
        mine.mkdir(parents=True, exist_ok=True)
        (mine / _FAILURE).unlink(missing_ok=True)
        record = leftovers.record(os.getpid(), "")
        if record is None:
            (mine / _PROCESS).touch()
        else:
            leftovers.write(mine / _PROCESS, record)
        return again

    def end(self, number: int, code: int, line: str = "", details: str = "") -> None:
        """Say what became of it.

        Args:
            details: Kept for people to read, as a traceback.
        """
        mine = self._of(number)
        mine.mkdir(parents=True, exist_ok=True)
        if code or line:
            (mine / _FAILURE).write_text(f"{code}\n{line}\n{details}", encoding="utf-8")
        else:
            (mine / _DONE).touch()

    def has_ended(self, number: int) -> bool:
        """Whether the job has said what became of it."""
        return any((self._of(number) / name).exists() for name in (_DONE, _FAILURE))

    def outcome(self, number: int) -> Outcome:
        """What became of the job, as far as it is known."""
        mine = self._of(number)
        begun = (mine / _PROCESS).exists()
        if (mine / _FAILURE).exists():
            code, _, rest = (mine / _FAILURE).read_text(encoding="utf-8").partition("\n")
            return Outcome(begun=begun, code=int(code), line=rest.partition("\n")[0])
        return Outcome(begun=begun, code=0 if (mine / _DONE).exists() else None)

    def numbers(self) -> list[int]:
        """The jobs that have said anything."""
        return sorted(int(path.name) for path in self.directory.glob("*/") if path.name.isdigit())

    def kept(self) -> list[Path]:
        """Failures with details that somebody may want to read."""
        return [path for path in self._all(_FAILURE) if path.read_text(encoding="utf-8").count("\n") > 2]

    def close(self) -> None:
        """Let no job begin any more."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / _CLOSED).touch()

    @property
    def is_closed(self) -> bool:
        """Whether no job is to begin any more."""
        return (self.directory / _CLOSED).exists()

    def tell(self, number: int) -> None:
        """Let no job begin any more, and send a signal to those that are at work on this machine."""
        self.close()
        for path in self._at_work():
            leftovers.tell(path, number)

    def is_busy(self) -> bool:
        """Whether a job is at work on this machine."""
        return any(leftovers.lives(path) for path in self._at_work())

    def clear(self) -> None:
        """Remove everything that nobody will read."""
        kept = set(self.kept())
        for path in (self.directory / _CLOSED, *self._all(_PROCESS), *self._all(_DONE), *self._all(_FAILURE)):
            if path not in kept:
                path.unlink(missing_ok=True)
        for path in (*(self._of(number) for number in self.numbers()), self.directory):
            with contextlib.suppress(OSError):  # what is kept
                path.rmdir()

    def _of(self, number: int) -> Path:
        return self.directory / str(number)

    def _all(self, name: str) -> list[Path]:
        return [path for number in self.numbers() if (path := self._of(number) / name).exists()]

    def _at_work(self) -> Iterator[Path]:
        for number in self.numbers():
            if not self.has_ended(number) and (self._of(number) / _PROCESS).exists():
                yield self._of(number) / _PROCESS
