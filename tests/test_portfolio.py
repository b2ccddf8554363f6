"""Whose turn it is in a portfolio, and what happens when a member has nothing or spends the budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from autoopt.errors import BudgetSpentError, ExperimentBudgetError
from autoopt.proposers import bandit
from autoopt.proposers.candidates import Candidates
from autoopt.proposers.portfolio import Portfolio
from autoopt.protocols import Proposer
from autoopt.records import Brief, Edit, Experiment, Failure, Outcome, Proposal, Status, Usage
from autoopt.schema import BudgetConfig
from autoopt.testing.proposer_suite import ProposerSuite, brief, judged
from autoopt.think import Step

BASELINE = judged(Proposal(description="", hypothesis="", area="", source=""), 0, 0.0, Status.baseline)
BUDGET = BudgetConfig(experiments=50, wall="10h", cost_usd=10.0)


class Member:
    """Has so many ideas; which is next follows from the history, as it does for every proposer."""

    def __init__(self, name: str, ideas: int = 1000, steps: Iterable[Step] = Step) -> None:
        self.name, self.ideas, self.steps = name, ideas, set(steps)
        self.asked: list[tuple[int, str]] = []
        self.told: list[int] = []
        self.failures: list[str] = []

    def ask(self, brief: Brief) -> Proposal | None:
        self.asked.append((brief.number, brief.step))
        used = sum(past.source == self.name for past in brief.history)
        if used >= self.ideas or brief.step not in self.steps:
            return None
        return idea(self.name, simplifies=brief.step == Step.simplify, what=str(used))

    def repair(self, proposal: Proposal, failure: Failure) -> Proposal | None:
        self.failures.append(failure.reason)
        return replace(proposal, description="mended")

    def tell(self, experiment: Experiment) -> None:
        self.told.append(experiment.number)


class Spent(Member):
    """An agent whose ledger refuses from some experiment on."""

    def __init__(self, name: str, since: int, error: type[BudgetSpentError] = BudgetSpentError) -> None:
        super().__init__(name)
        self.since, self.error = since, error

    def ask(self, brief: Brief) -> Proposal | None:
        proposal = super().ask(brief)
        if brief.number >= self.since:
            raise self.error("budget.cost_usd: 9 of 10 is spent, and the next call could take 2")
        return proposal

    def repair(self, proposal: Proposal, failure: Failure) -> Proposal | None:
        raise self.error("budget.cost_usd: 9 of 10 is spent, and the next call could take 2")


def idea(name: str, *, simplifies: bool = False, what: str = "") -> Proposal:
    return Proposal(
        description=f"{name} {what}", hypothesis="h", area=name, source=name, simplifies=simplifies
    )


def tried(
    source: str, number: int, gain: float = 0.0, *, seconds: float = 60.0, cost_usd: float = 0.0
) -> Experiment:
    experiment = judged(idea(source), number, gain or -0.1, Status.keep if gain else Status.discard)
    assert experiment.verdict is not None
    verdict = experiment.verdict if gain else replace(experiment.verdict, outcome=Outcome.same)
    took = {"measure": seconds}
    usage = Usage(cost_usd=cost_usd)
    return replace(experiment, verdict=verdict, seconds=took, usage=usage, simplifies=False)


def near_miss(source: str, number: int) -> Experiment:
    experiment = judged(idea(source), number, 0.02)
    assert experiment.verdict is not None
    return replace(experiment, verdict=replace(experiment.verdict, probability=0.8))


def portfolio(*members: Member, budget: BudgetConfig = BUDGET, seed: int = 0) -> Portfolio:
    return Portfolio({member.name: member for member in members}, budget, seed, lambda: None)


def climb(
    proposer: Proposer,
    tmp_path: Path,
    count: int,
    gains: Mapping[str, Sequence[float]],
    history: Sequence[Experiment] = (BASELINE,),
) -> list[Experiment]:
    """Run experiments; each member's ideas gain what is listed, in a circle."""
    done = list(history)
    while len(done) <= count:
        proposal = proposer.ask(brief(tmp_path, tuple(done)))
        if proposal is None:
            break
        listed = gains.get(proposal.source, [0.0])
        used = sum(past.source == proposal.source for past in done)
        experiment = tried(proposal.source, len(done), listed[used % len(listed)])
        done.append(replace(experiment, simplifies=proposal.simplifies))
        proposer.tell(done[-1])
    return done


