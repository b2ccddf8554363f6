"""Options of who is told what becomes of a run."""

from __future__ import annotations

from dataclasses import dataclass

from autoopt.schema.choices import Notice
from autoopt.schema.option import option


@dataclass(kw_only=True)
class NotifyConfig:
    """Who is told what becomes of a run while nobody watches it."""

    command: str | None = option(
        "Shell command to run then, as you and outside the sandbox, between measurements. It finds AUTOOPT_EVENT, "
        "AUTOOPT_TEXT (a sentence), AUTOOPT_RUN, AUTOOPT_GOAL, AUTOOPT_NUMBER, AUTOOPT_STATUS, AUTOOPT_VALUE and "
        "AUTOOPT_EFFECT in its environment and the same as JSON on standard input. No agent may set it.",
        None,
    )
    on: list[Notice] = option(
        "When: `baseline` (it is measured), `keep`, `suspect` (a gain waits for your word), `crash`, `experiment` (each "
        "decision), `end` (of whatever kind).",
        lambda: [Notice.keep, Notice.suspect, Notice.end],
    )
    timeout_s: float = option("Limit for one execution; the run waits for it.", 20.0, unit="s")
