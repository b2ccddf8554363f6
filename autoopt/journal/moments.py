"""When each thing of a run happened, on the run's own clock: pauses between its processes are not in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoopt.journal import lines

_TOLD = frozenset(
    {"RUN", "CONDITIONS", "BEGIN", "DECIDED", "RESTARTED", "CONFIRMED", "HELD_OUT", "OMITTED", "STOPPED"}
)
_BEGINNING = 40  # bytes of a line that hold its event


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One event of a journal.

    Attributes:
        event: Its word, as in `DECIDED`.
        elapsed_s: Seconds that the run had been worked on, over all its processes.
        number: The experiment it is about; None where it is about none.
    """

    event: str
    elapsed_s: float
    number: int | None = None


def moments(path: Path) -> tuple[Moment, ...]:
    """The events that begin or end something, in order; a torn last line is none.

    Raises:
        DamagedStateError: the journal cannot be read.
    """
    return tuple(_moments(lines.content(path)))


def _moments(content: bytes) -> Iterator[Moment]:
    for line in content.splitlines(keepends=True):
        if not line.endswith(b"\n") or not any(
            b'"%s"' % word.encode() in line[:_BEGINNING] for word in _TOLD
        ):
            continue
        body = json.loads(line)
        if body["event"] in _TOLD:
            yield Moment(event=body["event"], elapsed_s=body["elapsed_s"], number=body.get("number"))
