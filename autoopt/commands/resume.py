"""`autoopt resume RUN [key=value ...]`: go on where a run stopped or was cut short."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from autoopt import assemble, budget, journal
from autoopt.assemble import keeping
from autoopt.commands import overlap, room, trusting
from autoopt.commands.drive import drive, publish
from autoopt.commands.fetching import check_here
from autoopt.commands.holding import hold
from autoopt.commands.lookup import WAITING, Found, cut_short, find, recorded, runs, settings
from autoopt.commands.posting import posted
from autoopt.commands.start import start
from autoopt.commands.telling import account_of, terminal
from autoopt.compose import library as shelves
from autoopt.errors import UsageError
from autoopt.journal import Journal
from autoopt.places import RunFiles
from autoopt.reporters.summary import summary
from autoopt.schema import Config
from autoopt.scope import Scope
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.repository import discover


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Go on with a run; budgets and thresholds may be given anew."""
    names = [word for word in argv if "=" not in word] or ["last"]
    overrides = [word for word in argv if "=" in word]
    if len(names) > 1:
        raise UsageError(f"resume takes one run, not {len(names)}; write `autoopt resume RUN key=value`.")
    known = runs(environ, Path.cwd())
    if (unmade := _unmade(names[0], known, environ)) is not None:
        _make(unmade, overrides, environ)
        return 0
    found = find(known, names[0])
    check_here(found)
    files, console = found.files, terminal(environ)
    with hold(files):
        config = settings(found, overrides)
        budget.check(config)
        record = Journal(files.journal)
        if finished(config, record):
            console.print(f"{found.layout.run_id} is already finished.", highlight=False)
            console.print(summary(account_of(config, record, found.layout)))
            publish(record, found.layout, console)  # a power loss may have taken the end of them
            with posted(config, files, found.layout, record, console, environ):
                pass  # nor may all of it have been sent
            return 0
        trusting.check(config, Path(found.layout.root), environ)
        _check_overlap(found, config, environ)
        room.check_resume(config, Path(found.layout.root), Path(found.layout.control), files.state)
        workspace = GitWorkspace.reopen(
            files.state,
            Scope(config.scope, config.off_limits),
            setup=assemble.setup(config, files, environ),
            rules=keeping.rules(config, environ),
        )
        with closing(workspace), keeping.secrets(config, environ).out_of_errors():
            for line in _left_behind(record, workspace):
                console.print(line, highlight=False, soft_wrap=True)
            drive(config, files, workspace, record, console, environ)
    return 0


def _unmade(name: str, known: Sequence[Found], environ: Mapping[str, str]) -> RunFiles | None:
    """The run that is meant, if a kill kept it from being made."""
    found = cut_short(environ, Path.cwd())
    if name == "last" and found:
        later = all(run.files.config.stat().st_mtime < found[-1].config.stat().st_mtime for run in known)
        return found[-1] if later or known[-1].files == found[-1] else None
    return next((run for run in found if run.state.name == name), None)


def _make(files: RunFiles, words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Start the run from its settings, in place of what there is of it."""
    config = recorded(files, words)
    config.run_id, config.repo = files.state.name, str(Path.cwd())
    trusting.check(config, shelves.top(Path.cwd()), environ)
    start(config, environ)


def _check_overlap(found: Found, config: Config, environ: Mapping[str, str]) -> None:
    """See that no live run edits the same files."""
    repository = discover(Path(found.layout.root))
    with overlap.gate(found.files.state.parent):
        overlap.check_start(config, repository, environ, found.layout.run_id)


def _left_behind(record: Journal, workspace: GitWorkspace) -> Iterator[str]:
    """Where to find what was in the desk and is not any more."""
    pending = record.pending
    if pending is not None and pending.decided is None and (commit := workspace.commit_of(pending.number)):
        yield f"Experiment {pending.number} was interrupted; its edits are in commit {commit[:12]}."
    if workspace.set_aside is not None:
        yield f"The desk held edits that belong to no experiment; they are in {workspace.set_aside}."


def finished(config: Config, record: Journal) -> bool:
    """Whether the budget leaves nothing to do and the end was told."""
    spent = budget.spent(config.budget, config.metric, record.history, record.elapsed_s)
    # An interrupt may have cut the final comparison short, and tries are not followed by one.
    ended = not journal.was_cut_short(record.stopped) and record.stopped != WAITING
    return bool(record.history) and spent is not None and ended and record.pending is None
