"""`autoopt merge RUN...`: put the results of several runs together, as far as they still pay.

The runs are merged onto a branch of their own in the order of their confirmed gain. Each one is measured
again on what was merged before it, by its own metric command and guards, and left out when it does not pay
any more, costs another run its gain, conflicts with it, or lost a race for the same files. Nothing else is
touched: not your checkout, not the run branches. The commands that take the result are printed.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from autoopt import journal
from autoopt.commands.holding import hold
from autoopt.commands.lookup import Found, find, runs, settings
from autoopt.commands.merging import LeftOut, Result, merge, start_of
from autoopt.commands.overlap import gate
from autoopt.commands.remeasuring import Candidate, Remeasuring
from autoopt.commands.report import confirm
from autoopt.commands.telling import terminal
from autoopt.errors import UsageError
from autoopt.journal import Journal
from autoopt.places import RunFiles
from autoopt.processes import leftovers
from autoopt.records import Confirmation, Status
from autoopt.removing import remove_whole
from autoopt.reporters import words
from autoopt.reporters.tables import plain_table
from autoopt.workspaces.merges import Merges
from autoopt.workspaces.repository import Repository, discover


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Merge the named runs."""
    if not argv or any(word.startswith("-") or "=" in word for word in argv):
        raise UsageError("merge takes the runs to put together; write `autoopt merge RUN RUN ...`.")
    known = runs(environ, Path.cwd())
    chosen = list({found.layout.run_id: found for found in (find(known, name) for name in argv)}.values())
    if len({found.layout.control for found in chosen}) > 1:
        raise UsageError("the runs belong to different repositories; merge those of one.")
    for found in chosen:
        confirm_once(found, environ)
    with ExitStack() as held:
        folder = held.enter_context(_workplace(chosen[0].files.state.parent))
        for found in chosen:
            held.enter_context(hold(found.files))
        return _merge(chosen, folder, environ)


def confirm_once(found: Found, environ: Mapping[str, str]) -> None:
    """Measure a run's gain where something was kept and that was never done."""
    record = Journal(found.files.journal)
    kept = any(past.status is Status.keep for past in record.history)
    if kept and (record.confirmation is None or record.pending is not None):
        confirm(found, environ, further=False)


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """A directory for checkouts, gone afterwards; those of merges that were killed go now."""
    for left in folder.glob(".merging-*"):
        if not journal.is_held(left):
            leftovers.end(record for run in left.iterdir() for record in RunFiles(run).running)
            remove_whole(left)
    place = folder / f".merging-{os.getpid()}"
    place.mkdir()
    with journal.held(place):
        try:
            yield place
        finally:
            remove_whole(place)


def _merge(chosen: Sequence[Found], folder: Path, environ: Mapping[str, str]) -> int:
    console, aside = terminal(environ), terminal(environ, aside=True)
    candidates, left_out = _candidates(chosen)
    control = Path(chosen[0].layout.control)
    merges = Merges(control)
    try:
        start = start_of(candidates, merges) if candidates else ""
        bench = Remeasuring(folder, start, environ, aside)
        result = merge(
            candidates, merges, start, bench, lambda line: print(line, file=sys.stderr, flush=True)
        )
        result.left_out = [*left_out, *result.left_out]
        branch = None
        if result.merged:
            with gate(folder.parent):
                branch = merges.publish(result.commit)
    finally:
        merges.close()
    console.print(_told(result, branch, discover(Path(chosen[0].layout.root))))
    return 0


def _candidates(chosen: Sequence[Found]) -> tuple[list[Candidate], list[LeftOut]]:
    """The runs that have something to merge, and those that have not.

    Raises:
        RepositoryError: a run branch is not where the run left it.
    """
    candidates, left_out = [], []
    for found in chosen:
        record = Journal(found.files.journal)
        if not any(past.status is Status.keep for past in record.history):
            left_out.append(LeftOut(run_id=found.layout.run_id, reasons=("nothing was kept",)))
        elif record.confirmation is None:
            left_out.append(LeftOut(run_id=found.layout.run_id, reasons=("its gain could not be confirmed",)))
        else:
            tip = record.incumbent.commit
            candidates.append(
                Candidate(
                    found=found, config=settings(found), record=record, tip=tip, claim=record.confirmation
                )
            )
    return candidates, left_out


def _told(result: Result, branch: str | None, repository: Repository) -> RenderableType:
    """The runs, what the merge gains as a whole, and what to do with it."""
    table = plain_table(("run", "by itself", "in the merge"))
    for one in result.merged:
        by_itself, here = _gain(one.candidate, one.candidate.claim), _gain(one.candidate, one.claim)
        table.add_row(*map(Text, (one.candidate.run_id, by_itself, f"merged: {here}")))
    for left in result.left_out:
        table.add_row(
            Text(left.run_id), Text(""), Text("left out: " + "\n".join(map(words.one_line, left.reasons)))
        )
    parts: list[RenderableType] = [table]
    if branch is None:
        return Group(*parts, Text(), Text("Nothing was merged; no branch was made."))
    for heading, lines in (
        (f"Result, on {branch}", _combined(result)),
        ("Next", _next_steps(result, branch, repository)),
    ):
        parts += [Text(), Text(heading, style="bold"), *(Padding(Text(line), (0, 0, 0, 2)) for line in lines)]
    return Group(*parts)


def _gain(candidate: Candidate, claim: Confirmation) -> str:
    metric = candidate.config.metric
    return words.gain(claim.effect, metric.direction, metric.unit, is_ratio=claim.is_ratio)


def _combined(result: Result) -> Iterator[str]:
    """What the merge gains against the commit it starts from, metric by metric."""
    for one in result.combined:
        metric = one.candidate.config.metric
        said = (
            "could not be measured"
            if one.claim is None
            else words.headline(one.claim, metric.direction, metric.unit)
        )
        yield said if len(result.combined) == 1 else f"{one.candidate.config.goal or metric.command}: {said}"


def _next_steps(result: Result, branch: str, repository: Repository) -> Iterator[str]:
    yield f"git log --stat {result.start[:12]}..{branch}"
    yield f"git merge {branch}" if repository.head != result.start else f"git merge --ff-only {branch}"
    yield f"git branch -D {branch}    # to drop it"
    yield f"autoopt clean {' '.join(shlex.quote(one.candidate.run_id) for one in result.merged)}"
