"""Several reporters as one."""

from __future__ import annotations

from autoopt.protocols import Reporter
from autoopt.records import Call, Confirmation, Experiment, Usage, Verdict


class Together:
    """Tells each of them, in order."""

    def __init__(self, *reporters: Reporter) -> None:
        """Pass everything on to `reporters`."""
        self._reporters = reporters

    def on_start(self, run_id: str, goal: str, unit: str, experiments: int | None) -> None:
        """Passes it on."""
        for one in self._reporters:
            one.on_start(run_id, goal, unit, experiments)

    def on_stage(self, number: int, stage: str, detail: str) -> None:
        """Passes it on."""
        for one in self._reporters:
            one.on_stage(number, stage, detail)

    def on_call(self, call: Call, total: Usage) -> None:
        """Passes it on."""
        for one in self._reporters:
            one.on_call(call, total)

    def on_note(self, number: int, text: str) -> None:
        """Passes it on."""
        for one in self._reporters:
            one.on_note(number, text)

    def on_verdict(self, number: int, verdict: Verdict) -> None:
        """Passes it on."""
        for one in self._reporters:
            one.on_verdict(number, verdict)

    def on_experiment(self, experiment: Experiment, incumbent: Experiment) -> None:
        """Passes it on."""
        for one in self._reporters:
            one.on_experiment(experiment, incumbent)

    def on_finish(
        self, reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None
    ) -> None:
        """Passes it on."""
        for one in self._reporters:
            one.on_finish(reason, history, confirmation)
