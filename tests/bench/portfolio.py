"""What a portfolio reaches with one budget, against taking turns and against its best member alone.

    python tests/bench/portfolio.py [SEEDS]

Simulated members: each has its chance of a keep, a size of its gains, a cost of a look, a number of ideas,
and a rate at which its chance falls from look to look, since the best ideas come first. Every strategy meets
the same members with the same ideas. The budget is wall time and experiments; agents are dear, cheap members
run out. "Best alone" is the member that turns out to reach most with the whole budget, which nobody can know
beforehand.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import fmean, stdev

from autoopt.proposers.portfolio import Portfolio
from autoopt.records import Brief, Experiment, Failure, Outcome, Proposal, Status, Task, Verdict
from autoopt.schema import BudgetConfig

WALL_S = 4 * 3600.0


@dataclass(frozen=True)
class Profile:
    """How good a kind of proposer is.

    Attributes:
        chance: Of a keep, at the first look.
        fade: What the chance is multiplied by from look to look.
        size: Mean log gain of a keep.
        cost_s: Mean seconds of a look.
        ideas: How many it has.
    """

    chance: float
    fade: float
    size: float
    cost_s: float
    ideas: int


class Member:
    """Has ideas whose gains are fixed beforehand, so that every strategy meets the same ones."""

    def __init__(self, profile: Profile, seed: str) -> None:
        random = Random(seed)
        self.ideas = [self._idea(profile, look, random) for look in range(profile.ideas)]
        self.name = seed.split()[0]

    @staticmethod
    def _idea(profile: Profile, look: int, random: Random) -> tuple[float, float]:
        hit = random.random() < profile.chance * profile.fade**look
        gain = random.expovariate(1 / profile.size) if hit else 0.0
        return gain, profile.cost_s * random.lognormvariate(0.0, 0.4)

    def ask(self, brief: Brief) -> Proposal | None:
        """The next idea, by the number of own experiments in the history."""
        used = sum(experiment.source == self.name for experiment in brief.history)
        if used >= len(self.ideas):
            return None
        return Proposal(description=str(used), hypothesis="h", area="a", source=self.name)

    def repair(self, proposal: Proposal, failure: Failure) -> Proposal | None:
        """Never."""
        return None

    def tell(self, experiment: Experiment) -> None:
        """Nothing to learn."""


def profiles(seed: int) -> dict[str, Profile]:
    """A random project: what pays differs from one to the next."""
    random = Random(f"project {seed}")

    def one(chance: float, size: float, cost_s: float, ideas: int) -> Profile:
        return Profile(
            chance=min(0.9, chance * random.lognormvariate(0.0, 0.8)),
            fade=random.uniform(0.85, 1.0),
            size=size * random.lognormvariate(0.0, 0.8),
            cost_s=cost_s * random.lognormvariate(0.0, 0.5),
            ideas=random.randint(2, ideas),
        )

    return {
        "optuna": one(0.2, 0.05, 180, 60),
        "queue": one(0.4, 0.05, 180, 5),
        "codemods": one(0.2, 0.04, 180, 20),
        "ruff": one(0.1, 0.02, 180, 40),
        "sqlglot": one(0.1, 0.10, 180, 20),
        "agent": one(0.35, 0.10, 600, 60),
    }


def climb(members: dict[str, Member], ask: Callable[[Brief], Proposal | None], limit: int) -> float:
    """The log gain reached when the wall time or the experiments are spent."""
    history: list[Experiment] = []
    elapsed = reached = 0.0
    while elapsed < WALL_S and len(history) < limit:
        proposal = ask(_brief(history))
        if proposal is None:
            break
        gain, cost = members[proposal.source].ideas[int(proposal.description)]
        reached, elapsed = reached + gain, elapsed + cost
        history.append(_experiment(proposal, len(history) + 1, gain, cost))
    return reached


def _brief(history: Sequence[Experiment]) -> Brief:
    return Brief(
        number=len(history) + 1,
        incumbent="c",
        desk=Path(),
        scope=(),
        task=Task(goal="less time"),
        history=tuple(history),
        advice="",
    )


def _experiment(proposal: Proposal, number: int, gain: float, cost: float) -> Experiment:
    outcome = Outcome.better if gain else Outcome.same
    return Experiment(
        number=number,
        status=Status.keep if gain else Status.discard,
        commit="c",
        parent="p",
        description=proposal.description,
        hypothesis="h",
        area="a",
        source=proposal.source,
        verdict=Verdict(
            outcome=outcome,
            effect=gain,
            low=gain,
            high=gain,
            probability=1.0,
            pairs=2,
            is_ratio=True,
            sentence="",
        ),
        seconds={"measure": cost},
    )


def by_bandit(members: dict[str, Member], seed: int, limit: int) -> float:
    """The portfolio as shipped."""
    budget = BudgetConfig(wall=f"{WALL_S:.0f}s", experiments=limit)
    return climb(members, Portfolio(members, budget, seed, lambda: None).ask, limit)


def in_turns(members: dict[str, Member], seed: int, limit: int) -> float:
    """Round-robin."""
    names = cycle(members)

    def ask(brief: Brief) -> Proposal | None:
        for _ in members:
            name = next(names)
            if (proposal := members[name].ask(brief)) is not None:
                return proposal
        return None

    return climb(members, ask, limit)


def best_alone(members: dict[str, Member], seed: int, limit: int) -> float:
    """The best single member, known in hindsight."""
    return max(climb(members, member.ask, limit) for member in members.values())


STRATEGIES = {"bandit": by_bandit, "round-robin": in_turns, "best alone": best_alone}


def main(seeds: int) -> None:
    for limit in (10, 20, 40, 1000):
        found: dict[str, list[float]] = {name: [] for name in STRATEGIES}
        for seed in range(seeds):
            members = {name: Member(one, f"{name} {seed}") for name, one in profiles(seed).items()}
            for name, strategy in STRATEGIES.items():
                found[name].append(strategy(members, seed, limit))
        print(f"{limit:4d} experiments or {WALL_S / 3600:g} h: " + ", ".join(_cells(found)), flush=True)


def _cells(found: dict[str, list[float]]) -> Iterator[str]:
    bandit = found["bandit"]
    yield f"bandit {fmean(bandit):.3f}"
    for name in ("round-robin", "best alone"):
        other = found[name]
        error = stdev([one - two for one, two in zip(bandit, other, strict=True)]) / math.sqrt(len(other))
        yield f"{fmean(bandit) / fmean(other):.2f} ± {error / fmean(other):.2f} of {name}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
