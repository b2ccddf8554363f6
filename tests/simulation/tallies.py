"""Plays runs and counts: how often nothing is kept, how often a gain is, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .rules import RULES, Decision, Rule
from .worlds import GAINS, WORLDS, benches


@dataclass(frozen=True, slots=True)
class Trial:
    """One experiment: the true gain, what was decided, and the runs it cost."""

    gain: float
    decision: Decision
    runs: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Experiments of many runs, and what each run claims and has in the end (log gains)."""

    trials: tuple[Trial, ...]
    claimed: float
    true: float

    def kept(self, fits: Callable[[float], bool]) -> tuple[int, int]:
        """(kept, tried) of the changes with such a gain."""
        tried = [trial.decision.keep for trial in self.trials if fits(trial.gain)]
        return sum(tried), len(tried)

    @property
    def null(self) -> tuple[int, int]:
        """(kept, tried) of the changes that do nothing."""
        return self.kept(lambda gain: gain == 0)

    @property
    def harm(self) -> tuple[int, int]:
        return self.kept(lambda gain: gain < 0)

    def power(self, share: float) -> tuple[int, int]:
        """(kept, tried) of the changes that take this share off the metric."""
        return self.kept(lambda gain: math.isclose(gain, -math.log1p(-share)))

    @property
    def wins(self) -> tuple[int, int]:
        return self.kept(lambda gain: gain > 0)

    @property
    def runs(self) -> float:
        """Runs of the metric command an experiment costs."""
        return sum(trial.runs for trial in self.trials) / len(self.trials)

    def covered(self, *, kept: bool | None = None) -> tuple[int, int]:
        """(limits that hold the true gain, limits), of all or of kept or reverted changes alone.

        Limits that are one point are none: of exact metrics, and of runs that were ended early.
        """
        told = [
            trial.decision.low <= trial.gain <= trial.decision.high
            for trial in self.trials
            if trial.decision.low < trial.decision.high and kept in (None, trial.decision.keep)
        ]
        return sum(told), len(told)


def play(
    rule: Callable[[], Rule],
    noise: str,
    world: str = "usual",
    runs: int = 50,
    length: int = 60,
    seed: int = 0,
) -> Tally:
    """Plays so many runs of so many experiments each; with the same seed, the same changes for every rule."""
    draw, trials, claimed, true = WORLDS[world], list[Trial](), 0.0, 0.0
    for bench, changes in benches(noise, range(seed, seed + runs)):
        deciding = rule()
        deciding.start(bench)
        for _ in range(length):
            gain, before = draw(changes), bench.runs
            bench.propose(gain)
            decision = deciding.decide(bench)
            trials.append(Trial(gain, decision, bench.runs - before))
            if decision.keep:
                bench.keep()
                claimed += decision.gain
        true += bench.level
    return Tally(tuple(trials), claimed, true)


def rate(counted: tuple[int, int]) -> float:
    """The share; nan of none."""
    return counted[0] / counted[1] if counted[1] else math.nan


def least(counted: tuple[int, int], doubt: float = 1e-3) -> float:
    """The rate that is surely exceeded: the lower Clopper-Pearson limit, wrong once in 1/doubt times.

    References:
        C. J. Clopper, E. S. Pearson (1934), Biometrika 26(4), 404-413.
    """
    from scipy.stats import beta

    hits, tried = counted
    return float(beta.ppf(doubt, hits, tried - hits + 1)) if hits else 0.0


def most(counted: tuple[int, int], doubt: float = 1e-3) -> float:
    """The rate that is surely not reached; the other limit of `least`."""
    hits, tried = counted
    return 1 - least((tried - hits, tried), doubt)


HEADING = (
    "| noise of a run | rule | null kept % | harm kept % | "
    + " | ".join(f"{share:.0%} gain" for share in GAINS)
    + " | runs per experiment | claimed / true |"
)


def row(name: str, noise: str, tally: Tally) -> str:
    """A line of the table."""
    cells = [noise, name, _percent(tally.null), _percent(tally.harm)]
    cells += [_percent(tally.power(share)) for share in GAINS]
    ratio = tally.claimed / tally.true if tally.true > 0 else math.nan
    return "| " + " | ".join([*cells, f"{tally.runs:.1f}", f"{ratio:.2f}"]) + " |"


def table(
    rules: Iterable[str], noises: Iterable[str], world: str, runs: int, length: int, seed: int
) -> Iterable[str]:
    """The table's lines, as they come."""
    yield HEADING
    yield "|" + "---|" * HEADING.count(" | ") + "---|"
    for noise in noises:
        for name in rules:
            yield row(name, noise, play(RULES[name], noise, world, runs, length, seed))


def _percent(counted: tuple[int, int]) -> str:
    share = 100 * rate(counted)
    return "" if math.isnan(share) else f"{share:.2f}" if share < 1 else f"{share:.0f}"
