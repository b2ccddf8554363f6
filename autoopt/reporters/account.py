"""What there is to tell about a run, worked out once for the terminal and for the Markdown report."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from autoopt.journal import was_cut_short
from autoopt.journal.moments import Moment
from autoopt.records import Call, Claim, Confirmation, Experiment, Omission, Status, Usage
from autoopt.reporters import words
from autoopt.review import Review
from autoopt.schema import ConstraintConfig, Direction
from autoopt.scope import Scope

TOP = 3
"""How many of the kept changes a report names as the ones that mattered."""


class Transcript(NamedTuple):
    """What an agent was asked in one call, and what it answered."""

    prompt: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A run as its report needs it.

    Attributes:
        history: Every experiment in order, baseline first; empty when not even the baseline was measured.
        confirmation: The final claim; None when there was no fresh comparison.
        branch: The run branch, holding the kept commits.
        base: The commit the run started from.
        reason: Why it ended, as the loop said it.
        desk: The run's worktree, None when it has been removed.
        diffs: Diffs by experiment number, for those the report shows.
        vocabulary: The kinds of ideas that fit the domain, as the recipe lists them.
        facts: Further lines for the report's head (recipe, command, machine), by name.
        usage: What the agents took, interrupted experiments included.
        holdout: The same comparison by the holdout command; None when there was none.
        has_holdout: Whether a holdout command is set.
        omissions: What the final commit is worth without each kept change, as far as that was measured.
        constraints: Bounds on further numbers, by name.
        claims: What others say was tried before the run, and
        told_from: who says so, with how many were decided how.
        secondary: Further numbers to show beside the metric, and which way each is better.
        breakdown: Patterns of numbers that are parts of a whole, by what the parts are.
        adopt: What has to be done outside of git, by patterns of the files that kept changes touch.
        metric_name: What the metric command calls the metric; empty where it gives it no name.
        calls: Every call of an agent, in order.
        transcripts: What agents were asked and what they answered, by the call's `transcript`.
        importances: How much each searched parameter matters, adding up to 1; empty where nobody can tell.
        lost: Kept changes whose commits git does not have any more.
        moments: When things happened, on the run's own clock.
        review: What the evidence comes to; None where nobody has reviewed it.
    """

    run_id: str
    goal: str
    unit: str
    direction: Direction
    history: tuple[Experiment, ...]
    confirmation: Confirmation | None
    branch: str
    base: str
    reason: str
    desk: str | None = None
    diffs: Mapping[int, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    vocabulary: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    holdout: Confirmation | None = None
    has_holdout: bool = False
    omissions: tuple[Omission, ...] = ()
    constraints: Mapping[str, ConstraintConfig] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    told_from: str = ""
    secondary: Mapping[str, Direction] = field(default_factory=dict)
    breakdown: Mapping[str, str] = field(default_factory=dict)
    adopt: Mapping[str, str] = field(default_factory=dict)
    metric_name: str = ""
    calls: tuple[Call, ...] = ()
    transcripts: Mapping[str, Transcript] = field(default_factory=dict)
    importances: Mapping[str, float] = field(default_factory=dict)
    lost: tuple[int, ...] = ()
    moments: tuple[Moment, ...] = ()
    review: Review | None = None

    @property
    def kept(self) -> tuple[Experiment, ...]:
        """The experiments that this run kept, in order: their commits are on the branch."""
        return tuple(experiment for experiment in self.history if experiment.status is Status.keep)

    @property
    def steps(self) -> tuple[Experiment, ...]:
        """How the branch came to where it is: what this run kept, and what it followed of others' keeps."""
        return tuple(one for one in self.history if one.status.advances)

    @property
    def follows(self) -> bool:
        """Whether what is on the branch was kept by several runs of a search."""
        return any(one.status is Status.follow for one in self.history)

    @property
    def idle(self) -> tuple[Experiment, ...]:
        """The kept experiments that no longer pay, in order."""
        numbers = {omission.number for omission in self.omissions if not omission.pays}
        return tuple(experiment for experiment in self.kept if experiment.number in numbers)

    @property
    def tried(self) -> tuple[Experiment, ...]:
        """Every experiment in which an idea was tried."""
        return tuple(experiment for experiment in self.history if experiment.is_try)

    @property
    def failed(self) -> tuple[Experiment, ...]:
        """What was tried and not kept."""
        return tuple(experiment for experiment in self.tried if experiment.status is not Status.keep)

    @property
    def final(self) -> Experiment | None:
        """The best so far: the last that was kept or followed, else the baseline."""
        steps = self.steps
        return steps[-1] if steps else self.history[0] if self.history else None


def top(account: Account) -> tuple[Experiment, ...]:
    """The kept changes with the largest effects, the largest first."""
    judged = [experiment for experiment in account.kept if experiment.verdict is not None]
    ranked = sorted(
        judged, key=lambda experiment: -(experiment.verdict.effect if experiment.verdict else 0.0)
    )
    return tuple(ranked[:TOP])


def counts(account: Account) -> str:
    """As in "8 experiments: 3 keep, 4 discard, 1 crash"."""
    return tally(account.history)


def tally(history: tuple[Experiment, ...]) -> str:
    """How many experiments there were and how they were decided, the baseline not counted."""
    found: Counter[Status] = Counter(experiment.status for experiment in history if experiment.is_try)
    suspect = {Status.inspector_reject: len(waiting(history))}
    listed = ", ".join(
        f"{found[status]} {status}" + (f" ({suspect[status]} suspect)" if suspect.get(status) else "")
        for status in Status
        if found[status]
    )
    return words.count(found.total(), "experiment") + (f": {listed}" if listed else "")


def waiting(history: Sequence[Experiment]) -> tuple[Experiment, ...]:
    """The suspects that no person has overruled: a suspicion is all that kept them from being kept."""
    overruled = {experiment.overrule.number for experiment in history if experiment.overrule is not None}
    return tuple(one for one in history if one.suspicions and one.number not in overruled)


def suspects(account: Account) -> str:
    """As in "2 suspects wait for you (#3, #7)"; empty where there are none."""
    if not (found := waiting(account.history)):
        return ""
    numbers = ", ".join(f"#{one.number}" for one in found)
    return (
        f"{words.count(len(found), 'suspect')} {'waits' if len(found) == 1 else 'wait'} for you ({numbers})"
    )


def headline(account: Account) -> str:
    """The run's result in one line; a gain is claimed from the confirmation and from nothing else."""
    if account.confirmation is not None:
        return words.headline(account.confirmation, account.direction, account.unit)
    if not account.history:
        return "Nothing was measured."
    if not account.kept:
        return f"Nothing was gained: {_nothing(account)}"
    if account.follows:
        return (
            "Not confirmed here: the last run of its search to end measures what all of them gained; "
            "`autoopt runs` shows which did."
        )
    return (
        "Not confirmed: no fresh pairs of baseline against final were measured, so no total gain is claimed."
    )


def _nothing(account: Account) -> str:
    tried = len(account.tried)
    if account.follows:
        own = words.count(tried, "experiment")
        return f"none of its own {own} was kept, the branch is where the search was."
    if tried == 0:
        return "no experiment was decided, the branch is the commit it started from."
    return f"none of {words.count(tried, 'experiment')} was better, the branch is the commit it started from."


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one proposer did with the budget.

    Attributes:
        gained: What its kept changes claimed together, as a log ratio; None where they do not add up.
        seconds: Wall seconds of its experiments.
    """

    source: str
    tried: int
    kept: int
    gained: float | None
    seconds: float
    usage: Usage


def shares(account: Account) -> tuple[Share, ...]:
    """Who proposed what, in the order of their first proposals; nothing to tell of a single one."""
    sources = list(dict.fromkeys(experiment.source for experiment in account.tried))
    if len(sources) < 2:
        return ()
    return tuple(_share(source, [one for one in account.tried if one.source == source]) for source in sources)


def _share(source: str, tried: list[Experiment]) -> Share:
    verdicts = [one.verdict for one in tried if one.status is Status.keep and one.verdict is not None]
    ratios = all(verdict.is_ratio for verdict in verdicts)
    return Share(
        source=source,
        tried=len(tried),
        kept=sum(one.status is Status.keep for one in tried),
        gained=math.fsum(verdict.effect for verdict in verdicts) if verdicts and ratios else None,
        seconds=math.fsum(sum(one.seconds.values()) for one in tried),
        usage=sum((one.usage for one in tried), Usage()),
    )


def share_cells(account: Account, share: Share) -> tuple[str, ...]:
    """A share as the cells of a table: source, tried, kept, gained, time, agents."""
    gained = "" if share.gained is None else words.gain(share.gained, account.direction, account.unit)
    took = words.duration(share.seconds)
    return share.source, str(share.tried), str(share.kept), gained, took, words.usage(share.usage)


SHARE_COLUMNS = ("proposer", "tried", "kept", "claimed", "time", "agents")


def imported(account: Account) -> str:
    """What was tried before the run, in a sentence; empty where nothing was imported."""
    if not account.claims:
        return ""
    return f"Imported as claims, which nobody has measured here: {words.one_line(account.told_from)}."


def interrupted(account: Account) -> tuple[int, ...]:
    """Numbers that were begun and never decided: their attempts were interrupted and reverted."""
    decided = {experiment.number for experiment in account.history}
    return tuple(number for number in range(max(decided, default=0)) if number not in decided)


def outside(account: Account, changes: Sequence[Experiment]) -> tuple[tuple[str, str], ...]:
    """Files of these changes that help only once something is done outside of git, each with what that is."""
    touched = sorted({path for experiment in changes for path in experiment.paths})
    return tuple(
        (path, words.one_line(todo))
        for pattern, todo in account.adopt.items()
        for path in touched
        if Scope([pattern]).contains(path)
    )


def next_steps(account: Account) -> tuple[tuple[str, str], ...]:
    """What to do now: a sentence and the exact command, in the order one would do them."""
    steps = []
    branch, run = shlex.quote(account.branch), shlex.quote(account.run_id)
    if not account.history:
        return ()  # it is taken back when its process ends: there is nothing to go on with
    is_there = bool(account.kept) and not account.lost
    if is_there:
        steps.append(("Review what was kept", f"git log --stat {account.base[:12]}..{branch}"))
        steps.append(("Take it", f"git merge {branch}"))
        for path, todo in outside(account, account.kept):
            shown = f"git show {shlex.quote(f'{account.branch}:{path}')}"
            steps.append((f"For {words.one_line(path)}: {todo}", shown))
    if is_there and (gone := [experiment.commit[:12] for experiment in reversed(account.idle)]):
        steps.append(("Then drop what no longer pays", f"git revert --no-edit {' '.join(gone)}"))
    if is_there:
        left_out = " --drop idle" if account.idle else ""
        steps.append(("Or as one commit, with the text of a pull request", f"autoopt finish {run}{left_out}"))
    if unsure := waiting(account.history):
        look = f"autoopt show {run} {unsure[0].number}"
        steps.append((f"Look at a suspect ({len(unsure)} to judge)", look))
        steps.append(("Keep it all the same", f'{look} --keep "why the suspicion is wrong"'))
    more = f" budget.experiments={max(10, 2 * len(account.tried))}"
    go_on = "Go on with the same run"
    if was_cut_short(account.reason):
        more = ""
    elif account.reason == "nobody has an idea left to try":  # a larger budget gives nobody one
        more, go_on = "", "Go on when somebody has (new patches, an agent that works again)"
    steps.append((go_on, f"autoopt resume {run}{more}"))
    steps.append(("Write the report again", f"autoopt report {run}"))
    if account.desk is not None:
        in_place = account.desk == account.facts.get("repository")
        steps.append((f"Remove its {'' if in_place else 'worktree and '}records", f"autoopt clean {run}"))
    return tuple(steps)
