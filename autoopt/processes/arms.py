"""The checkouts that commands run in, each made ready once for the commit it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from autoopt.processes import OUTPUT_CAP, Completed, Order, complaint, failure, run_together
from autoopt.processes.environment import read_regular
from autoopt.processes.logs import Logs
from autoopt.processes.surroundings import Private, Surroundings
from autoopt.protocols import Bench
from autoopt.records import Failure

PREPARE_LIMIT_S = 4 * 3600.0
"""A build or a load of data may take long; only one that hangs must not hold up the run for ever."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A commit's checkout that is ready for commands.

    Attributes:
        commit: Whose files are in it.
        private: The directories of its commands.
    """

    commit: str
    private: Private

    def remembers(self, what: str) -> bool:
        """Whether `note(what)` was called since the commit was checked out here."""
        return what in self.private.said

    def note(self, what: str) -> None:
        """Remember something until another commit is checked out here, whoever asked for that."""
        self.private.said.add(what)


class Arms:
    """Gives checkouts in which `metric.prepare` has run, and runs commands in them."""

    def __init__(self, prepare: str | None, bench: Bench, logs: Path, surroundings: Surroundings) -> None:
        """Check commits out of `bench`; the output of the latest commands is kept below `logs`."""
        self._prepare = prepare
        self._bench = bench
        self._surroundings = surroundings
        self.logs = Logs(logs, surroundings.secrets)
        self.turns = surroundings.turns

    def ready(self, commit: str) -> Arm | Failure:
        """The commit's checkout, prepared; or how its preparation failed."""
        arm = Arm(commit=commit, private=self._surroundings.private(self._bench.scratch(commit)))
        prepare = self._prepare
        if prepare is None or arm.remembers(f"prepared by {prepare}"):
            return arm
        failed = self.run(arm, prepare, "prepare", PREPARE_LIMIT_S, _nothing)
        if isinstance(failed, Failure):
            return replace(failed, reason=f"metric.prepare: {failed.reason}")
        self._bench.prepared(commit)
        arm.note(f"prepared by {prepare}")
        return arm

    def output(
        self, commit: str, command: str, what: str, timeout_s: float, read: Callable[[bytes], T]
    ) -> T | Failure:
        """What `read` makes of the standard output of a command that exits with 0 in the commit's checkout.

        Args:
            what: Name of the command in the logs.
            read: May raise ValueError, whose message becomes the reason of the failure.
        """
        arm = self.ready(commit)
        if isinstance(arm, Failure):
            return arm
        return self.run(arm, command, what, timeout_s, lambda done: read(self._printed(done)))

    def _printed(self, done: Completed) -> bytes:
        """What a command has printed, without secrets: it may be written down, or shown to an agent."""
        return self._surroundings.secrets.content(read_regular(done.stdout, OUTPUT_CAP) or b"")

    def run(
        self, arm: Arm, command: str, what: str, timeout_s: float, read: Callable[[Completed], T]
    ) -> T | Failure:
        """The same in a checkout that is ready, for whoever reads more than the standard output."""
        order = self.order(arm, command, what, timeout_s)
        with self.turns.beside():
            done = run_together([order])[0]
        found: T | Failure
        try:
            reason = complaint(done)
            found = failure(done, reason) if reason else read(done)
        except ValueError as error:
            found = failure(done, str(error))
        self.logs.close(order.logs, failed=isinstance(found, Failure))
        return found

    def order(
        self,
        arm: Arm,
        command: str,
        what: str,
        timeout_s: float,
        *,
        further: Mapping[str, str] | None = None,
        measured: bool = False,
    ) -> Order:
        """A command in the checkout, which is as its commit's first command has found it.

        Args:
            what: Its name in the logs, which whoever runs it has to close.
            further: Variables it gets besides.
            measured: Whether it is compared with others, so that none may leave anything for the next.
        """
        order = self._surroundings.order(
            command,
            self._bench.checkout(arm.commit),
            arm.private,
            timeout_s=timeout_s,
            logs=self.logs.open(what),
            measured=measured,
        )
        return replace(order, env={**order.env, **(further or {})})


def _nothing(done: Completed) -> None:
    return None
