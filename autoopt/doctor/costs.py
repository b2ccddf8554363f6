"""What a run would take: time by its budget, and money where somebody has said what an agent costs."""

from __future__ import annotations

from dataclasses import dataclass

from autoopt import budget
from autoopt.doctor.levels import Level
from autoopt.schema import Config

_FINAL_PAIRS = 10  # fresh pairs that a final claim usually takes
_CALLS = 2  # of an agent in one experiment: ideas, then the edit
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A run's measuring at one patience.

    Attributes:
        experiments: What the budget allows, or fits into `budget.wall` if that is less; None for no limit.
        seconds: All measuring: baseline, experiments, the final claim; None without a limit.
        fits: Whether all of `budget.experiments` fit into `budget.wall`.
    """

    experiments: int | None
    seconds: float | None
    fits: bool


def projection(config: Config, level: Level, pair_s: float) -> Projection:
    """What the budget comes to at this patience, without the time that ideas take."""
    around_s = (
        config.metric.baseline_samples * pair_s / 2 + min(_FINAL_PAIRS, config.final.max_pairs) * pair_s
    )
    wanted = config.budget.experiments
    if config.budget.wall is None:
        seconds = None if wanted is None else around_s + wanted * level.seconds
        return Projection(experiments=wanted, seconds=seconds, fits=True)
    wall_s = budget.seconds(config.budget.wall, "budget.wall")
    room = max(0, int(wall_s / max(level.seconds, 1e-6)))
    count = room if wanted is None else min(room, wanted)
    return Projection(
        experiments=count,
        seconds=around_s + count * level.seconds,
        fits=wanted is None or wanted <= room,
    )


def money(config: Config, *, asks: bool) -> tuple[str, float | None]:
    """What agents may cost, in a sentence, and the most dollars of a run; None where nobody has said.

    Args:
        asks: Whether an agent is asked at all.
    """
    limits, agent = config.budget, config.agent
    if not asks:
        return "no agent is asked, so it costs nothing", 0.0
    if limits.experiment_cost_usd is not None and limits.experiments is not None:
        most = limits.experiment_cost_usd * limits.experiments
        most = most if limits.cost_usd is None else min(most, limits.cost_usd)
        return f"at most ${most:.2f}: ${limits.experiment_cost_usd:g} for each experiment", most
    if limits.cost_usd is not None:
        return f"at most ${limits.cost_usd:g}, by budget.cost_usd", limits.cost_usd
    if agent.prices.input or agent.prices.output:
        question = config.propose.agent.context_tokens * agent.prices.input / _MILLION
        each = (
            f"about ${_CALLS * question:.2f} an experiment for the prompts alone, as {agent.name} is priced"
        )
        return f"{each}; budget.cost_usd=DOLLARS sets a limit", None
    return (
        f"unknown until {agent.name or 'the agent'} has answered; budget.cost_usd=DOLLARS sets a limit",
        None,
    )
