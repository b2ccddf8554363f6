"""A reporter that passes on to another one what may be shown."""

from __future__ import annotations

from collections.abc import Callable

from autoopt.protocols import Reporter
from autoopt.records import Call, Confirmation, Experiment, Usage, Verdict


class Discreet:
    """Takes secrets out of what is said while a run goes on; the journal has taken them out of decisions."""

    def __init__(self, reporter: Reporter, redact: Callable[[str], str]) -> None:
        """Tell `reporter` what `redact` leaves."""
        self._reporter = reporter
        self._redact = redact

    def on_start(self, run_id: str, goal: str, unit: str, experiments: int | None) -> None:
        """Passes it on."""
        self._reporter.on_start(run_id, goal, unit, experiments)

    def on_stage(self, number: int, stage: str, detail: str) -> None:
        """Passes it on; a detail may be a command's word."""
        self._reporter.on_stage(number, stage, self._redact(detail))

    def on_call(self, call: Call, total: Usage) -> None:
        """Passes it on."""
        self._reporter.on_call(call, total)

    def on_note(self, number: int, text: str) -> None:
        """Passes it on; a note may be an agent's word."""
        self._reporter.on_note(number, self._redact(text))

    def on_verdict(self, number: int, verdict: Verdict) -> None:
        """Passes it on."""
        self._reporter.on_verdict(number, verdict)

    def on_experiment(self, experiment: Experiment, incumbent: Experiment) -> None:
        """Passes it on."""
        self._reporter.on_experiment(experiment, incumbent)

    def on_finish(
        self, reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None
    ) -> None:
        """Passes it on; an error may be the reason."""
        self._reporter.on_finish(self._redact(reason), history, confirmation)
