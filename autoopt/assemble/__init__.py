"""From settings to the parts of a loop; the only module that names implementations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from autoopt import files as disk
from autoopt.errors import UsageError
from autoopt.guards.command import CommandGuard
from autoopt.guards.rows import RowsGuard
from autoopt.journal import Journal
from autoopt.judge import Judge
from autoopt.measure import Parts
from autoopt.meters import extract
from autoopt.meters.shell import ShellMeter
from autoopt.places import RunFiles
from autoopt.processes import complaint, run, tail
from autoopt.processes.environment import clean_environment
from autoopt.proposers import discovery
from autoopt.proposers.optuna_search import OptunaSearch
from autoopt.protocols import Guard, Reporter
from autoopt.records import Experiment
from autoopt.schema import Config, GuardKind, ParameterConfig
from autoopt.scope import Scope
from autoopt.workspaces.git import GitWorkspace

SETUP_LIMIT_S = 3600.0
DISCOVER_LIMIT_S = 600.0


def parts(
    config: Config,
    files: RunFiles,
    workspace: GitWorkspace,
    journal: Journal,
    reporter: Reporter,
    publish: Callable[[Sequence[Experiment]], None],
    environ: Mapping[str, str],
) -> Parts:
    """Everything the loop drives, ready to run.

    Raises:
        UsageError: an option cannot work in this repository.
    """
    parameters = {**_discovered(config, files, workspace, environ), **config.params}
    env_names = frozenset(parameter.env for parameter in parameters.values() if parameter.env)
    meter = ShellMeter(config.metric, workspace, files.logs, environ, env_names, _slowest_s(journal))
    search = OptunaSearch(parameters, config.propose.optuna, files.study, config.seed, config.metric.env_file)
    search.check(workspace.desk, Scope(config.scope, config.off_limits))
    return Parts(
        proposer=search,
        workspace=workspace,
        meter=meter,
        guards=tuple(_guards(config, files, workspace, environ, env_names)),
        reporter=reporter,
        judge=Judge(config.verdict, config.metric.direction, config.metric.unit),
        publish=publish,
    )


def check(config: Config) -> None:
    """Refuse what can be seen to be wrong without looking at the repository.

    Raises:
        UsageError: naming the option.
    """
    if not config.params and config.propose.discover is None:
        raise UsageError(
            "params: there are none, so there is nothing to search; list places and their values there, or "
            "name a command that finds some in propose.discover."
        )
    extract.check(config.metric.extract)
    Judge(config.verdict, config.metric.direction, config.metric.unit)


def setup(config: Config, files: RunFiles, environ: Mapping[str, str]) -> Callable[[Path, Path], None] | None:
    """What to run in each new checkout, given its tree and scratch directory; None when nothing."""
    command = config.workspace.setup
    if command is None:
        return None

    def run_setup(tree: Path, scratch: Path) -> None:
        environment = clean_environment(environ, scratch, config.metric.env)
        done = run(command, cwd=tree, env=environment, timeout_s=SETUP_LIMIT_S, logs=files.logs / "setup")
        if problem := complaint(done):
            raise UsageError(f"workspace.setup: {problem}\n{tail(done)}")

    return run_setup


def _guards(
    config: Config,
    files: RunFiles,
    workspace: GitWorkspace,
    environ: Mapping[str, str],
    env_names: Collection[str],
) -> Iterator[Guard]:
    for name, guard in config.guards.items():
        match guard.kind:
            case GuardKind.command:
                yield CommandGuard(
                    name, guard, workspace, environ, files.logs, metric=config.metric, env_names=env_names
                )
            case GuardKind.rows:
                yield RowsGuard(
                    name,
                    guard,
                    workspace,
                    environ,
                    files.logs,
                    workspace.base,
                    metric=config.metric,
                    env_names=env_names,
                )


def _slowest_s(journal: Journal) -> float | None:
    """The slowest execution of the baseline, where it is measured already: it sets the time limit."""
    if not journal.history or journal.history[0].measurement is None:
        return None
    return max(sample.wall_s for sample in journal.history[0].measurement.samples)


def _discovered(
    config: Config, files: RunFiles, workspace: GitWorkspace, environ: Mapping[str, str]
) -> dict[str, ParameterConfig]:
    """What `propose.discover` printed at the base commit; asked once, remembered for a resume."""
    command = config.propose.discover
    if command is None:
        return {}
    if not files.parameters.exists():
        tree, scratch = workspace.checkout(workspace.base), workspace.scratch(workspace.base)
        environment = clean_environment(environ, scratch, config.metric.env)
        done = run(
            command, cwd=tree, env=environment, timeout_s=DISCOVER_LIMIT_S, logs=files.logs / "discover"
        )
        if problem := complaint(done):
            said = tail(done)
            # One of our own instruments has said it in one line already.
            raise UsageError(
                said[9:] if said.startswith("autoopt: ") else f"{discovery.OPTION}: {problem}\n{said}"
            )
        found = done.stdout.read_bytes()
        discovery.parameters(found.decode("utf-8", "replace"))
        disk.replace(files.parameters, found)
    return discovery.parameters(files.parameters.read_text("utf-8", "replace"))
