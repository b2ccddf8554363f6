"""Runs and experiments as plain data: what `--json` prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from autoopt import budget
from autoopt.commands.lookup import Found, state_of
from autoopt.commands.telling import account_of
from autoopt.guards import constraint
from autoopt.journal import Journal
from autoopt.records import Confirmation, Experiment, Pair, Status, Verdict
from autoopt.reporters import account as accounts
from autoopt.reporters import honesty, words
from autoopt.reporters.account import Account
from autoopt.schema import Config

Facts = dict[str, Any]

TAIL_LINES = 50


def put(facts: Facts) -> None:
    """Print one JSON object on one line."""
    line = json.dumps(facts, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(line.encode("utf-8", "replace").decode() + "\n")  # names of files need not be text
    sys.stdout.flush()


def of_experiment(experiment: Experiment) -> Facts:
    """An experiment without its samples; effects as log ratios where `is_ratio`, positive is better."""
    failure, verdict = experiment.failure, experiment.verdict
    return {
        "number": experiment.number,
        "status": experiment.status.value,
        "value": experiment.value,
        "why": words.decision(experiment),
        "verdict": None if verdict is None else verdict.sentence,
        "numbers": None if verdict is None else of_verdict(verdict),
        "findings": [
            {
                "guard": one.guard,
                "passed": one.passed,
                "message": one.message,
                "where": one.where or None,
                "suspect": one.suspect,
            }
            for one in experiment.findings
        ],
        "suspect": bool(experiment.suspicions),
        "overtaken": experiment.overtaken or None,
        "overrule": None if experiment.overrule is None else asdict(experiment.overrule),
        "failure": None if failure is None else {"reason": failure.reason, "tail": last_lines(failure.tail)},
        "description": experiment.description,
        "hypothesis": experiment.hypothesis,
        "area": experiment.area,
        "source": experiment.source,
        "paths": list(experiment.paths),
        "commit": experiment.commit or None,
    }


def of_verdict(verdict: Verdict) -> Facts:
    """The numbers a verdict was reached by; those an earlier version did not note are null."""
    return {
        "outcome": verdict.outcome.value,
        "effect": verdict.effect,
        "low": verdict.low,
        "high": verdict.high,
        "probability": verdict.probability,
        "pairs": verdict.pairs,
        "is_ratio": verdict.is_ratio,
        "noise": verdict.noise if verdict.patience else None,
        "reach": verdict.reach if verdict.patience else None,
        "patience": verdict.patience or None,
    }


def of_pairs(taken: Iterable[Pair]) -> list[Facts]:
    """The metric values of pairs, in the order they were taken."""
    return [{"incumbent": pair.incumbent.value, "challenger": pair.challenger.value} for pair in taken]


def of_incumbent(record: Journal) -> Facts | None:
    """The best experiment so far; None before the baseline is measured."""
    if not record.history:
        return None
    best = record.incumbent
    return {"number": best.number, "value": best.value, "commit": best.commit}


def of_run(found: Found, config: Config, record: Journal, *, held: bool = False) -> Facts:
    """A run: what it is for, where it stands, and every experiment.

    Args:
        held: Whether the caller itself holds the run, which is therefore not worked on by another, and is
            about to have ideas: it learns nothing of the holdout.
    """
    account = account_of(config, record, found.layout)
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
        "imported": account.told_from or None,
        "confirmed": _claim(record.confirmation),
        **({} if held else _afterwards(account)),
        "experiments_left": left(config, record),
        "spent": spent(config, record),
        "experiments": [of_experiment(one) for one in record.history if one.is_try],
        "followed": [of_experiment(one) for one in record.history if one.status is Status.follow],
    }


def _claim(claim: Confirmation | None) -> Facts | None:
    if claim is None:
        return None
    return {"baseline": claim.baseline, "final": claim.final, "pairs": claim.pairs}


def _afterwards(account: Account) -> Facts:
    """What was found out at the end: the steps' sum beside the claim, the holdout, what each keep pays."""
    claims = honesty.claims(account)
    return {
        "claims": None if claims is None else asdict(claims),
        "holdout": None if account.holdout is None else asdict(account.holdout),
        "omissions": [
            {
                "number": one.number,
                "pays": one.pays,
                "commit": one.commit or None,
                "effect_without": None if one.verdict is None else one.verdict.effect,
                "reason": one.reason or None,
            }
            for one in account.omissions
        ],
    }


def left(config: Config, record: Journal) -> int | None:
    """How many experiments the budget has left; None where it does not count them."""
    if config.budget.experiments is None:
        return None
    tried = sum(one.is_counted for one in record.history)
    return max(0, config.budget.experiments - tried)


def spent(config: Config, record: Journal) -> str | None:
    """Why no further experiment may be made, None while one may."""
    return budget.spent(config.budget, config.metric, record.history, record.elapsed_s)


def last_lines(text: str) -> str:
    """The end of a command's output, as far as it helps to mend what failed."""
    return "\n".join(text.splitlines()[-TAIL_LINES:])
