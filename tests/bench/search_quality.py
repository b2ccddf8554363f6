"""How good the values are that a search has kept after 10, 20 and 40 experiments, and what asking costs.

    python tests/bench/search_quality.py [SEEDS]

Synthetic problems with 5, 8 and 12 parameters, mostly switches (45 % without effect, 21 % gains, 34 % harm),
a quarter numbers on a log scale, and pairwise interactions; effects are measured with 1 % noise and kept from
2 % on. Every strategy meets the same problems:

- joint: plain joint TPE, no phase before it; the yardstick of the ratios;
- autoopt: `OptunaSearch` as shipped, on real files: values alone first, then joint TPE;
- around .3, around .6: autoopt's first phase, then TPE with each parameter held at the incumbent's value with
  that probability.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import fmean, stdev
from typing import Any

import optuna

from autoopt.proposers.search.optuna_search import OptunaSearch
from autoopt.records import Experiment, Status
from autoopt.schema import OptunaConfig, ParameterConfig
from autoopt.testing.proposer_suite import apply, brief, judged

BUDGETS = (10, 20, 40)
LOW, HIGH, NOISE, KEEP = 16, 65536, 0.01, 0.02

Point = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """A log gain for every assignment."""

    start: Point
    switches: dict[str, float]
    numbers: dict[str, tuple[float, float]]
    pairs: list[tuple[str, str, float]]

    def gain(self, point: Point) -> float:
        """The true log gain over the start."""
        return self._value(point) - self._value(self.start)

    def _value(self, point: Point) -> float:
        total = sum(effect for name, effect in self.switches.items() if point[name])
        for name, (best, curve) in self.numbers.items():
            total -= curve * (math.log(point[name]) - best) ** 2 / 2
        changed = {name for name in point if point[name] != self.start[name]}
        return total + sum(effect for a, b, effect in self.pairs if {a, b} <= changed)


def problem(size: int, seed: int) -> Problem:
    """A random problem."""
    random = Random(f"{size} {seed}")
    names = [f"p{index}" for index in range(size)]
    numbers = {
        n: (random.uniform(math.log(LOW), math.log(HIGH)), random.uniform(0.002, 0.03)) for n in names[3::4]
    }
    switches = {n: _effect(random) for n in names if n not in numbers}
    start: Point = {n: random.choice([100, 1000, 4000]) if n in numbers else False for n in names}
    pairs = []
    for _ in range(size // 2):
        one, other = random.sample(names, 2)
        pairs.append((one, other, random.gauss(0, 0.08)))
    return Problem(start, switches, numbers, pairs)


def _effect(random: Random) -> float:
    kind = random.random()
    size = min(0.7, random.expovariate(1 / 0.05 if random.random() < 0.7 else 1 / 0.3))
    return 0.0 if kind < 0.45 else size if kind < 0.66 else -size


class Climb:
    """Measures with noise, keeps gains; `curve` is the incumbent's true gain after each experiment."""

    def __init__(self, task: Problem, seed: int) -> None:
        self.task, self.best, self.standing = task, dict(task.start), 0.0
        self.curve: list[float] = []
        self._random = Random(seed)

    def measure(self, point: Point) -> tuple[float, bool]:
        """The measured effect over the incumbent, and whether it was kept."""
        effect = self.task.gain(point) - self.task.gain(self.best) + self._random.gauss(0, NOISE)
        if keep := effect > KEEP:
            self.best, self.standing = dict(point), self.standing + effect
        self.curve.append(self.task.gain(self.best))
        return effect, keep


def joint(task: Problem, seed: int, hold: float | None = None) -> list[float]:
    """TPE over everything; with `hold`, switches alone first and then around the incumbent."""
    climb, random = Climb(task, seed), Random(seed)
    known: dict[tuple[Any, ...], float] = {}
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    space = _distributions(task)

    def note(point: Point, value: float) -> None:
        known[tuple(point.values())] = value
        study.add_trial(optuna.trial.create_trial(params=point, distributions=space, value=value))

    note(task.start, 0.0)
    for name in task.switches if hold is not None else ():
        point, before = {**climb.best, name: True}, climb.standing
        note(point, before + climb.measure(point)[0])
    while len(climb.curve) < max(BUDGETS):
        held = {name: value for name, value in climb.best.items() if random.random() < (hold or 0.0)}
        if 0 < len(held) < len(space):
            study.enqueue_trial(held)
        trial = study.ask(space)
        point = {name: trial.params[name] for name in space}
        key, before = tuple(point.values()), climb.standing
        if key not in known or random.random() < 0.02:  # a space tried through must still end
            known[key] = before + climb.measure(point)[0]
        study.tell(trial, known[key])
    return climb.curve


