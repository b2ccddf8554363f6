"""What pairs say about the gain: a posterior on a grid, under a sceptical prior and heavy-tailed noise.

    gain_i ~ theta + s' · t4,  s' ~ LogNormal(0.88 s, spread),  theta ~ 60 % at 0, 15 % a win, 25 % a harm

Keeping at P(theta > 0) ≥ 0.95 is a mixture sequential probability ratio test: by Ville's inequality a
change that does nothing is kept with probability at most (0.05 / 0.95) · (0.15 / 0.60) = 1.3 %, given the
noise model.

Whether a simplification costs anything is asked of a more sceptical prior, 40 % at 0, 10 % a win, 50 % a
harm: before any pair it costs something as likely as not. Keeping at P(theta ≥ -delta) ≥ 0.95 then takes a
Bayes factor of about 16, so that of the changes that cost more than delta, weighed by the prior of how much
they cost, at most 1/16 are kept, again by Ville's inequality. Under the prior of ideas one in five of those
that cost 2 % would be, in noise of 2 % of a run.

References:
    H. Robbins (1970), Ann. Math. Stat. 41(5), 1397-1409: mixture tests and boundaries valid at any time.
    J. Ville (1939), Étude critique de la notion de collectif: the inequality.
    S. Wellek (2010), Testing Statistical Hypotheses of Equivalence and Noninferiority, 2nd ed., ch. 1-2: the
        question whether something is worse by no more than a margin.
    K. L. Lange, R. J. A. Little, J. M. G. Taylor (1989), JASA 84(408), 881-896: t errors against outliers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# (weight, mean) of the exponentials either side of zero; the last is for orders of magnitude, a sleep removed
TAILS = ((0.7, 0.05), (0.29, 0.30), (0.01, 3.0))

_NU = 4.0
_T4_SCALE = 0.88  # a t4 of this scale has about the middle of a normal with standard deviation 1
_NODES = np.linspace(-2.0, 2.0, 7)  # of the noise scale, in standard deviations of its logarithm

_WIDE = np.concatenate([np.linspace(0.0025, 0.1, 40), np.geomspace(0.105, 10.0, 48)])
_FINE = 6.0 * np.sinh(np.linspace(-3.0, 3.0, 61)) / math.sinh(3.0)  # dense in the middle, ±6 noise scales
_COARSE = np.array([-3.0, -2.0, -1.5, -1.0, -0.5, -0.25, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0])


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a change before any pair.

    Attributes:
        null: Probability that it does nothing.
        win, harm: That it helps or harms.
        scale: How large helps and harms are, in those of `TAILS`.
    """

    null: float
    win: float
    harm: float
    scale: float = 1.0

    def at_least(self, gain: float) -> float:
        """P(theta ≥ gain)."""
        size = abs(gain) / self.scale
        return self.win * _beyond(size) if gain > 0 else 1.0 - self.harm * _beyond(size)


IDEA = Prior(null=0.60, win=0.15, harm=0.25)
"""Of a change that should gain something."""

SIMPLIFICATION = Prior(null=0.40, win=0.10, harm=0.50)
"""Of a change that should cost nothing."""

