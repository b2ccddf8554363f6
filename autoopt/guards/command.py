"""A guard that is a command: tests, a linter, anything that exits with 0 when a change is fine."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.processes import OUTPUT_CAP, Completed, complaint, plain, run, tail
from autoopt.processes.arms import Arm, Arms
from autoopt.processes.environment import read_regular
from autoopt.processes.logs import Logs
from autoopt.protocols import Bench
from autoopt.records import Change, Failure, Finding, Proposal, Trial
from autoopt.schema import GuardConfig, MetricConfig


class CommandGuard:
    """Passes a change when the command exits with 0 and prints what is expected."""

    def __init__(
        self,
        name: str,
        config: GuardConfig,
        bench: Bench,
        environ: Mapping[str, str],
        logs: Path,
        *,
        metric: MetricConfig,
        env_names: Collection[str],
    ) -> None:
        """Inspect in checkouts of `bench`, prepared and with the environment as for the metric.

        Raises:
            UsageError: `expect` is no regex.
        """
        self._name = name
        self._config = config
        self._logs = Logs(logs)
        self._arms = Arms(metric, bench, self._logs, environ, env_names)
        try:
            self._expect = None if config.expect is None else re.compile(config.expect, re.MULTILINE)
        except re.error as error:
            raise UsageError(
                f"guards.{name}.expect is {config.expect!r}, which is no regex: {error}."
            ) from error

    def inspect(self, change: Change, proposal: Proposal, trial: Trial) -> Finding:
        """Run the command in the change's checkout; one that fails has the best of three.

        One that is ended for its time is not tried again: time is what there would be least of.
        """
        arm = self._arms.ready(change.commit)
        if isinstance(arm, Failure):
            return self._finding(False, arm.reason)
        first, timed_out = self._try(arm)
        if first is None or timed_out:
            return self._finding(first is None, first or "")
        if self._try(arm)[0] is not None:
            return self._finding(False, first)
        passed = self._try(arm)[0] is None
        return self._finding(passed, f"flaky: {1 + passed} of 3 passed; it failed with: {first}")

    def _try(self, arm: Arm) -> tuple[str | None, bool]:
        """Run the command once; what is wrong, with the last lines of output, and whether it was time."""
        logs = self._logs.open(f"guard-{self._name}")
        timeout_s = self._config.timeout_s
        done = run(self._config.command, cwd=arm.tree, env=arm.environment, timeout_s=timeout_s, logs=logs)
        objection = complaint(done) or self._missing(done)
        shown = None if objection is None else f"{objection}\n{tail(done, 20)}".rstrip()
        self._logs.close(logs, failed=objection is not None)
        return shown, done.timed_out

    def _missing(self, done: Completed) -> str | None:
        """What the output lacks, though the command exited with 0."""
        if self._expect is None:
            return None
        found = any(self._expect.search(_text(path)) for path in (done.stdout, done.stderr))
        return None if found else f"exit code 0, but nothing in the output matches `{self._config.expect}`"

    def _finding(self, passed: bool, message: str) -> Finding:
        return Finding(guard=self._name, passed=passed, message=message)


def _text(path: Path) -> str:
    return plain((read_regular(path, OUTPUT_CAP) or b"").decode("utf-8", "replace"))
