import pytest

from autoopt import budget
from autoopt.errors import UsageError
from autoopt.records import Experiment, Measurement, Sample, Status
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


def test_wall_time_counts() -> None:
    limits = BudgetConfig(experiments=None, wall="1m")
    metric = MetricConfig(command="true")

    assert budget.spent(limits, metric, [BASELINE], 59.0) is None
    assert budget.spent(limits, metric, [BASELINE], 60.0) == "the budget of 1m is spent"


def test_a_plateau_is_counted_from_the_last_keep() -> None:
    limits = BudgetConfig(experiments=None, plateau=3)
    metric = MetricConfig(command="true")

    assert budget.spent(limits, metric, DISCARDS, 0.0) is not None
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
