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


def test_the_mean_of_results_that_share_data_has_nadeau_and_bengios_variance():
    """Equally correlated results: their own spread and the shared variance tell that of their mean."""
    draw, share, size = np.random.default_rng(2), 0.2, 5
    common = math.sqrt(share) * draw.standard_normal((40_000, 1))
    results = common + math.sqrt(1 - share) * draw.standard_normal((40_000, size))
    spread = results.var(axis=1, ddof=1).mean()

    predicted = spread * (1 / size + stats.shared_variance(share))
    assert results.mean(axis=1).var() == pytest.approx(predicted, rel=0.03)


def test_results_that_share_nothing_keep_no_variance():
    assert stats.shared_variance(0.0) == 0.0
    assert stats.shared_variance(0.5) == 1.0  # half of the data scored each time: as the paper has it, 1


def test_an_interval_is_widened_on_both_sides_about_its_estimate():
    assert stats.Interval(1.0, 0.0, 3.0).widened(2.0) == stats.Interval(1.0, -1.0, 5.0)
