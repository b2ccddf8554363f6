"""Opening a run to do one thing with it by hand: its lock, settings, journal, desk and parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from rich.console import Console

from autoopt import assemble, budget
from autoopt.assemble import keeping
from autoopt.commands.drive import assembled, clean_up
from autoopt.commands.fetching import check_here
from autoopt.commands.holding import hold
from autoopt.commands.lookup import Found, settings
from autoopt.commands.progress import Progress
from autoopt.journal import Journal
from autoopt.measure import Parts
from autoopt.schema import Config
from autoopt.scope import Scope
from autoopt.workspaces.git import GitWorkspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A run that this process has to itself, with whatever is edited in its desk."""

    found: Found
    config: Config
    record: Journal
    workspace: GitWorkspace
    parts: Parts

    @property
    def run_id(self) -> str:
        """The run's name."""
        return self.found.layout.run_id


@contextmanager
def opened(
    found: Found, environ: Mapping[str, str], console: Console, words: Sequence[str] = ()
) -> Iterator[Opened]:
    """The run, held until the end of the context; nothing that is edited in its desk is lost.

    Args:
        console: Where complaints go; progress goes to standard error.
        words: Settings given anew, as `key=value`.

    Raises:
        BusyError: another process has it open.
        AutooptError: it cannot be opened.
    """
    check_here(found)
    with hold(found.files):
        config = settings(found, words)
        budget.check(config)
        record = Journal(found.files.journal)
        workspace = GitWorkspace.reopen(
            found.files.state,
            Scope(config.scope, config.off_limits),
            setup=assemble.setup(config, found.files, environ),
            rules=keeping.rules(config, environ),
            keep_edits=True,
        )
        with closing(workspace):
            parts = assembled(
                config, found.files, workspace, record, Progress(), console, environ, proposes=False
            )
            try:
                with keeping.secrets(config, environ).out_of_errors():
                    yield Opened(found=found, config=config, record=record, workspace=workspace, parts=parts)
            finally:
                clean_up(config, found.files, workspace, console, environ)


def take_back(run: Opened) -> None:
    """Finish reverting an experiment whose process was killed after it was decided against it."""
    pending = run.record.pending
    if pending is None or pending.decided is None or pending.decided.status.advances:
        return
    if pending.decided.commit:
        run.workspace.put_back(pending.decided.commit)
