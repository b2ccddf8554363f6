"""The run's memory: one JSON line per event, hash-chained and synced; all that a resume needs.

BEGIN number, parent -> EDITED change -> MEASURED pair (once each) -> DECIDED experiment (the commit point)
-> MOVED the branch (keeps only) -> DONE; OFFERED stands before DECIDED where a keep has to be the first of
several runs. ASKED and SPENT stand around each call of an agent. CONDITIONS
says what everything is measured with, RESTARTED that the judge begins anew, LEVEL how the incumbent stands
against the target; CONFIRMED, HELD_OUT and OMITTED belong to the end, and CHECKPOINT to the file of that
name. A torn last line is dropped; any other line that does not add up stops the run, because guessing what
an experiment was is how a log starts to lie.

Every byte is checked each time a journal is read: line by line, or, up to where a checkpoint was made, by
one hash over all that was checked then (`autoopt.journal.checkpoint`).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from autoopt import files, signals
from autoopt.codec import decode, encode
from autoopt.errors import DamagedStateError
from autoopt.journal import appending, checkpoint, decisions, lines
from autoopt.journal.appending import reserve as reserve
from autoopt.journal.appending import unreserve as unreserve
from autoopt.journal.checkpoint import Checkpoint, Placed
from autoopt.journal.decisions import Pending as Pending
from autoopt.journal.decisions import pairs as pairs
from autoopt.journal.endings import INTERRUPTED as INTERRUPTED
from autoopt.journal.endings import STUMBLED as STUMBLED
from autoopt.journal.endings import was_cut_short as was_cut_short
from autoopt.journal.lock import held as held
from autoopt.journal.lock import is_held as is_held
from autoopt.journal.projections import Projections as Projections
from autoopt.journal.projections import log as log
from autoopt.journal.projections import publish as publish
from autoopt.journal.projections import tsv as tsv
from autoopt.journal.spans import Spans
from autoopt.records import Call, Change, Confirmation, Experiment, Level, Omission, Restart, Sample
from autoopt.records.findings import Overrule

T = TypeVar("T")

VERSION = 1
CHECKPOINT_EVERY = 1 << 18
"""Bytes of a journal between checkpoints: what takes a few hundredths of a second to read line by line."""


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
        self.redact = lines.discreet  # tables and reports have what was said from here, without secrets
        self.history: Spans[Experiment] = Spans(self._decoded)
        self.calls: Spans[Call] = Spans(partial(self._understood, decisions.call))
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
        self._levels: dict[int, Level] = {}
        self._notes: Mapping[str, Any] = {}
        self._noted = 0  # experiments that those are about
        self._said: dict[str, Callable[[], Any]] = {}
        self._pairs: list[Mapping[str, Any]] = []
        self._paired_at: int | None = None  # where the first of them is
        self._chain = ""
        self._lines = self._size = self._checkpointed = 0
        self._digest = hashlib.sha256()
        self._torn_at: int | None = None
        self._tail = appending.Tail(path)
        self._asked: tuple[int, str] | None = None
        self._opened: float | None = None  # the clock runs from when everything is read
        for event, line in self._read():
            try:
                self._apply(event, self._size + len(line))
            except (KeyError, TypeError, ValueError) as error:
                raise self._damaged(self._lines + 1, f"cannot be understood ({error})") from error
            self._count(line)
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
        files.replace(path, lines.line(body, lines.link("", body)))
        return cls(path)

    @property
    def incumbent(self) -> Experiment:
        """The best experiment so far: the last that was kept or followed, else the baseline."""
        return next(e for e in reversed(self.history) if e.status.leads)

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

    def begin(self, number: int, parent: str, description: str, overrule: Overrule | None = None) -> None:
        """An attempt starts; `overrule` is why a person wants it, where it was suspect before."""
        why = {} if overrule is None else {"overrule": encode(overrule)}
        self._append("BEGIN", number=number, parent=parent, description=description, **why)

    def edited(self, number: int, change: Change) -> None:
        """The proposal is committed (again, after a repair: earlier pairs of the number no longer count)."""
        self._append("EDITED", number=number, change=encode(change))

    def measured(self, number: int, challenger: Sample, incumbent: Sample | None) -> None:
        """A pair is taken; the baseline and exact metrics have no incumbent sample."""
        self._append("MEASURED", number=number, challenger=encode(challenger), incumbent=encode(incumbent))

    def offered(self, experiment: Experiment) -> None:
        """The experiment is to be kept, if no other run of the search comes first: a resume finds out."""
        self._append("OFFERED", number=experiment.number, experiment=decisions.body(experiment))

    def decided(self, experiment: Experiment) -> None:
        """The experiment is decided: from here on a resume completes it instead of forgetting it."""
        self._append("DECIDED", number=experiment.number, experiment=decisions.body(experiment))

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
        body = lines.readable({"event": event, "elapsed_s": round(self.elapsed_s, 3), **fields}, self.redact)
        chain = lines.link(self._chain, body)
        line = lines.line(body, chain)
        with signals.held():  # a line in the file and not in here would make the next one wrong
            if self._torn_at is not None:
                self._tail.cut(self._torn_at)
                self._torn_at = None
            full = self._tail.add(line, durable=event not in lines.REPEATABLE)
            self._chain = chain
            try:
                self._apply(body, self._size + len(line))
            finally:
                self._count(line)
        if full is not None:
            raise full

    def _read(self) -> Iterator[tuple[Mapping[str, Any], bytes]]:
        """The events after the checkpoint, each with its line."""
        content = lines.content(self.path)
        if (begun := checkpoint.load(self.path, content)) is not None:
            self._begin_at(begun, content)
        rest = content[self._size :].splitlines(keepends=True)
        for position, line in enumerate(rest, start=1):
            body = lines.parse(line, self._chain)
            if body is None:
                if position < len(rest):
                    raise self._damaged(self._lines + 1, "does not follow from the line before it")
                self._torn_at = self._size
                return
            self._chain = body.pop("chain")
            yield body, line

    def _count(self, line: bytes) -> None:
        """The line is read or written."""
        self._digest.update(line)
        self._size += len(line)
        self._lines += 1

    def _begin_at(self, begun: Checkpoint, content: bytes) -> None:
        """Know what these first lines add up to."""
        self.history.open(content, begun.experiments)
        self.calls.open(content, begun.calls)
        self._levels = {placed.number: placed.level for placed in begun.levels}
        self.unanswered = [(int(number), str(stage)) for number, stage in begun.unanswered]
        self.restarts, self.omissions = list(begun.restarts), list(begun.omissions)
        self.confirmation, self.holdout = begun.confirmation, begun.holdout
        self.header, self.conditions, self.stopped = begun.header, begun.conditions, begun.stopped
        self._last_number, self._elapsed_before_s = begun.last_number, begun.elapsed_s
        self._notes, self._noted = begun.notes, len(self.history)
        self._chain, self._lines = begun.chain, begun.lines
        self._size = self._checkpointed = begun.size
        self._digest = hashlib.sha256(memoryview(content)[: begun.size])

    def remember(self, name: str, said: Callable[[], Any]) -> tuple[int, Any] | None:
        """Keep what `said` makes of the experiments decided so far, as plain data, with every checkpoint.

        Returns:
            What it said at the checkpoint that was read, and the number of experiments until then; None where
            it said nothing. It is only spared time: it follows from those experiments.
        """
        self._said[name] = said
        return (self._noted, self._notes[name]) if name in self._notes else None

    def rest(self) -> None:
        """Everybody has learned of every experiment: make a checkpoint, where the last one is long ago."""
        due = self._size - self._checkpointed >= CHECKPOINT_EVERY
        if due and self.pending is None and self._asked is None:
            self._checkpoint()

    def _checkpoint(self) -> None:
        made = Checkpoint(
            size=self._size,
            digest=self._digest.hexdigest(),
            chain=self._chain,
            lines=self._lines,
            elapsed_s=round(self.elapsed_s, 3),
            last_number=self._last_number,
            header=self.header,
            conditions=self.conditions,
            experiments=tuple(self.history.places),
            calls=tuple(self.calls.places),
            levels=tuple(Placed(number=number, level=level) for number, level in self._levels.items()),
            unanswered=tuple(self.unanswered),
            restarts=tuple(self.restarts),
            omissions=tuple(self.omissions),
            confirmation=self.confirmation,
            holdout=self.holdout,
            stopped=self.stopped,
            notes={name: said() for name, said in self._said.items()},
            code=checkpoint.code(),
        )
        body, seal = checkpoint.written(made)
        self._append(checkpoint.EVENT, seal=seal)
        self._checkpointed = self._size
        checkpoint.save(self.path, body)

    def _damaged(self, position: int, problem: str) -> DamagedStateError:
        return DamagedStateError(
            f"{self.path}, line {position} {problem}; the run cannot go on from this journal. "
            "The run branch and its commits are untouched: start a new run from them."
        )

    def _apply(self, event: Mapping[str, Any], end: int) -> None:
        """Take in an event whose line begins at `_size` and ends at `end`."""
        if self._opened is None:
            self._elapsed_before_s = event["elapsed_s"]
        match event["event"]:
            case "RUN":
                if event["version"] != VERSION:
                    raise ValueError(f"version {event['version']}, this autoopt reads {VERSION}")
                self.header = event
            case "BEGIN":
                self._last_number = event["number"]
                self._forget_pairs()
                self.stopped = None
                self._forget_the_end()
                self.pending = Pending(number=event["number"], parent=event["parent"], decided=None)
            case "ASKED":
                self._cut_short()
                self._asked = (event["number"], event["stage"])
            case "SPENT":
                self._asked = None
                self.calls.append(decode(Call, event["call"]), self._size, end)
            case "EDITED":
                self._forget_pairs()
            case "MEASURED":
                if self._paired_at is None:
                    self._paired_at = self._size
                self._pairs.append(event)
            case "OFFERED":
                offered = decisions.of_events(event["experiment"], self._pairs)
                self.pending = Pending(
                    number=offered.number, parent=offered.parent, decided=None, offered=offered
                )
            case "DECIDED":
                experiment = decisions.of_events(event["experiment"], self._pairs)
                start = self._size if self._paired_at is None else self._paired_at
                self.history.append(experiment, start, end)
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
            case checkpoint.EVENT:
                pass
            case unknown:
                raise ValueError(f"unknown event {unknown!r}")

    def _forget_the_end(self) -> None:
        """What was measured of the final commit no longer holds."""
        self.confirmation = self.holdout = None
        self.omissions = []

    def _forget_pairs(self) -> None:
        self._pairs, self._paired_at = [], None

    def _restart(self, restart: Restart) -> None:
        self.restarts.append(restart)
        self.conditions = restart.conditions
        self._forget_the_end()
        noted, self._levels = self._levels, {}
        for number in noted:  # where it stands against the target is open again
            self._note(number, None)

    def _place(self, number: int, level: Level) -> None:
        self._levels[number] = level
        self._note(number, level)

    def _note(self, number: int, level: Level | None) -> None:
        position = decisions.position(self.history, number)
        self.history.replace(position, dataclasses.replace(self.history[position], level=level))

    def _cut_short(self) -> None:
        """The call that was open, if any, will not be answered any more."""
        if self._asked is not None:
            self.unanswered.append(self._asked)
            self._asked = None

    def _decoded(self, span: bytes) -> Experiment:
        """The experiment in these lines, with what was noted of it later."""
        experiment = self._understood(decisions.of_span, span)
        level = self._levels.get(experiment.number)
        return experiment if level is None else dataclasses.replace(experiment, level=level)

    def _understood(self, read: Callable[..., T], *data: Any) -> T:
        """What is read from lines that an earlier version may have written and checked."""
        try:
            return read(*data)
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedStateError(f"{self.path}: cannot be understood ({error}).") from error
