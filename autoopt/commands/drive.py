"""Working on a run, new or resumed: lock, loop, report, and the account at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from autoopt import assemble, journal, loop
from autoopt import files as disk
from autoopt.errors import AutooptError
from autoopt.journal import Journal
from autoopt.places import RunFiles
from autoopt.records import Experiment, Status
from autoopt.reporters import markdown
from autoopt.reporters.account import Account
from autoopt.reporters.console import reporter_for
from autoopt.reporters.summary import summary
from autoopt.schema import Config
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.history import diff
from autoopt.workspaces.layout import Layout
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
    reporter = reporter_for(console, config.metric.direction, tuple(record.history))
    parts = assemble.parts(
        config,
        files,
        workspace,
        record,
        reporter,
        partial(_publish, layout=layout),
        environ,
    )
    try:
        loop.run(config, parts, record)
    except (KeyboardInterrupt, AutooptError):
        if record.stopped is not None:
            _tell(config, files, record, layout, console)
        raise
    _tell(config, files, record, layout, console)


def _tell(config: Config, files: RunFiles, record: Journal, layout: Layout, console: Console) -> None:
    account = account_of(config, record, layout, diffs=True)
    disk.replace(files.report, markdown.report(account).encode())
    console.print(summary(account))
    console.print(f"Report: {files.report}", highlight=False, soft_wrap=True)


def _publish(history: Sequence[Experiment], layout: Layout) -> None:
    """Regenerate the table and the log in the repository root, where git does not see them."""
    exclude(Path(layout.control), ["/autoresearch-*.tsv", "/autoresearch-*.log", "/.autoresearch-*.tmp"])
    name = f"autoresearch-{layout.run_id}"
    journal.publish(history, table=Path(layout.root, f"{name}.tsv"), prose=Path(layout.root, f"{name}.log"))


def account_of(config: Config, record: Journal, layout: Layout, *, diffs: bool = False) -> Account:
    """What there is to tell about the run, with the diffs of what was kept if they are wanted."""
    kept = [past for past in record.history if past.status is Status.keep] if diffs else []
    return Account(
        run_id=layout.run_id,
        goal=config.goal,
        unit=config.metric.unit,
        direction=config.metric.direction,
        history=tuple(record.history),
        confirmation=record.confirmation,
        branch=layout.branch,
        base=layout.base,
        reason=record.stopped or "it has not ended",
        desk=layout.desk if Path(layout.desk).is_dir() else None,
        diffs={past.number: diff(Path(layout.control), past.parent, past.commit) for past in kept},
        facts={
            "recipe": config.recipe or "none",
            "metric": config.metric.command,
            "repository": layout.root,
            "scope": ", ".join(config.scope),
        },
    )
