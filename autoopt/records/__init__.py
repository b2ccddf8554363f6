"""The nouns of a run, frozen: every record exists in one state and is built when all of it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeGuard

from autoopt.records.agents import Call as Call
from autoopt.records.agents import Thought as Thought
from autoopt.records.agents import Usage as Usage
from autoopt.records.claims import Claim as Claim
from autoopt.records.deciding import Outcome as Outcome
from autoopt.records.deciding import Status as Status
from autoopt.records.findings import Finding as Finding
from autoopt.records.findings import Overrule as Overrule
from autoopt.records.measuring import Failure as Failure
from autoopt.records.measuring import Measurement as Measurement
from autoopt.records.measuring import Pair as Pair
from autoopt.records.measuring import Sample as Sample

Value = bool | int | float | str | None
"""What a parameter can be set to; None where its line is not there (SQL settings, environment variables)."""
_LARGEST = 1e15


def is_number(value: Value) -> TypeGuard[float]:
    """Whether it has a place on a line; what is too large for one is a word, as yes and no are."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One file as a proposal wants it; path relative to the repository root, None deletes."""

    path: str
    content: bytes | None


class FileChange(NamedTuple):
    """One regular file before and after somebody changed it; None where there is none."""

    path: str
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A commit that somebody else made.

    Attributes:
        parent: Its first parent, which its changes are against.
        author: The name alone.
        message: Subject, empty line, body.
    """

    commit: str
    parent: str
    author: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An idea: what it should do and why, with its edits; nothing written yet.

    Attributes:
        description: What the diff does, one line; the commit subject and TSV column.
        hypothesis: "X should improve Y because Z".
        area: The part of the code or space it touches, for streak advice.
        source: The proposer's name.
        edits: Files as they should be.
        parameters: The parameter values it stands for, when it came from a search.
        thought: What the agent who had it said of it beforehand.
        simplifies: Whether it is meant to hold the metric with less code; it is then judged by whether it
            costs anything, not by whether it gains.
        overrule: Whose suspicions of the same change a person has overruled.
    """

    description: str
    hypothesis: str
    area: str
    source: str
    edits: tuple[Edit, ...] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)
    thought: Thought | None = None
    simplifies: bool = False
    overrule: Overrule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A proposal as committed on top of the incumbent.

    Attributes:
        fingerprint: The normalised diff as a hash (`autoopt.fingerprint`); empty at the base.
    """

    commit: str
    parent: str
    tree: str
    paths: tuple[str, ...]
    added: int
    removed: int
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the numbers say.

    Attributes:
        outcome: better, holds, same, worse or unclear.
        effect: Estimated log gain (a difference in the metric's unit where `is_ratio` is false);
            positive is better, whatever the direction.
        low, high: 95 % posterior interval of the effect.
        probability: P(effect > 0).
        pairs: Interleaved pairs behind it.
        is_ratio: Whether the effect is a log ratio.
        sentence: One line for a person, as in "KEEP 3.1 % faster (95 % 1.8–4.4 %), 99 % sure, 4 pairs".
        noise: Standard deviation of one pair's effect that it was judged by, in the unit of `effect`; 0 where
            the metric is exact.
        reach: The smallest gain worth waiting for; a challenger is given up once that has become implausible.
        patience: How many pairs it could have cost: quick, default, patient or careful.
        why: What decided it, in sentences with the numbers.
    """

    outcome: Outcome
    effect: float
    low: float
    high: float
    probability: float
    pairs: int
    is_ratio: bool
    sentence: str
    noise: float = 0.0
    reach: float = 0.0
    patience: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was measured of a change, for the guards that decide whether it may be kept.

    Attributes:
        number: The experiment's number.
        challengers: The change's samples, at least one.
        incumbents: The incumbent's samples of the same pairs; none where the metric is exact.
        verdict: What the numbers say; None at the base, where guards are tried before anything is changed.
        incumbent: The incumbent's samples from when it was measured itself; None at the base.
        further: Pairs taken after the verdict, for the bounds that were not sure yet.
        history: Every experiment so far, baseline first; empty at the base.
    """

    number: int
    challengers: Measurement
    incumbents: tuple[Sample, ...] = ()
    verdict: Verdict | None = None
    incumbent: Measurement | None = None
    further: tuple[Pair, ...] = ()
    history: tuple[Experiment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Where an incumbent stands against the target.

    Attributes:
        target: The value it was held against.
        value, low, high: What its numbers vary about, with 95 % limits, in the metric's unit.
        probability: P(that is at least as good as the target).
        samples: The runs that say so, taken for this question alone; none where the metric is exact.
    """

    target: float
    value: float
    low: float
    high: float
    probability: float
    samples: tuple[Sample, ...] = ()


