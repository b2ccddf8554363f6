"""Runs a metric command once, as a run would, and keeps what it left; nothing of it stays on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from autoopt import assemble
from autoopt.assemble import confining, keeping
from autoopt.commands.drive import clean_up
from autoopt.commands.start import needs_of
from autoopt.commands.telling import terminal
from autoopt.init.draft import Ran
from autoopt.meters.extract import Output, details
from autoopt.meters.shell import FIRST_LIMIT_S
from autoopt.places import RunFiles
from autoopt.processes import OUTPUT_CAP, complaint, cut_short, run_together, turns
from autoopt.processes.arms import Arm, Arms
from autoopt.processes.environment import read_regular
from autoopt.records import Failure
from autoopt.schema import Config, Extraction
from autoopt.scope import Scope
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.layout import plan
from autoopt.workspaces.repository import discover

_PREFIX = "autoopt-init-"
_SEARCHED = 1 << 20
"""Bytes of each stream that are shown and searched."""


def rehearse(config: Config, environ: Mapping[str, str], wait: Callable[[str], None]) -> Ran:
    """Run the metric command of the commit that is checked out, in a clean checkout behind a run's walls.

    Args:
        wait: Told for whose turn it waits, where others measure on this machine.

    Raises:
        AutooptError: the checkout cannot be made, or the command not be run.
    """
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as place:
        here = Path(place).resolve()
        with _opened(config, here, environ) as (arms, workspace):
            turns.tell(wait)
            arm = arms.ready(workspace.base)
            if isinstance(arm, Failure):
                return _failed(arm)
            return _ran(config, arms, arm, keeping.secrets(config, environ).text)


@contextmanager
def _opened(config: Config, here: Path, environ: Mapping[str, str]) -> Iterator[tuple[Arms, GitWorkspace]]:
    """What makes checkouts ready, on a bench below `here`."""
    repository = discover(Path(config.repo))
    files = RunFiles(here / here.name.removeprefix("autoopt-"))
    files.state.mkdir()
    needs = needs_of(config, repository, files.state)
    layout = plan(repository, files.state.name, files.state, files.state / "desk", needs)
    setup = assemble.setup(config, files, environ)
    scope = Scope(config.scope, config.off_limits)
    workspace = GitWorkspace.bench_only(layout, files.state, layout.base, setup, scope)
    try:
        queue = confining.turns_of(config, files, environ)
        around = confining.surroundings(config, files, environ, queue=queue)
        yield Arms(config.metric.prepare, workspace, files.logs, around), workspace
    finally:
        clean_up(config, files, workspace, terminal(environ, aside=True), environ)
        workspace.close()


def _ran(config: Config, arms: Arms, arm: Arm, redact: Callable[[str], str]) -> Ran:
    limit_s = config.metric.timeout_s or FIRST_LIMIT_S
    order = arms.order(
        arm, config.metric.command, "sample", limit_s, further={"AUTOOPT_SEED": str(config.seed)}
    )
    with arms.turns.beside():
        done = run_together([order])[0]
    name = config.metric.extract.file
    file = None if name is None else read_regular(order.cwd / name, OUTPUT_CAP)
    output = Output(
        stdout=redact(_text(done.stdout)),
        stderr=redact(_text(done.stderr)),
        file=None if file is None else file.decode("utf-8", "replace"),
        code=done.code,
        wall_s=done.wall_s,
        cpu_s=done.cpu_s,
        peak_bytes=done.peak_bytes,
    )
    is_exit_code = config.metric.extract.kind is Extraction.exit_code
    return _told(output, (cut_short if is_exit_code else complaint)(done) or "")


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_SEARCHED).decode("utf-8", "replace")


def _told(output: Output, problem: str) -> Ran:
    known = {"wall_s": output.wall_s, "cpu_s": output.cpu_s, "peak_mb": output.peak_bytes / 1e6}
    return Ran(output=output, problem=problem, details={**details(output), **known})


def _failed(failure: Failure) -> Ran:
    """What to show of a preparation that failed."""
    output = Output(stdout=failure.tail, stderr="", file=None, code=1, wall_s=0.0, cpu_s=0.0, peak_bytes=0)
    return _told(output, failure.reason)
