"""Small-sample statistics without scipy (its import costs more than a second); pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

_LOWER_SHARE = 0.8
_LOWER_VARIANCE = 0.4377
"""E[z² | |z| < 1.2816], the variance left in the middle 80 % of a standard normal."""


def robust_sd(values: Sequence[float]) -> float:
    """Standard deviation of values known to have mean zero, little moved by one fifth of outliers.

    It is the root mean square of the smallest 80 %, scaled to be right for a normal, but never less than
    0.3 of the plain root mean square: a metric that repeats exactly most of the time is still noisy.

    Args:
        values: At least one.

    References:
        J. W. Tukey, D. H. McLaughlin (1963), Sankhya A 25(3), 331-352: trimming, here of squares about zero.
    """
    squares = sorted(value * value for value in values)
    lower = squares[: math.ceil(_LOWER_SHARE * len(squares))]
    return max(math.sqrt(fmean(lower) / _LOWER_VARIANCE), 0.3 * math.sqrt(fmean(squares)))


def shared_variance(share: float) -> float:
    """Variance that the mean of results on overlapping data keeps however many there are, in units of one's.

    n results that each score the share p of the same data, after training on the rest, have a mean with
    variance (1/n + p / (1 - p)) times that of one.

    Args:
        share: p, in [0, 1); 0 for results that have nothing in common.

    References:
        C. Nadeau, Y. Bengio (2003), Machine Learning 52(3), 239-281: inference for the generalization error.
    """
    return share / (1 - share)


def t_cdf(t: float, df: int) -> float:
    """P(T < t) of Student's t with a whole number of degrees of freedom.

    References:
        M. Abramowitz, I. A. Stegun (1964), Handbook of Mathematical Functions, 26.7.3 and 26.7.4: finite
        sums in the angle atan(t / √df), exact up to rounding.
    """
    angle = math.atan(t / math.sqrt(df))
    cos2 = math.cos(angle) ** 2
    odd = df % 2
    term = total = 1.0
    for k in range(1, df // 2):
        term *= cos2 * (2 * k - 1 + odd) / (2 * k + odd)
        total += term
    if odd:
        inside = total * math.sin(angle) * math.cos(angle) if df > 1 else 0.0
        return 0.5 + (angle + inside) / math.pi
    return 0.5 + 0.5 * total * math.sin(angle)


def t_quantile(probability: float, df: int) -> float:
    """The t with P(T < t) = probability, by bisection of `t_cdf`.

    Args:
        probability: In (0, 1); tails beyond 1e-6 of one degree of freedom lie outside the search.
        df: Degrees of freedom, a whole number from 1.
    """
    low, high = -1e6, 1e6
    while high - low > 1e-12 * max(1.0, abs(low)):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if t_cdf(middle, df) < probability:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence limits."""

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the distance between the limits."""
        return 0.5 * (self.high - self.low)

    def widened(self, factor: float) -> Interval:
        """The same estimate with limits this many times as far away."""
        return Interval(
            self.estimate,
            self.estimate - factor * (self.estimate - self.low),
            self.estimate + factor * (self.high - self.estimate),
        )


def trimmed_interval(values: Sequence[float], trim: float = 0.2, confidence: float = 0.95) -> Interval:
    """Trimmed mean with its confidence interval.

    Args:
        values: At least 2.
        trim: Share cut off at each end, below 0.5; rounded down to whole values.
        confidence: Probability that the interval holds the centre of a normal.

    References:
        J. W. Tukey, D. H. McLaughlin (1963), Sankhya A 25(3), 331-352, and K. K. Yuen (1974), Biometrika
        61(1), 165-170: Student's t with h - 1 degrees of freedom, h the number of values left, and the
        winsorised sum of squares over h (h - 1).
    """
    ordered = sorted(values)
    cut = int(trim * len(ordered))
    core = ordered[cut : len(ordered) - cut]
    left = len(core)
    winsorised = [core[0]] * cut + core + [core[-1]] * cut
    centre = fmean(winsorised)
    squares = sum((value - centre) ** 2 for value in winsorised)
    reach = t_quantile(0.5 + confidence / 2, left - 1) * math.sqrt(squares / (left * (left - 1)))
    estimate = fmean(core)
    return Interval(estimate, estimate - reach, estimate + reach)