def _distributions(task: Problem) -> dict[str, optuna.distributions.BaseDistribution]:
    number = optuna.distributions.IntDistribution(LOW, HIGH, log=True)
    switch = optuna.distributions.CategoricalDistribution([False, True])
    return {name: number if name in task.numbers else switch for name in task.start}


def autoopt(task: Problem, seed: int) -> list[float]:
    """OptunaSearch on files."""
    climb = Climb(task, seed)
    with tempfile.TemporaryDirectory() as name:
        desk, params = _project(task, Path(name))
        proposer = OptunaSearch(params, OptunaConfig(), Path(name) / "study.log", seed, None)
        history: list[Experiment] = []
        while len(climb.curve) < max(BUDGETS):
            proposal = proposer.ask(brief(desk, tuple(history)))
            if proposal is None:  # tried through
                climb.curve.append(climb.curve[-1])
                continue
            effect, keep = climb.measure({n: proposal.parameters[n] for n in task.start})
            status = Status.keep if keep else Status.discard
            history.append(judged(proposal, len(history) + 1, effect, status))
            proposer.tell(history[-1])
            if keep:
                apply(proposal, desk)
    return climb.curve


def _project(task: Problem, root: Path) -> tuple[Path, dict[str, ParameterConfig]]:
    desk = root / "desk"
    desk.mkdir()
    (desk / "flags").write_text("")
    (desk / "c.toml").write_text("".join(f"{name} = {task.start[name]}\n" for name in task.numbers))
    return desk, {
        name: ParameterConfig(file="c.toml", key=name, low=float(LOW), high=float(HIGH), log=True)
        if name in task.numbers
        else ParameterConfig(file="flags", line=name)
        for name in task.start
    }


STRATEGIES: dict[str, Callable[[Problem, int], list[float]]] = {
    "joint": joint,
    "autoopt": autoopt,
    "around .3": lambda task, seed: joint(task, seed, 0.3),
    "around .6": lambda task, seed: joint(task, seed, 0.6),
}


def compare(seeds: int) -> None:
    """Print the mean kept gain and its ratio to plain joint TPE, with the ratio's standard error."""
    for size in (5, 8, 12):
        curves = {
            name: [strategy(problem(size, seed), seed) for seed in range(seeds)]
            for name, strategy in STRATEGIES.items()
        }
        for name, found in curves.items():
            cells = [_cell([c[b - 1] for c in found], [c[b - 1] for c in curves["joint"]]) for b in BUDGETS]
            words = "   ".join(f"{b:3d}: {cell}" for b, cell in zip(BUDGETS, cells, strict=True))
            print(f"{size:3d} parameters  {name:10s} {words}", flush=True)


def _cell(found: list[float], yardstick: list[float]) -> str:
    base = fmean(yardstick)
    error = stdev([f - y for f, y in zip(found, yardstick, strict=True)]) / math.sqrt(len(found)) / base
    return f"{fmean(found):.3f} ({fmean(found) / base:.2f} ± {error:.2f})"


def cost() -> None:
    """Print the seconds one ask takes as trials accumulate, with 12 parameters."""
    task = problem(12, 0)
    with tempfile.TemporaryDirectory() as name:
        desk, params = _project(task, Path(name))
        proposer = OptunaSearch(params, OptunaConfig(), Path(name) / "study.log", 0, None)
        history: list[Experiment] = []
        for number in range(1, 502):
            started = time.perf_counter()
            proposal = proposer.ask(brief(desk, tuple(history)))
            seconds = time.perf_counter() - started
            if number - 1 in {10, 100, 500}:
                print(f"ask after {number - 1} trials: {seconds:.3f} s", flush=True)
            if proposal is None:
                return
            history.append(judged(proposal, number, -0.01))
            proposer.tell(history[-1])


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    compare(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    cost()
