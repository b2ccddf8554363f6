"""The run's memory: one JSON line per event, hash-chained and synced; all that a resume needs.

BEGIN number, parent -> EDITED change -> MEASURED pair (once each) -> DECIDED experiment (the commit point)
-> MOVED the branch (keeps only) -> DONE; ASKED and SPENT stand around each call of an agent. CONDITIONS says
what everything is measured with, RESTARTED that the judge begins anew, LEVEL how the incumbent stands against
the target; CONFIRMED, HELD_OUT and OMITTED belong to the end. A torn last line is dropped; any other line
that does not add up stops the run, because guessing what an experiment was is how a log starts to lie.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from autoopt import files
from autoopt.codec import decode, encode
from autoopt.errors import DamagedStateError, ResourceError
from autoopt.journal.lock import held as held
from autoopt.journal.lock import is_held as is_held
from autoopt.journal.projections import log as log
from autoopt.journal.projections import publish as publish
from autoopt.journal.projections import tsv as tsv
from autoopt.records import (
    Call,
    Change,
    Confirmation,
    Experiment,
    Level,
    Measurement,
    Omission,
    Pair,
    Restart,
    Sample,
    Status,
)

VERSION = 1
INTERRUPTED = "interrupted"
"""The reason of a stop that a person or the system brought about; the run has more to do."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An experiment that a crash left open.

    Attributes:
        parent: The incumbent it started from.
        decided: The experiment when its decision is on record, None when the attempt was interrupted.
    """

    number: int
    parent: str
    decided: Experiment | None


class Journal:
    """The events of one run, appended durably; `history` is what they add up to."""

    def __init__(self, path: Path) -> None:
        """Read the journal without a torn last line; the first append cuts that off the file.

        Reading never writes: whoever only looks at a run holds no lock, and its process may be in the middle
        of an append.

        Raises:
            DamagedStateError: a line other than the last does not add up, or there is none.
        """
        self.path = path
        self.history: list[Experiment] = []
        self.calls: list[Call] = []
        self.unanswered: list[tuple[int, str]] = []  # number and stage of calls that were cut short
        self.pending: Pending | None = None
        self.confirmation: Confirmation | None = None
        self.holdout: Confirmation | None = None
        self.omissions: list[Omission] = []
        self.restarts: list[Restart] = []
        self.conditions: Mapping[str, str] = {}  # what is measured and on which machine
        self.stopped: str | None = None
        self.header: Mapping[str, Any] = {}
        self._last_number = 0
        self._elapsed_before_s = 0.0
        self._pairs: list[Mapping[str, Any]] = []
        self._chain = ""
        self._torn_at: int | None = None
        self._asked: tuple[int, str] | None = None
        self._opened: float | None = None  # the clock runs from when everything is read
        for position, event in enumerate(self._read(), start=1):
            try:
                self._apply(event)
            except (KeyError, TypeError, ValueError) as error:
                raise self._damaged(position, f"cannot be understood ({error})") from error
        if not self.header:
            raise DamagedStateError(f"{path}: holds no run; start a new one.")
        self._cut_short()
        self._opened = monotonic()

    @classmethod
    def create(cls, path: Path, *, run_id: str, base: str, goal: str) -> Journal:
        """Start the journal of a new run."""
        started = datetime.now(UTC).isoformat(timespec="seconds")
        named = {"run_id": run_id, "base": base, "goal": goal, "started": started}
        body = {"event": "RUN", "elapsed_s": 0.0, "version": VERSION, **named}
        files.replace(path, _line(body, _link("", body)))
        return cls(path)

    @property
    def incumbent(self) -> Experiment:
        """The best experiment so far: the last keep, else the baseline."""
        return next(e for e in reversed(self.history) if e.status in (Status.keep, Status.baseline))

    @property
    def next_number(self) -> int:
        """The number the next experiment carries; an interrupted one's is not used again."""
        return self._last_number + 1 if self.history else 0

    @property
    def elapsed_s(self) -> float:
        """Seconds the run has been working, over all its processes."""
        here = 0.0 if self._opened is None else monotonic() - self._opened
        return self._elapsed_before_s + here

    def asked(self, number: int, stage: str) -> None:
        """An agent is about to be called; unless SPENT follows, nobody knows what that took."""
        self._append("ASKED", number=number, stage=stage)

    def spent(self, call: Call) -> None:
        """An agent was called; on record before its answer is used, so that no crash forgets the cost."""
        self._append("SPENT", call=encode(call))

    def begin(self, number: int, parent: str, description: str) -> None:
        """An attempt starts."""
        self._append("BEGIN", number=number, parent=parent, description=description)

    def edited(self, number: int, change: Change) -> None:
        """The proposal is committed (again, after a repair: earlier pairs of the number no longer count)."""
        self._append("EDITED", number=number, change=encode(change))

    def measured(self, number: int, challenger: Sample, incumbent: Sample | None) -> None:
        """A pair is taken; the baseline and exact metrics have no incumbent sample."""
        self._append("MEASURED", number=number, challenger=encode(challenger), incumbent=encode(incumbent))

    def decided(self, experiment: Experiment) -> None:
        """The experiment is decided: from here on a resume completes it instead of forgetting it."""
        body = encode(experiment)
        body["measurement"] = experiment.measurement is not None  # the samples are in the MEASURED lines
        del body["incumbent_samples"]
        self._append("DECIDED", number=experiment.number, experiment=body)

    def moved(self, number: int) -> None:
        """The run branch has advanced to the kept commit."""
        self._append("MOVED", number=number)

    def done(self, number: int) -> None:
        """Nothing is left to do for this experiment."""
        self._append("DONE", number=number)

    def confirmed(self, confirmation: Confirmation) -> None:
        """Fresh pairs of baseline against final are taken."""
        self._append("CONFIRMED", confirmation=encode(confirmation))

    def held_out(self, holdout: Confirmation) -> None:
        """Pairs of baseline against final by the holdout command are taken."""
        self._append("HELD_OUT", holdout=encode(holdout))

    def omitted(self, omission: Omission) -> None:
        """The final commit is measured without one of the kept changes."""
        self._append("OMITTED", omission=encode(omission))

    def measured_on(self, conditions: Mapping[str, str]) -> None:
        """The machine and the metric that everything from here on is measured with."""
        self._append("CONDITIONS", conditions=dict(conditions))

    def placed(self, number: int, level: Level) -> None:
        """It is known where the incumbent, experiment `number`, stands against the target."""
        self._append("LEVEL", number=number, level=encode(level))

    def restarted(self, restart: Restart) -> None:
        """The incumbent is measured anew; what was known of the noise before no longer counts."""
        self._append("RESTARTED", restart=encode(restart))

    def stop(self, reason: str) -> None:
        """The run ends here, until somebody resumes it."""
        self._append("STOPPED", reason=reason)

    def _append(self, event: str, **fields: Any) -> None:
        body = _readable({"event": event, "elapsed_s": round(self.elapsed_s, 3), **fields})
        chain = _link(self._chain, body)
        if self._torn_at is not None:
            os.truncate(self.path, self._torn_at)
            self._torn_at = None
        _append_line(self.path, _line(body, chain))
        self._chain = chain
        self._apply(body)

    def _read(self) -> Iterator[Mapping[str, Any]]:
        try:
            raw = self.path.read_bytes()
        except OSError as error:
            raise DamagedStateError(
                f"{self.path}: the run's journal cannot be read: {error.strerror}."
            ) from error
        good = 0
        lines = raw.splitlines(keepends=True)
        for position, line in enumerate(lines, start=1):
            body = _parse(line, self._chain)
            if body is None:
                if position < len(lines):
                    raise self._damaged(position, "does not follow from the line before it")
                self._torn_at = good
                return
            self._chain = body.pop("chain")
            good += len(line)
            yield body

    def _damaged(self, position: int, problem: str) -> DamagedStateError:
        return DamagedStateError(
            f"{self.path}, line {position} {problem}; the run cannot go on from this journal. "
            "The run branch and its commits are untouched: start a new run from them."
        )

    def _apply(self, event: Mapping[str, Any]) -> None:
        if self._opened is None:
            self._elapsed_before_s = event["elapsed_s"]
        match event["event"]:
            case "RUN":
                if event["version"] != VERSION:
                    raise ValueError(f"version {event['version']}, this autoopt reads {VERSION}")
                self.header = event
            case "BEGIN":
                self._last_number = event["number"]
                self._pairs = []
                self.stopped = None
                self._forget_the_end()
                self.pending = Pending(number=event["number"], parent=event["parent"], decided=None)
            case "ASKED":
                self._cut_short()
                self._asked = (event["number"], event["stage"])
            case "SPENT":
                self._asked = None
                self.calls.append(decode(Call, event["call"]))
            case "EDITED":
                self._pairs = []
            case "MEASURED":
                self._pairs.append(event)
            case "DECIDED":
                experiment = self._experiment(event["experiment"])
                self.history.append(experiment)
                self.pending = Pending(number=experiment.number, parent=experiment.parent, decided=experiment)
            case "MOVED":
                pass
            case "DONE":
                self.pending = None
            case "CONFIRMED":
                self.confirmation = decode(Confirmation, event["confirmation"])
            case "HELD_OUT":
                self.holdout = decode(Confirmation, event["holdout"])
            case "OMITTED":
                self.omissions.append(decode(Omission, event["omission"]))
            case "CONDITIONS":
                self.conditions = event["conditions"]
            case "LEVEL":
                self._place(event["number"], decode(Level, event["level"]))
            case "RESTARTED":
                self._restart(decode(Restart, event["restart"]))
            case "STOPPED":
                self.stopped = event["reason"]
            case unknown:
                raise ValueError(f"unknown event {unknown!r}")

    def _forget_the_end(self) -> None:
        """What was measured of the final commit no longer holds."""
        self.confirmation = self.holdout = None
        self.omissions = []

    def _restart(self, restart: Restart) -> None:
        self.restarts.append(restart)
        self.conditions = restart.conditions
        self._forget_the_end()
        for position, past in enumerate(self.history):  # where it stands against the target is open again
            self.history[position] = dataclasses.replace(past, level=None)

    def _place(self, number: int, level: Level) -> None:
        position = next(at for at, past in enumerate(self.history) if past.number == number)
        self.history[position] = dataclasses.replace(self.history[position], level=level)

    def _cut_short(self) -> None:
        """The call that was open, if any, will not be answered any more."""
        if self._asked is not None:
            self.unanswered.append(self._asked)
            self._asked = None

    def _experiment(self, body: Mapping[str, Any]) -> Experiment:
        challengers = tuple(decode(Sample, pair["challenger"]) for pair in self._pairs)
        incumbents = tuple(decode(Sample, p["incumbent"]) for p in self._pairs if p["incumbent"])
        plain: Experiment = decode(Experiment, {**body, "measurement": None})
        if not body["measurement"]:
            return plain
        measurement = Measurement(commit=body["commit"], samples=challengers)
        return dataclasses.replace(plain, measurement=measurement, incumbent_samples=incumbents)


