"""The loop: ask, edit, commit, measure, inspect, decide, log, until the budget ends or the user stops it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from autoopt import budget, measure, plateau, signals, think
from autoopt.errors import (
    AgentError,
    AutooptError,
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
from autoopt.records import Brief, Change, Experiment, Finding, Measurement, Proposal, Restart, Status, Trial
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
        measure.confirm(config, parts, journal)
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
    restore(parts, journal)
    measure.renew(config, parts, journal)
    if not journal.history:
        _log(baseline(config, parts, journal), parts, journal)
    measure.place(config, parts, journal)


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
    try:
        proposal = _ask(config, parts, journal, stages)  # QUESTION, THINK, SCORE, REFLECT
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
    if decided.status is Status.keep:
        measure.place(config, parts, journal)  # is that the target?
    return decided


def _ask(config: Config, parts: Parts, journal: Journal, stages: Stages) -> Proposal | None:
    stages.enter("ask")
    try:
        return parts.proposer.ask(brief(config, parts, journal))
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
    )


def experiment(
    config: Config, parts: Parts, journal: Journal, proposal: Proposal, stages: Stages
) -> Experiment:
    """Try one proposal. The attempt reverts itself unless this function keeps it."""
    number, parent = stages.number, parts.workspace.incumbent
    journal.begin(number, parent, proposal.description)
    stages.enter("edit")
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(parts.workspace.attempt(proposal, number))  # EDIT, COMMIT
        except (OutOfScopeError, NothingChangedError) as error:
            return _decided(journal, _refused(proposal, parent, error, stages))
        journal.edited(number, opened.change)
        if (twin := _twin(journal, proposal, opened.change)) is not None:
            return _decided(journal, _repeated(proposal, opened.change, twin, stages))
        measured = _measure_or_repair(config, parts, journal, proposal, opened, stages)  # RUN, MEASURE
        proposal, evidence = measured
        findings = (
            *_inspect(parts, journal, proposal, opened.change, evidence, stages),  # INSPECT
            *_written_through(parts),
        )
        decided = _decided(journal, _decide(proposal, opened.change, evidence, findings, stages))  # DECIDE
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
    _inspect_base(parts, plain, measurement, stages)
    for finding in _written_through(parts):
        raise UsageError(f"{finding.guard}: {finding.message}.")
    recorded = _experiment(plain, stages, status=Status.baseline, commit=base, parent=base)
    recorded = replace(recorded, measurement=measurement, variation=variation.value, twins=twins)
    return _decided(journal, replace(recorded, tree=parts.workspace.tree(base)))


def _inspect_base(parts: Parts, plain: Proposal, measurement: Measurement, stages: Stages) -> None:
    """A guard that does not pass before anything is changed would reject everything."""
    base = measurement.commit
    unchanged = Change(commit=base, parent=base, tree="", paths=(), added=0, removed=0)
    for position, guard in enumerate(parts.guards, start=1):
        stages.enter("inspect", f"guard {position} of {len(parts.guards)} at the base")
        finding = guard.inspect(unchanged, plain, Trial(number=0, challengers=measurement))
        if not finding.passed:
            raise UsageError(_failing_already(finding))


def _failing_already(finding: Finding) -> str:
    """What a guard says of the commit the run starts from, and what to do about it."""
    is_bound = finding.guard.startswith("constraints.")
    option = finding.guard if is_bound else f"guards.{finding.guard}"
    message = finding.message.strip()
    advice = (
        "raise or lower the bound, or take it away"
        if is_bound
        else f"mend it and commit, or {option}.command=null goes without"
    )
    gap = "\n" if "\n" in message else "; "  # the last lines of its output are read first
    return f"{option}: does not pass at the commit the run starts from: {message}{gap}{advice}."


def restore(parts: Parts, journal: Journal) -> None:
    """Bring the branch, the judge and the proposer to where the journal is.

    Raises:
        RepositoryError: the run branch is neither where the decision found it nor where it put it.
    """
    match journal.pending:
        case Pending(decided=Experiment(status=Status.keep) as kept):
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


def _twin(journal: Journal, proposal: Proposal, change: Change) -> Experiment | None:
    """The earlier experiment that this one would repeat: the same tree, or the same edit made elsewhere.

    The same parameter value on another incumbent is no repetition: its search knows what it does.
    """
    for past in journal.history:
        if past.tree == change.tree:
            return past
        if past.fingerprint and past.fingerprint == change.fingerprint and not proposal.parameters:
            return past
    return None


def _repeated(proposal: Proposal, change: Change, twin: Experiment, stages: Stages) -> Experiment:
    """The record of a proposal that was tried before and is not measured again."""
    finding = Finding(
        guard="duplicate",
        passed=False,
        message=f"#{twin.number} was the same ({twin.status}); not measured again",
    )
    plain = _experiment(proposal, stages, status=Status.discard, commit=change.commit, parent=change.parent)
    return replace(plain, **_of(change), findings=(finding,))


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
        if opened.change.tree in crashed or _twin(journal, repaired, opened.change) is not None:
            break  # it was tried as it is now
        crashed.add(opened.change.tree)
        proposal = repaired
        evidence = _evidence(config, parts, journal, proposal, opened.change, stages)
    return proposal, evidence


def _evidence(
    config: Config, parts: Parts, journal: Journal, proposal: Proposal, change: Change, stages: Stages
) -> Evidence:
    # Only what takes code away is let through without a gain; a tool may do so within lines, an agent's word
    # is not enough for that.
    less = change.removed >= change.added if proposal.edits else change.removed > change.added
    simplifies = proposal.simplifies and less
    return measure.measure(config, parts, journal, change, stages, simplifies=simplifies)


def _of(change: Change) -> dict[str, Any]:
    """What an experiment says of its change."""
    return {name: getattr(change, name) for name in ("paths", "added", "removed", "tree", "fingerprint")}


def _inspect(
    parts: Parts, journal: Journal, proposal: Proposal, change: Change, evidence: Evidence, stages: Stages
) -> tuple[Finding, ...]:
    """What the guards say of a change the numbers would keep; the first objection is enough."""
    if evidence.verdict is None or not evidence.verdict.outcome.keeps:
        return ()
    trial = measure.trial(journal, change, stages.number, evidence)
    findings: list[Finding] = []
    for guard in parts.guards:
        stages.enter("inspect", f"guard {len(findings) + 1} of {len(parts.guards)}")
        findings.append(guard.inspect(change, proposal, trial))
        if not findings[-1].passed:
            break
    return tuple(findings)


def _written_through(parts: Parts) -> tuple[Finding, ...]:
    """An objection where the user's own files behind links were written since this was last asked."""
    if not (written := parts.workspace.written()):
        return ()
    more = f" and {len(written) - 1} more" if len(written) > 1 else ""
    message = (
        f"{written[0]}{more} was written through a link, and it is your own file, shared by both checkouts; "
        "let the commands write elsewhere ($TMPDIR is private), or set workspace.link_by=copy"
    )
    return (Finding(guard="workspace.link", passed=False, message=message),)


