"""The loop: ask, edit, commit, measure, inspect, decide, log, until the budget ends or the user stops it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial

from autoopt import budget, decision, following, inspection, measure, plateau, signals, think
from autoopt.errors import (
    AgentError,
    BudgetSpentError,
    IncumbentError,
    NothingChangedError,
    OutOfScopeError,
    RepositoryError,
    ResourceError,
    UsageError,
)
from autoopt.journal import INTERRUPTED, STUMBLED, Journal, Pending
from autoopt.measure import Evidence, Parts, Stages
from autoopt.protocols import Attempt
from autoopt.records import Brief, Change, Experiment, Proposal, Restart, Status
from autoopt.schema import Config, Variation

MAX_REPAIRS = 2
_STOPPING = "stops after this experiment; Ctrl-C again stops now, and this one will not count"


def run(config: Config, parts: Parts, journal: Journal) -> str:
    """Improve one metric, one commit at a time; return why the run stopped.

    Raises:
        AutooptError: the baseline does not run, or the run's own records or branch do not add up.
        KeyboardInterrupt: a person or the system ended it; it is told and tidy, and can be resumed.
    """
    run_id = str(journal.header["run_id"])
    parts.reporter.on_start(run_id, config.goal, config.metric.unit, config.budget.experiments)
    try:
        prepare(config, parts, journal)
        reason = _iterate(config, parts, journal)
        reason = _end(config, parts, journal, reason)
    except KeyboardInterrupt:  # a normal way to end a run: the open attempt has reverted itself
        _finish(INTERRUPTED, parts, journal)
        raise
    except (ResourceError, OSError, MemoryError):  # the disk is full, say; with room again it goes on
        with suppress(ResourceError):  # what went wrong first is told
            _finish(INTERRUPTED, parts, journal)
        raise
    except (UsageError, RepositoryError, IncumbentError, AgentError) as error:
        if journal.history:
            _finish(STUMBLED + str(error).splitlines()[0], parts, journal)
        raise
    parts.workspace.tidy()  # and for good: nobody opens a finished run again to mend its desk
    _finish(reason, parts, journal)
    return reason


def prepare(config: Config, parts: Parts, journal: Journal) -> None:
    """Bring everything to where the journal is, and measure the baseline where there is none.

    Raises:
        AutooptError: the baseline does not run, or the run's own records or branch do not add up.
    """
    if parts.peers is not None:
        parts.peers.join()
    restore(parts, journal)
    measure.renew(config, parts, journal)
    if not journal.history:
        _log(baseline(config, parts, journal), parts, journal)
    measure.place(config, parts, journal)


def _end(config: Config, parts: Parts, journal: Journal, reason: str) -> str:
    """Measure what was gained; of the runs of a search the last one does, for all of them."""
    peers = parts.peers
    if peers is None:
        measure.confirm(config, parts, journal)
        return reason
    if not peers.leave():
        return f"{reason}; others of the search {peers.name} were still at work, and the last one confirms"
    while _follow(config, parts, journal):
        pass
    ends = parts.workspace.base, parts.workspace.incumbent
    if (run := peers.confirmed(*ends)) is not None:
        return f"{reason}; run {run} has confirmed what the search {peers.name} gained"
    measure.confirm(config, parts, journal)
    peers.confirm(*ends)
    return reason


def _follow(config: Config, parts: Parts, journal: Journal) -> bool:
    """Adopt what other runs of the search have kept, if they have."""
    followed = following.follow(config, parts, journal)
    if followed is None:
        return False
    _log(followed, parts, journal)
    measure.place(config, parts, journal)
    return True


def _finish(reason: str, parts: Parts, journal: Journal) -> None:
    journal.stop(reason)
    parts.reporter.on_finish(reason, tuple(journal.history), journal.confirmation)


def _iterate(config: Config, parts: Parts, journal: Journal) -> str:
    while not (reason := budget.spent(config.budget, config.metric, journal.history, journal.elapsed_s)):
        number = journal.next_number
        with signals.patient(partial(parts.reporter.on_note, number, _STOPPING)):
            ended = _next(config, parts, journal, Stages(parts.reporter, number))
        if ended:
            return ended
    return reason


def _next(config: Config, parts: Parts, journal: Journal, stages: Stages) -> str | None:
    """Make the next experiment; why there is none, if there is none."""
    if _follow(config, parts, journal):
        return None
    try:
        proposal = following.again(parts, journal) or _ask(config, parts, journal, stages)
    except BudgetSpentError as error:
        return str(error)
    except AgentError as error:
        if len(journal.history) == 1:  # nothing was tried: whoever started it has something to mend
            raise
        return str(error)
    if proposal is None:
        return "nobody has an idea left to try"
    attempt(config, parts, journal, proposal, stages)
    return None


def attempt(config: Config, parts: Parts, journal: Journal, proposal: Proposal, stages: Stages) -> Experiment:
    """Make one experiment of a proposal, from its edits to its line in the log."""
    decided = experiment(config, parts, journal, proposal, stages)  # EDIT .. DECIDE
    _log(decided, parts, journal)  # LOG
    if news := plateau.news(journal.history, config.budget.plateau):
        parts.reporter.on_note(journal.next_number, news)
    if doubt := measure.constancy(journal.history):
        parts.reporter.on_note(journal.next_number, doubt)
    if decided.status is Status.keep:
        measure.place(config, parts, journal)  # is that the target?
    return decided


def _ask(config: Config, parts: Parts, journal: Journal, stages: Stages) -> Proposal | None:
    """The next idea: QUESTION, THINK, SCORE, REFLECT."""
    stages.enter("ask")
    try:
        return following.ask(parts, brief(config, parts, journal))
    except BaseException:  # an agent may have been in the middle of its edits
        parts.workspace.tidy()
        raise


def brief(config: Config, parts: Parts, journal: Journal) -> Brief:
    """What is known before the next experiment."""
    workspace, history = parts.workspace, tuple(journal.history)
    return Brief(
        number=journal.next_number,
        incumbent=workspace.incumbent,
        desk=workspace.desk,
        scope=workspace.files(workspace.incumbent),
        task=parts.task,
        history=history,
        advice=think.advice(history, config.budget.plateau),
        step=think.step(history, config.budget.plateau),
        profile=parts.profile(workspace.incumbent),
        claims=parts.claims,
    )


def experiment(
    config: Config, parts: Parts, journal: Journal, proposal: Proposal, stages: Stages
) -> Experiment:
    """Try one proposal. The attempt reverts itself unless this function keeps it."""
    number, parent = stages.number, parts.workspace.incumbent
    journal.begin(number, parent, proposal.description, proposal.overrule)
    stages.enter("edit")
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(parts.workspace.attempt(proposal, number))  # EDIT, COMMIT
        except (OutOfScopeError, NothingChangedError) as error:
            return _decided(journal, decision.refused(proposal, parent, error, stages))
        journal.edited(number, opened.change)
        if (twin := decision.twin(journal.history, proposal, opened.change)) is not None:
            return _decided(journal, decision.repeated(proposal, opened.change, twin, stages))
        before = decision.claimed(parts.claims, proposal, opened.change)
        if said := before or following.twin(parts, number, proposal, opened.change):
            return _decided(journal, decision.repeated_elsewhere(proposal, opened.change, said, stages))
        measured = _measure_or_repair(config, parts, journal, proposal, opened, stages)  # RUN, MEASURE
        proposal, evidence = measured
        change = opened.change
        findings = (
            *inspection.inspect(config, parts, journal, proposal, change, evidence, stages),  # INSPECT
            *inspection.written_through(parts),
        )
        decided = decision.decide(proposal, change, evidence, findings, stages)  # DECIDE
        decided = _decided(journal, following.offer(parts, journal, decided))
        if decided.status is Status.keep:
            opened.keep()
            journal.moved(number)
    return decided


def baseline(config: Config, parts: Parts, journal: Journal) -> Experiment:
    """Measure the commit the run starts from, and see that the metric notices the scope.

    Raises:
        UsageError: the metric command or a guard fails there, or the number does not depend on the scope.
    """
    stages, base = Stages(parts.reporter, 0), parts.workspace.base
    journal.begin(0, base, "baseline")
    measurement, variation = measure.baseline(config, parts, journal, stages)
    if config.metric.probe:
        stages.enter("measure", "does it notice the scope?")
        measure.probe(config, parts, measurement)
    twins = measure.twins(config, parts, stages, measurement, variation)
    measure.begin(parts, measurement, variation, twins)
    seen = measure.first_sight(config, parts, measurement, variation)
    plain = Proposal(description=f"baseline; {seen}", hypothesis="", area="", source="")
    inspection.inspect_base(parts, plain, measurement, stages)
    if config.final.holdout.each_keep:
        measure.try_holdout(config, parts, stages)
    recorded = decision.recorded(plain, stages, status=Status.baseline, commit=base, parent=base)
    recorded = replace(recorded, measurement=measurement, variation=variation.value, twins=twins)
    return _decided(journal, replace(recorded, tree=parts.workspace.tree(base)))


def restore(parts: Parts, journal: Journal) -> None:
    """Bring the branch, the judge and the proposer to where the journal is.

    Raises:
        RepositoryError: the run branch is neither where the decision found it nor where it put it.
    """
    following.settle(parts, journal)
    match journal.pending:
        case Pending(decided=Experiment(status=Status.keep | Status.follow) as kept):
            parts.workspace.advance(kept.parent, kept.commit)
            journal.moved(kept.number)
            journal.done(kept.number)
        case Pending(decided=Experiment() as decided):
            journal.done(decided.number)
    check_branch(parts, journal)
    _inform(parts, journal)
    if journal.history:
        parts.publish(journal.history)
        journal.rest()


def _inform(parts: Parts, journal: Journal) -> None:
    """Tell judge and proposer everything that was decided; the judge, what a checkpoint does not know yet."""
    learned = begun = 0
    known = journal.remember("judge", lambda: [len(journal.restarts), parts.judge.remembered()])
    if known is not None:
        learned, (begun, remembered) = known
        parts.judge.recall(remembered)
        _begin_anew(journal.history[learned - 1], journal.restarts[begun:], parts)
    for position, past in enumerate(journal.history):
        if position >= learned:
            _learn(past, journal.history[:position], parts, journal)
            _begin_anew(past, journal.restarts, parts)
        parts.proposer.tell(past)


def _begin_anew(past: Experiment, restarts: Sequence[Restart], parts: Parts) -> None:
    """Let the judge begin with the incumbent's own samples where it was measured anew after this."""
    for restart in restarts:
        if restart.after == past.number:
            measure.begin(parts, restart.measurement, Variation(restart.variation), restart.twins)


