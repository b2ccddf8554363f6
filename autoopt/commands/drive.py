"""Working on a run, new or resumed: lock, loop, report, and the account at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from autoopt import assemble, compose, journal, loop
from autoopt import files as disk
from autoopt.assemble import keeping
from autoopt.commands import yours
from autoopt.commands.posting import posted
from autoopt.commands.reporting import full_account
from autoopt.commands.watching import begun, told
from autoopt.errors import AutooptError
from autoopt.journal import Journal
from autoopt.measure import Parts
from autoopt.places import RunFiles
from autoopt.protocols import Reporter
from autoopt.records import Experiment
from autoopt.reporters import html, markdown
from autoopt.reporters.account import Account
from autoopt.reporters.console import LiveReporter, reporter_for
from autoopt.reporters.discreet import Discreet
from autoopt.reporters.summary import summary
from autoopt.schema import Config
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.layout import PROJECTIONS, Layout
from autoopt.workspaces.repository import exclude


def drive(
    config: Config,
    files: RunFiles,
    workspace: GitWorkspace,
    record: Journal,
    console: Console,
    environ: Mapping[str, str],
) -> None:
    """Run the loop to its end and tell what came of it; the caller holds the run's lock.

    Raises:
        AutooptError: the run cannot start or go on.
    """
    layout = Layout.load(files.state)
    with posted(config, files, layout, record, console, environ) as news:
        _drive(config, files, layout, workspace, record, console, environ, news)


def _drive(
    config: Config,
    files: RunFiles,
    layout: Layout,
    workspace: GitWorkspace,
    record: Journal,
    console: Console,
    environ: Mapping[str, str],
    news: Callable[[Sequence[Experiment]], None],
) -> None:
    reporter = reporter_for(console, begun(config, record))
    borrowed = workspace.borrowed(partial(console.print, markup=False, highlight=False, soft_wrap=True))
    with yours.watched(config, console, environ), borrowed:
        parts = assembled(
            config, files, workspace, record, reporter, console, environ, asker=_asker(reporter)
        )
        parts = replace(parts, publish=_both(parts.publish, news))
        try:
            loop.run(config, parts, record)
        except (KeyboardInterrupt, AutooptError):
            if record.stopped is not None:
                with suppress(OSError):  # a closed terminal, a full disk: what ended the run is told
                    _tell(config, files, record, layout, console)
            raise
        finally:
            clean_up(config, files, workspace, console, environ)
    _tell(config, files, record, layout, console)


def _both(
    first: Callable[[Sequence[Experiment]], None], second: Callable[[Sequence[Experiment]], None]
) -> Callable[[Sequence[Experiment]], None]:
    def publish(history: Sequence[Experiment]) -> None:
        first(history)
        second(history)

    return publish


def clean_up(
    config: Config, files: RunFiles, workspace: GitWorkspace, console: Console, environ: Mapping[str, str]
) -> None:
    """Take away what the recipe's commands made outside the checkouts; a failure is told, and no more."""
    journal.unreserve(files.state)
    with suppress(OSError):
        files.now.unlink()
    keeping.secrets(config, environ).below(files.logs)  # a killed process may have left some there
    try:
        problem = assemble.cleanup(config, files, workspace, environ)
    except AutooptError as error:  # whatever ended the run is told, not that nothing can be checked out now
        problem = f"metric.cleanup: {error}"
    if problem is not None:
        with suppress(OSError):
            console.print(
                f"{problem}\nRun it by hand: {config.metric.cleanup}", markup=False, highlight=False
            )


def assembled(
    config: Config,
    files: RunFiles,
    workspace: GitWorkspace,
    record: Journal,
    reporter: Reporter,
    console: Console,
    environ: Mapping[str, str],
    *,
    proposes: bool = True,
    asker: Callable[[str], bool] | None = None,
) -> Parts:
    """The parts of the loop; the settings go on record when every one of them has agreed to them.

    Args:
        proposes: Whether somebody has to have ideas; otherwise they come from outside.
        asker: Asks a person whether a web query is allowed; None when nobody is there.
    """
    journal.reserve(files.state)
    secrets = keeping.secrets(config, environ)
    record.redact = secrets.text
    layout = Layout.load(files.state)
    everybody = told(reporter, config, files, layout, record, console, environ)
    reporter = Discreet(everybody, secrets.text)
    publish = partial(_publish, layout=layout, projections=_projections(record, layout), console=console)
    parts = assemble.parts(
        config, files, workspace, record, reporter, publish, environ, proposes=proposes, asker=asker
    )
    disk.replace(files.config, compose.dump(config).encode())
    return parts


def _asker(reporter: Reporter) -> Callable[[str], bool] | None:
    if not (isinstance(reporter, LiveReporter) and sys.stdin.isatty()):
        return None
    return lambda query: reporter.ask(f"An agent wants to search the web for {query!r}. Let it?")


def write_report(config: Config, files: RunFiles, record: Journal, layout: Layout) -> Account:
    """Write the report as the journal has it now, for reading and for a browser; return what it tells."""
    account = full_account(config, files, record, layout)
    # The journal holds no secrets, but a diff has lines of the user's own around those that changed.
    disk.replace(files.report, record.redact(markdown.report(account)).encode())
    disk.replace(files.page, record.redact(html.report(account)).encode())
    return account


def _tell(config: Config, files: RunFiles, record: Journal, layout: Layout, console: Console) -> None:
    console.print(summary(write_report(config, files, record, layout)))
    if not record.history:
        return  # a start leaves nothing behind then
    console.print(f"Report: {files.report}", highlight=False, soft_wrap=True)
    console.print(f"With pictures: {files.page}", highlight=False, soft_wrap=True)


def _projections(record: Journal, layout: Layout) -> journal.Projections:
    """The table and the log in the repository root, as they were left."""
    name = f"autoresearch-{layout.run_id}"
    made = journal.Projections(Path(layout.root, f"{name}.tsv"), Path(layout.root, f"{name}.log"))
    if (known := record.remember("projections", made.remembered)) is not None:
        made.recall(known[1])
    return made


def publish(record: Journal, layout: Layout, console: Console) -> None:
    """Bring the run's table and log up to its journal, whatever became of them."""
    _publish(tuple(record.history), layout, _projections(record, layout), console)


def _publish(
    history: Sequence[Experiment], layout: Layout, projections: journal.Projections, console: Console
) -> None:
    """Bring the table and the log in the repository root up to date, where git does not see them."""
    try:
        exclude(Path(layout.control), PROJECTIONS)
        projections.publish(history)
    except OSError as error:  # only copies for people: the journal has everything
        console.print(
            f"autoresearch-{layout.run_id}.tsv and .log cannot be written: {error}; "
            "`autoopt show` has it all.",
            markup=False,
        )
