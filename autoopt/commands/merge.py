"""`autoopt merge RUN... [--onto BRANCH]`: put the results of several runs together, as far as they still pay.

  --onto BRANCH  merge onto that branch as it is now, instead of the newest commit that the runs started from;
                 everything is measured there

The runs are merged onto a branch of their own in the order of their confirmed gain. Each one is measured
again on what was merged before it, by its own metric command and guards, and left out when it does not pay
any more, costs another run its gain, conflicts with it, or lost a race for the same files. Nothing else is
touched: not your checkout, not the run branches. A report is written beside the runs' own, and the commands
that take the result are printed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

from rich.text import Text

from autoopt import files, journal
from autoopt.assemble import keeping
from autoopt.commands import composed
from autoopt.commands.fetching import vet
from autoopt.commands.holding import hold
from autoopt.commands.lookup import Found, find, runs, settings
from autoopt.commands.merging import LeftOut, Merging, Result, start_of
from autoopt.commands.overlap import gate
from autoopt.commands.remeasuring import Candidate, Remeasuring
from autoopt.commands.report import confirm
from autoopt.commands.telling import terminal
from autoopt.errors import AutooptError, BusyError, ResourceError, UsageError
from autoopt.journal import Journal
from autoopt.places import RunFiles
from autoopt.processes import leftovers
from autoopt.removing import remove_whole
from autoopt.reporters import merged
from autoopt.reporters.merged import Account
from autoopt.reporters.tables import plain_table
from autoopt.workspaces import returned
from autoopt.workspaces.merges import Merges, forget

_WORKPLACE = ".merging-"


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Merge the named runs."""
    names, onto = _parsed(argv)
    known = runs(environ, Path.cwd())
    chosen = list({found.layout.run_id: found for found in (find(known, name) for name in names)}.values())
    if len({found.layout.control for found in chosen}) > 1:
        raise UsageError("the runs belong to different repositories; merge those of one.")
    vet(chosen, environ)
    control = Path(chosen[0].layout.control)
    with ExitStack() as held:
        folder = held.enter_context(_workplace(chosen[0].files.state.parent, control))
        merges = Merges(control, folder.name.removeprefix(_WORKPLACE))
        held.callback(merges.close)
        left_out = _confirmed(chosen, merges, environ)
        for found in chosen:
            held.enter_context(hold(found.files))
        return _merge(chosen, left_out, merges, folder, onto, environ)


def _parsed(argv: Sequence[str]) -> tuple[list[str], str | None]:
    """The runs, and the branch to merge onto where one is named."""
    names, onto, left = [], None, list(argv)
    while left:
        word, is_given, value = left.pop(0).partition("=")
        if word == "--onto":
            onto = value if is_given else left.pop(0) if left else ""
            if not onto:
                raise UsageError("--onto needs the name of a branch; autoopt merge --help says what for.")
        elif word.startswith("-") or is_given:
            raise UsageError(f"{word}: merge has no such option; autoopt merge --help lists them.")
        else:
            names.append(word)
    if not names:
        raise UsageError("merge takes the runs to put together; write `autoopt merge RUN RUN ...`.")
    return names, onto


def confirm_once(found: Found, environ: Mapping[str, str]) -> None:
    """Measure a run's gain where something was kept and that was never done."""
    if _is_unconfirmed(found):
        confirm(found, environ, further=False)


def _is_unconfirmed(found: Found) -> bool:
    record = Journal(found.files.journal)
    return _has_kept(found, record) and (record.confirmation is None or record.pending is not None)


def _has_kept(found: Found, record: Journal) -> bool:
    return bool(record.history) and record.incumbent.commit != found.layout.base


def _confirmed(chosen: Sequence[Found], merges: Merges, environ: Mapping[str, str]) -> dict[str, LeftOut]:
    """Have the gain of every run confirmed; those of which it cannot be, or that others went on from.

    Raises:
        BusyError: somebody works on one of the runs.
        ResourceError: the machine lacks something.
    """
    left_out = {}
    for found in filter(_is_unconfirmed, chosen):
        run_id = found.layout.run_id
        if (holder := _holder(found, chosen, merges)) is not None:
            reason = f"{holder} went on from it"
        elif (away := returned.away(found.files.state)) is not None:  # its journal is not ours to write
            reason = f"its gain is not confirmed; it works on {away.host}"
        else:
            try:
                confirm(found, environ, further=False)
                continue
            except (BusyError, ResourceError):
                raise
            except AutooptError as error:
                reason = f"its gain could not be confirmed: {error}"
        left_out[run_id] = LeftOut(run_id=run_id, reasons=(reason,))
    return left_out


def _holder(found: Found, chosen: Sequence[Found], merges: Merges) -> str | None:
    """Another of the runs that has all of a run's result; of several at one commit, all but one have one."""
    tip = _tip(found)
    if not merges.has(tip):
        return None
    others = {other.layout.run_id: _tip(other) for other in chosen if other is not found}
    further = (name for name, at in others.items() if at != tip and merges.has(at) and merges.holds(at, tip))
    here = (one.layout.run_id for one in sorted(chosen, key=_is_unconfirmed) if _tip(one) == tip)
    first = next(here)
    return next(further, None if first == found.layout.run_id else first)