def first(names: Iterable[str], history: Iterable[Experiment], seed: int = 0) -> bandit.Turn:
    """Whose turn it is after a history that no portfolio made, so that nobody was asked in vain."""
    stands = replace(bandit.standing(tuple(names), history, BUDGET, seed), silent={})
    return stands.turns(seed, 99)[0]


def sources(history: Iterable[Experiment]) -> list[str]:
    return [past.source for past in history if past.status is not Status.baseline]


def _writes(name: str) -> Proposer:
    def find(brief: Brief) -> Iterable[Proposal]:
        for number in range(4):
            edit = Edit(path="a.txt", content=f"{name} {number}\n".encode())
            yield replace(idea(name, what=str(number)), edits=(edit,))

    return Candidates(find)  # type: ignore[arg-type]


class TestPortfolioIsAProposer(ProposerSuite):
    def proposer(self, state: Path) -> Proposer:
        members = {name: _writes(name) for name in ("ruff", "codemods")}
        return Portfolio(members, BUDGET, 0, lambda: None)

    def fill(self, desk: Path) -> None:
        (desk / "a.txt").write_text("a\n")


# -- the seed's strategy


def test_everybody_gets_an_early_look_cheap_ones_first(tmp_path: Path) -> None:
    names = ("agent", "sqlglot", "mine", "ruff", "codemods", "queue", "optuna")
    history = climb(portfolio(*map(Member, names)), tmp_path, 7, {"codemods": [0.1]})

    assert sources(history)[:4] == ["optuna", "queue", "codemods", "ruff"]
    assert sorted(sources(history)) == sorted(names)
    assert sources(history)[-1] == "agent" or "agent" in sources(history)[4:]


def test_what_worked_is_followed_at_once() -> None:
    names = ("ruff", "codemods", "sqlglot")
    looked = [BASELINE, *(tried(name, number) for number, name in enumerate(names, 1))]

    assert {first(names, [*looked, tried("sqlglot", 4, 0.1)], seed).member for seed in range(20)} == {
        "sqlglot"
    }
    assert {first(names, looked, seed).member for seed in range(20)} == set(names)


def test_after_three_to_five_failures_in_a_row_somebody_else_gets_a_turn() -> None:
    looks = [BASELINE, tried("ruff", 1, 0.3), tried("codemods", 2)]
    proven = [*looks, *(tried("ruff", number) for number in range(3, 8))]
    new = [*looks, *(tried("codemods", number) for number in range(3, 5))]

    for seed in range(20):
        assert first(("ruff", "codemods"), proven, seed).member == "codemods"
        assert first(("ruff", "codemods"), new, seed).member == "ruff"
    assert {first(("ruff", "codemods"), proven[:-1], seed).member for seed in range(20)} == {
        "ruff",
        "codemods",
    }


def test_a_failing_member_is_never_asked_more_than_five_times_in_a_row(tmp_path: Path) -> None:
    for seed in range(10):
        history = climb(
            portfolio(Member("ruff"), Member("optuna"), seed=seed), tmp_path, 40, {"ruff": [0.2, 0.0]}
        )
        streak = longest = 0
        for past, following in pairwise(history[1:]):
            failing = past.status is not Status.keep and past.source == following.source
            streak = streak + 1 if failing else 0
            longest = max(longest, streak)

        assert longest < 5


def test_near_misses_are_combined_when_there_are_some() -> None:
    names = ("ruff", "codemods", "combine")
    history = [BASELINE, tried("ruff", 1), near_miss("codemods", 2), near_miss("ruff", 3)]

    assert first(names, history) == bandit.Turn("combine", Step.combine)
    assert first(names, history[:-1]).member != "combine"
    assert first(names[:2], history).step is Step.low_hanging


def test_simplification_comes_round_now_and_then_dead_code_before_the_agent(tmp_path: Path) -> None:
    members = Member("deadcode", ideas=1), Member("agent"), Member("ruff")
    history = climb(portfolio(*members), tmp_path, 40, {"ruff": [0.1, 0.0, 0.0]})
    passes = [past for past in history if past.simplifies]

    assert sources(passes)[:2] == ["deadcode", "agent"]
    assert 3 <= len(passes) <= 8