def _decide(
    proposal: Proposal, change: Change, evidence: Evidence, findings: tuple[Finding, ...], stages: Stages
) -> Experiment:
    if evidence.verdict is None:
        status = Status.crash
    elif not all(finding.passed for finding in findings):
        status = Status.inspector_reject
    else:
        status = Status.keep if evidence.verdict.outcome.keeps else Status.discard
    measured = evidence.challengers  # none where the first run was hopeless
    return replace(
        _experiment(proposal, stages, status=status, commit=change.commit, parent=change.parent),
        **_of(change),
        measurement=Measurement(commit=change.commit, samples=evidence.challengers) if measured else None,
        incumbent_samples=evidence.incumbents,
        further=evidence.further,
        verdict=evidence.verdict,
        findings=findings,
        failure=evidence.failure,
    )


def _refused(proposal: Proposal, parent: str, error: AutooptError, stages: Stages) -> Experiment:
    """The record of a proposal that was never committed."""
    guard = "scope" if isinstance(error, OutOfScopeError) else "change"
    status = Status.inspector_reject if isinstance(error, OutOfScopeError) else Status.discard
    finding = Finding(guard=guard, passed=False, message=str(error))
    plain = _experiment(proposal, stages, status=status, commit="", parent=parent)
    return replace(plain, findings=(finding,))


def _experiment(
    proposal: Proposal,
    stages: Stages,
    *,
    status: Status,
    commit: str,
    parent: str,
) -> Experiment:
    return Experiment(
        number=stages.number,
        status=status,
        commit=commit,
        parent=parent,
        description=proposal.description,
        hypothesis=proposal.hypothesis,
        area=proposal.area,
        source=proposal.source,
        parameters=proposal.parameters,
        thought=proposal.thought,
        simplifies=proposal.simplifies,
        seconds=stages.total(),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _decided(journal: Journal, decided: Experiment) -> Experiment:
    usage = budget.total([call for call in journal.calls if call.number == decided.number])
    decided = replace(decided, usage=usage)
    journal.decided(decided)
    return journal.history[-1]  # as a resume reads it


def _log(decided: Experiment, parts: Parts, journal: Journal) -> None:
    journal.done(decided.number)
    if decided.status is not Status.baseline:
        _learn(decided, journal.history[:-1], parts, journal)
    parts.proposer.tell(decided)
    parts.publish(journal.history)
    journal.rest()
    parts.reporter.on_experiment(decided, journal.incumbent)


def _learn(decided: Experiment, before: Sequence[Experiment], parts: Parts, journal: Journal) -> None:
    """Tell the judge what was decided, live or replayed."""
    if decided.status is Status.baseline and decided.measurement is not None:
        found = Variation(decided.variation or "auto")
        measure.begin(parts, decided.measurement, found, decided.twins)
        return
    known = measure.known(before, journal.restarts)
    parts.judge.learn(measure.values(decided, known), decided.status is Status.keep)
