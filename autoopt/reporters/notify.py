"""Telling somebody who does not watch: a command of the user's at keeps, suspects and at the end.

It runs between measurements, and in the run's turn on this machine, so that it disturbs no time. Whatever
becomes of it, the run goes on; the first failure is told, later ones are not.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autoopt import signals
from autoopt.errors import AutooptError
from autoopt.journal import was_cut_short
from autoopt.processes import complaint, run
from autoopt.processes.turns import WITHIN, Turns
from autoopt.records import Call, Confirmation, Experiment, Status, Usage, Verdict
from autoopt.reporters import words
from autoopt.reporters.account import tally
from autoopt.reporters.shielding import shielded
from autoopt.schema import Direction, Notice, NotifyConfig

_HURRY_S = 5.0
"""What a notification may take of a run that somebody has ended."""
_LONGEST = 2000  # characters of a field: an environment has its limits
_PREFIX = "AUTOOPT_"
_UNKNOWN = dict.fromkeys(("number", "status", "value", "effect", "description", "commit", "reason"))
"""Fields that are always there: a command under `set -u` must not stumble over those that mean nothing."""


class Notifier:
    """Runs the command; a `Reporter`."""

    def __init__(
        self,
        config: NotifyConfig,
        environ: Mapping[str, str],
        *,
        run_id: str,
        goal: str,
        unit: str,
        direction: Direction,
        cwd: Path,
        logs: Path,
        baseline: float | None,
        turns: Turns,
        tell: Callable[[str], None],
    ) -> None:
        """Notify as configured.

        Args:
            environ: What the command gets of autoopt's own environment.
            cwd: Where it runs: the repository.
            logs: Directory of its latest output.
            baseline: The baseline's number, where it is known already.
            turns: The run's.
            tell: Told, once, in a sentence, that it does not work.
        """
        self.warned = False
        self._config = config
        self._environ = environ
        self._cwd = cwd
        self._logs = logs
        self._direction = direction
        self._turns = turns
        self._tell = tell
        self._told = False
        self._run = {"run": run_id, "goal": goal, "unit": unit}
        self._baseline = baseline

    def on_start(self, run_id: str, goal: str, unit: str, experiments: int | None) -> None:
        """Nothing to tell yet."""

    def on_stage(self, number: int, stage: str, detail: str) -> None:
        """Nothing to tell anybody who is elsewhere."""

    def on_call(self, call: Call, total: Usage) -> None:
        """Nothing to tell anybody who is elsewhere."""

    def on_note(self, number: int, text: str) -> None:
        """Nothing to tell anybody who is elsewhere."""

    def on_verdict(self, number: int, verdict: Verdict) -> None:
        """Nothing to tell anybody who is elsewhere."""

    @shielded
    def on_experiment(self, experiment: Experiment, incumbent: Experiment) -> None:
        """Tell of the decision, if that is wanted."""
        if experiment.status is Status.baseline:
            self._baseline = experiment.value
        wanted = [notice for notice in _notices(experiment) if notice in self._config.on]
        if wanted:
            with signals.at_once(), self._turns.beside():  # the experiment is over: Ctrl-C waits for nothing
                self._send(wanted[0], _of_experiment(experiment, self._run["unit"]))

    @shielded
    def on_finish(
        self, reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None
    ) -> None:
        """Tell of the end; in a hurry, and not after others, where somebody has ended it."""
        if Notice.end not in self._config.on:
            return
        fields = self._of_end(reason, history, confirmation)
        if was_cut_short(reason):
            self._send(Notice.end, fields, min(_HURRY_S, self._config.timeout_s))
            return
        with self._turns.beside():
            self._send(Notice.end, fields)

    def _of_end(
        self, reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None
    ) -> dict[str, Any]:
        best = next((past for past in reversed(history) if past.status.leads), None)
        unit = self._run["unit"]
        claim = None if confirmation is None else words.headline(confirmation, self._direction, unit)
        return {
            "text": f"ended: {reason}; {claim or tally(history)}",
            "reason": reason,
            "number": best.number if best else None,
            "value": best.value if best else None,
            "effect": None if confirmation is None else confirmation.effect,
        }

    def _send(self, notice: Notice, fields: Mapping[str, Any], timeout_s: float | None = None) -> None:
        known = {"event": notice.value, **self._run, "baseline": self._baseline, **_UNKNOWN, **fields}
        message = self._logs / "message.json"
        try:
            self._logs.mkdir(parents=True, exist_ok=True)
            message.write_text(json.dumps(known) + "\n", "utf-8")
            done = run(
                f"exec < {shlex.quote(str(message))}\n{self._config.command}",
                cwd=self._cwd,
                env={**self._environ, **_variables(known), WITHIN: self._run["run"]},
                timeout_s=self._config.timeout_s if timeout_s is None else timeout_s,
                logs=self._logs,
            )
            trouble = complaint(done)
        except (AutooptError, OSError) as error:
            trouble = str(error)
        if trouble and not self._told:
            self._told = True
            self._tell(f"notify.command: {trouble}; its output is in {self._logs}. This is told once.")


def _notices(experiment: Experiment) -> tuple[Notice, ...]:
    """What a decision may be called, the most telling first."""
    if experiment.suspicions:
        return Notice.suspect, Notice.experiment
    own = {Status.baseline: Notice.baseline, Status.keep: Notice.keep, Status.crash: Notice.crash}
    return (*(own[status] for status in [experiment.status] if status in own), Notice.experiment)


def _of_experiment(experiment: Experiment, unit: str) -> dict[str, Any]:
    parts = (words.status(experiment), words.moved(experiment, unit), words.decision(experiment))
    said = "  ".join(filter(None, (*parts, words.one_line(experiment.description))))
    return {
        "text": f"#{experiment.number} {said}",
        "number": experiment.number,
        "status": experiment.status.value,
        "value": experiment.value,
        "effect": None if experiment.verdict is None else experiment.verdict.effect,
        "description": experiment.description,
        "commit": experiment.commit or None,
    }


def _variables(fields: Mapping[str, Any]) -> dict[str, str]:
    """The fields as `AUTOOPT_…` variables on one line each; what is not known is empty."""
    return {
        f"{_PREFIX}{name.upper()}": "" if value is None else words.one_line(str(value))[:_LONGEST]
        for name, value in fields.items()
    }