QUALITY_SCALE = 0.3
"""Of what changes scores by seed (F1, loss): times are halved now and then, scores hardly ever."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What is known about the spread of one pair's gain.

    Attributes:
        sd: Its standard deviation.
        spread: How uncertain that is: standard deviation of its logarithm.
    """

    sd: float
    spread: float


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of theta and their prior mass; the cell from 0 to 0 is the spike of changes that do nothing."""

    edges: Array
    log_mass: Array

    @classmethod
    def around(cls, gains: Sequence[float], sd: float, mark: float, prior: Prior) -> Grid:
        """Cells fine enough wherever these gains may put the posterior, with an edge at the mark."""
        local = np.append(_local(np.sort(np.asarray(gains or [0.0])), sd), mark)
        up = np.unique(np.concatenate([[0.0], _WIDE, local[local > 0]]))
        down = np.unique(np.concatenate([[0.0], _WIDE, -local[local < 0]]))
        harm, win = prior.harm * _cells(down / prior.scale), prior.win * _cells(up / prior.scale)
        mass = np.concatenate([harm[::-1], [prior.null], win])
        return cls(np.concatenate([-down[::-1], up]), np.log(np.maximum(mass, 1e-300)))

    @property
    def nodes(self) -> Array:
        """The middle of each cell."""
        return 0.5 * (self.edges[1:] + self.edges[:-1])


def _beyond(size: float) -> float:
    """Share of a tail beyond this size (≥ 0)."""
    return sum(weight * math.exp(-size / mean) for weight, mean in TAILS)


def _cells(edges: Array) -> Array:
    """Share of a tail in each cell; differences of the survival function stay accurate far out."""
    weights, means = np.array(TAILS).T
    return np.asarray(-np.diff(np.exp(-np.divide.outer(edges, means)) @ weights))


def _local(ordered: Array, sd: float) -> Array:
    """Edges at the median, and a few at five order statistics in case the gains are of two kinds."""
    last = len(ordered) - 1
    picked = ordered[sorted({round(last * quarter / 4) for quarter in range(5)})]
    return np.concatenate([np.median(ordered) + sd * _FINE, np.add.outer(picked, sd * _COARSE).ravel()])


@dataclass(frozen=True, slots=True)
class Posterior:
    """Probabilities of the grid's cells."""

    grid: Grid
    mass: Array

    @property
    def mean(self) -> float:
        """E[theta]."""
        return float(self.mass @ self.grid.nodes)

    def above(self, gain: float) -> float:
        """P(theta > gain), exact where the grid has an edge."""
        return float(self.mass[self.grid.nodes > gain].sum())

    def at_least(self, gain: float) -> float:
        """P(theta ≥ gain), exact where the grid has an edge."""
        return float(self.mass[self.grid.nodes >= gain].sum())

    def below(self, gain: float) -> float:
        """P(theta < gain)."""
        return float(self.mass[self.grid.nodes < gain].sum())

    def quantile(self, probability: float) -> float:
        """The theta with this much probability below it, linear inside cells."""
        return float(np.interp(probability, np.concatenate([[0.0], np.cumsum(self.mass)]), self.grid.edges))


def of_pairs(
    gains: Sequence[float], noise: Noise, mark: float, prior: Prior = IDEA, overlap: float = 0.0
) -> Posterior:
    """The posterior after these gains; with an edge at the mark, so that `above(mark)` is exact.

    Args:
        gains: One for each pair.
        noise: The spread of one.
        mark: The gain that is asked about.
        prior: What is believed before.
        overlap: Variance that the gains have in common, as they score the same data, in units of one's; see
            `stats.shared_variance`. They count as n / (1 + n · overlap) pairs.
    """
    return _on(Grid.around(gains, noise.sd, mark, prior), gains, noise, 1 / (1 + len(gains) * overlap))


def of_values(levels: Sequence[float], noise: Noise, mark: float) -> Posterior:
    """The posterior of what single runs vary about, all levels being as likely before."""
    edges = np.unique(np.append(_local(np.sort(np.asarray(levels, dtype=float)), 2 * noise.sd), mark))
    return _on(Grid(edges, np.log(np.diff(edges))), levels, noise, 1.0)


def _on(grid: Grid, gains: Sequence[float], noise: Noise, weight: float) -> Posterior:
    """The posterior on a grid; each gain counts with this weight."""
    scale = _T4_SCALE * noise.sd * np.exp(noise.spread * _NODES)
    residual = np.subtract.outer(np.asarray(gains, dtype=float), grid.nodes)
    misfit = 1.0 + (residual[:, None, :] / scale[None, :, None]) ** 2 / _NU
    if gains:  # logarithms are the dear part: one for four pairs, few enough not to overflow
        misfit = np.multiply.reduceat(misfit, range(0, len(gains), 4), axis=0)
    weights = -0.5 * _NODES**2 - weight * len(gains) * np.log(scale)
    log_likelihood = weights[:, None] - 0.5 * (_NU + 1) * weight * np.log(misfit).sum(axis=0)
    return _normalised(grid, grid.log_mass + log_likelihood)


def of_level(gain: float, scale: float, grid: Grid) -> Posterior:
    """The posterior after one gain known with this scale (t5, as remembered levels are not quite normal)."""
    likelihood = np.log1p(((gain - grid.nodes) / scale) ** 2 / 5.0)
    return _normalised(grid, (grid.log_mass - 3.0 * likelihood)[None, :])


def _normalised(grid: Grid, log_weights: Array) -> Posterior:
    weights = np.exp(log_weights - log_weights.max()).sum(axis=0)
    return Posterior(grid, weights / weights.sum())