def test_only_the_simplifiers_are_told_to_simplify(tmp_path: Path) -> None:
    members = Member("ruff"), Member("agent", steps=set(Step) - {Step.simplify}), Member("deadcode", ideas=0)
    climb(portfolio(*members), tmp_path, 20, {"ruff": [0.1, 0.0, 0.0]})
    told = {member.name: {step for _, step in member.asked} for member in members}

    assert Step.simplify not in told["ruff"]
    assert Step.simplify in told["agent"] & told["deadcode"]


def test_when_increments_run_dry_the_agent_gets_the_first_word() -> None:
    names = ("ruff", "codemods", "agent")
    looks = [BASELINE, *(tried(names[number % 3], number) for number in range(1, 6))]
    dry = [*looks, *(tried("ruff", number) for number in range(6, 11))]
    tired = [*dry, *(tried("agent", number) for number in range(11, 14))]

    for seed in range(20):
        assert first(names, dry, seed) == bandit.Turn("agent", Step.bigger)
        assert first(names, tired, seed).member != "agent"


def test_every_step_of_the_strategy_is_reached(tmp_path: Path) -> None:
    names = ("optuna", "ruff", "agent", "deadcode", "combine")
    members = [Member(name) for name in names]
    proposer, history = portfolio(*members), [BASELINE]
    while len(history) <= 40:
        proposal = proposer.ask(brief(tmp_path, tuple(history)))
        assert proposal is not None
        number = len(history)
        made = near_miss(proposal.source, number) if number % 4 else tried(proposal.source, number)
        made = tried(proposal.source, number, 0.1) if number == 3 else made
        history.append(replace(made, simplifies=proposal.simplifies))

    assert {step for member in members for _, step in member.asked} == set(Step)
    assert set(sources(history)) == set(names)


# -- gain per cost


def shares(tmp_path: Path, budget: BudgetConfig, dear: Mapping[str, float]) -> dict[str, int]:
    """Looks of two members that gain alike, of which one is dear, over some seeds."""
    looks = {"cheap": 0, "dear": 0}
    for seed in range(12):
        proposer, history = portfolio(Member("cheap"), Member("dear"), budget=budget, seed=seed), [BASELINE]
        while len(history) <= 24:
            proposal = proposer.ask(brief(tmp_path, tuple(history)))
            assert proposal is not None
            used = sources(history).count(proposal.source)
            cost = dear if proposal.source == "dear" else {}
            history.append(tried(proposal.source, len(history), 0.05 * (used % 3 == 0), **cost))
            looks[proposal.source] += 1
    return looks


@pytest.mark.parametrize(
    ("budget", "dear"),
    [
        (BudgetConfig(experiments=None, wall="2h"), {"seconds": 600.0}),
        (BudgetConfig(experiments=None, cost_usd=10.0, wall="10h"), {"cost_usd": 1.0}),
    ],
)
def test_of_equal_gains_the_cheaper_is_preferred_by_whichever_budget_is_scarce(
    tmp_path: Path, budget: BudgetConfig, dear: dict[str, float]
) -> None:
    looks = shares(tmp_path, budget, dear)

    assert looks["cheap"] > 1.5 * looks["dear"]
    assert looks["dear"] > 20


def test_where_only_experiments_count_money_does_not(tmp_path: Path) -> None:
    looks = shares(tmp_path, BudgetConfig(experiments=24), {"cost_usd": 9.0})

    assert 0.75 < looks["cheap"] / looks["dear"] < 1.33


def test_the_share_of_the_budget_is_the_largest_of_its_limits() -> None:
    experiment = replace(tried("agent", 1, seconds=360.0), usage=Usage(cost_usd=2.0, output_tokens=900))

    assert bandit.share(experiment, BudgetConfig(experiments=100, wall="1h")) == pytest.approx(0.1)
    assert bandit.share(experiment, BudgetConfig(experiments=5, wall="1h")) == pytest.approx(0.2)
    assert bandit.share(experiment, BudgetConfig(cost_usd=4.0)) == pytest.approx(0.5)
    assert bandit.share(experiment, BudgetConfig(tokens=1000)) == pytest.approx(0.9)
    assert bandit.share(experiment, BudgetConfig(experiments=None)) == 360.0


