"""`autoopt start key=value ... [--json]`: a run up to its baseline, for whoever edits in its desk.

Takes what `autoopt recipe=NAME scope=PATH ...` takes and does what that does, up to and including the
baseline. Then it stops: edit in the desk, and `autoopt try` measures and judges what is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from autoopt import compose
from autoopt.commands import sweep
from autoopt.commands.trusting import vet
from autoopt.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from autoopt.journal import Journal
    from autoopt.places import RunFiles
    from autoopt.schema import Config
    from autoopt.workspaces.git import GitWorkspace


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Compose the settings, make the run and measure its baseline."""
    words = [word for word in argv if word != "--json"]
    job = partial(_start, as_json="--json" in argv, environ=environ)
    compose.run(words, environ, job, sweep.Sweep(environ), vet(environ))
    return 0


def _start(config: Config, as_json: bool, environ: Mapping[str, str]) -> None:
    from autoopt.commands.start import start  # completion and --cfg need nothing of it
    from autoopt.commands.telling import terminal
    from autoopt.schema import DeskMode

    if config.workspace.mode is DeskMode.inplace:
        raise UsageError(
            "workspace.mode=inplace: trying edits by hand needs a worktree of the run, as your checkout is "
            "given back in between; leave it out, and edit in the desk that is named."
        )
    if config.search or config.workers > 1:
        raise UsageError(
            "search, workers: a run that is driven try by try stands still in between and follows nobody; "
            "leave them out, and `autoopt merge` puts its result together with others'."
        )
    config.confirm = config.confirm and not as_json
    start(config, environ, partial(_ready, as_json=as_json), terminal(environ, aside=as_json))


def _ready(
    config: Config,
    files: RunFiles,
    workspace: GitWorkspace,
    record: Journal,
    console: Console,
    environ: Mapping[str, str],
    *,
    as_json: bool,
) -> None:
    """Measure the baseline and leave the desk to somebody else."""
    from autoopt import loop
    from autoopt.commands import facts
    from autoopt.commands.drive import assembled, clean_up
    from autoopt.commands.lookup import WAITING, Found
    from autoopt.commands.posting import posted
    from autoopt.commands.progress import Progress
    from autoopt.workspaces.layout import Layout

    layout = Layout.load(files.state)
    with posted(config, files, layout, record, console, environ):
        parts = assembled(config, files, workspace, record, Progress(), console, environ, proposes=False)
        try:
            loop.prepare(config, parts, record)
        finally:
            clean_up(config, files, workspace, console, environ)
        record.stop(WAITING)
    told = facts.of_run(Found(files, layout), config, record, held=True)
    if as_json:
        facts.put(told)
        return
    for line in _lines(told):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def _lines(told: Mapping[str, object]) -> list[str]:
    run = told["run"]
    return [
        f"run {run} is ready: {told['sensitivity']}",
        f"baseline  {told['baseline']:.6g} {told['unit']}".rstrip(),
        f"desk      {told['desk']}",
        "",
        f"Edit files in the desk, then:  autoopt try {run} --hypothesis 'X should improve Y because Z'",
        f"What is known so far:          autoopt brief {run}",
        f"When you are done:             autoopt report {run} --confirm",
    ]
