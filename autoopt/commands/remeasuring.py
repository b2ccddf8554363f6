"""Measuring a run's result again on a commit that holds others' results too, by the run's own recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from autoopt import assemble, measure
from autoopt.commands.drive import clean_up
from autoopt.commands.lookup import Found
from autoopt.commands.progress import Progress
from autoopt.journal import Journal
from autoopt.measure import Claimed, Parts
from autoopt.places import RunFiles
from autoopt.processes import machine
from autoopt.records import Change, Confirmation, Measurement, Outcome, Proposal, Status, Trial, Verdict
from autoopt.schema import AgentConfig, Config, MetricConfig
from autoopt.workspaces.git import GitWorkspace

_FRESH = 1000
"""Added to the number of a claim, which sets its seeds: the run itself has used the smaller ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A run whose result may be merged.

    Attributes:
        tip: The best commit so far.
        claim: What the run gained by itself, confirmed.
    """

    found: Found
    config: Config
    record: Journal
    tip: str
    claim: Confirmation

    @property
    def run_id(self) -> str:
        """The run's name."""
        return self.found.layout.run_id

    @property
    def base(self) -> str:
        """The commit it started from."""
        return self.found.layout.base

    @property
    def bounds_regression(self) -> bool:
        """Whether a number may get worse only so much over all that is merged."""
        return any(bound.max_regression is not None for bound in self.config.constraints.values())

    @property
    def is_from_here(self) -> bool:
        """Whether its numbers were taken as they would be now, on this machine."""
        return self.record.conditions in ({}, machine.conditions(self.config.metric))

    @property
    def metric(self) -> MetricConfig:
        """What it measures; equal for two runs that measure the same, whatever they aim at."""
        return replace(self.config.metric, target=None, timeout_s=None)


class Remeasuring:
    """The benches of several runs, all of which started from one commit or are measured as if they had."""

    def __init__(self, folder: Path, start: str, environ: Mapping[str, str], console: Console) -> None:
        """Check out below `folder`; what guards compare with is `start`."""
        self._folder = folder
        self._start = start
        self._environ = environ
        self._console = console
        self._claims = 0

    def claim(self, candidate: Candidate, old: str, new: str) -> Claimed:
        """Fresh pairs of two commits by the run's metric command."""
        self._claims += 1
        number = candidate.record.next_number + _FRESH + self._claims
        with self._opened(candidate, old) as (config, parts):
            return measure.claim(config, parts, old, new, number)

    def held_out(self, candidate: Candidate, old: str, new: str) -> Claimed:
        """Fresh pairs by the run's holdout command; there must be one."""
        self._claims += 1
        number = candidate.record.next_number + _FRESH + self._claims
        with self._opened(candidate, old) as (config, parts):
            assert parts.holdout is not None, "there is a holdout command"
            return measure.claim_holdout(config, replace(parts, meter=parts.holdout), old, new, number)

    def objection(
        self, candidate: Candidate, change: Change, claimed: Claimed, whole: tuple[Change, Claimed] | None
    ) -> str | None:
        """What the first of the run's guards says that does not let the merge pass.

        Args:
            change: The merge, against what was merged before.
            claimed: Pairs of the two by the run's metric, with a claim.
            whole: The same against the commit that everything started from, where that is another one and the
                run bounds how much worse a number may get in all.
        """
        plain = Proposal(description=f"merge {candidate.run_id}", hypothesis="", area="", source="merge")
        waived = _overruled(candidate.record)
        with self._opened(candidate, change.parent) as (_, parts):
            asked = [(guard, change, claimed) for guard in parts.guards]
            asked += [(bound, *whole) for bound in parts.bounds] if whole else []
            findings = (guard.inspect(of, plain, _trial(of, pairs)) for guard, of, pairs in asked)
            against = (
                one for one in findings if not one.passed and not (one.suspect and one.guard in waived)
            )
            return next((f"{one.guard}: {one.message}" for one in against), None)

    @contextmanager
    def _opened(self, candidate: Candidate, incumbent: str) -> Iterator[tuple[Config, Parts]]:
        """The run's meter and guards on a bench of their own; an inspecting agent is not asked again."""
        config = replace(candidate.config, agent=AgentConfig(), inspector=AgentConfig())
        files = RunFiles(self._folder / candidate.run_id)
        files.state.mkdir(parents=True, exist_ok=True)
        layout = replace(candidate.found.layout, base=self._start)
        setup = assemble.setup(config, files, self._environ)
        workspace = GitWorkspace.bench_only(layout, files.state, incumbent, setup)
        try:
            parts = assemble.parts(
                config,
                files,
                workspace,
                candidate.record,
                Progress(f"{candidate.run_id} on the merge:"),
                lambda history: None,
                self._environ,
                proposes=False,
            )
            yield config, parts
        finally:
            clean_up(config, files, workspace, self._console, self._environ)
            workspace.close()


def _overruled(record: Journal) -> frozenset[str]:
    """The guards whose suspicions of something that was kept a person has overruled."""
    kept = [past.overrule for past in record.history if past.status is Status.keep]
    return frozenset(guard for one in kept if one is not None for guard in one.guards)


def _trial(change: Change, claimed: Claimed) -> Trial:
    assert claimed.confirmation is not None, "guards are asked about gains"
    claim = claimed.confirmation
    olds, news = zip(*claimed.pairs, strict=True)
    return Trial(
        number=0,
        challengers=Measurement(commit=change.commit, samples=news),
        incumbents=olds,
        verdict=Verdict(
            outcome=Outcome.better,
            effect=claim.effect,
            low=claim.low,
            high=claim.high,
            probability=0.975,
            pairs=claim.pairs,
            is_ratio=claim.is_ratio,
            sentence="measured again on the merge",
        ),
        incumbent=Measurement(commit=change.parent, samples=olds),
    )
