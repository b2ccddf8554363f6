"""Asking the guards: of the commit a run starts from, and of every change the numbers would keep."""

from __future__ import annotations

from dataclasses import replace

from autoopt import measure
from autoopt.errors import UsageError
from autoopt.journal import Journal
from autoopt.measure import Evidence, Parts, Stages
from autoopt.records import Change, Finding, Measurement, Overrule, Proposal, Trial
from autoopt.schema import Config


def inspect(
    config: Config,
    parts: Parts,
    journal: Journal,
    proposal: Proposal,
    change: Change,
    evidence: Evidence,
    stages: Stages,
) -> tuple[Finding, ...]:
    """What the guards say of a change the numbers would keep.

    The first objection is enough. After a suspicion the others are asked all the same: whoever is to decide
    about it wants to know whether it is all that stands against the change.
    """
    if evidence.verdict is None or not evidence.verdict.outcome.keeps:
        return ()
    trial = measure.trial(journal, change, stages.number, evidence)
    findings: list[Finding] = []
    for guard in parts.guards:
        stages.enter("inspect", f"guard {len(findings) + 1} of {len(parts.guards)}")
        findings.append(_waived(guard.inspect(change, proposal, trial), proposal.overrule))
        if _is_objection(findings[-1]):
            return tuple(findings)
    if config.final.holdout.each_keep and parts.holdout is not None:
        findings.append(measure.held_out(config, parts, change, stages))
    return tuple(findings)


def _is_objection(finding: Finding) -> bool:
    return not finding.passed and not finding.suspect


def _waived(finding: Finding, overrule: Overrule | None) -> Finding:
    """The finding, as passed where it is a suspicion that a person has overruled."""
    if overrule is None or not finding.suspect or not overrule.covers(finding):
        return finding
    return replace(finding, passed=True)


def inspect_base(parts: Parts, plain: Proposal, measurement: Measurement, stages: Stages) -> None:
    """See that every guard passes before anything is changed: one that does not would reject everything.

    Raises:
        UsageError: one does not.
    """
    base = measurement.commit
    unchanged = Change(commit=base, parent=base, tree="", paths=(), added=0, removed=0)
    for position, guard in enumerate(parts.guards, start=1):
        stages.enter("inspect", f"guard {position} of {len(parts.guards)} at the base")
        finding = guard.inspect(unchanged, plain, Trial(number=0, challengers=measurement))
        if not finding.passed:
            raise UsageError(_failing_already(finding))
    for finding in written_through(parts):
        raise UsageError(f"{finding.guard}: {finding.message}.")


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


def written_through(parts: Parts) -> tuple[Finding, ...]:
    """An objection where the user's own files behind links were written since this was last asked."""
    if not (written := parts.workspace.written()):
        return ()
    more = f" and {len(written) - 1} more" if len(written) > 1 else ""
    message = (
        f"{written[0]}{more} was written through a link, and it is your own file, shared by both checkouts; "
        "let the commands write elsewhere ($TMPDIR is private), or set workspace.link_by=copy"
    )
    return (Finding(guard="workspace.link", passed=False, message=message, where=written[0]),)
