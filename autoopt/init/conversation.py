"""The questions in their order, with a way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autoopt.init import steps, terms
from autoopt.init.draft import Draft, World
from autoopt.init.talk import BackError, Talk

Step = Callable[[Draft, World, Talk], None]

STEPS: Sequence[Step] = (
    *(steps.aim, steps.goal, steps.scope, steps.command, steps.number),
    *(terms.direction, terms.unit, terms.target, terms.off_limits, terms.constraints, terms.agent),
    *(terms.web_search, terms.budget, terms.simplicity, terms.name),
)
"""The scope comes before the command: what is measured is looked for in it."""


def converse(draft: Draft, world: World, talk: Talk, last: Step) -> None:
    """Ask everything that is not known, and do the last step.

    Raises:
        QuitError: the person wants to leave.
        AutooptError: what was given cannot be, or nobody is there to give what is missing.
    """
    order = (*STEPS, last)
    position, answered = 0, list[int]()
    while position < len(order):
        before = talk.asked
        try:
            order[position](draft, world, talk)
        except BackError:
            position = answered.pop() if answered else 0
            continue
        if talk.asked > before:
            answered.append(position)
        position += 1