WAIT = "wait"
"""The stage of a run that waits for its turn on the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One pass of the loop, one journal line; number 0 is the baseline.

    Attributes:
        commit: The challenger's commit; the base commit for the baseline.
        parent: The incumbent it was judged against; equals `commit` for the baseline.
        measurement: The challenger's samples, None when it gave no number.
        incumbent_samples: The incumbent's samples of the same pairs, in the same order.
        further: Pairs taken after the verdict, for the bounds that were not sure yet; the judge of the
            metric never sees them.
        twins: Of the baseline with `metric.duet`: pairs of the commit with itself, which tell the noise.
        verdict: None when the numbers were never judged (baseline, crash).
        failure: Why it crashed, for status crash.
        tree, fingerprint: The challenger's tree and normalised diff, by which a repetition is recognised.
        thought: What the agent who had the idea said of it beforehand.
        simplifies: Whether it was to hold the metric with less code.
        usage: What the agents asked for it took.
        seconds: Wall seconds by stage (ask, edit, measure, inspect, and `WAIT`, which is part of no other).
        finished: UTC time in ISO 8601.
        variation: How the metric was found to vary, of the baseline only: none, seed or noise.
        level: Where the commit stands against the target, where that was asked.
        overrule: Why a person had a suspect change tried again.
        overtaken: Commit that another run of the search had kept first, where that alone stood against it.
    """

    number: int
    status: Status
    commit: str
    parent: str
    description: str
    hypothesis: str
    area: str
    source: str
    parameters: Mapping[str, Value] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    added: int = 0
    removed: int = 0
    measurement: Measurement | None = None
    incumbent_samples: Sequence[Sample] = ()
    further: tuple[Pair, ...] = ()
    twins: tuple[Pair, ...] = ()
    verdict: Verdict | None = None
    findings: tuple[Finding, ...] = ()
    failure: Failure | None = None
    tree: str = ""
    fingerprint: str = ""
    thought: Thought | None = None
    simplifies: bool = False
    usage: Usage = field(default_factory=Usage)
    seconds: Mapping[str, float] = field(default_factory=dict)
    finished: str = ""
    variation: str = ""
    level: Level | None = None
    overrule: Overrule | None = None
    overtaken: str = ""

    @property
    def is_try(self) -> bool:
        """Whether an idea was tried."""
        return self.status not in (Status.baseline, Status.follow)

    @property
    def is_counted(self) -> bool:
        """Whether it is one of the budget's experiments: what was overtaken is tried again as part of it."""
        return self.is_try and not self.overtaken

    @property
    def value(self) -> float | None:
        """The metric as logged; None when there was no number."""
        return None if self.measurement is None else self.measurement.value

    @property
    def suspicions(self) -> tuple[Finding, ...]:
        """What a person would have to overrule; none where something else stands against the change too."""
        against = tuple(finding for finding in self.findings if not finding.passed)
        return against if all(finding.suspect for finding in against) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The final claim: fresh interleaved pairs of baseline against final.

    Attributes:
        baseline, final: Medians in the metric's unit.
        effect, low, high: Mean gain and its 95 % interval; log ratio when `is_ratio`, positive is better.
        pairs: How many fresh pairs.
    """

    baseline: float
    final: float
    effect: float
    low: float
    high: float
    pairs: int
    is_ratio: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Omission:
    """What the final commit is worth without one of the kept changes (leave-one-out).

    Attributes:
        number: The kept experiment that is left out.
        commit: The final commit with that change taken back, and with it those that were proposed for removal
            before; empty where later changes stand on it.
        verdict: That commit as the challenger of the final one; None where it could not be built or run.
        reason: Why there is no verdict.
    """

    number: int
    commit: str = ""
    verdict: Verdict | None = None
    reason: str = ""

    @property
    def pays(self) -> bool:
        """Whether the change is still worth its lines, as far as anybody knows."""
        return self.verdict is None or not self.verdict.outcome.keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The incumbent measured anew, as what the run knew of the noise no longer holds.

    Attributes:
        after: Number of the last experiment before it.
        measurement: The incumbent's fresh samples; the judge starts again from them.
        reason: What had changed: the machine, the metric command, or how the number varies.
        variation: How the metric varies from here on: none, seed or noise.
        conditions: What it is measured on from here on (`processes.machine.conditions`).
        twins: With `metric.duet`: pairs of the incumbent with itself, which tell the noise.
    """

    after: int
    measurement: Measurement
    reason: str
    variation: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)
    twins: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What stays the same from brief to brief: what the user asked for.

    Attributes:
        metric: The metric command.
        direction: "lower" or "higher", whichever is better.
        constraints: What a change must hold, one line each, as in "tests: python -m pytest -q".
        scope: Patterns of files that may be edited, new ones too.
        off_limits: Patterns of files that may not be edited.
        vocabulary: The kinds of ideas that fit the domain.
        simplicity: How a gain is weighed against the code it takes, in the user's words.
        web_search: "yes", "ask" or "no".
    """

    goal: str
    metric: str = ""
    unit: str = ""
    direction: str = "lower"
    constraints: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    off_limits: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    simplicity: str = ""
    web_search: str = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a proposer may know when it is asked.

    Attributes:
        number: The number the next experiment will carry, from 1.
        incumbent: Commit of the best so far.
        desk: Directory whose files are the incumbent's at this moment.
        scope: Files that may be edited, relative to the desk, sorted.
        task: What the user asked for.
        history: Every experiment so far, in order, baseline first.
        advice: What the streaks suggest (deepen, pivot, ...), empty when nothing does.
        step: Where the run is in its strategy (`think.Step`).
        profile: Where the incumbent spends its time, as the recipe's profile command says; may be empty.
        claims: What others say was tried before the run, in order; nobody has measured it here.
    """

    number: int
    incumbent: str
    desk: Path
    scope: tuple[str, ...]
    task: Task
    history: tuple[Experiment, ...]
    advice: str
    step: str = ""
    profile: str = ""
    claims: tuple[Claim, ...] = ()

    @property
    def tried(self) -> tuple[Claim | Experiment, ...]:
        """Everything that is known to have been tried, here or before."""
        return (*self.claims, *self.history)
