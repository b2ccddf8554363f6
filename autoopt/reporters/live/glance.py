"""What there is to see of a run at a moment, from what it has decided and what it is doing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from statistics import median

from autoopt.records import WAIT, Confirmation, Experiment, Status, Usage, Verdict
from autoopt.schema import BudgetConfig, Direction

RECENT = 6
"""How many of the latest decisions are shown in words."""

_LATELY = 8
_COUNTED = re.compile(r"(\d+) of (≤?)(\d+)")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a run is.

    Attributes:
        number: The experiment's.
        name: ask, edit, measure, inspect and so on; empty before the first.
        detail: As in "pair 2 of ≤16"; a command may have a word in it.
        began: When the stage began, in seconds since the epoch: other processes read it, too.
        step_began: When the first of its countable steps of this kind began.
        first_step: The number of that one.
        step_at: When the latest of them began.
        verdict: The evidence so far; None before the first pair.
    """

    number: int = 0
    name: str = ""
    detail: str = ""
    began: float = 0.0
    step_began: float = 0.0
    first_step: int = 1
    step_at: float = 0.0
    verdict: Verdict | None = None

    def next(self, number: int, name: str, detail: str, now: float) -> Stage:
        """The stage after this one, or this one with its new detail; evidence lasts while it waits."""
        is_same = (number, name) == (self.number, self.name)
        goes_on = name == self.name or WAIT in (name, self.name)
        alike = is_same and _DIGITS.sub("", detail) == _DIGITS.sub("", self.detail)
        step = _COUNTED.search(detail)
        return Stage(
            number=number,
            name=name,
            detail=detail,
            began=self.began if is_same else now,
            step_began=self.step_began if alike else now,
            first_step=self.first_step if alike else int(step[1]) if step else 1,
            step_at=self.step_at if alike and detail == self.detail else now,
            verdict=self.verdict if goes_on and not detail.startswith("pair 1 ") else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """Everything that is shown; replaced whole, because another thread draws it.

    Attributes:
        statuses: How each experiment was decided, in order, the baseline first.
        levels: Its number, as far as it gave one.
        recent: The latest decisions.
        counted: How many of the budget's experiments are over.
        steps: What the kept steps claimed; None as soon as one cannot be added up.
        worked_s: Seconds the run has been worked on, `worked_at` of the same clock as `Stage.began`.
        over: Why there is nothing to say of what it does; empty where there is.
    """

    run_id: str = ""
    goal: str = ""
    unit: str = ""
    direction: Direction = Direction.lower
    budget: BudgetConfig = field(default_factory=lambda: BudgetConfig(experiments=None))
    baseline: Experiment | None = None
    incumbent: Experiment | None = None
    statuses: tuple[Status, ...] = ()
    levels: tuple[float | None, ...] = ()
    recent: tuple[Experiment, ...] = ()
    judged: Verdict | None = None
    counted: int = 0
    steps: tuple[Verdict, ...] | None = ()
    usage: Usage = field(default_factory=Usage)
    worked_s: float = 0.0
    worked_at: float = 0.0
    stage: Stage = field(default_factory=Stage)
    confirmation: Confirmation | None = None
    over: str = ""

    def after(self, experiments: Iterable[Experiment]) -> Glance:
        """The same once these are decided, too."""
        glance = self
        for past in experiments:
            glance = glance._after(past)
        return glance

    def _after(self, past: Experiment) -> Glance:
        noisy = past.verdict if past.verdict is not None and past.verdict.patience else None
        return replace(
            self,
            baseline=past if past.status is Status.baseline else self.baseline,
            incumbent=past if past.status.leads else self.incumbent,
            statuses=(*self.statuses, past.status),
            levels=(*self.levels, past.value),
            recent=(*self.recent, past)[-_LATELY:],
            judged=noisy or self.judged,
            counted=self.counted + past.is_counted,
            steps=_added(self.steps, past),
            stage=replace(self.stage, verdict=None),
            confirmation=None,  # it was of what was kept before
        )

    def worked(self, now: float) -> float:
        """Seconds the run has been worked on by now."""
        return self.worked_s + (max(0.0, now - self.worked_at) if self.worked_at and not self.over else 0.0)


def _added(steps: tuple[Verdict, ...] | None, past: Experiment) -> tuple[Verdict, ...] | None:
    """The kept steps with this one; None where what was kept has no numbers of its own."""
    if not past.status.advances or steps is None:
        return steps
    if past.verdict is None or any(step.is_ratio != past.verdict.is_ratio for step in steps):
        return None
    return (*steps, past.verdict)


@dataclass(frozen=True, slots=True)
class Sum:
    """What kept steps claim together, with its 95 % interval as if they were independent."""

    effect: float
    low: float
    high: float
    is_ratio: bool


def claimed(glance: Glance) -> Sum | None:
    """The steps added up; None where nothing was kept or they cannot be."""
    if not glance.steps:
        return None
    effect = math.fsum(step.effect for step in glance.steps)
    below = math.sqrt(math.fsum((step.effect - step.low) ** 2 for step in glance.steps))
    above = math.sqrt(math.fsum((step.high - step.effect) ** 2 for step in glance.steps))
    return Sum(effect, effect - below, effect + above, glance.steps[0].is_ratio)


def expected_s(glance: Glance, now: float) -> tuple[float, bool] | None:
    """Seconds that the stage takes in all, as far as can be said, and whether it may be less.

    By how its own countable steps went, where that is all there is; else as such stages went lately.
    """
    stage = glance.stage
    lately = [
        past.seconds[stage.name] for past in glance.recent if past.is_try and stage.name in past.seconds
    ]
    if lately:
        return median(lately), False
    step = _COUNTED.search(stage.detail)
    if step is None or int(step[1]) <= stage.first_step:
        return None
    done, most = int(step[1]) - stage.first_step, int(step[3]) - stage.first_step + 1
    each = (stage.step_at - stage.step_began) / done
    return max(stage.step_began - stage.began + each * most, now - stage.began), bool(step[2])


def rest_s(glance: Glance) -> float | None:
    """Seconds that the experiments left take if they are like the latest; None where that is unknown."""
    lately = [math.fsum(past.seconds.values()) for past in glance.recent if past.is_try]
    if glance.budget.experiments is None or not lately:
        return None
    return max(0, glance.budget.experiments - glance.counted) * math.fsum(lately) / len(lately)
