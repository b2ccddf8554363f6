"""`autoopt show RUN [N]`: a run's experiments, or one of them with everything known about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from autoopt.commands.lookup import Found, find, runs, settings
from autoopt.commands.telling import account_of, terminal
from autoopt.errors import UsageError
from autoopt.journal import Journal
from autoopt.records import Experiment
from autoopt.reporters.summary import summary
from autoopt.reporters.tables import experiment_text
from autoopt.workspaces.history import diff


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Show the run, `last` by default, or its experiment N."""
    names = [word for word in argv if not word.isdigit()] or ["last"]
    numbers = [int(word) for word in argv if word.isdigit()]
    if len(names) > 1 or len(numbers) > 1:
        raise UsageError(
            "show takes one run and one experiment; write `autoopt show RUN` or `autoopt show RUN N`."
        )
    found = find(runs(environ, Path.cwd()), names[0])
    config, record, console = (
        settings(found),
        Journal(found.files.journal),
        terminal(environ),
    )
    if not numbers:
        console.print(summary(account_of(config, record, found.layout)))
        return 0
    experiment = _numbered(record, numbers[0])
    console.print(experiment_text(experiment, _diff(found, experiment), config.metric.unit))
    return 0


def _numbered(record: Journal, number: int) -> Experiment:
    for experiment in record.history:
        if experiment.number == number:
            return experiment
    last = record.history[-1].number if record.history else None
    raise UsageError(
        "no experiment is decided yet."
        if last is None
        else f"{number}: no such experiment; they go from 0 to {last}."
    )


def _diff(found: Found, experiment: Experiment) -> str:
    if not experiment.commit or experiment.commit == experiment.parent:
        return ""
    return diff(Path(found.layout.control), experiment.parent, experiment.commit)
