"""Runs and experiments as plain data: what `--json` prints."""

from __future__ import annotations

import json
import sys
from typing import Any

from autoopt import budget
from autoopt.commands.lookup import Found, state_of
from autoopt.commands.telling import account_of
from autoopt.guards import constraint
from autoopt.journal import Journal
from autoopt.records import Experiment, Status
from autoopt.reporters import account as accounts
from autoopt.reporters import words
from autoopt.schema import Config

Facts = dict[str, Any]

TAIL_LINES = 50


def put(facts: Facts) -> None:
    """Print one JSON object on one line."""
    line = json.dumps(facts, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(line.encode("utf-8", "replace").decode() + "\n")  # names of files need not be text
    sys.stdout.flush()


def of_experiment(experiment: Experiment) -> Facts:
    """An experiment without its samples."""
    failure, verdict = experiment.failure, experiment.verdict
    return {
        "number": experiment.number,
        "status": experiment.status.value,
        "value": experiment.value,
        "why": words.decision(experiment),
        "verdict": None if verdict is None else verdict.sentence,
        "findings": [
            {"guard": one.guard, "passed": one.passed, "message": one.message} for one in experiment.findings
        ],
        "failure": None if failure is None else {"reason": failure.reason, "tail": last_lines(failure.tail)},
        "description": experiment.description,
        "hypothesis": experiment.hypothesis,
        "area": experiment.area,
        "source": experiment.source,
        "paths": list(experiment.paths),
        "commit": experiment.commit or None,
    }


def of_incumbent(record: Journal) -> Facts | None:
    """The best experiment so far; None before the baseline is measured."""
    if not record.history:
        return None
    best = record.incumbent
    return {"number": best.number, "value": best.value, "commit": best.commit}


def of_run(found: Found, config: Config, record: Journal, *, held: bool = False) -> Facts:
    """A run: what it is for, where it stands, and every experiment.

    Args:
        held: Whether the caller itself holds the run, which is therefore not worked on by another.
    """
    account = account_of(config, record, found.layout)
    confirmation = record.confirmation
    return {
        "run": found.layout.run_id,
        "state": "waiting" if held else state_of(found, record),
        "goal": config.goal,
        "metric": config.metric.command,
        "unit": config.metric.unit,
        "direction": config.metric.direction.value,
        "scope": config.scope,
        "off_limits": config.off_limits,
        "guards": {name: guard.command for name, guard in config.guards.items() if guard.command},
        "constraints": {name: constraint.described(bounds) for name, bounds in config.constraints.items()},
        "desk": found.layout.desk,
        "branch": found.layout.branch,
        "base": found.layout.base,
        "baseline": record.history[0].value if record.history else None,
        "sensitivity": record.history[0].description if record.history else None,
        "incumbent": of_incumbent(record),
        "result": accounts.headline(account),
        "confirmed": None
        if confirmation is None
        else {
            "baseline": confirmation.baseline,
            "final": confirmation.final,
            "pairs": confirmation.pairs,
        },
        "experiments_left": left(config, record),
        "spent": spent(config, record),
        "experiments": [of_experiment(one) for one in record.history if one.status is not Status.baseline],
    }


def left(config: Config, record: Journal) -> int | None:
    """How many experiments the budget has left; None where it does not count them."""
    if config.budget.experiments is None:
        return None
    tried = sum(one.status is not Status.baseline for one in record.history)
    return max(0, config.budget.experiments - tried)


def spent(config: Config, record: Journal) -> str | None:
    """Why no further experiment may be made, None while one may."""
    return budget.spent(config.budget, config.metric, record.history, record.elapsed_s)


def last_lines(text: str) -> str:
    """The end of a command's output, as far as it helps to mend what failed."""
    return "\n".join(text.splitlines()[-TAIL_LINES:])
