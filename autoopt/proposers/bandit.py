"""Whose turn it is: a bandit on gain per cost that honours the seed's strategy; pure.

Everything follows from the members, the history, the budget and the seed, so a resumed run chooses as the
uninterrupted one would have.

References:
    W. R. Thompson (1933), Biometrika 25(3-4), 285-294: choose as often as it is probably the best.
    D. Russo et al. (2018), A Tutorial on Thompson Sampling, Foundations and Trends in ML 11(1), sections 3
        and 6.3: Beta posteriors, and evidence that fades where the world changes.
    L. Tran-Thanh et al. (2010), AAAI, 1211-1216: where looks cost differently, gain per cost decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from autoopt.budget import seconds
from autoopt.codec import decode, encode
from autoopt.folding import Fold
from autoopt.records import WAIT, Experiment, Status
from autoopt.schema import BudgetConfig
from autoopt.think import Step, Strategy

CHEAP_FIRST = ("optuna", "queue", "codemods", "ruff", "rewrites")
"""Order of the first looks: values worth trying alone, patches somebody thought of, sure rewrites. Others
follow in the order given, what takes a model last."""

MODEL = "agent"
SIMPLIFIERS = ("deadcode", MODEL)
COMBINER = "combine"
SPECIALISTS = ("deadcode", COMBINER)
"""Members that are asked at their step; at others only when everybody else has nothing."""

PATIENCE_NEW, PATIENCE_PROVEN = 3, 5
"""Failures in a row after which a member that never had (or has had) a keep is put aside."""

_FADE = 0.85  # weight of a look against the next one of the same member: the best ideas come first
_FORGET = 0.98  # the same for each experiment of others: the code changes, and so nobody starves
_SILENT = 8  # experiments for which whoever had nothing is asked last, unless something is kept before
_LUCK = (0.5, 1.5)  # Beta prior of a keep
_SIZE = (2.0, 1.0)  # inverse Gamma prior of the size of a keep, whose mean over all members is 1
_DEAR = 0.3  # looks that the mean cost of all members counts as


@dataclass(frozen=True, slots=True)
class Turn:
    """A member to ask, and what for."""

    member: str
    step: Step


@dataclass(frozen=True, slots=True)
class Account:
    """What looks at one member's ideas have brought; simplifications are not accounted.

    Attributes:
        looks: How many.
        kept, failed: How many of them, older ones fading.
        gain, cost: What they gained and took, fading alike; cost as a share of the budget.
        streak: Failures in a row.
        rest: Experiments of others since the last look.
        proven: Whether it ever had a keep.
    """

    looks: int = 0
    kept: float = 0.0
    failed: float = 0.0
    gain: float = 0.0
    cost: float = 0.0
    streak: int = 0
    rest: int = 0
    proven: bool = False

    @property
    def resting(self) -> bool:
        """Put aside after a streak of failures, for as many experiments of others as the streak is long."""
        patience = PATIENCE_PROVEN if self.proven else PATIENCE_NEW
        return self.streak >= patience and self.rest < self.streak

    def looked(self, gain: float | None, cost: float) -> Account:
        """The account after another look; a gain of None is a failure."""
        return Account(
            looks=self.looks + 1,
            kept=_FADE * self.kept + (gain is not None),
            failed=_FADE * self.failed + (gain is None),
            gain=_FADE * self.gain + (gain or 0.0),
            cost=_FADE * self.cost + cost,
            streak=self.streak + 1 if gain is None else 0,
            proven=self.proven or gain is not None,
        )

    def waited(self) -> Account:
        """The account after an experiment of somebody else."""
        return replace(
            self,
            kept=_FORGET * self.kept,
            failed=_FORGET * self.failed,
            gain=_FORGET * self.gain,
            cost=_FORGET * self.cost,
            rest=self.rest + 1,
        )

    def draw(self, random: Random, mean_gain: float, mean_cost: float) -> float:
        """A plausible gain per cost, both in units of the means over all members."""
        luck = random.betavariate(_LUCK[0] + self.kept, _LUCK[1] + self.failed)
        shape, scale = _SIZE[0] + self.kept, _SIZE[1] + self.gain / mean_gain
        size = scale / random.gammavariate(shape, 1.0)
        cost = (_DEAR + self.cost / mean_cost) / (_DEAR + self.kept + self.failed)
        return luck * size / cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a portfolio stands after some experiments.

    Attributes:
        accounts: By member.
        silent: Who had nothing lately, and for how many experiments that counts: (member, whether it was to
            simplify).
        followed: The member whose idea was kept just now.
        gains, keeps, costs, looks: Totals, for the means.
    """

    accounts: Mapping[str, Account]
    strategy: Strategy = field(default_factory=Strategy)
    silent: Mapping[tuple[str, bool], int] = field(default_factory=dict)
    followed: str = ""
    gains: float = 0.0
    keeps: int = 0
    costs: float = 0.0
    looks: int = 0

    def turns(self, seed: int, number: int) -> tuple[Turn, ...]:
        """Who is asked for experiment `number`, one after the other until somebody has an idea."""
        step, approach = self.strategy.step, self.strategy.approach
        special: tuple[str, ...] = ()
        if step is Step.simplify:
            special = tuple(name for name in SIMPLIFIERS if name in self.accounts)
        elif step is Step.combine and COMBINER in self.accounts:
            special = (COMBINER,)
        first = [Turn(name, step) for name in special if (name, step is Step.simplify) not in self.silent]
        later = [Turn(name, approach) for name in self._ranked(Random(f"{seed}/{number}/portfolio"))]
        return (*first, *later)

    def _ranked(self, random: Random) -> list[str]:
        draws = {name: self._draw(name, random) for name in self.accounts}
        return sorted(self.accounts, key=lambda name: (self._tier(name), -draws[name]))

    def _draw(self, name: str, random: Random) -> float:
        mean_gain = self.gains / self.keeps if self.gains > 0 else 1.0
        mean_cost = self.costs / self.looks if self.costs > 0 else 1.0
        return self.accounts[name].draw(random, mean_gain, mean_cost)

    def _tier(self, name: str) -> tuple[int, int]:
        """First looks, then what the step asks for, then by draw; those put aside or silent come last."""
        account = self.accounts[name]
        if (name, False) in self.silent:
            return 5, 0
        if name in SPECIALISTS:
            return 4, 0
        if not account.looks:
            return 0, _cheapness(name)
        if account.resting:
            return 3, 0
        wanted = name == MODEL if self.strategy.approach is Step.bigger else name == self.followed
        return (1, 0) if wanted else (2, 0)

    def after(self, experiment: Experiment, budget: BudgetConfig, seed: int) -> Standing:
        """Where it stands once this experiment is decided."""
        if experiment.status is Status.baseline:
            return self
        if experiment.status is Status.follow:  # on another incumbent, whoever had nothing may have something
            return replace(self, strategy=self.strategy.after(experiment), silent={})
        kept = experiment.status is Status.keep
        silent = {} if kept else self._silent_after(experiment, seed)
        accounts = {name: account.waited() for name, account in self.accounts.items()}
        standing = replace(self, strategy=self.strategy.after(experiment), silent=silent, accounts=accounts)
        if experiment.source not in accounts or experiment.simplifies:
            return replace(standing, followed="")
        gain = max(experiment.verdict.effect, 0.0) if kept and experiment.verdict else None
        cost = share(experiment, budget)
        accounts[experiment.source] = self.accounts[experiment.source].looked(gain, cost)
        return replace(
            standing,
            followed=experiment.source if kept else "",
            gains=self.gains + (gain or 0.0),
            keeps=self.keeps + kept,
            costs=self.costs + cost,
            looks=self.looks + 1,
        )

    def _silent_after(self, experiment: Experiment, seed: int) -> dict[tuple[str, bool], int]:
        """Who has nothing: those asked before whoever had this idea, and those known to before."""
        turns = [(turn.member, turn.step is Step.simplify) for turn in self.turns(seed, experiment.number)]
        mark = (experiment.source, experiment.simplifies)
        if mark not in turns:  # an idea to simplify may come from anybody, and a simplifier may have others
            mark = (experiment.source, not experiment.simplifies)
        asked = turns[: turns.index(mark)] if mark in turns else []
        still = {turn: left - 1 for turn, left in self.silent.items() if left > 1 and turn != mark}
        return still | dict.fromkeys(asked, _SILENT)


