"""Hidden truths: what changes do, and a bench on which a rule measures them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from .noises import EXTRA, NOISES, TICKS, Noise, idle

Generator = np.random.Generator
World = Callable[[Generator], float]
"""Draws the log gain of a change, positive is better."""

BASE = 10.0
GAINS = (0.01, 0.02, 0.05, 0.10, 0.30)

_USUAL = {  # share by which the metric falls, and how many changes do that; negative ones harm
    0.0: 0.55, -0.005: 0.12, -0.02: 0.08, -0.05: 0.06, -0.25: 0.04,
    0.01: 0.04, 0.02: 0.04, 0.05: 0.035, 0.10: 0.025, 0.30: 0.01,
}  # fmt: skip


def _mixture(shares: dict[float, float]) -> World:
    gains = [-math.log1p(-share) for share in shares]
    weights = np.array(list(shares.values()))
    return lambda random: gains[int(random.choice(len(gains), p=weights / weights.sum()))]


def believed(random: Generator) -> float:
    """A gain as the judge's prior has it: 60 % nothing, 15 % a win, 25 % a harm."""
    kind = random.random()
    if kind < 0.6:
        return 0.0
    size = random.exponential(float(random.choice([0.05, 0.30, 3.0], p=[0.7, 0.29, 0.01])))
    return size if kind < 0.75 else -size


WORLDS: dict[str, World] = {
    "usual": _mixture(_USUAL),
    "sparse": _mixture({share: part * (0.2 if share > 0 else 1) for share, part in _USUAL.items()}),
    "rich": _mixture({share: part * (3 if share > 0 else 1) for share, part in _USUAL.items()}),
    "null": lambda random: 0.0,
    "gains": _mixture(dict.fromkeys(GAINS, 1.0)),
    "believed": believed,
}


@dataclass(slots=True)
class Bench:
    """Runs of the metric command, lower is better; counts them."""

    noise_name: str
    random: Generator
    noise: Noise = field(init=False)
    level: float = 0.0
    gain: float = 0.0
    extra: float = 0.0
    runs: int = 0

    def __post_init__(self) -> None:
        self.noise = NOISES[self.noise_name](np.random.default_rng(self.random.integers(2**63)))

    def propose(self, gain: float) -> None:
        """A change that does this much is what the challenger is from now on."""
        idle(self.noise)
        self.gain = gain
        noisier = self.random.random() < 0.3
        self.extra = EXTRA.get(self.noise_name, 0.0) if noisier else 0.0

    def keep(self) -> None:
        """The challenger is the incumbent."""
        self.level, self.gain = self.level + self.gain, 0.0

    def incumbent(self) -> float:
        return self._run(self.level)

    def challenger(self) -> float:
        more = self.extra * self.random.standard_normal() if self.extra else 0.0
        return self._run(self.level + self.gain - more)

    def pair(self) -> tuple[float, float]:
        """(incumbent, challenger), taken one after the other in random order."""
        if self.random.random() < 0.5:
            incumbent = self.incumbent()
            return incumbent, self.challenger()
        challenger = self.challenger()
        return self.incumbent(), challenger

    def _run(self, level: float) -> float:
        self.runs += 1
        value = BASE * math.exp(next(self.noise) - level)
        tick = BASE * TICKS.get(self.noise_name, 0.0)
        return max(tick, round(value / tick) * tick) if tick else value


def benches(noise: str, seeds: Iterable[int]) -> Iterable[tuple[Bench, Generator]]:
    """A bench for each run, and what draws its changes; the same ones for every rule."""
    for seed in seeds:
        yield Bench(noise, np.random.default_rng([seed, 1])), np.random.default_rng([seed, 2])
