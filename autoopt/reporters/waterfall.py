"""How the gain came together: what each kept step claimed, their sum, and what fresh pairs found of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autoopt.records import Confirmation, Experiment
from autoopt.reporters import markup, words
from autoopt.reporters.account import Account
from autoopt.review import together

_FIRST, _LAST = 20, 20  # of the kept steps; those between are one
WHY = (
    "Steps are picked for being good, so their sum claims too much; what was confirmed comes from fresh "
    "pairs of the first commit against the last."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A bar of the waterfall, in log gains (differences where `is_ratio` is false), positive is better.

    Attributes:
        kind: keep, claimed, confirmed or holdout.
        number: The kept experiment; None for a sum.
        start, end: What the bar spans; sums begin at 0.
        low, high: Ends of the 95 % interval about `end`; equal to it where there is none.
    """

    kind: str
    label: str
    start: float
    end: float
    low: float
    high: float
    is_ratio: bool
    number: int | None = None

    @property
    def gain(self) -> float:
        """What it adds."""
        return self.end - self.start


def steps(account: Account) -> tuple[Step, ...]:
    """The kept steps in order, then the sums; none where nothing was kept or steps do not add up."""
    if together(account.history) is None:
        return ()
    kept = list(_kept(account.kept))
    claimed = kept[-1].end
    is_ratio = kept[-1].is_ratio
    whole = Step(
        kind="claimed", label="claimed together", start=0.0, end=claimed, low=claimed, high=claimed,
        is_ratio=is_ratio,
    )  # fmt: skip
    sums = [
        _sum(kind, label, claim)
        for kind, label, claim in (
            ("confirmed", "confirmed", account.confirmation),
            ("holdout", "confirmed by the holdout", account.holdout),
        )
        if claim is not None and claim.is_ratio == is_ratio
    ]
    return (*_fewer(kept), whole, *sums)


def _kept(kept: Sequence[Experiment]) -> Iterator[Step]:
    reached = 0.0
    for one in kept:
        if (verdict := one.verdict) is None:
            continue
        yield Step(
            kind="keep",
            label=words.one_line(one.description),
            start=reached,
            end=reached + verdict.effect,
            low=reached + min(verdict.low, verdict.effect),
            high=reached + max(verdict.high, verdict.effect),
            is_ratio=verdict.is_ratio,
            number=one.number,
        )
        reached += verdict.effect


def _sum(kind: str, label: str, claim: Confirmation) -> Step:
    return Step(
        kind=kind, label=label, start=0.0, end=claim.effect, low=claim.low, high=claim.high,
        is_ratio=claim.is_ratio,
    )  # fmt: skip


def _fewer(kept: list[Step]) -> list[Step]:
    """The steps, those in the middle as one where there are too many to look at."""
    middle = kept[_FIRST:-_LAST]
    if len(middle) < 2:
        return kept
    first, last = middle[0], middle[-1]
    label = f"{words.count(len(middle), 'further keep')}, #{first.number} to #{last.number}"
    one = Step(
        kind="keep", label=label, start=first.start, end=last.end, low=last.end, high=last.end,
        is_ratio=first.is_ratio,
    )  # fmt: skip
    return [*kept[:_FIRST], one, *kept[-_LAST:]]


def said(account: Account, step: Step) -> str:
    """The step's gain in words, with its interval where there is one."""
    gain = words.gain(step.gain, account.direction, account.unit, is_ratio=step.is_ratio)
    if step.low >= step.high:
        return gain
    ends = words.interval(
        step.low - step.start, step.high - step.start, account.direction, account.unit, is_ratio=step.is_ratio
    )
    return f"{gain} (95 % {ends})"


def section(account: Account) -> str:
    """The waterfall as a table of the Markdown report; empty where there is none."""
    if not (found := steps(account)):
        return ""
    rows = [(_name(step), said(account, step), _so_far(account, step)) for step in found]
    table = markup.table(("step", "gain", "so far"), rows, right=())
    return f"## How the gain came together\n\n{table}\n\n{WHY}"


def _name(step: Step) -> str:
    return step.label if step.number is None else f"#{step.number} {step.label}"


def _so_far(account: Account, step: Step) -> str:
    if step.kind != "keep":
        return ""
    return words.gain(step.end, account.direction, account.unit, is_ratio=step.is_ratio)