def _tip(found: Found) -> str:
    record = Journal(found.files.journal)
    return record.incumbent.commit if record.history else found.layout.base


@contextmanager
def _workplace(folder: Path, control: Path) -> Iterator[Path]:
    """A directory for checkouts, gone afterwards; what merges that were killed have left goes now."""
    for left in folder.glob(f"{_WORKPLACE}*"):
        if not journal.is_held(left):
            leftovers.end(record for run in left.iterdir() for record in RunFiles(run).running)
            forget(control, left.name.removeprefix(_WORKPLACE))
            remove_whole(left)
    place = Path(mkdtemp(prefix=_WORKPLACE, dir=folder))
    with journal.held(place):
        try:
            yield place
        finally:
            remove_whole(place)


def _merge(
    chosen: Sequence[Found],
    unconfirmed: Mapping[str, LeftOut],
    merges: Merges,
    folder: Path,
    onto: str | None,
    environ: Mapping[str, str],
) -> int:
    candidates, left_out = _candidates(chosen, unconfirmed, merges)
    if onto is not None:
        start = merges.branch(onto)
    else:
        start = start_of(candidates, merges) if candidates else chosen[0].layout.base
    merging = Merging(merges, start, Remeasuring(folder, start, environ, terminal(environ, aside=True)))
    merging.merge(candidates, lambda line: print(line, file=sys.stderr, flush=True))
    result = merging.result
    tips = {found.layout.run_id: _tip(found) for found in chosen if found.layout.run_id in unconfirmed}
    result.left_out = [
        *(replace(one, is_contained=_is_in(tips.get(one.run_id), result, merges)) for one in left_out),
        *result.left_out,
    ]
    branch = None
    if result.merged:
        with gate(folder.parent):
            branch = merges.publish(result.commit)
    _tell(composed.account_of(result, branch, chosen, merges), chosen, environ)
    return 0


def _is_in(tip: str | None, result: Result, merges: Merges) -> bool:
    """Whether the merge has a commit; None stands for a run that kept nothing."""
    return bool(tip and result.merged and merges.has(tip) and merges.holds(result.commit, tip))


def _candidates(
    chosen: Sequence[Found], unconfirmed: Mapping[str, LeftOut], merges: Merges
) -> tuple[list[Candidate], list[LeftOut]]:
    """The runs that have something to merge, and those that have not."""
    candidates, left_out = [], []
    for found in chosen:
        run_id, record = found.layout.run_id, Journal(found.files.journal)
        if run_id in unconfirmed:
            left_out.append(unconfirmed[run_id])
            continue
        reason = _lacks(found, record, merges)
        if record.confirmation is None or reason:
            left_out.append(LeftOut(run_id=run_id, reasons=(reason or "its gain could not be confirmed",)))
            continue
        tip, config = record.incumbent.commit, settings(found)
        candidates.append(
            Candidate(found=found, config=config, record=record, tip=tip, claim=record.confirmation)
        )
    return candidates, left_out


def _lacks(found: Found, record: Journal, merges: Merges) -> str:
    """Why a run has nothing to merge; empty where it has."""
    if not _has_kept(found, record):
        return "nothing was kept"
    tip = record.incumbent.commit
    if not (merges.has(tip) and merges.has(found.layout.base)):
        return f"its commits are not in the repository any more ({tip[:12]} is the one with its result)"
    return ""


def _tell(account: Account, chosen: Sequence[Found], environ: Mapping[str, str]) -> None:
    """Write the report beside that of the run that gained most, and print what is in it."""
    first = next((row.run_id for row in account.rows if row.here is not None), chosen[0].layout.run_id)
    state = next(found.files.state for found in chosen if found.layout.run_id == first)
    path = state / f"merge-{account.commit[:8]}.md"
    account = composed.with_steps(account, path, chosen[0])
    redacted = composed.redactor([keeping.secrets(settings(found), environ).text for found in chosen])
    files.replace(path, redacted(merged.report(account)).encode("utf-8", "replace"))
    console = terminal(environ)
    table = plain_table(merged.COLUMNS)
    for row in account.rows:
        table.add_row(*(Text(redacted(cell)) for cell in merged.cells(row)))
    console.print(table)
    for line in _lines(account, path):
        console.print(Text(redacted(line), style="" if line.startswith(" ") else "bold"), soft_wrap=True)


def _lines(account: Account, path: Path) -> Iterator[str]:
    """What follows on the table; nothing of it is broken, as there are commands to be pasted."""
    yield ""
    if account.branch is None:
        yield "Nothing was merged; no branch was made."
    else:
        yield f"Result, on {account.branch}, compared with {account.start[:12]}"
        yield from (f"  {line}" for line in merged.lines(account))
        yield from (f"  {line}" for line in [account.fit] if line)
        yield ""
        yield "Next"
        yield from (f"  {line}" for line in account.steps)
        yield ""
    yield f"Report: {path}"
