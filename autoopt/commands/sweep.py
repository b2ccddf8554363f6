"""Several runs from one command line: agreed to as a whole beforehand, told as a table afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from autoopt.errors import DamagedStateError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from autoopt.compose import Planned
    from autoopt.compose.board import Outcome
    from autoopt.places import RunFiles
    from autoopt.reporters.tables import RunRow


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A run of the sweep.

    Attributes:
        name: What sets it apart from the others.
        search: The search that it is a worker of; what its other workers keep it follows, so that there is
            nothing to put together.
    """

    name: str
    files: RunFiles
    search: str


class Sweep:
    """The runs of one command line. No callback of Hydra tells their table: it hears of no killed job."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Nothing is known of the runs yet."""
        self._environ = environ
        self._jobs: list[_Job] = []

    def plan(self, planned: Sequence[Planned]) -> Sequence[str]:
        """Refuse runs that would edit the same files, say what will be run, ask once, and give them ids.

        Raises:
            UsageError: scopes overlap, an id is taken, or a person says no.
        """
        from autoopt.commands import overlap  # a single run needs none of these
        from autoopt.commands.telling import agreed, terminal

        if any(one.config.workers > 1 for one in planned):
            raise UsageError(
                "workers: the runs of a sweep have none of their own; give them search=NAME, and each "
                "is a worker of it."
            )
        overlap.check_sweep(planned, self._environ)
        self._jobs = self._named(planned)
        console = terminal(self._environ)
        for job, one in zip(self._jobs, planned, strict=True):
            line = f"{job.files.state.name}: {job.name}, scope {', '.join(one.config.scope)}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        if any(one.config.confirm for one in planned) and not agreed(console, f"Start {len(planned)} runs?"):
            raise UsageError("not started; change what you do not like with key=value, or set confirm=no.")
        return [job.files.state.name for job in self._jobs]

    def _named(self, planned: Sequence[Planned]) -> list[_Job]:
        from autoopt import compose
        from autoopt.commands import overlap
        from autoopt.commands.start import place
        from autoopt.workspaces.repository import discover

        jobs: list[_Job] = []
        for name, one in zip(compose.labels([one.words for one in planned]), planned, strict=True):
            folder = overlap.folder_of(discover(Path(one.config.repo)), self._environ)
            others = {job.files.state.name for job in jobs}
            files = place(one.config, folder, others)
            jobs.append(_Job(name=name, files=files, search=one.config.search))
        return jobs

    def ended(self, outcomes: Sequence[Outcome]) -> None:
        """Tell what became of each run, also of those that failed, were killed or never began."""
        from autoopt.commands.telling import terminal
        from autoopt.reporters.tables import runs_table

        rows = [_row(job, outcome) for job, outcome in zip(self._jobs, outcomes, strict=False)]
        if not any(outcome.begun for outcome in outcomes) or not rows:
            return  # the error says why
        console = terminal(self._environ)
        console.print()
        console.print(runs_table(rows))
        one_repository = len({job.files.state.parent for job in self._jobs}) == 1
        is_alone = not any(job.search for job in self._jobs)
        _tell_next(rows, console, mergeable=one_repository and is_alone)


def _row(job: _Job, outcome: Outcome) -> RunRow:
    """The run as `autoopt runs` lists it, with why it failed; what there is to tell of one that never was."""
    from autoopt.commands.lookup import Found
    from autoopt.commands.runs import row
    from autoopt.reporters.tables import RunRow
    from autoopt.workspaces.layout import Layout

    said = outcome.line or ("" if outcome.code == 0 else _silence(outcome))
    try:
        found = Found(job.files, Layout.load(job.files.state))
    except DamagedStateError:
        state = "not made" if outcome.begun else "not begun"
        return RunRow(
            run_id=job.files.state.name,
            state=state if outcome.code != 0 else "elsewhere",
            started="",
            experiments=0,
            kept=0,
            result=said or "its records are on the machine it ran on",
            goal=job.name,
        )
    known = row(found)
    return replace(known, result=f"{said}; {known.result}") if said else known


def _silence(outcome: Outcome) -> str:
    return "its process was killed" if outcome.begun else "it was not begun"


def _tell_next(rows: Sequence[RunRow], console: Console, *, mergeable: bool) -> None:
    gained = [one.run_id for one in rows if one.kept and one.state == "finished"]
    if mergeable and len(gained) > 1:
        console.print(f"Put together: autoopt merge {' '.join(gained)}", highlight=False, soft_wrap=True)
    for one in rows:
        if one.state == "interrupted":
            console.print(f"Go on with:   autoopt resume {one.run_id}", highlight=False, soft_wrap=True)