def test_gains_in_any_unit_give_the_same_choices(tmp_path: Path) -> None:
    def chosen(unit: float) -> list[str]:
        gains = {"ruff": [0.02 * unit, 0.0], "optuna": [0.1 * unit, 0.0, 0.0], "agent": [0.0, 0.3 * unit]}
        return sources(climb(portfolio(*map(Member, gains)), tmp_path, 40, gains))

    assert chosen(1.0) == chosen(1e6) == chosen(1e-6)


def test_the_better_member_gets_most_looks_and_nobody_starves(tmp_path: Path) -> None:
    gains = {"ruff": [0.0], "codemods": [0.01, 0.0, 0.0, 0.0], "optuna": [0.1, 0.0], "sqlglot": [0.0]}
    for seed in range(2):
        history = sources(climb(portfolio(*map(Member, gains), seed=seed), tmp_path, 120, gains))
        looks = {name: history.count(name) for name in gains}

        assert max(looks, key=lambda name: looks[name]) == "optuna"
        assert all(name in history[at : at + 60] for name in gains for at in (0, 60))


# -- resume


def test_a_resume_chooses_as_the_uninterrupted_run_would(tmp_path: Path) -> None:
    gains = {
        "ruff": [0.1, 0.0],
        "optuna": [0.02, 0.0],
        "agent": [0.0, 0.3],
        "deadcode": [0.0],
        "combine": [0.0],
    }

    def members() -> list[Member]:
        ideas = {"ruff": 7, "optuna": 9, "deadcode": 2, "combine": 1}
        return [Member(name, ideas.get(name, 1000)) for name in gains]

    whole = climb(portfolio(*members()), tmp_path, 40, gains)
    resumed: list[Experiment] = [BASELINE]
    while len(resumed) < len(whole):
        resumed = climb(portfolio(*members()), tmp_path, len(resumed), gains, resumed)

    assert [(past.source, past.simplifies) for past in resumed] == [
        (past.source, past.simplifies) for past in whole
    ]
    assert len(whole) == 41


def test_another_seed_chooses_otherwise(tmp_path: Path) -> None:
    names = ("ruff", "optuna", "codemods", "agent")
    chosen = {
        tuple(sources(climb(portfolio(*map(Member, names), seed=seed), tmp_path, 25, {"ruff": [0.1, 0.0]})))
        for seed in range(4)
    }

    assert len(chosen) == 4


# -- members without ideas, money or luck


