"""What a run does that is not alone in its search: offers its keeps, follows those of others, tries again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from autoopt import decision, measure
from autoopt.errors import RepositoryError
from autoopt.fingerprint import fingerprint
from autoopt.journal import Journal
from autoopt.measure import Parts, Stages
from autoopt.protocols import Peers
from autoopt.records import Brief, Change, Experiment, Proposal, Status
from autoopt.schema import Config

_EXACT = 2
"""Samples of an incumbent that tell whether its number is still exact."""
_MOST_ASKS = 1000
"""Ideas in a row that others have tried, after which one of them is taken as it comes."""


def offer(parts: Parts, journal: Journal, decided: Experiment) -> Experiment:
    """The experiment as it stands once the search has been asked to advance: kept, or overtaken.

    What is to be kept is on record before, as nobody could tell otherwise whether it was kept if this process
    is killed in between (`settle`).
    """
    if parts.peers is None or decided.status is not Status.keep:
        return decided
    journal.offered(decided)
    return _asked(parts.peers, decided)


def settle(parts: Parts, journal: Journal) -> None:
    """Decide what was offered when the run was killed: the search's line says whether it was kept."""
    pending = journal.pending
    if parts.peers is None or pending is None or pending.offered is None:
        return
    offered, tip = pending.offered, parts.peers.tip()
    if tip is not None and offered.commit in dict(parts.peers.line(tip)):
        journal.decided(offered)
    else:
        journal.decided(_asked(parts.peers, offered))
    parts.peers.decided(journal.history[-1])


def _asked(peers: Peers, offered: Experiment) -> Experiment:
    if peers.advance(offered.parent, offered.commit):
        return offered
    tip = peers.tip()
    if tip is None:
        raise _gone(peers)
    return decision.overtaken(offered, tip, peers.keeper(tip))


def follow(config: Config, parts: Parts, journal: Journal) -> Experiment | None:
    """Make the search's tip the incumbent, measured anew; None where it is already.

    Raises:
        RepositoryError: the search does not come by this run's incumbent.
        IncumbentError: what another run has kept does not run here.
    """
    peers, incumbent = parts.peers, parts.workspace.incumbent
    if peers is None or (tip := _tip(peers, incumbent)) == incumbent:
        return None
    new = _beyond(peers, tip, incumbent, parts.workspace.base)
    stages = Stages(parts.reporter, journal.next_number)
    subject = new[-1][1].removeprefix("experiment: ")
    before = f" (and {len(new) - 1} before it)" if len(new) > 1 else ""
    plain = Proposal(
        description=f"follows {peers.keeper(tip)}'s keep: {subject}{before}",
        hypothesis="",
        area="",
        source="",
    )
    journal.begin(stages.number, incumbent, plain.description)
    most = _EXACT if parts.judge.exact else config.metric.baseline_samples
    measured, variation = measure.anew(config, parts, stages, tip, most=most)
    twins = measure.twins(config, parts, stages, measured, variation)
    for sample in measured.samples:
        journal.measured(stages.number, sample, None)
    recorded = decision.recorded(plain, stages, status=Status.follow, commit=tip, parent=incumbent)
    paths, added, removed = peers.extent(incumbent, tip)
    recorded = replace(recorded, paths=paths, added=added, removed=removed, tree=parts.workspace.tree(tip))
    journal.decided(replace(recorded, measurement=measured, variation=variation.value, twins=twins))
    parts.workspace.advance(incumbent, tip)
    journal.moved(stages.number)
    return journal.history[-1]


def _tip(peers: Peers, incumbent: str) -> str:
    """Where the search stands; where its ref was removed, it is put back to where this run is."""
    tip = peers.tip()
    if tip is None:
        tip = incumbent if peers.advance(None, incumbent) else peers.tip()
    if tip is None:
        raise _gone(peers)
    return tip


def _gone(peers: Peers) -> RepositoryError:
    return RepositoryError(f"search={peers.name}: its ref is removed again and again; see who does that.")


def _beyond(peers: Peers, tip: str, incumbent: str, base: str) -> tuple[tuple[str, str], ...]:
    """What the search has kept since the incumbent."""
    line = peers.line(tip)
    commits = [base, *(commit for commit, _ in line)]
    if incumbent not in commits:
        raise RepositoryError(
            f"search={peers.name} was moved to {tip[:12]}, which does not come by {incumbent[:12]}, where "
            "this run is: start a new search from the one you want."
        )
    return line[commits.index(incumbent) :]


def again(parts: Parts, journal: Journal) -> Proposal | None:
    """The change that was overtaken last, put on the new incumbent; None where there is none to try again.

    Parameters are for their search to ask again.
    """
    last = journal.history[-1]
    if parts.peers is None:
        return None
    past = next((e for e in reversed(journal.history) if e.status is not Status.follow), last)
    if not past.overtaken or past.parameters:
        return None
    edits = parts.peers.carried(past.parent, past.commit)
    if isinstance(edits, str):
        parts.reporter.on_note(
            journal.next_number, f"#{past.number} was overtaken and does not fit what was kept: {edits}"
        )
        return None
    if not edits:
        return None  # what was kept does the same
    return Proposal(
        description=past.description,
        hypothesis=past.hypothesis,
        area=past.area,
        source=past.source,
        edits=edits,
        thought=past.thought,
        simplifies=past.simplifies,
        overrule=past.overrule,
    )


def ask(parts: Parts, brief: Brief) -> Proposal | None:
    """An idea that nobody else has tried or is trying, as far as it has its edits with it."""
    proposal = parts.proposer.ask(brief)
    for _ in range(_MOST_ASKS):
        if proposal is None or not _is_known(parts, proposal, brief):
            break
        proposal = parts.proposer.ask(brief)
    return proposal


def _is_known(parts: Parts, proposal: Proposal, brief: Brief) -> bool:
    """Whether the edits were tried before the run and failed, or are another run's of the search."""
    if not (parts.peers or brief.claims) or not proposal.edits or proposal.parameters or proposal.overrule:
        return False
    changes = [(edit.path, _content(brief.desk / edit.path), edit.content) for edit in proposal.edits]
    made = fingerprint(changes)
    if claim := next((one for one in brief.claims if one.failed and made and one.fingerprint == made), None):
        said = f"not tried again: {proposal.description} (imported #{claim.number}, {claim.status})"
        parts.reporter.on_note(brief.number, said)
        return True
    return parts.peers is not None and parts.peers.claim(brief.number, made) is not None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def twin(parts: Parts, number: int, proposal: Proposal, change: Change) -> str | None:
    """Who else of the search has tried the change or is trying it, as a sentence; else it is claimed.

    The same parameter values on another incumbent are another experiment.
    """
    peers = parts.peers
    if peers is None or proposal.overrule is not None:
        return None
    said = None if proposal.parameters else peers.claim(number, change.fingerprint)
    return said or peers.claim_commit(number, change)