def check_branch(parts: Parts, journal: Journal) -> None:
    """See that the run branch is where the journal left it: what is on it was measured.

    Raises:
        RepositoryError: somebody committed to it.
    """
    if not journal.history or (tip := parts.workspace.incumbent) == (known := journal.incumbent.commit):
        return
    branch = f"autoresearch/{journal.header['run_id']}"
    git = f"git -C {shlex.quote(str(parts.workspace.desk))}"
    raise RepositoryError(
        f"{branch} has moved to {tip[:12]}, which was never measured; edit in the desk without committing. "
        f"`{git} branch NAME {tip[:12]}` keeps the commit and "
        f"`{git} update-ref refs/heads/{branch} {known}` takes it back, its edits stay."
    )


def _measure_or_repair(
    config: Config, parts: Parts, journal: Journal, proposal: Proposal, opened: Attempt, stages: Stages
) -> tuple[Proposal, Evidence]:
    evidence = _evidence(config, parts, journal, proposal, opened.change, stages)
    crashed = {opened.change.tree}
    for _ in range(MAX_REPAIRS):
        if evidence.failure is None:
            break
        stages.enter("repair", evidence.failure.reason)
        repaired = parts.proposer.repair(proposal, evidence.failure)
        if repaired is None:
            break
        try:
            opened.amend(repaired)
        except (OutOfScopeError, NothingChangedError):
            break  # the repair may not be made; the crash stands
        journal.edited(stages.number, opened.change)
        if opened.change.tree in crashed or _is_repetition(journal, repaired, opened.change):
            break  # it was tried as it is now
        crashed.add(opened.change.tree)
        proposal = repaired
        evidence = _evidence(config, parts, journal, proposal, opened.change, stages)
    return proposal, evidence


