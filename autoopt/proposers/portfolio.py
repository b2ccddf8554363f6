"""Several proposers that share one budget and one journal; a bandit says whose turn it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from autoopt import think
from autoopt.codec import encode
from autoopt.errors import AgentError, BudgetSpentError, ExperimentBudgetError
from autoopt.proposers import bandit
from autoopt.protocols import Proposer
from autoopt.records import Brief, Experiment, Failure, Proposal
from autoopt.schema import BudgetConfig


class Portfolio:
    """Asks the member that promises most for what it costs; implements `protocols.Proposer`.

    Who is asked, and in which order when somebody has nothing, follows from the history alone
    (`autoopt.proposers.bandit`).
    """

    def __init__(
        self,
        members: Mapping[str, Proposer],
        budget: BudgetConfig,
        seed: int,
        tidy: Callable[[], None],
        note: Callable[[int, str], None] = lambda number, text: None,
    ) -> None:
        """Share a budget.

        Args:
            members: By name; where nothing else decides, earlier ones are asked first.
            budget: What costs are a share of.
            seed: Seed of the bandit's draws.
            tidy: Puts the desk back to the incumbent, whatever a member without an idea left in it.
            note: Told the experiment's number and who sits out from then on, and why.
        """
        self._members = dict(members)
        self._seed = seed
        self._tidy = tidy
        self._tell = note
        self._terms = [list(self._members), encode(budget), seed]
        self._standing = bandit.fold(tuple(self._members), budget, seed)
        self._dropped: dict[str, BudgetSpentError] = {}
        self._number = 0

    def ask(self, brief: Brief) -> Proposal | None:
        """The idea of the member whose turn it is, or of the next one that has any; None when nobody has.

        A member that has spent what agents may spend is asked no more, and the others go on without it.

        Raises:
            AgentError: nobody else has an idea, and the agent could not be asked.
            BudgetSpentError: only members that have spent it are left.
        """
        self._number = brief.number
        stands = self._standing.over(brief.history)
        spent: dict[str, BudgetSpentError] = {}
        broken: AgentError | None = None
        for turn in stands.turns(self._seed, brief.number):
            if turn.member in self._dropped or turn.member in spent:
                continue
            try:
                proposal = self._members[turn.member].ask(replace(brief, step=turn.step))
            except AgentError as error:
                broken, proposal = error, None  # a network comes back: it is asked again another time
            except BudgetSpentError as error:
                spent[turn.member] = error
                self._drop(brief.number, turn.member, error)
                proposal = None
            if proposal is not None:
                return replace(proposal, source=turn.member)  # the account is kept by this name
            self._tidy()
        if broken is not None:
            raise broken
        if refusals := [*spent.values(), *self._dropped.values()]:
            raise refusals[0]
        return None

    def repair(self, proposal: Proposal, failure: Failure) -> Proposal | None:
        """The idea mended by whoever had it; None to give it up, also when the budget does not allow more."""
        member = self._members.get(proposal.source)
        if member is None or proposal.source in self._dropped:
            return None
        try:
            mended = member.repair(proposal, failure)
        except BudgetSpentError as error:
            self._drop(self._number, proposal.source, error)
            return None
        return None if mended is None else replace(mended, source=proposal.source)

    def tell(self, experiment: Experiment) -> None:
        """Tell everybody, so that members learn from each other's experiments."""
        for member in self._members.values():
            member.tell(experiment)

    def remembered(self, history: Sequence[Experiment]) -> Any:
        """What follows from the history for whose turn it is, as plain data."""
        return [self._terms, bandit.remembered(self._standing.over(history))]

    def recall(self, history: Sequence[Experiment], remembered: Any) -> None:
        """Spare working out again what was `remembered` of this history, if it was by the same terms."""
        terms, data = remembered
        if terms == self._terms:
            stands = bandit.recalled(data)
            self._standing.resume(history, stands)
            think.resume(history, stands.strategy)

    def _drop(self, number: int, name: str, error: BudgetSpentError) -> None:
        """Ask no more whom the run's budget does not allow; the next experiment has a budget of its own."""
        self._tell(number, f"{name} sits out: {error}")
        if not isinstance(error, ExperimentBudgetError):
            self._dropped[name] = error
