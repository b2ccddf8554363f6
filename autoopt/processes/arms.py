"""The checkouts that commands run in, each made ready once for the commit it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from autoopt.processes import OUTPUT_CAP, Completed, complaint, failure, run
from autoopt.processes.environment import clean_environment, named, read_assignments, read_regular
from autoopt.processes.logs import Logs
from autoopt.protocols import Bench
from autoopt.records import Failure
from autoopt.schema import MetricConfig

PREPARE_LIMIT_S = 4 * 3600.0
"""A build or a load of data may take long; only one that hangs must not hold up the run for ever."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A checkout that is ready for commands.

    Attributes:
        tree: The commit's files.
        scratch: Its private directory.
        environment: The whole environment of its commands.
    """

    tree: Path
    scratch: Path
    environment: Mapping[str, str]

    def remembers(self, what: str) -> bool:
        """Whether `note(what)` was called since the commit was checked out here."""
        return read_regular(self._mark(what), 0) is not None

    def note(self, what: str) -> None:
        """Remember something until another commit is checked out here.

        Scratch is emptied then, whoever asked for the other commit, so a file in it is never out of date.
        """
        self._mark(what).touch()

    def _mark(self, what: str) -> Path:
        return self.scratch / f".autoopt-{hashlib.sha256(what.encode()).hexdigest()[:16]}"


class Surroundings:
    """What the commands of a run see beside their checkout."""

    def __init__(
        self, config: MetricConfig, environ: Mapping[str, str], run_id: str, env_names: Collection[str] = ()
    ) -> None:
        """Take from `environ` what commands may see, and of `metric.env_file` what `env_names` has."""
        self._file = config.env_file
        self._environ = environ
        self._env_names = env_names
        self._given = {**named(environ, config.pass_env), "AUTOOPT_RUN": run_id, **config.env}

    def environment(self, tree: Path, scratch: Path) -> dict[str, str]:
        """The whole environment of commands in the checkout `tree`."""
        given = {"AUTOOPT_SCRATCH": str(scratch), **self._given}
        if self._file is not None:
            given |= read_assignments(tree / self._file, self._env_names)
        return clean_environment(self._environ, scratch, given)


class Arms:
    """Gives checkouts in which `metric.prepare` has run, and runs commands in them."""

    def __init__(self, prepare: str | None, bench: Bench, logs: Path, surroundings: Surroundings) -> None:
        """Check commits out of `bench`; the output of the latest commands is kept below `logs`."""
        self._prepare = prepare
        self._bench = bench
        self._surroundings = surroundings
        self.logs = Logs(logs)

    def ready(self, commit: str) -> Arm | Failure:
        """The commit's checkout, prepared; or how its preparation failed."""
        tree = self._bench.checkout(commit)
        scratch = self._bench.scratch(commit)
        arm = Arm(tree=tree, scratch=scratch, environment=self._surroundings.environment(tree, scratch))
        prepare = self._prepare
        if prepare is None or arm.remembers(f"prepared {commit} {prepare}"):
            return arm
        failed = self.run(arm, prepare, "prepare", PREPARE_LIMIT_S, _nothing)
        if isinstance(failed, Failure):
            return replace(failed, reason=f"metric.prepare: {failed.reason}")
        arm.note(f"prepared {commit} {prepare}")
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
        return self.run(
            arm, command, what, timeout_s, lambda done: read(read_regular(done.stdout, OUTPUT_CAP) or b"")
        )

    def run(
        self, arm: Arm, command: str, what: str, timeout_s: float, read: Callable[[Completed], T]
    ) -> T | Failure:
        """The same in a checkout that is ready, for whoever reads more than the standard output."""
        logs = self.logs.open(what)
        done = run(command, cwd=arm.tree, env=arm.environment, timeout_s=timeout_s, logs=logs)
        found: T | Failure
        try:
            reason = complaint(done)
            found = failure(done, reason) if reason else read(done)
        except ValueError as error:
            found = failure(done, str(error))
        self.logs.close(logs, failed=isinstance(found, Failure))
        return found


def _nothing(done: Completed) -> None:
    return None
