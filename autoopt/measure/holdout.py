"""The holdout before a keep: what loses on cases that nobody optimizes is not kept, however fast it is."""

from __future__ import annotations

from dataclasses import replace

from autoopt.errors import UsageError
from autoopt.measure.final import claim_holdout, excuse
from autoopt.measure.parts import Parts, Stages
from autoopt.measure.sampling import seed_of, take_sample
from autoopt.records import Change, Failure, Finding
from autoopt.schema import Config

GUARD = "holdout"
_MAX_PAIRS = 8


def held_out(config: Config, parts: Parts, change: Change, stages: Stages) -> Finding:
    """Whether the change does not lose on the holdout; without a number it does not pass.

    The finding has no numbers: whoever has ideas reads it, and would come to optimize them.
    """
    assert parts.holdout is not None, "there is a holdout command"
    few = replace(config, final=replace(config.final, max_pairs=min(config.final.max_pairs, _MAX_PAIRS)))
    judging = replace(parts, meter=parts.holdout)
    taken = claim_holdout(few, judging, change.parent, change.commit, stages.number)
    if taken.confirmation is None:
        return Finding(guard=GUARD, passed=False, message=f"gave no number: {excuse(taken)}")
    loses = taken.confirmation.high < 0
    return Finding(
        guard=GUARD, passed=not loses, message="is worse there than the incumbent" if loses else ""
    )


def try_holdout(config: Config, parts: Parts, stages: Stages) -> None:
    """See that the holdout command works before anything is spent on changes it would have to judge.

    Raises:
        UsageError: it gives no number at the commit the run starts from.
    """
    assert parts.holdout is not None, "there is a holdout command"
    stages.enter(GUARD, "does it work at the base?")
    base = parts.workspace.base
    taken = take_sample(replace(parts, meter=parts.holdout), base, seed_of(config, 0, 0))
    if isinstance(taken, Failure):
        raise UsageError(
            taken.told(f"final.holdout.command: {taken.reason}, at the commit the run starts from")
        )