def pairs(experiment: Experiment) -> tuple[Pair, ...]:
    """The experiment's interleaved pairs; none for the baseline and for exact metrics."""
    if experiment.measurement is None or not experiment.incumbent_samples:
        return ()
    both = zip(experiment.incumbent_samples, experiment.measurement.samples, strict=True)
    return tuple(Pair(incumbent=incumbent, challenger=challenger) for incumbent, challenger in both)


def _link(chain: str, body: Mapping[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256((chain + canonical).encode()).hexdigest()


def _readable(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body as it will be read back, with `?` for what is no text: names of files need not be any."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    found: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return found


def _line(body: Mapping[str, Any], chain: str) -> bytes:
    return json.dumps({**body, "chain": chain}, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _parse(line: bytes, chain: str) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        body = json.loads(line)
    except ValueError:
        return None
    if not isinstance(body, dict) or "chain" not in body:
        return None
    claimed = body.pop("chain")
    return {**body, "chain": claimed} if claimed == _link(chain, body) else None


def _append_line(path: Path, line: bytes) -> None:
    """Append durably, or leave the file as it was: a half-written line would damage the next one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        try:
            rest = line
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except BaseException as error:  # Ctrl-C too: the line is not in the file and not in memory
            os.ftruncate(descriptor, size)
            if isinstance(error, OSError):
                raise ResourceError(f"{path}: the journal cannot be written: {error.strerror}.") from error
            raise
    finally:
        os.close(descriptor)
