"""`autoopt show RUN N --keep REASON`: a person overrules the suspicion that kept a change from being kept.

The change is made again on the present incumbent, as an experiment of its own. It is measured afresh, and
every guard looks at it again; what is waived is the suspicions of the guards that had them, nothing else.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from rich.console import Console

from autoopt import journal, loop, measure, merging
from autoopt.commands.drive import write_report
from autoopt.commands.lookup import WAITING, Found
from autoopt.commands.opening import Opened, opened, take_back
from autoopt.commands.telling import terminal
from autoopt.errors import AutooptError, NothingChangedError, UsageError
from autoopt.journal import Journal
from autoopt.measure import Stages
from autoopt.records import Confirmation, Experiment, Omission, Overrule, Proposal, Status
from autoopt.reporters import words
from autoopt.reporters.tables import experiment_line

SOURCE = "overruled"
"""Who has the idea of an experiment that a person wants tried again."""


def overrule(
    found: Found, environ: Mapping[str, str], number: int, reason: str, *, aside: bool = False
) -> Experiment:
    """Try a suspect change again with its suspicions waived, and tell what became of it.

    Args:
        aside: Whether standard output is for a program to read.

    Raises:
        BusyError: the run is being worked on.
        UsageError: the experiment is not suspect, or nobody gives a reason.
        AutooptError: the change cannot be made again, or not be measured.
    """
    console = terminal(environ, aside=aside)
    suspect = waiting(Journal(found.files.journal), number)
    reason = words.one_line(reason) or _asked(suspect, console)
    with opened(found, environ, console) as run, _lent(run, console):
        suspect = waiting(run.record, number)
        decided = _tried(run, suspect, _word(suspect, reason))
        write_report(run.config, found.files, run.record, found.layout)
        _tell(run, suspect, decided, console)
    return decided


def waiting(record: Journal, number: int) -> Experiment:
    """The experiment, where a suspicion is all that stands against it.

    Raises:
        UsageError: it is not there, or there is nothing to overrule.
    """
    found = next((past for past in record.history if past.number == number), None)
    if found is None:
        raise UsageError(f"{number}: no such experiment; `autoopt show` lists them.")
    if found.suspicions:
        return found
    against = next((one.guard for one in found.findings if not one.passed), "")
    why = f"{against} refused it, which is no suspicion" if against else f"its status is {found.status}"
    raise UsageError(
        f"experiment {number}: {why}, so there is nothing to overrule; only a suspect can be kept so."
    )


def _asked(suspect: Experiment, console: Console) -> str:
    """The reason, as the person at the terminal gives it.

    Raises:
        UsageError: there is none.
    """
    said = ""
    if sys.stdin.isatty() and console.is_terminal:
        for finding in suspect.suspicions:
            console.print(words.objection(finding), highlight=False, markup=False, soft_wrap=True)
        try:
            said = words.one_line(console.input("Keep it all the same? Why (nothing leaves it out): "))
        except EOFError:  # Ctrl-D
            said = ""
    if not said:
        raise UsageError(
            "--keep: there is no reason; write why the suspicion is wrong, as in `autoopt show RUN "
            f'{suspect.number} --keep "the table is the algorithm\'s own"`. Nothing was done.'
        )
    return said


def _word(suspect: Experiment, reason: str) -> Overrule:
    return Overrule(
        number=suspect.number,
        guards=tuple(dict.fromkeys(finding.guard for finding in suspect.suspicions)),
        reason=reason,
        by=_who(),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        about=tuple(finding.about for finding in suspect.suspicions),
    )


def _who() -> str:
    """The account of this process; what the environment says could be anybody's word."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


@contextmanager
def _lent(run: Opened, console: Console) -> Iterator[None]:
    """The desk for this experiment, with nothing edited in it before and after.

    Raises:
        UsageError: somebody has edited there.
    """
    with run.workspace.borrowed(partial(console.print, markup=False, highlight=False, soft_wrap=True)):
        if edited := run.workspace.edited():
            raise UsageError(
                f"{run.workspace.desk}: {edited[0]} is edited there, and would be measured with the change; "
                "`autoopt try` it, or take it away, then overrule again."
            )
        try:
            yield
        except BaseException:
            run.workspace.tidy()
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """How the run ended, and what it claims; both hold again where the change is not kept."""

    reason: str
    confirmation: Confirmation | None
    holdout: Confirmation | None
    omissions: tuple[Omission, ...]

    @classmethod
    def of(cls, record: Journal) -> _End:
        return cls(
            reason=record.stopped or journal.INTERRUPTED,
            confirmation=record.confirmation,
            holdout=record.holdout,
            omissions=tuple(record.omissions),
        )

    def again(self, record: Journal) -> None:
        """Put the claims on record again: they are about a commit that is still the final one."""
        if self.confirmation is not None:
            record.confirmed(self.confirmation)
        if self.holdout is not None:
            record.held_out(self.holdout)
        for omission in self.omissions:
            record.omitted(omission)


def _tried(run: Opened, suspect: Experiment, said: Overrule) -> Experiment:
    """Make the experiment; the run ends as it had ended, with a claim where it had one."""
    config, parts, record = run.config, run.parts, run.record
    reason = _End.of(record).reason
    try:
        take_back(run)
        loop.prepare(config, parts, record)
        loop.check_branch(parts, record)
        end = _End.of(record)  # without its claims where another machine measures now
        proposal = _proposal(run, suspect, said)
        decided = loop.attempt(config, parts, record, proposal, Stages(parts.reporter, record.next_number))
        if decided.status is not Status.keep:
            end.again(record)
        elif end.confirmation is not None or _is_finished(reason):
            measure.confirm(config, parts, record)
    except (KeyboardInterrupt, AutooptError):
        record.stop(reason if record.pending is None else journal.INTERRUPTED)
        raise
    record.stop(reason)
    return decided


def _is_finished(reason: str) -> bool:
    """Whether a run that ended so makes its claim by itself; tries are not followed by one."""
    return not journal.was_cut_short(reason) and reason != WAITING


def _proposal(run: Opened, suspect: Experiment, said: Overrule) -> Proposal:
    """The same change on the incumbent as it is now.

    Raises:
        UsageError: the incumbent has other things in its place.
        NothingChangedError: the incumbent has it already.
    """
    commits, incumbent = run.workspace.commits, run.workspace.incumbent
    changes = commits.changes(suspect.parent, suspect.commit)
    edits = merging.carry(changes, lambda path: commits.content(incumbent, path))
    if isinstance(edits, merging.Conflict):
        raise UsageError(
            f"{suspect.number}: cannot be made again on what was kept since: {edits}; make it by hand in "
            f"{run.workspace.desk} and `autoopt try` it."
        )
    if not edits:
        raise NothingChangedError(
            f"experiment {suspect.number}: what was kept since has the same change already."
        )
    return Proposal(
        description=suspect.description,
        hypothesis=suspect.hypothesis,
        area=suspect.area,
        source=SOURCE,
        edits=edits,
        simplifies=suspect.simplifies,
        overrule=said,
    )


def _tell(run: Opened, suspect: Experiment, decided: Experiment, console: Console) -> None:
    lines = [experiment_line(decided, run.config.metric.unit).plain]
    if decided.status is Status.keep:
        lines.append(
            f"kept by your word: #{suspect.number} made again and measured afresh as #{decided.number}"
        )
    else:
        lines.append(f"not kept: #{suspect.number} made again and measured afresh is #{decided.number} above")
    lines.append(f"the diff, every sample:  autoopt show {run.run_id} {decided.number}")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
