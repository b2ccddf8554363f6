"""When to stop, from what has been decided so far."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from operator import add

from autoopt import plateau
from autoopt.errors import BudgetSpentError, ExperimentBudgetError, UsageError
from autoopt.records import WAIT, Call, Experiment, Usage
from autoopt.schema import BudgetConfig, Config, Direction, MetricConfig

SURE = 0.95
"""How sure it has to be that the target is reached."""
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
    for name in ("experiments", "plateau", "tokens", "experiment_tokens"):
        number = getattr(budget, name)
        if number is not None and number < 1:
            raise UsageError(f"budget.{name}: {number} is too few; give at least 1, or null for no limit.")
    for name in ("cost_usd", "experiment_cost_usd"):
        dollars = getattr(budget, name)
        if dollars is not None and dollars <= 0:
            raise UsageError(
                f"budget.{name}: {dollars:g} is too little; give more than 0, or null for no limit."
            )


def spent(
    budget: BudgetConfig, metric: MetricConfig, history: Sequence[Experiment], elapsed_s: float
) -> str | None:
    """Why the run stops now, or None while it goes on."""
    tried = sum(1 for experiment in history if experiment.is_counted)
    if reached(metric, history):
        return _arrival(metric, history)
    if budget.experiments is not None and tried >= budget.experiments:
        noun = "experiment" if budget.experiments == 1 else "experiments"
        return f"the budget of {budget.experiments} {noun} is spent"
    if budget.wall is not None and elapsed_s >= seconds(budget.wall, "budget.wall"):
        return f"the budget of {budget.wall} is spent{_waiting(history)}"
    rung = plateau.ladder(history, budget.plateau)
    if rung.level is plateau.Level.stop:
        return "; ".join(filter(None, (rung.sentence, rung.reason)))
    return None


def _waiting(history: Sequence[Experiment]) -> str:
    """How much of the time went by in wait for other runs, where that is worth telling."""
    waited_s = sum(experiment.seconds.get(WAIT, 0.0) for experiment in history)
    return f" ({waited_s:.0f} s of it waiting for its turn on this machine)" if waited_s >= 1.0 else ""


def reached(metric: MetricConfig, history: Sequence[Experiment]) -> bool:
    """Whether a kept change (or the baseline) is surely at the target.

    That was looked into when its number said so; older journals have nothing but the number.
    """
    if metric.target is None:
        return False
    kept = (e for e in reversed(history) if e.status.leads)
    last = next((e for e in kept if e.value is not None), None)
    if last is None:
        return False
    level, value = last.level, last.value
    if level is not None or history[0].variation:
        return level is not None and level.target == metric.target and level.probability >= SURE
    assert value is not None
    return value <= metric.target if metric.direction is Direction.lower else value >= metric.target


def _arrival(metric: MetricConfig, history: Sequence[Experiment]) -> str:
    """That the target is reached, and by which number."""
    said = f"the target {metric.target:g} {metric.unit}".rstrip() + " is reached"
    level = next(e.level for e in reversed(history) if e.status.leads)
    if level is None or not level.samples:
        return said
    return f"{said}: {level.value:.4g} {metric.unit}".rstrip() + f" (95 % {level.low:.4g}–{level.high:.4g})"


def total(calls: Sequence[Call]) -> Usage:
    """What the calls took together."""
    return reduce(add, (call.usage for call in calls), Usage())


class Ledger:
    """Keeps what agents spend within the budget; implements `protocols.Ledger`."""

    def __init__(
        self,
        budget: BudgetConfig,
        calls: Sequence[Call],
        record: Callable[[Call], None],
        tell: Callable[[Call, Usage], None],
        *,
        unanswered: Sequence[tuple[int, str]] = (),
        ask: Callable[[int, str], None] = lambda number, stage: None,
    ) -> None:
        """Watch a budget.

        Args:
            calls: The run's calls so far; grows as `record` is called.
            unanswered: Number and stage of calls whose end nobody saw.
            ask: Writes down, durably, that a call is about to be made.
            record: Writes a call down, durably.
            tell: Told of each call and of what the run has spent with it.
        """
        self._budget = budget
        self._calls = calls
        self._record = record
        self._tell = tell
        self._unanswered = unanswered
        self._ask = ask

    def allow(self, number: int, stage: str) -> float | None:
        """Let a call go ahead; the dollars it may cost at most, None where there is no limit.

        A call is expected to take what the dearest one of its stage took, or of all where there was none.
        Those that were cut short count no less than that.

        Raises:
            BudgetSpentError: it could exceed the run's budget.
            ExperimentBudgetError: it could exceed that of experiment `number`.
        """
        budget = self._budget
        unseen = [self._expected(cut, its_stage) for cut, its_stage in self._unanswered]
        calls = [*map(self._at_most, self._calls), *unseen]
        here = [call for call in calls if call.number == number]
        expected = self._expected(number, stage).usage
        cost, tokens = expected.cost_usd, expected.tokens
        left = [
            _left("budget.cost_usd", budget.cost_usd, total(calls).cost_usd, cost, BudgetSpentError),
            _left(
                "budget.experiment_cost_usd",
                budget.experiment_cost_usd,
                total(here).cost_usd,
                cost,
                ExperimentBudgetError,
            ),
        ]
        _left("budget.tokens", budget.tokens, total(calls).tokens, tokens, BudgetSpentError)
        _left(
            "budget.experiment_tokens",
            budget.experiment_tokens,
            total(here).tokens,
            tokens,
            ExperimentBudgetError,
        )
        return min((dollars for dollars in left if dollars is not None), default=None)

    def asked(self, number: int, stage: str) -> None:
        """Remember, durably, that a call begins."""
        self._ask(number, stage)

    def _at_most(self, call: Call) -> Call:
        """The call; where it was ended before it had said everything, as dear as it may have been."""
        if call.complete:
            return call
        said, could = call.usage, self._expected(call.number, call.stage).usage
        cost = max(said.cost_usd, could.cost_usd)
        unsaid = max(0, could.tokens - said.tokens)
        return replace(call, usage=replace(said, cost_usd=cost, input_tokens=said.input_tokens + unsaid))

    def _expected(self, number: int, stage: str) -> Call:
        """A call as dear as the dearest of its stage, or of all where there was none."""
        alike = [call.usage for call in self._calls if call.stage == stage]
        usages = alike or [call.usage for call in self._calls]
        usage = Usage(
            cost_usd=max((usage.cost_usd for usage in usages), default=0.0),
            input_tokens=max((usage.tokens for usage in usages), default=0),
        )
        return Call(number=number, stage=stage, agent="", transcript="", usage=usage)

    def spent(self, call: Call) -> None:
        """Remember a call, durably, however it ended."""
        self._record(call)
        self._tell(call, total(self._calls))


def _left(
    option: str, limit: float | None, used: float, expected: float, error: type[BudgetSpentError]
) -> float | None:
    if limit is None:
        return None
    if used >= limit or used + expected > limit:
        raise error(f"{option}: {used:g} of {limit:g} is spent, and the next call could take {expected:g}")
    return limit - used
