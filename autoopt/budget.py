"""When to stop, from what has been decided so far."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autoopt.errors import UsageError
from autoopt.records import Experiment, Status
from autoopt.schema import BudgetConfig, Config, Direction, MetricConfig

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def seconds(text: str, option: str) -> float:
    """The duration that text like `90s`, `30m` or `1h30m` stands for.

    Raises:
        UsageError: it is not such a duration, or is zero.
    """
    compact = text.replace(" ", "")
    parts = _DURATION.findall(compact)
    total = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != compact or total <= 0:
        raise UsageError(f"{option}: {text!r} is no duration; write it as 90s, 30m, 8h or 1h30m.")
    return total


def check(config: Config) -> None:
    """Refuse budgets that cannot be meant.

    Raises:
        UsageError: naming the option.
    """
    budget = config.budget
    if budget.wall is not None:
        seconds(budget.wall, "budget.wall")
    for name in ("experiments", "plateau"):
        number = getattr(budget, name)
        if number is not None and number < 1:
            raise UsageError(f"budget.{name}: {number} is too few; give at least 1, or null for no limit.")


def spent(
    budget: BudgetConfig, metric: MetricConfig, history: Sequence[Experiment], elapsed_s: float
) -> str | None:
    """Why the run stops now, or None while it goes on."""
    tried = sum(1 for experiment in history if experiment.status is not Status.baseline)
    if reached(metric, history):
        return f"the target {metric.target:g} {metric.unit}".rstrip() + " is reached"
    if budget.experiments is not None and tried >= budget.experiments:
        return f"the budget of {budget.experiments} experiments is spent"
    if budget.wall is not None and elapsed_s >= seconds(budget.wall, "budget.wall"):
        return f"the budget of {budget.wall} is spent"
    if budget.plateau is not None and since_keep(history) >= budget.plateau:
        return f"{budget.plateau} experiments in a row brought nothing"
    return None


def reached(metric: MetricConfig, history: Sequence[Experiment]) -> bool:
    """Whether a kept change (or the baseline) is at the target."""
    kept = [e.value for e in history if e.status in (Status.keep, Status.baseline) and e.value is not None]
    if metric.target is None or not kept:
        return False
    return kept[-1] <= metric.target if metric.direction is Direction.lower else kept[-1] >= metric.target


def since_keep(history: Sequence[Experiment]) -> int:
    """How many experiments the last keep (or the baseline) lies back."""
    for back, experiment in enumerate(reversed(history)):
        if experiment.status in (Status.keep, Status.baseline):
            return back
    return len(history)
