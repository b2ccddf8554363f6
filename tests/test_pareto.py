"""The metric beside the bounded numbers."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from autoopt.records import Experiment, Finding, Measurement, Sample, Status
from autoopt.reporters import pareto
from autoopt.reporters.account import Account
from autoopt.schema import ConstraintConfig, Direction

PEAK = {"peak_mb": ConstraintConfig(max_regression=0.1)}


def samples(values: Sequence[tuple[float, float]]) -> tuple[Sample, ...]:
    return tuple(
        Sample(value=value, wall_s=1, cpu_s=1, peak_bytes=int(peak * 1e6), seed=seed, details={"f1": value})
        for seed, (value, peak) in enumerate(values)
    )


def experiment(
    number: int,
    status: Status,
    found: Sequence[tuple[float, float]],
    incumbents: Sequence[tuple[float, float]] = (),
    rejected_by: str = "",
) -> Experiment:
    return Experiment(
        number=number,
        status=status,
        commit="",
        parent="",
        description="",
        hypothesis="",
        area="",
        source="",
        measurement=Measurement(commit="", samples=samples(found)) if found else None,
        incumbent_samples=samples(incumbents),
        findings=(Finding(guard=rejected_by, passed=False, message=""),) if rejected_by else (),
    )


def account(
    *history: Experiment,
    constraints: dict[str, ConstraintConfig] | None = None,
    direction: Direction = Direction.lower,
) -> Account:
    return Account(
        run_id="r",
        goal="",
        unit="ms",
        direction=direction,
        history=history,
        confirmation=None,
        branch="",
        base="",
        reason="",
        constraints=PEAK if constraints is None else constraints,
    )


BASE = experiment(0, Status.baseline, [(100, 50), (101, 50), (99, 50)])
SMALLER = experiment(1, Status.discard, [(110, 30), (111, 30)], [(100, 50), (101, 50)])
KEPT = experiment(2, Status.keep, [(80, 50), (80.5, 50)], [(100, 50), (100.4, 50)])
WORSE = experiment(3, Status.discard, [(90, 60), (90.5, 60)], [(80, 50), (80.5, 50)])
BREAKS = experiment(
    4, Status.inspector_reject, [(40, 90), (40.2, 90)], [(80, 50), (80.5, 50)], "constraints.peak_mb"
)
CRASH = experiment(5, Status.crash, [])


def best(*history: Experiment) -> list[int]:
    return [point.experiment.number for point in pareto.points(account(*history)) if point.is_best]


def test_what_is_better_in_one_number_and_worse_in_another_is_a_trade_off() -> None:
    assert best(BASE, SMALLER, KEPT, WORSE, BREAKS) == [1, 2, 4]


def test_noise_makes_no_trade_off() -> None:
    alike = experiment(1, Status.discard, [(99, 50), (103, 49.9)], [(100, 50), (101, 49.9)])

    assert best(BASE, alike) == [0]


def test_a_machine_that_got_slower_moves_nothing() -> None:
    slow = experiment(3, Status.discard, [(170, 40), (171, 40)], [(160, 50), (161, 50)])
    (point,) = pareto.points(account(BASE, KEPT, slow))[2:]

    assert point.values[pareto.METRIC] == pytest.approx(85, rel=0.02)  # not 170
    assert point.values["peak_mb"] == pytest.approx(40)


def test_what_gave_no_number_is_left_out() -> None:
    assert [point.experiment.number for point in pareto.points(account(BASE, CRASH, KEPT))] == [0, 2]


def test_one_bounded_number_can_be_looked_at_alone() -> None:
    both = {**PEAK, "wall_s": ConstraintConfig(max=3)}
    found = pareto.points(account(BASE, KEPT, constraints=both), ["wall_s"])

    assert [tuple(point.values) for point in found] == [("metric", "wall_s")] * 2


def test_a_number_with_a_lower_bound_is_better_when_it_is_higher() -> None:
    slower = experiment(1, Status.discard, [(120, 50)] * 2, [(100, 50)] * 2)
    bounded = account(BASE, slower, constraints={"f1": ConstraintConfig(min=0.5)})

    assert [point.is_best for point in pareto.points(bounded)] == [True, True]


def test_the_section_names_the_numbers_the_trade_offs_and_what_they_break() -> None:
    lines = pareto.section(account(BASE, SMALLER, KEPT, WORSE, BREAKS)).splitlines()

    assert lines[0] == "## Trade-offs"
    assert lines[2] == "|  |  | status | metric | `peak_mb` | breaks |"
    assert lines[4] == "|  | 0 | baseline | 100 ms | 50 MB |  |"
    assert lines[5].startswith("| ● | 1 | discard | 110 ms | 30")
    assert lines[7].endswith("| `constraints.peak_mb` |")
    assert not any("| 3 |" in line for line in lines)  # beaten, and not on the branch


@pytest.mark.parametrize("told", [account(BASE, KEPT, constraints={}), account(BASE), account()])
def test_there_is_no_section_without_a_bound_or_anything_to_compare(told: Account) -> None:
    assert pareto.section(told) == ""


def test_a_secondary_number_is_looked_at_without_a_bound_and_a_bound_says_which_way_is_better() -> None:
    told = replace(
        account(BASE, KEPT, constraints={}), secondary={"f1": Direction.higher, "peak_mb": Direction.higher}
    )

    assert pareto.beside(told) == told.secondary
    assert set(pareto.points(told)[0].values) == {pareto.METRIC, "f1", "peak_mb"}
    assert pareto.beside(replace(told, constraints=PEAK)) == {
        "peak_mb": Direction.lower,
        "f1": Direction.higher,
    }
