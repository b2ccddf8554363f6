"""The loop: ask, edit, commit, measure, inspect, decide, log, until the budget ends or the user stops it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

from autoopt import budget, measure, think
from autoopt.errors import (
    AutooptError,
    IncumbentError,
    NothingChangedError,
    OutOfScopeError,
    RepositoryError,
    UsageError,
)
from autoopt.journal import INTERRUPTED, Journal, Pending
from autoopt.measure import Evidence, Parts, Stages
from autoopt.protocols import Attempt
from autoopt.records import Brief, Change, Experiment, Finding, Measurement, Outcome, Proposal, Status
from autoopt.schema import Config

MAX_REPAIRS = 2


def run(config: Config, parts: Parts, journal: Journal) -> str:
    """Improve one metric, one commit at a time; return why the run stopped.

    Raises:
        AutooptError: the baseline does not run, or the run's own records or branch do not add up.
        KeyboardInterrupt: a person or the system ended it; it is told and tidy, and can be resumed.
    """
    run_id = str(journal.header["run_id"])
    parts.reporter.on_start(run_id, config.goal, config.metric.unit, config.budget.experiments)
    try:
        restore(parts, journal)
        if not journal.history:
            _log(baseline(config, parts, journal), None, parts, journal)
        reason = _iterate(config, parts, journal)
        measure.confirm(config, parts, journal)
    except KeyboardInterrupt:  # a normal way to end a run: the open attempt has reverted itself
        _finish(INTERRUPTED, parts, journal)
        raise
    except (UsageError, RepositoryError, IncumbentError) as error:
        if journal.history:
            _finish(f"it could not go on: {str(error).splitlines()[0]}", parts, journal)
        raise
    _finish(reason, parts, journal)
    return reason


def _finish(reason: str, parts: Parts, journal: Journal) -> None:
    journal.stop(reason)
    parts.reporter.on_finish(reason, tuple(journal.history), journal.confirmation)


def _iterate(config: Config, parts: Parts, journal: Journal) -> str:
    while not (reason := budget.spent(config.budget, config.metric, journal.history, journal.elapsed_s)):
        stages, known = Stages(parts.reporter, journal.next_number), journal.incumbent.value
        stages.enter("ask")
        proposal = parts.proposer.ask(_question(config, parts, journal))  # QUESTION, THINK, SCORE, REFLECT
        if proposal is None:
            return "the proposer has nothing left to try"
        decided = experiment(config, parts, journal, proposal, stages)  # EDIT .. DECIDE
        _log(decided, known, parts, journal)  # LOG
    return reason


def experiment(
    config: Config, parts: Parts, journal: Journal, proposal: Proposal, stages: Stages
) -> Experiment:
    """Try one proposal. The attempt reverts itself unless this function keeps it."""
    number, parent = stages.number, parts.workspace.incumbent
    journal.begin(number, parent, proposal.description)
    stages.enter("edit")
    with ExitStack() as stack:
        try:
            attempt = stack.enter_context(parts.workspace.attempt(proposal, number))  # EDIT, COMMIT
        except (OutOfScopeError, NothingChangedError) as error:
            return _decided(journal, _refused(proposal, parent, error, stages))
        journal.edited(number, attempt.change)
        evidence = _measure_or_repair(config, parts, journal, proposal, attempt, stages)  # RUN, MEASURE
        findings = _inspect(parts, proposal, attempt.change, evidence, stages)  # INSPECT
        decided = _decided(journal, _decide(proposal, attempt.change, evidence, findings, stages))  # DECIDE
        if decided.status is Status.keep:
            attempt.keep()
            journal.moved(number)
    return decided


def baseline(config: Config, parts: Parts, journal: Journal) -> Experiment:
    """Measure the commit the run starts from, and see that the metric notices the scope.

    Raises:
        UsageError: the metric command or a guard fails there, or the number does not depend on the scope.
    """
    stages, base = Stages(parts.reporter, 0), parts.workspace.base
    journal.begin(0, base, "baseline")
    measurement = measure.baseline(config, parts, journal, stages)
    parts.judge.start([sample.value for sample in measurement.samples])
    if config.metric.probe:
        stages.enter("measure", "does it notice the scope?")
        measure.probe(config, parts, measurement)
    plain = Proposal(description=f"baseline; {_sight(parts)}", hypothesis="", area="", source="")
    _inspect_base(parts, plain, measurement, stages)
    recorded = _experiment(plain, stages, status=Status.baseline, commit=base, parent=base)
    return _decided(journal, replace(recorded, measurement=measurement))


def _inspect_base(parts: Parts, plain: Proposal, measurement: Measurement, stages: Stages) -> None:
    """A guard that does not pass before anything is changed would reject everything."""
    base = measurement.commit
    unchanged = Change(commit=base, parent=base, tree="", paths=(), added=0, removed=0)
    for position, guard in enumerate(parts.guards, start=1):
        stages.enter("inspect", f"guard {position} of {len(parts.guards)} at the base")
        finding = guard.inspect(unchanged, plain, measurement)
        if not finding.passed:
            raise UsageError(
                f"guards.{finding.guard}: does not pass at the commit the run starts from: {finding.message}"
            )


def _sight(parts: Parts) -> str:
    """What can be seen with this metric's noise, said before anything is spent on it."""
    if parts.judge.exact:
        return "the number is exact, any gain counts"
    return f"gains of {parts.judge.in_words(parts.judge.smallest_gain())} and more will be seen"


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
    known: float | None = None
    for past in journal.history:
        if past.status is Status.baseline and past.measurement is not None:
            parts.judge.start([sample.value for sample in past.measurement.samples])
        else:
            parts.judge.learn(measure.values(past, known), past.status is Status.keep)
        known = past.value if past.status in (Status.baseline, Status.keep) else known
        parts.proposer.tell(past)
    if journal.history:
        parts.publish(journal.history)


