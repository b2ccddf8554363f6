"""A guard that is a command: tests, a linter, anything that exits with 0 when a change is fine."""

from __future__ import annotations

import re
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.processes import OUTPUT_CAP, Completed, plain
from autoopt.processes.arms import Arm, Arms
from autoopt.processes.environment import read_regular
from autoopt.records import Change, Failure, Finding, Proposal, Trial
from autoopt.records.findings import FLAKY
from autoopt.schema import GuardConfig


class CommandGuard:
    """Passes a change when the command exits with 0 and prints what is expected."""

    def __init__(self, name: str, config: GuardConfig, command: str, arms: Arms) -> None:
        """Inspect in checkouts of `arms`.

        Raises:
            UsageError: `expect` is no regex.
        """
        self._name = name
        self._config = config
        self._command = command
        self._arms = arms
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
        first = self._try(arm)
        if first is None or first.timeout:
            return self._finding(first is None, _shown(first))
        if self._try(arm) is not None:
            return self._finding(False, _shown(first))
        passed = self._try(arm) is None
        return self._finding(passed, f"{FLAKY}{1 + passed} of 3 passed; it failed with: {_shown(first)}")

    def _try(self, arm: Arm) -> Failure | None:
        """Run the command once; what is wrong."""
        what, timeout_s = f"guard-{self._name}", self._config.timeout_s
        return self._arms.run(arm, self._command, what, timeout_s, self._expected)

    def _expected(self, done: Completed) -> None:
        """See that the output of a command that exited with 0 has what is expected.

        Raises:
            ValueError: it has not.
        """
        expect = self._expect
        if expect is not None and not any(expect.search(_text(path)) for path in (done.stdout, done.stderr)):
            raise ValueError(f"exit code 0, but nothing in the output matches `{self._config.expect}`")

    def _finding(self, passed: bool, message: str) -> Finding:
        return Finding(guard=self._name, passed=passed, message=message)


def _shown(failed: Failure | None) -> str:
    """The reason and the last lines of output."""
    if failed is None:
        return ""
    return "\n".join((failed.reason, *failed.tail.splitlines()[-20:]))


def _text(path: Path) -> str:
    return plain((read_regular(path, OUTPUT_CAP) or b"").decode("utf-8", "replace"))
