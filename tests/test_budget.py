from dataclasses import replace

import pytest

from autoopt import budget
from autoopt.errors import BudgetSpentError, ExperimentBudgetError, UsageError
from autoopt.records import Call, Experiment, Measurement, Sample, Status, Usage
from autoopt.schema import BudgetConfig, Config, Direction, MetricConfig


def experiment(number: int, status: Status, value: float = 10.0) -> Experiment:
    sample = Sample(value=value, wall_s=1.0, cpu_s=1.0, peak_bytes=1, seed=0)
    return Experiment(
        number=number,
        status=status,
        commit="a",
        parent="a",
        description="",
        hypothesis="",
        area="",
        source="",
        measurement=Measurement(commit="a", samples=(sample,)),
    )


BASELINE = experiment(0, Status.baseline)
DISCARDS = [BASELINE, *(experiment(n, Status.discard) for n in (1, 2, 3))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("2m", 120), ("8h", 28800), ("1h30m", 5400), ("1.5h", 5400), ("1d", 86400)],
)
def test_durations_are_read(text: str, expected: float) -> None:
    assert budget.seconds(text, "budget.wall") == expected


@pytest.mark.parametrize("text", ["", "90", "1:30", "-5s", "0s", "5x", "nan", "1e3s", "h"])
def test_what_is_no_duration_is_refused_with_the_option_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"budget\.wall"):
        budget.seconds(text, "budget.wall")


@pytest.mark.parametrize(
    "bad", [BudgetConfig(experiments=0), BudgetConfig(plateau=-1), BudgetConfig(wall="soon")]
)
def test_impossible_budgets_are_refused(bad: BudgetConfig) -> None:
    with pytest.raises(UsageError, match=r"budget\."):
        budget.check(Config(metric=MetricConfig(command="true"), budget=bad))


def test_the_baseline_is_no_experiment() -> None:
    limits = BudgetConfig(experiments=3)
    metric = MetricConfig(command="true")

    assert budget.spent(limits, metric, DISCARDS[:3], 0.0) is None
    assert budget.spent(limits, metric, DISCARDS, 0.0) == "the budget of 3 experiments is spent"


def test_time_spent_waiting_for_other_runs_counts_and_is_told() -> None:
    limits = BudgetConfig(experiments=None, wall="1m")
    waited = [BASELINE, *(replace(past, seconds={"measure": 5.0, "wait": 9.0}) for past in DISCARDS[1:])]

    said = budget.spent(limits, MetricConfig(command="true"), waited, 61)

    assert said == "the budget of 1m is spent (27 s of it waiting for its turn on this machine)"


def test_wall_time_counts() -> None:
    limits = BudgetConfig(experiments=None, wall="1m")
    metric = MetricConfig(command="true")

    assert budget.spent(limits, metric, [BASELINE], 59.0) is None
    assert budget.spent(limits, metric, [BASELINE], 60.0) == "the budget of 1m is spent"


def test_a_plateau_is_counted_from_the_last_keep() -> None:
    limits = BudgetConfig(experiments=None, plateau=3)
    metric = MetricConfig(command="true")

    assert budget.spent(limits, metric, DISCARDS, 0.0) == "3 experiments in a row brought nothing"
    assert budget.spent(limits, metric, [*DISCARDS[:3], experiment(3, Status.keep), DISCARDS[3]], 0.0) is None


@pytest.mark.parametrize(
    ("direction", "kept", "stops"),
    [("lower", 4.9, True), ("lower", 5.1, False), ("higher", 5.1, True), ("higher", 4.9, False)],
)
def test_the_target_stops_the_run_once_a_kept_change_reaches_it(
    direction: str, kept: float, stops: bool
) -> None:
    metric = MetricConfig(command="true", target=5.0, direction=Direction[direction])
    start = experiment(0, Status.baseline, 10.0 if direction == "lower" else 1.0)
    history = [
        start,
        experiment(1, Status.keep, kept),
        experiment(2, Status.discard, 0.1 if direction == "lower" else 99.0),
    ]

    assert (budget.spent(BudgetConfig(), metric, history, 0.0) is not None) is stops


def call(number: int, stage: str, cost: float = 0.0, tokens: int = 0) -> Call:
    usage = Usage(calls=1, cost_usd=cost, output_tokens=tokens)
    return Call(number=number, stage=stage, agent="a", transcript="", usage=usage)