def _is_repetition(journal: Journal, proposal: Proposal, change: Change) -> bool:
    return decision.twin(journal.history, proposal, change) is not None


def _evidence(
    config: Config, parts: Parts, journal: Journal, proposal: Proposal, change: Change, stages: Stages
) -> Evidence:
    # Only what takes code away is let through without a gain; a tool may do so within lines, an agent's word
    # is not enough for that.
    less = change.removed >= change.added if proposal.edits else change.removed > change.added
    simplifies = proposal.simplifies and less
    return measure.measure(config, parts, journal, change, stages, simplifies=simplifies)


def _decided(journal: Journal, decided: Experiment) -> Experiment:
    usage = budget.total([call for call in journal.calls if call.number == decided.number])
    decided = replace(decided, usage=usage)
    journal.decided(decided)
    return journal.history[-1]  # as a resume reads it


def _log(decided: Experiment, parts: Parts, journal: Journal) -> None:
    journal.done(decided.number)
    if decided.status is not Status.baseline:
        _learn(decided, journal.history[:-1], parts, journal)
    if parts.peers is not None:
        parts.peers.decided(decided)
    parts.proposer.tell(decided)
    parts.publish(journal.history)
    journal.rest()
    parts.reporter.on_experiment(decided, journal.incumbent)


def _learn(decided: Experiment, before: Sequence[Experiment], parts: Parts, journal: Journal) -> None:
    """Tell the judge what was decided, live or replayed."""
    if not decided.is_try and decided.measurement is not None:
        found = Variation(decided.variation or "auto")
        measure.begin(parts, decided.measurement, found, decided.twins)
        return
    known = measure.known(before, journal.restarts)
    parts.judge.learn(measure.values(decided, known), decided.status is Status.keep)