def test_when_a_member_has_nothing_the_next_is_asked_on_a_tidy_desk(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\n")

    class Messy(Member):
        def ask(self, brief: Brief) -> Proposal | None:
            assert (brief.desk / "a.txt").read_text() == "a\n"
            (brief.desk / "a.txt").write_text(self.name)
            return super().ask(brief)

    members = {name: Messy(name, ideas=int(name == "agent")) for name in ("optuna", "ruff", "agent")}
    proposer = Portfolio(members, BUDGET, 0, lambda: (tmp_path / "a.txt").write_text("a\n") and None)
    proposal = proposer.ask(brief(tmp_path, (BASELINE,)))

    assert proposal is not None
    assert proposal.source == "agent"
    assert (tmp_path / "a.txt").read_text() == "agent"  # its edits are the attempt's
    (tmp_path / "a.txt").write_text("a\n")
    assert proposer.ask(brief(tmp_path, (BASELINE, tried("agent", 1)))) is None
    assert (tmp_path / "a.txt").read_text() == "a\n"


def test_whoever_had_nothing_is_asked_last_for_a_while_or_until_something_is_kept(tmp_path: Path) -> None:
    empty, members = Member("optuna", ideas=0), [Member("ruff"), Member("codemods")]
    proposer, asked = portfolio(empty, *members), []
    history = climb(proposer, tmp_path, 4, {})
    history.append(tried("ruff", 5, 0.1))
    for count in (5, 6, 13, 18):
        history = climb(proposer, tmp_path, count, {}, history)
        asked.append([number for number, _ in empty.asked])

    assert asked == [[1], [1, 6], [1, 6], [1, 6, 15]]


def test_dead_code_and_combinations_are_asked_for_when_nobody_else_has_anything(tmp_path: Path) -> None:
    members = Member("ruff", ideas=1), Member("combine", ideas=1), Member("deadcode", ideas=1)
    proposer = portfolio(*members)
    history = climb(proposer, tmp_path, 10, {})

    assert sorted(sources(history)) == ["combine", "deadcode", "ruff"]
    assert proposer.ask(brief(tmp_path, tuple(history))) is None


def test_nobody_has_nothing_without_having_been_asked(tmp_path: Path) -> None:
    members = [Member(name, ideas=0) for name in ("agent", "ruff", "deadcode", "combine", "mine")]

    assert portfolio(*members).ask(brief(tmp_path, (BASELINE,))) is None
    assert all(len(member.asked) == 1 for member in members)


def test_the_others_go_on_without_an_agent_that_has_spent_its_budget(tmp_path: Path) -> None:
    agent, ruff = Spent("agent", since=2), Member("ruff", ideas=6)
    proposer = portfolio(agent, ruff)
    history = climb(proposer, tmp_path, 6, {"ruff": [0.1, 0.0]})

    assert sources(history) == ["ruff"] * 6
    assert len(agent.asked) == 1
    with pytest.raises(BudgetSpentError, match="9 of 10 is spent"):
        proposer.ask(brief(tmp_path, tuple(history)))
    assert len(agent.asked) == 1


def test_what_one_experiment_may_cost_ends_the_agents_turn_only(tmp_path: Path) -> None:
    agent = Spent("agent", since=2, error=ExperimentBudgetError)
    proposer = portfolio(agent, Member("ruff", ideas=3))
    first = proposer.ask(brief(tmp_path, (BASELINE, tried("ruff", 1))))
    agent.since = 99
    second = proposer.ask(
        brief(tmp_path, (BASELINE, tried("ruff", 1), tried("ruff", 2, 0.1), tried("ruff", 3)))
    )

    assert first is not None
    assert first.source == "ruff"
    assert second is not None
    assert len(agent.asked) == 2


def test_a_crash_goes_to_whoever_had_the_idea(tmp_path: Path) -> None:
    ruff, optuna, agent = Member("ruff"), Member("optuna"), Spent("agent", since=99)
    proposer = portfolio(ruff, optuna, agent)
    mended = proposer.repair(idea("ruff"), Failure(reason="exit code 1"))
    unaffordable = proposer.repair(idea("agent"), Failure(reason="exit code 1"))
    strange = proposer.repair(idea("try"), Failure(reason="exit code 1"))

    assert mended is not None
    assert (mended.description, mended.source) == ("mended", "ruff")
    assert unaffordable is strange is None
    assert (ruff.failures, optuna.failures) == (["exit code 1"], [])


def test_everybody_is_told_of_everything(tmp_path: Path) -> None:
    members = Member("ruff"), Member("agent")
    proposer = portfolio(*members)
    for number, source in enumerate(("ruff", "agent", "try"), 1):
        proposer.tell(tried(source, number))

    assert members[0].told == members[1].told == [1, 2, 3]


def test_an_idea_carries_its_members_name_whatever_it_says(tmp_path: Path) -> None:
    class Stranger(Member):
        def ask(self, brief: Brief) -> Proposal | None:
            return idea("somebody")

    proposal = portfolio(Stranger("mine")).ask(brief(tmp_path, (BASELINE,)))

    assert proposal is not None
    assert proposal.source == "mine"


def test_experiments_of_people_count_for_nobody(tmp_path: Path) -> None:
    history = [BASELINE, *(tried("try", number) for number in range(1, 4))]
    stands = bandit.standing(("ruff", "optuna"), history, BUDGET, 0)

    assert all(account.looks == 0 for account in stands.accounts.values())
    assert stands.silent == {}


def test_outcomes_of_simplifications_are_not_gains() -> None:
    kept = replace(tried("agent", 1, 0.2), simplifies=True)
    assert kept.verdict is not None
    kept = replace(kept, verdict=replace(kept.verdict, outcome=Outcome.holds))
    stands = bandit.standing(("ruff", "agent"), [BASELINE, kept], BUDGET, 0)

    assert stands.accounts["agent"].looks == stands.keeps == 0
