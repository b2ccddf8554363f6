"""Bounds on further numbers of the measured runs."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from autoopt.errors import UsageError
from autoopt.guards.constraint import Constraint, described
from autoopt.records import Change, Experiment, Finding, Measurement, Pair, Proposal, Sample, Status, Trial
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


def trial(
    found: Sequence[float],
    incumbents: Sequence[float] = (),
    standing: Sequence[float] = (),
    further: Sequence[tuple[float, float]] = (),
    history: Sequence[Experiment] = (),
) -> Trial:
    return Trial(
        number=1,
        challengers=Measurement(commit="c1", samples=samples(found)),
        incumbents=samples(incumbents),
        incumbent=Measurement(commit="base", samples=samples(standing)) if standing else None,
        further=tuple(
            Pair(incumbent=samples([before])[0], challenger=samples([after])[0]) for before, after in further
        ),
        history=tuple(history),
    )


def inspect(
    found: Sequence[float],
    incumbents: Sequence[float] = (),
    standing: Sequence[float] = (),
    name: str = "train_s",
    **bounds: Any,
) -> Finding:
    told = trial(found, incumbents, standing)
    return Constraint(name, ConstraintConfig(**bounds)).inspect(CHANGE, PROPOSAL, told)


def past(
    found: Sequence[float],
    incumbents: Sequence[float] = (),
    status: Status = Status.keep,
    variation: str = "",
) -> Experiment:
    return Experiment(
        number=0,
        status=status,
        commit="",
        parent="",
        description="",
        hypothesis="",
        area="",
        source="",
        measurement=Measurement(commit="", samples=samples(found)),
        incumbent_samples=samples(incumbents),
        variation=variation,
    )


def noisy(level: float, count: int, sd: float, seed: int) -> list[float]:
    rng = Random(seed)
    return [level * rng.gauss(1, sd) for _ in range(count)]


BASE = past([100, 101, 99, 100, 100.5], status=Status.baseline)


def test_within_the_bounds_passes_and_says_so() -> None:
    finding = inspect([280, 285, 290], max=300, min=10)

    assert finding.passed
    assert finding.message.startswith("285 is within max=300 (")


def test_a_number_that_repeats_is_held_against_its_bounds_without_a_doubt() -> None:
    assert inspect([310, 310], max=300).message == "310 is more than max=300"
    assert inspect([5, 5], min=10).message == "5 is less than min=10"
    assert inspect([300, 300], max=300, min=300).passed


def test_a_number_on_the_wrong_side_by_less_than_its_noise_is_open() -> None:
    bound = Constraint("train_s", ConstraintConfig(max=300))

    assert not bound.is_sure(trial([270, 345, 320, 275]))
    assert "whichever is likelier" in bound.inspect(CHANGE, PROPOSAL, trial([270, 345, 320, 275])).message
    assert bound.is_sure(trial([350, 345, 352, 349]))
    assert not bound.inspect(CHANGE, PROPOSAL, trial([350, 345, 352, 349])).passed


def test_further_pairs_settle_what_was_open() -> None:
    bound = Constraint("train_s", ConstraintConfig(max_regression=0.05))
    few = [100.0, 104.0], [101.0, 99.0]
    more = list(zip(noisy(100, 14, 0.02, 1), noisy(100, 14, 0.02, 2), strict=True))

    assert not bound.is_sure(trial([103, 109], [100, 101]))
    told = trial(few[0], few[1], further=more)
    assert bound.is_sure(told)
    assert bound.inspect(CHANGE, PROPOSAL, told).passed
    worse = trial([110, 111], [100, 101], further=[(before, after * 1.1) for before, after in more])
    assert bound.is_sure(worse)
    assert not bound.inspect(CHANGE, PROPOSAL, worse).passed


@pytest.mark.parametrize(("name", "value"), [("wall_s", 4), ("cpu_s", 8), ("peak_mb", 4)])
def test_what_is_measured_from_outside_needs_no_line_of_the_command(name: str, value: float) -> None:
    assert inspect([4.0, 4.0], name=name, max=value).passed
    assert not inspect([4.0, 4.0], name=name, max=value - 0.1).passed


def test_a_number_that_is_not_printed_does_not_pass_and_says_what_is() -> None:
    assert inspect([1], name="loss", max=1).message == (
        "the metric command printed no line `METRIC loss=...`; known are wall_s, cpu_s, peak_mb, train_s"
    )
    assert Constraint("loss", ConstraintConfig(max=1)).is_sure(trial([1]))


def test_a_regression_beyond_what_is_allowed_does_not_pass() -> None:
    assert inspect([104, 105, 103], [100, 101, 99], max_regression=0.2).passed
    finding = inspect([130, 131, 129], [100, 100, 100], max_regression=0.06)

    assert not finding.passed
    assert finding.message.startswith("100 → 130, 30 % worse; max_regression=0.06 does not allow that")


def test_noise_alone_is_no_regression_even_where_none_is_allowed() -> None:
    broken = 0
    for seed in range(40):
        before, after = noisy(100, 6, 0.03, seed), noisy(100, 6, 0.03, 1000 + seed)
        broken += not inspect(after, before, max_regression=0).passed

    assert broken <= 6


def test_what_is_allowed_cannot_be_spent_again_with_every_keep() -> None:
    bound = Constraint("train_s", ConstraintConfig(max_regression=0.1))
    kept = [past([106.0, 106.2, 105.9], [100.0, 100.1, 99.9]), past([112.0, 112.3], [106.0, 106.1])]
    step = [115.0, 115.2, 114.9], [112.0, 112.1, 111.9]

    assert bound.inspect(CHANGE, PROPOSAL, trial(*step, history=[BASE])).passed
    finding = bound.inspect(CHANGE, PROPOSAL, trial(*step, history=[BASE, *kept]))
    assert not finding.passed
    assert "2.68 % worse, since the baseline 15" in finding.message
    discarded = [past([106.0, 106.2, 105.9], [100.0, 100.1, 99.9], Status.discard)] * 3
    assert bound.inspect(CHANGE, PROPOSAL, trial(*step, history=[BASE, *discarded])).passed


def test_a_change_that_costs_nothing_does_not_pay_for_what_earlier_ones_cost() -> None:
    bound = Constraint("train_s", ConstraintConfig(max_regression=0.0))
    kept = [past([106.0, 106.2, 105.9], [100.0, 100.1, 99.9])]
    better = trial([95.0, 95.2, 94.9], [106.0, 106.1, 105.9], history=[BASE, *kept])
    cheaper = trial([104.0, 104.2, 103.9], [106.0, 106.1, 105.9], history=[BASE, *kept])

    assert bound.inspect(CHANGE, PROPOSAL, better).passed
    assert bound.inspect(CHANGE, PROPOSAL, cheaper).passed
    assert not bound.inspect(
        CHANGE, PROPOSAL, trial([108.0] * 3, [106.0, 106.1, 105.9], history=[BASE])
    ).passed


def test_luck_that_adds_up_over_many_keeps_blames_no_change() -> None:
    bound, blamed = Constraint("train_s", ConstraintConfig(max_regression=0.05)), 0
    for seed in range(20):
        kept = [
            past(noisy(100, 2, 0.03, 7 * seed + i), noisy(100, 2, 0.03, 900 + 7 * seed + i)) for i in range(5)
        ]
        pairs = list(zip(noisy(100, 13, 0.03, 2000 + seed), noisy(100, 13, 0.03, 3000 + seed), strict=True))
        told = trial([100, 102, 99], [101, 100, 100], further=pairs, history=[BASE, *kept])
        blamed += not bound.inspect(CHANGE, PROPOSAL, told).passed

    assert blamed <= 2


def test_what_was_gained_before_may_be_spent() -> None:
    bound = Constraint("train_s", ConstraintConfig(max_regression=0.05))
    kept = past([70.0, 70.2, 69.9], [100.0, 100.1, 99.9])

    assert bound.inspect(CHANGE, PROPOSAL, trial([80, 80.3], [70, 70.2], history=[BASE, kept])).passed


def test_what_other_runs_of_a_search_kept_counts_too() -> None:
    bound = Constraint("train_s", ConstraintConfig(max_regression=0.05))
    followed = past([104.0, 104.2, 103.9], status=Status.follow)
    told = trial([108, 108.3], [104, 104.2], history=[BASE, followed])

    assert not bound.inspect(CHANGE, PROPOSAL, told).passed
    assert bound.inspect(CHANGE, PROPOSAL, trial([108, 108.3], [104, 104.2], history=[BASE])).passed


def test_where_higher_is_better_less_is_a_regression() -> None:
    bounds = {"max_regression": 0.05, "direction": Direction.higher}

    assert inspect([120, 120], [100, 100], **bounds).passed
    assert inspect([90, 90], [100, 100], **bounds).message == (
        "100 → 90, 10 % worse; max_regression=0.05 does not allow that"
    )


def test_runs_of_another_time_settle_only_what_no_machine_explains() -> None:
    tight = Constraint("wall_s", ConstraintConfig(max_regression=0.1))
    loose = Constraint("wall_s", ConstraintConfig(max_regression=1.0))
    standing = [100, 101, 99, 100, 102]

    assert not tight.is_sure(trial([130, 131], standing=standing))
    assert loose.is_sure(trial([130, 131], standing=standing))
    now = trial([130, 131], standing=standing, further=[(130, 131), (131, 130), (130, 130), (129, 130)])
    assert tight.is_sure(now)
    assert tight.inspect(CHANGE, PROPOSAL, now).passed


def test_remembered_runs_with_the_same_seeds_give_way_to_pairs() -> None:
    bound = Constraint("wall_s", ConstraintConfig(max_regression=0.1))
    base = past([100, 101, 99], status=Status.baseline, variation="seed")
    remembered = [130, 131, 129], [100, 101, 99]

    assert not bound.is_sure(trial(*remembered, history=[base]))
    fresh = [(130, 131), (131, 130), (130, 130), (129, 130)]
    now = trial(*remembered, further=fresh, history=[base])
    assert bound.inspect(CHANGE, PROPOSAL, now).passed


def test_a_count_that_repeats_is_compared_exactly_without_pairs() -> None:
    bound = Constraint("train_s", ConstraintConfig(max_regression=0))

    for after, passes in (([7, 7], True), ([8, 8], False)):
        told = trial(after, standing=[7, 7, 7])
        assert bound.is_sure(told)
        assert bound.inspect(CHANGE, PROPOSAL, told).passed is passes


def test_from_nothing_to_something_is_any_regression() -> None:
    assert not inspect([1, 1], [0, 0], max_regression=10).passed
    assert inspect([0, 0], [0, 0], max_regression=0).passed


def test_at_the_base_only_the_bounds_count() -> None:
    assert inspect([100, 100], max_regression=0, max=200).passed
    assert Constraint("train_s", ConstraintConfig(max_regression=0)).is_sure(trial([100, 100]))


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
        == "max 300, min 0, at most 5 % worse than at the baseline"
    )
