"""What becomes of a proposal, as the record of an experiment; pure but for the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from autoopt.errors import AutooptError, OutOfScopeError
from autoopt.measure import Evidence, Stages
from autoopt.records import Change, Claim, Experiment, Finding, Measurement, Proposal, Status


def twin(history: Sequence[Experiment], proposal: Proposal, change: Change) -> Experiment | None:
    """The earlier experiment that this one would repeat: the same tree, or the same edit made elsewhere.

    The same parameter value on another incumbent is no repetition: its search knows what it does. Nor is what
    a person wants tried again, or what was overtaken by another run's keep.
    """
    if proposal.overrule is not None:
        return None
    for past in history:
        if past.overtaken:
            continue
        if past.tree == change.tree:
            return past
        if past.fingerprint and past.fingerprint == change.fingerprint and not proposal.parameters:
            return past
    return None


def claimed(claims: Sequence[Claim], proposal: Proposal, change: Change) -> str:
    """What was tried before the run, failed, and would be repeated, as a sentence; empty where nothing is.

    What was kept there may well be worth its place here: it is measured like any other change.
    """
    if proposal.overrule is not None:
        return ""
    for claim in claims:
        same_edit = claim.fingerprint == change.fingerprint and not proposal.parameters
        if claim.failed and ((claim.tree and claim.tree == change.tree) or (claim.fingerprint and same_edit)):
            return f"#{claim.number} of the imported history was the same ({claim.status})"
    return ""


def repeated(proposal: Proposal, change: Change, earlier: Experiment, stages: Stages) -> Experiment:
    """The record of a proposal that was tried before and is not measured again."""
    said = "suspect" if earlier.suspicions else earlier.status
    finding = Finding(
        guard="duplicate",
        passed=False,
        message=f"#{earlier.number} was the same ({said}); not measured again",
    )
    plain = recorded(proposal, stages, status=Status.discard, commit=change.commit, parent=change.parent)
    return replace(plain, **_of(change), findings=(finding,))


def repeated_elsewhere(proposal: Proposal, change: Change, said: str, stages: Stages) -> Experiment:
    """The record of a proposal that was tried elsewhere, or that another run of the search is trying."""
    finding = Finding(guard="duplicate", passed=False, message=f"{said}; not measured again")
    plain = recorded(proposal, stages, status=Status.discard, commit=change.commit, parent=change.parent)
    return replace(plain, **_of(change), findings=(finding,))


def overtaken(offered: Experiment, tip: str, by: str) -> Experiment:
    """The record of a change that would have been kept, had another run of the search not been first."""
    verdict = offered.verdict
    assert verdict is not None, "only what was judged is offered"
    sentence = f"REVERT {by} was first ({tip[:10]}), so it is measured again on that; {verdict.sentence}"
    return replace(offered, status=Status.discard, verdict=replace(verdict, sentence=sentence), overtaken=tip)


def refused(proposal: Proposal, parent: str, error: AutooptError, stages: Stages) -> Experiment:
    """The record of a proposal that was never committed."""
    if isinstance(error, OutOfScopeError):
        status, guard, where = Status.inspector_reject, error.guard, error.where
    else:
        status, guard, where = Status.discard, "change", ""
    finding = Finding(guard=guard, passed=False, message=str(error), where=where)
    plain = recorded(proposal, stages, status=status, commit="", parent=parent)
    return replace(plain, findings=(finding,))


def decide(
    proposal: Proposal, change: Change, evidence: Evidence, findings: tuple[Finding, ...], stages: Stages
) -> Experiment:
    """The record of a change that was measured: kept where the numbers and every guard agree."""
    if evidence.verdict is None:
        status = Status.crash
    elif not all(finding.passed for finding in findings):
        status = Status.inspector_reject
    else:
        status = Status.keep if evidence.verdict.outcome.keeps else Status.discard
    measured = evidence.challengers  # none where the first run was hopeless
    return replace(
        recorded(proposal, stages, status=status, commit=change.commit, parent=change.parent),
        **_of(change),
        measurement=Measurement(commit=change.commit, samples=evidence.challengers) if measured else None,
        incumbent_samples=evidence.incumbents,
        further=evidence.further,
        verdict=evidence.verdict,
        findings=findings,
        failure=evidence.failure,
    )


def recorded(proposal: Proposal, stages: Stages, *, status: Status, commit: str, parent: str) -> Experiment:
    """The record of an experiment, as far as the proposal says it all."""
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
        overrule=proposal.overrule,
        seconds=stages.total(),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _of(change: Change) -> dict[str, Any]:
    """What an experiment says of its change."""
    return {name: getattr(change, name) for name in ("paths", "added", "removed", "tree", "fingerprint")}
