"""What the machine does to a metric from run to run: log noise in the order in which runs are made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np

TRACES = Path(__file__).with_name("traces")
"""Recorded times in 0.1 ms, a line for each spell of 120 runs in a row; see its README."""

_CHUNK = 512
_BLOCK = 80  # runs of a trace replayed in a row, on average

Generator = np.random.Generator
Noise = Iterator[float]


def _steady(draw: Callable[[int], np.ndarray]) -> Noise:
    while True:
        yield from draw(_CHUNK).tolist()


def gauss(random: Generator, sd: float) -> Noise:
    """Independent and normal."""
    return _steady(lambda size: sd * random.standard_normal(size))


def nothing(random: Generator) -> Noise:
    """A count that repeats exactly."""
    return _steady(np.zeros)


def heavy(random: Generator, sd: float) -> Noise:
    """One run in ten is hit by a slow-down of 15 % on average; the others wander, and resemble the last."""
    wander = 0.0
    while True:
        core = 0.8 * sd * random.standard_normal(_CHUNK)
        hits = (random.random(_CHUNK) < 0.1) * np.log1p(random.exponential(0.15, _CHUNK))
        steps = 0.6 * sd * math.sqrt(1 - 0.7**2) * random.standard_normal(_CHUNK)
        for value, step in zip((core + hits).tolist(), steps.tolist(), strict=True):
            wander = 0.7 * wander + step
            yield value + wander


def drift(random: Generator, sd: float) -> Noise:
    """The machine's speed walks, and jumps by 10 to 30 % every 150 runs or so."""
    level = walk = 0.0
    while True:
        for _ in range(_CHUNK):
            if random.random() < 1 / 150:
                level = 0.0 if level else math.log(random.uniform(1.1, 1.3))
            walk = 0.995 * walk + 0.002 * random.standard_normal()
            yield sd * random.standard_normal() + level + walk


def warming(random: Generator, sd: float) -> Noise:
    """The machine gets slower all the time, by 0.2 % a run, until it has rested."""
    run = 0
    while True:
        for value in (sd * random.standard_normal(_CHUNK)).tolist():
            run += 1
            yield value + 0.002 * (run % 100)


def bimodal(random: Generator, sd: float) -> Noise:
    """Half of the runs are 6 % slower, by where the loader put things."""
    return _steady(lambda size: 0.06 * (random.random(size) < 0.5) + 0.25 * sd * random.standard_normal(size))


def flaky(random: Generator) -> Noise:
    """A count that is exact but for one run in 25, which is 1 to 3 % worse."""
    return _steady(lambda size: (random.random(size) < 0.04) * np.log1p(random.integers(1, 4, size) / 100))


@cache
def _recorded(name: str) -> np.ndarray:
    times = np.loadtxt(TRACES / f"{name}.txt").ravel()
    return np.log(times / np.median(times))


def trace(random: Generator, name: str) -> Noise:
    """A recording replayed in blocks, so that its bursts, tails and memory stay (stationary bootstrap).

    References:
        D. N. Politis, J. P. Romano (1994), JASA 89(428), 1303-1313.
    """
    recorded = _recorded(name)
    while True:
        start, length = int(random.integers(len(recorded))), int(random.geometric(1 / _BLOCK))
        yield from recorded[start : start + length].tolist()


NOISES: dict[str, Callable[[Generator], Noise]] = {
    "exact": nothing,
    "0.5 %": lambda random: gauss(random, 0.005),
    "2 %": lambda random: gauss(random, 0.02),
    "5 %": lambda random: gauss(random, 0.05),
    "heavy tails": lambda random: heavy(random, 0.02),
    "drift 0.5 %": lambda random: drift(random, 0.005),
    "drift 2 %": lambda random: drift(random, 0.02),
    "drift 5 %": lambda random: drift(random, 0.05),
    "warming": lambda random: warming(random, 0.02),
    "two modes": lambda random: bimodal(random, 0.02),
    "noisy ideas": lambda random: gauss(random, 0.02),
    "whole ticks": lambda random: gauss(random, 0.01),
    "flaky count": flaky,
    "work, wall": lambda random: trace(random, "work.wall"),
    "work, cpu": lambda random: trace(random, "work.cpu"),
    "start, wall": lambda random: trace(random, "start.wall"),
    "start, cpu": lambda random: trace(random, "start.cpu"),
}
"""By the names of the tables. Standard deviations are those of one run; a pair has √2 of it."""

RECORDED = ("work, wall", "work, cpu", "start, wall", "start, cpu")
EXTRA = {"noisy ideas": 0.05}
"""What three of ten challengers add to the noise."""
TICKS = {"whole ticks": 0.02}
"""To which share of its size the metric is rounded."""
THINKING = 20
"""Runs' worth of time between experiments, in which the machine goes on changing."""


def idle(noise: Noise) -> None:
    """Somebody thinks."""
    next(islice(noise, THINKING, THINKING), None)
