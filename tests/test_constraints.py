"""Bounds on further numbers of the measured runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from autoopt.errors import UsageError
from autoopt.guards.constraint import Constraint, described
from autoopt.records import Change, Finding, Measurement, Proposal, Sample, Trial
from autoopt.schema import ConstraintConfig, Direction

CHANGE = Change(commit="c1", parent="base", tree="", paths=(), added=0, removed=0)
PROPOSAL = Proposal(description="", hypothesis="", area="", source="")


def samples(values: Sequence[float], name: str = "train_s") -> tuple[Sample, ...]:
    return tuple(
        Sample(
            value=1.0,
            wall_s=value,
            cpu_s=2 * value,
            peak_bytes=int(value * 1e6),
            seed=seed,
            details={name: value},
        )
        for seed, value in enumerate(values)
    )


def inspect(
    found: Sequence[float],
    incumbents: Sequence[float] = (),
    standing: Sequence[float] = (),
    name: str = "train_s",
    **bounds: Any,
) -> Finding:
    trial = Trial(
        number=1,
        challengers=Measurement(commit="c1", samples=samples(found)),
        incumbents=samples(incumbents),
        incumbent=Measurement(commit="base", samples=samples(standing)) if standing else None,
    )
    return Constraint(name, ConstraintConfig(**bounds)).inspect(CHANGE, PROPOSAL, trial)


def test_within_the_bounds_passes() -> None:
    assert inspect([280, 320, 290], max=300, min=10) == Finding(
        guard="constraints.train_s", passed=True, message=""
    )


def test_the_median_beyond_a_bound_does_not_pass() -> None:
    assert inspect([280, 320, 310], max=300).message == "310 is more than max=300"
    assert inspect([5], min=10).message == "5 is less than min=10"


@pytest.mark.parametrize(("name", "value"), [("wall_s", 4), ("cpu_s", 8), ("peak_mb", 4)])
def test_what_is_measured_from_outside_needs_no_line_of_the_command(name: str, value: float) -> None:
    assert inspect([4.0], name=name, max=value).passed
    assert not inspect([4.0], name=name, max=value - 0.1).passed


def test_a_number_that_is_not_printed_does_not_pass_and_says_what_is() -> None:
    assert inspect([1], name="loss", max=1).message == (
        "the metric command printed no line `METRIC loss=...`; known are wall_s, cpu_s, peak_mb, train_s"
    )


def test_a_regression_is_the_median_over_the_pairs() -> None:
    assert inspect([106, 104, 110], [100, 100, 100], max_regression=0.06).passed
    assert inspect([107, 104, 110], [100, 100, 100], max_regression=0.06).message == (
        "100 → 107, 7.0% worse, more than max_regression=0.06"
    )


def test_where_higher_is_better_less_is_a_regression() -> None:
    bounds = {"max_regression": 0.05, "direction": Direction.higher}

    assert inspect([120], [100], **bounds).passed
    assert inspect([94], [100], **bounds).message.startswith("100 → 94, 6.0% worse")


def test_without_pairs_the_incumbents_own_runs_count() -> None:
    assert not inspect([120, 120], standing=[100, 101, 99], max_regression=0.1).passed
    assert inspect([105, 105], standing=[100, 101, 99], max_regression=0.1).passed


def test_from_nothing_to_something_is_any_regression() -> None:
    assert not inspect([1], [0], max_regression=10).passed
    assert inspect([0], [0], max_regression=0).passed


def test_at_the_base_only_the_bounds_count() -> None:
    assert inspect([100], max_regression=0, max=200).passed


@pytest.mark.parametrize(
    ("bounds", "line"),
    [
        ({}, "constraints.train_s: has no bound; give max, min or max_regression."),
        ({"min": 2, "max": 1}, "constraints.train_s: min=2 is above max=1"),
        ({"max_regression": -0.1}, "constraints.train_s.max_regression: -0.1 is negative"),
    ],
)
def test_a_constraint_that_cannot_be_meant_is_refused(bounds: dict[str, float], line: str) -> None:
    with pytest.raises(UsageError, match=line):
        Constraint("train_s", ConstraintConfig(**bounds))


def test_bounds_are_told_in_words() -> None:
    assert (
        described(ConstraintConfig(max=300, min=0, max_regression=0.05))
        == "max 300, min 0, at most 5 % worse"
    )
