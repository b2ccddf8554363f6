"""Signs of life on standard error, where standard output is for the result."""

from __future__ import annotations

import contextlib
import sys
from time import monotonic

from autoopt.records import WAIT, Call, Confirmation, Experiment, Usage, Verdict
from autoopt.reporters import words

_PAUSE_S = 5.0


class Progress:
    """A line for each new stage and, in a long one, for what comes after five seconds; a `Reporter`."""

    def __init__(self, subject: str = "") -> None:
        """Nothing is said yet; `subject` is what lines are about, by default the experiment's number."""
        self._subject = subject
        self._stage = ""
        self._spoke = monotonic()

    def on_start(self, run_id: str, goal: str, unit: str, experiments: int | None) -> None:
        """Nothing to say: the caller knows the run."""

    def on_stage(self, number: int, stage: str, detail: str) -> None:
        """Say where it is, unless that was said just now."""
        if stage != self._stage or (detail and monotonic() - self._spoke >= _PAUSE_S):
            self._stage = stage
            what = "" if stage == WAIT else f"{stage} "  # its detail says so itself
            self._say(f"{self._subject or f'#{number}'} {what}{words.one_line(detail)}".rstrip())

    def on_call(self, call: Call, total: Usage) -> None:
        """Say who was asked (an inspector, of a gain)."""
        self._say(f"#{call.number} {call.stage} by {words.one_line(call.agent)}: {words.usage(call.usage)}")

    def on_note(self, number: int, text: str) -> None:
        """Say it."""
        self._say(f"#{number} {words.one_line(text)}")

    def on_verdict(self, number: int, verdict: Verdict) -> None:
        """Nothing to say: the evidence comes with the result."""

    def on_experiment(self, experiment: Experiment, incumbent: Experiment) -> None:
        """Nothing to say: the caller tells the result."""

    def on_finish(
        self, reason: str, history: tuple[Experiment, ...], confirmation: Confirmation | None
    ) -> None:
        """Nothing to say: the caller tells the end."""

    def _say(self, line: str) -> None:
        self._spoke = monotonic()
        with contextlib.suppress(OSError, ValueError):  # whoever listened has left; the work goes on
            print(line, file=sys.stderr, flush=True)
