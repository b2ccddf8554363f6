"""The checkouts that commands run in, each made ready once for the commit it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from autoopt.processes import complaint, failure, run
from autoopt.processes.environment import clean_environment, read_assignments, read_regular
from autoopt.processes.logs import Logs
from autoopt.protocols import Bench
from autoopt.records import Failure
from autoopt.schema import MetricConfig

PREPARE_LIMIT_S = 4 * 3600.0
"""A build or a load of data may take long; only one that hangs must not hold up the run for ever."""


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


class Arms:
    """Gives checkouts in which `metric.prepare` has run."""

    def __init__(
        self,
        config: MetricConfig,
        bench: Bench,
        logs: Logs,
        environ: Mapping[str, str],
        env_names: Collection[str],
    ) -> None:
        """Check commits out of `bench`; of `metric.env_file` only the variables in `env_names` count."""
        self._config = config
        self._bench = bench
        self._logs = logs
        self._environ = environ
        self._env_names = env_names

    def ready(self, commit: str) -> Arm | Failure:
        """The commit's checkout, prepared; or how its preparation failed."""
        tree = self._bench.checkout(commit)
        scratch = self._bench.scratch(commit)
        arm = Arm(tree=tree, scratch=scratch, environment=self._environment(tree, scratch))
        prepare = self._config.prepare
        if prepare is None or arm.remembers(f"prepared {commit} {prepare}"):
            return arm
        logs = self._logs.open("prepare")
        done = run(prepare, cwd=tree, env=arm.environment, timeout_s=PREPARE_LIMIT_S, logs=logs)
        reason = complaint(done)
        failed = failure(done, f"metric.prepare: {reason}") if reason else None
        self._logs.close(logs, failed=failed is not None)
        if failed is None:
            arm.note(f"prepared {commit} {prepare}")
        return failed or arm

    def _environment(self, tree: Path, scratch: Path) -> dict[str, str]:
        file, given = self._config.env_file, {"AUTOOPT_SCRATCH": str(scratch), **self._config.env}
        if file is not None:
            given |= read_assignments(tree / file, self._env_names)
        return clean_environment(self._environ, scratch, given)