def _measure_or_repair(
    config: Config, parts: Parts, journal: Journal, proposal: Proposal, attempt: Attempt, stages: Stages
) -> Evidence:
    evidence = measure.measure(config, parts, journal, attempt.change, stages)
    for _ in range(MAX_REPAIRS):
        if evidence.failure is None:
            break
        stages.enter("repair", evidence.failure.reason)
        repaired = parts.proposer.repair(proposal, evidence.failure)
        if repaired is None:
            break
        try:
            attempt.amend(repaired)
        except (OutOfScopeError, NothingChangedError):
            break  # the repair may not be made; the crash stands
        journal.edited(stages.number, attempt.change)
        evidence = measure.measure(config, parts, journal, attempt.change, stages)
    return evidence


def _inspect(
    parts: Parts, proposal: Proposal, change: Change, evidence: Evidence, stages: Stages
) -> tuple[Finding, ...]:
    """What the guards say of a change the numbers would keep; the first objection is enough."""
    if evidence.verdict is None or evidence.verdict.outcome is not Outcome.better:
        return ()
    measurement = Measurement(commit=change.commit, samples=evidence.challengers)
    findings: list[Finding] = []
    for guard in parts.guards:
        stages.enter("inspect", f"guard {len(findings) + 1} of {len(parts.guards)}")
        findings.append(guard.inspect(change, proposal, measurement))
        if not findings[-1].passed:
            break
    return tuple(findings)


def _decide(
    proposal: Proposal, change: Change, evidence: Evidence, findings: tuple[Finding, ...], stages: Stages
) -> Experiment:
    if evidence.verdict is None:
        status = Status.crash
    elif not all(finding.passed for finding in findings):
        status = Status.inspector_reject
    else:
        status = Status.keep if evidence.verdict.outcome is Outcome.better else Status.discard
    measured = evidence.verdict is not None
    return replace(
        _experiment(proposal, stages, status=status, commit=change.commit, parent=change.parent),
        paths=change.paths,
        added=change.added,
        removed=change.removed,
        measurement=Measurement(commit=change.commit, samples=evidence.challengers) if measured else None,
        incumbent_samples=evidence.incumbents,
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
        seconds=stages.total(),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _decided(journal: Journal, decided: Experiment) -> Experiment:
    journal.decided(decided)
    return decided


def _log(decided: Experiment, known: float | None, parts: Parts, journal: Journal) -> None:
    journal.done(decided.number)
    if decided.status is not Status.baseline:
        parts.judge.learn(measure.values(decided, known), decided.status is Status.keep)
    parts.proposer.tell(decided)
    parts.publish(journal.history)
    parts.reporter.on_experiment(decided, journal.incumbent)


def _question(config: Config, parts: Parts, journal: Journal) -> Brief:
    workspace = parts.workspace
    return think.question(
        journal.history,
        number=journal.next_number,
        incumbent=workspace.incumbent,
        desk=workspace.desk,
        scope=workspace.files(workspace.incumbent),
        goal=config.goal,
    )
