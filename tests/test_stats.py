import math

import numpy as np
import pytest
import scipy.stats
from scipy.stats import mstats

from autoopt import stats

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 7, 10, 19, 30, 101])
@pytest.mark.parametrize("t", [-40.0, -3.0, -0.1, 0.0, 0.5, 2.0, 8.0])
def test_the_t_distribution_is_scipys(df, t):
    assert stats.t_cdf(t, df) == pytest.approx(scipy.stats.t.cdf(t, df), abs=1e-13)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 7, 10, 19, 30, 101])
@pytest.mark.parametrize("probability", [0.001, 0.025, 0.4, 0.5, 0.9, 0.975, 0.9995])
def test_the_t_quantile_is_scipys(df, probability):
    expected = scipy.stats.t.ppf(probability, df)

    assert stats.t_quantile(probability, df) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("df", "printed"), [(1, 12.706), (2, 4.303), (5, 2.571), (9, 2.262), (30, 2.042)])
def test_the_t_quantile_is_the_one_in_the_tables(df, printed):
    assert stats.t_quantile(0.975, df) == pytest.approx(printed, abs=5e-4)


def test_the_robust_scale_uses_the_variance_of_the_middle_of_a_normal():
    cut = scipy.stats.norm.ppf(0.9)

    assert pytest.approx(scipy.stats.truncnorm.var(-cut, cut), abs=5e-5) == stats._LOWER_VARIANCE


def test_the_robust_scale_of_a_normal_is_its_standard_deviation():
    assert stats.robust_sd(3.0 * RNG.standard_normal(20_000)) == pytest.approx(3.0, rel=0.02)


def test_one_wild_value_in_six_hardly_moves_the_robust_scale():
    quiet = [1.0, -1.0, 1.0, -1.0, 1.0]

    assert stats.robust_sd([*quiet, 4.0]) < 2 * stats.robust_sd(quiet)


def test_values_that_are_mostly_zero_still_have_a_scale():
    assert stats.robust_sd([0.0] * 9 + [0.1]) == pytest.approx(0.3 * 0.1 / math.sqrt(10))


@pytest.mark.parametrize("size", [2, 5, 8, 13, 20])
def test_the_trimmed_mean_is_scipys(size):
    values = RNG.standard_t(3, size)

    assert stats.trimmed_interval(list(values)).estimate == pytest.approx(scipy.stats.trim_mean(values, 0.2))


@pytest.mark.parametrize("size", [5, 8, 13, 20])
def test_the_trimmed_interval_ends_where_yuens_test_has_p_five_percent(size):
    values = RNG.standard_t(3, size)
    interval = stats.trimmed_interval(list(values))

    for limit in (interval.low, interval.high):
        p = scipy.stats.ttest_ind(values - limit, np.zeros(50), equal_var=False, trim=0.2).pvalue
        assert p == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("size", [10, 20])
def test_the_trimmed_interval_is_scipys_where_nothing_is_rounded(size):
    values = RNG.standard_normal(size)
    interval = stats.trimmed_interval(list(values))
    low, high = mstats.trimmed_mean_ci(values, (0.2, 0.2))
    # scipy divides by (size - 1) and the trimmed share; Yuen by h (h - 1): a known factor apart
    left = size - 2 * (size // 5)
    factor = math.sqrt((size - 1) / (left * (left - 1))) * 0.6 * math.sqrt(size)

    assert interval.half_width == pytest.approx(factor * (high - low) / 2, rel=1e-6)


def test_the_trimmed_interval_covers_the_centre_as_often_as_it_says():
    samples = RNG.standard_normal((3000, 10))
    intervals = [stats.trimmed_interval(list(sample)) for sample in samples]
    covered = sum(interval.low <= 0 <= interval.high for interval in intervals) / len(intervals)

    assert covered == pytest.approx(0.95, abs=0.015)


def test_equal_values_have_an_interval_without_width():
    assert stats.trimmed_interval([0.3] * 8).half_width == pytest.approx(0.0, abs=1e-12)
