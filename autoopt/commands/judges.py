"""Refuses a scope with the scripts that judge what is edited in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from autoopt.detect.scripts import scripts
from autoopt.errors import UsageError
from autoopt.schema import Config, Extraction
from autoopt.scope import Scope

_TAKEN_FROM_OUTSIDE = frozenset(
    {Extraction.wall, Extraction.cpu, Extraction.peak_memory, Extraction.exit_code, Extraction.hyperfine}
)
"""Kinds of numbers that the command does not say itself."""


def check_judges(config: Config, scope: Scope, tracked: Collection[str]) -> None:
    """Refuse what an edit could make say anything: a guard's script, or the one that prints the number.

    Raises:
        UsageError: naming the script and the option.
    """
    for option, command in _judging(config):
        for script in scripts(command):
            if script in tracked and scope.contains(script):
                what = "print any number" if option == "metric.command" else "make it pass"
                other = (
                    ", or if it is the program you improve that prints its own number, say "
                    "metric.self_scored=yes"
                    if option == "metric.command"
                    else ""
                )
                raise UsageError(
                    f"scope: has {script}, which {option} runs, so an edit could {what}; "
                    f"add it to off_limits{other}."
                )


def _judging(config: Config) -> Iterator[tuple[str, str]]:
    metric = config.metric
    if not metric.self_scored and metric.extract.kind not in _TAKEN_FROM_OUTSIDE:
        yield "metric.command", metric.command
    for name, guard in config.guards.items():
        if guard.command is not None:
            yield f"guards.{name}.command", guard.command
    if config.final.holdout.command is not None:
        yield "final.holdout.command", config.final.holdout.command
