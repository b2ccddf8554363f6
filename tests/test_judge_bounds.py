"""Constraints as probabilities: bounds on a level, and on what a number may lose against the baseline."""

import math

import numpy as np
import pytest

from autoopt.judge import breach, exceeds
from autoopt.schema import Direction

LOWER, HIGHER = Direction.lower, Direction.higher


def pairs(seed, cost, count, sd=0.02):
    """(before, after) of a number of 100 that a change makes worse by this much, as a log ratio."""
    draw = np.random.default_rng(seed)
    noise = sd * draw.standard_normal((2, count))
    return 100 * np.exp(noise[0]), 100 * np.exp(noise[1] + cost)


def probability(seed, cost, count, allowed=0.05, **options):
    return breach(*pairs(seed, cost, count), allowed, LOWER, **options)


def test_a_clear_breach_is_sure_and_a_number_well_within_its_bound_is_fine():
    assert probability(1, 0.12, 6) > 0.95
    assert probability(1, 0.0, 6) < 0.05


def test_a_number_at_its_bound_stays_unsure():
    assert 0.05 < breach([100, 101, 99], [105, 106.2, 104], 0.05, LOWER) < 0.95


def test_one_pair_is_not_enough_to_condemn_a_number_just_beyond_its_bound():
    assert 0.05 < breach([100], [106], 0.05, LOWER) < 0.95


def test_of_numbers_that_do_nothing_hardly_any_are_condemned_even_where_nothing_is_allowed():
    found = [probability(seed, 0.0, 8, allowed=0.0) for seed in range(100)]

    assert sum(one >= 0.95 for one in found) <= 2
    assert sum(one > 0.5 for one in found) <= 10


def test_numbers_that_lose_twice_what_is_allowed_are_found_and_those_that_lose_a_tenth_pass():
    lost = [probability(seed, 0.10, 8) for seed in range(100)]
    held = [probability(seed, 0.005, 8) for seed in range(100)]

    assert sum(one >= 0.95 for one in lost) >= 90
    assert sum(one <= 0.05 for one in held) >= 90


def test_many_small_costs_are_added_up_against_the_baseline():
    spent = [pairs(seed, 0.02, 4) for seed in range(4)]

    assert probability(9, 0.02, 4) < 0.5
    assert probability(9, 0.02, 4, spent=spent) > 0.9


def test_what_an_earlier_change_saved_may_be_spent():
    assert probability(9, 0.10, 6) > 0.95
    assert probability(9, 0.10, 6, spent=[pairs(3, -0.20, 6)]) < 0.05


def test_numbers_that_repeat_exactly_are_compared_as_they_are():
    assert breach([100, 100], [105, 105], 0.05, LOWER) == 0.0
    assert breach([100, 100], [105.1, 105.1], 0.05, LOWER) == 1.0
    assert breach([100, 100], [94, 94], 0.05, HIGHER) == 1.0
    assert breach([100, 100], [96, 96], 0.05, HIGHER) == 0.0


def test_a_number_that_was_zero_may_not_rise():
    assert breach([0, 0], [1, 1], 0.05, LOWER) == 1.0
    assert breach([0, 0], [0, 0], 0.05, LOWER) == 0.0


def test_a_known_noise_is_believed_over_the_few_pairs():
    quiet, loud = (breach([100], [107], 0.05, LOWER, noise=noise) for noise in (0.002, 0.2))

    assert quiet > 0.95
    assert loud < 0.5


@pytest.mark.parametrize(("direction", "worse", "better"), [(LOWER, 320, 280), (HIGHER, 280, 320)])
def test_a_level_is_beyond_its_bound_on_the_worse_side_only(direction, worse, better):
    values = np.array([0.99, 1.0, 1.01, 1.005])

    assert exceeds(list(worse * values), 300, direction) > 0.95
    assert exceeds(list(better * values), 300, direction) < 0.05


def test_a_level_at_its_bound_is_unsure_unless_it_repeats_exactly():
    assert exceeds([299, 301, 300], 300, LOWER) == pytest.approx(0.5, abs=0.1)
    assert exceeds([300, 300], 300, LOWER) == 0.0
    assert exceeds([300.1, 300.1], 300, LOWER) == 1.0


def test_the_probability_of_a_level_is_calibrated():
    draw, found, truth = np.random.default_rng(3), [], []
    for _ in range(1500):
        level = 100 * math.exp(0.03 * draw.standard_normal())
        values = level * np.exp(0.02 * draw.standard_normal(5))
        found.append(exceeds(list(values), 100, LOWER, noise=0.02))
        truth.append(level > 100)
    found, truth = np.array(found), np.array(truth)

    assert truth[found > 0.95].mean() >= 0.95
    assert truth[found < 0.05].mean() <= 0.05
    assert truth[(found > 0.6) & (found < 0.9)].mean() == pytest.approx(0.77, abs=0.1)


def test_levels_may_be_negative_or_zero():
    assert exceeds([-3.0, -3.1, -2.9], 0, LOWER) < 0.05
    assert exceeds([0.2, 0.3, 0.1], 0, LOWER) > 0.5