def standing(
    members: Sequence[str], history: Iterable[Experiment], budget: BudgetConfig, seed: int
) -> Standing:
    """Where a portfolio of these members stands after these experiments."""
    return fold(members, budget, seed).over(tuple(history))


def fold(members: Sequence[str], budget: BudgetConfig, seed: int) -> Fold[Standing]:
    """Where a portfolio of these members stands, as its history grows."""
    start = Standing(accounts={name: Account() for name in members}, strategy=Strategy(limit=budget.plateau))
    return Fold(lambda stands, experiment: stands.after(experiment, budget, seed), start)


def remembered(stands: Standing) -> Any:
    """Where a portfolio stands, as plain data."""
    silent = [[member, simplifies, left] for (member, simplifies), left in stands.silent.items()]
    return encode(replace(stands, silent={})) | {"silent": silent}


def recalled(data: Mapping[str, Any]) -> Standing:
    """Where a portfolio stood when it was remembered."""
    accounts = {name: decode(Account, account) for name, account in data["accounts"].items()}
    silent = {(member, simplifies): left for member, simplifies, left in data["silent"]}
    found: Standing = decode(Standing, data, accounts=accounts, silent=silent)
    return found


def share(experiment: Experiment, budget: BudgetConfig) -> float:
    """The largest share of any budget that an experiment took; its seconds where nothing is limited."""
    own_s = sum(spent for stage, spent in experiment.seconds.items() if stage != WAIT)
    took, usage = max(own_s, experiment.usage.seconds), experiment.usage
    limits = (
        (1.0, budget.experiments),
        (took, None if budget.wall is None else seconds(budget.wall, "budget.wall")),
        (usage.cost_usd, budget.cost_usd),
        (usage.tokens, budget.tokens),
    )
    shares = [used / limit for used, limit in limits if limit]
    return max(shares, default=took or 1.0)


def _cheapness(name: str) -> int:
    return len(CHEAP_FIRST) + (name == MODEL) if name not in CHEAP_FIRST else CHEAP_FIRST.index(name)