def ledger(calls: list[Call], **limits: float) -> budget.Ledger:
    return budget.Ledger(BudgetConfig(**limits), calls, calls.append, lambda *_: None)  # type: ignore[arg-type]


def test_without_a_limit_every_call_may_go_ahead() -> None:
    assert ledger([call(1, "edit", cost=1e6, tokens=10**9)]).allow(1, "edit") is None


def test_a_call_gets_what_is_left_of_the_tighter_budget() -> None:
    calls = [call(1, "think", cost=1.0), call(2, "think", cost=0.5)]
    assert ledger(calls, cost_usd=5.0).allow(2, "think") == pytest.approx(3.5)
    assert ledger(calls, cost_usd=5.0, experiment_cost_usd=2.0).allow(2, "think") == pytest.approx(1.5)


def test_no_call_is_made_that_could_exceed_the_run() -> None:
    calls = [call(1, "think", cost=0.1), call(1, "edit", cost=2.0), call(2, "think", cost=0.1)]
    within = ledger(calls, cost_usd=4.0)
    assert within.allow(3, "think") is not None
    with pytest.raises(BudgetSpentError, match=r"budget\.cost_usd: 2\.2 of 4 is spent.*could take 2"):
        within.allow(2, "edit")


def test_a_stage_nobody_has_seen_is_taken_to_cost_as_much_as_the_dearest() -> None:
    calls = [call(1, "think", cost=3.0)]
    with pytest.raises(BudgetSpentError):
        ledger(calls, cost_usd=5.0).allow(1, "edit")


def test_the_budget_of_one_experiment_does_not_end_the_run() -> None:
    calls = [call(1, "edit", tokens=900)]
    limited = ledger(calls, experiment_tokens=1000)
    with pytest.raises(ExperimentBudgetError, match=r"budget\.experiment_tokens"):
        limited.allow(1, "edit")
    limited.allow(2, "edit")


def test_what_is_spent_is_recorded_before_it_is_told() -> None:
    calls: list[Call] = []
    told: list[tuple[int, float]] = []

    def tell(call: Call, total: Usage) -> None:
        told.append((len(calls), total.cost_usd))

    watched = budget.Ledger(BudgetConfig(), calls, calls.append, tell)
    watched.spent(call(1, "think", cost=1.0))
    watched.spent(call(1, "edit", cost=0.5))
    assert told == [(1, 1.0), (2, 1.5)]


@pytest.mark.parametrize("limits", [{"cost_usd": 0.0}, {"tokens": 0}, {"experiment_cost_usd": -1.0}])
def test_agent_budgets_that_allow_nothing_are_refused(limits: dict[str, float]) -> None:
    (name,) = limits
    with pytest.raises(UsageError, match=rf"budget\.{name}"):
        budget.check(Config(budget=BudgetConfig(**limits)))  # type: ignore[arg-type]


def test_a_call_that_was_cut_short_counts_as_much_as_it_could_have() -> None:
    calls = [call(1, "think", cost=0.1), call(1, "edit", cost=2.0)]
    asked: list[tuple[int, str]] = []
    cut = budget.Ledger(
        BudgetConfig(cost_usd=5.0),
        calls,
        calls.append,
        lambda *_: None,
        unanswered=[(2, "edit")],
        ask=lambda number, stage: asked.append((number, stage)),
    )

    assert cut.allow(3, "think") == pytest.approx(0.9)
    with pytest.raises(BudgetSpentError, match=r"4\.1 of 5 is spent"):
        cut.allow(3, "edit")
    assert asked == []
    cut.asked(3, "think")
    assert asked == [(3, "think")]


def test_a_call_that_was_ended_counts_no_less_than_its_like() -> None:
    ended = replace(call(2, "edit", cost=0.0, tokens=7), complete=False)
    calls = [call(1, "think", cost=0.1), call(1, "edit", cost=2.0, tokens=50), ended]

    assert ledger(calls, cost_usd=10.0).allow(3, "think") == pytest.approx(10.0 - 4.1)
    with pytest.raises(BudgetSpentError, match=r"100 of 120 is spent"):
        ledger(calls, tokens=120).allow(3, "edit")
