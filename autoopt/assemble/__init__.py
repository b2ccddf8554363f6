"""From settings to the parts of a loop; the only place that names implementations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from autoopt import budget
from autoopt import files as disk
from autoopt.assemble import confining, proposing, searching
from autoopt.assemble.proposing import Ground, described, prompts
from autoopt.detect.installs import editable_sources
from autoopt.errors import UsageError
from autoopt.guards import clocks, constraint, minimal, suspicions, traces
from autoopt.guards.command import CommandGuard
from autoopt.guards.inventory import InventoryGuard
from autoopt.guards.rows import RowsGuard
from autoopt.guards.simplicity import Simplicity
from autoopt.guards.starting import Starting
from autoopt.interop import known
from autoopt.journal import Journal
from autoopt.judge import Judge
from autoopt.measure import Parts, final, is_timed, start
from autoopt.meters import extract
from autoopt.meters.shell import ShellMeter, check_processors
from autoopt.places import RunFiles
from autoopt.processes import complaint, failure, machine, tail
from autoopt.processes.arms import Arms
from autoopt.processes.turns import Turns
from autoopt.proposers.portfolio import Portfolio
from autoopt.proposers.search import discovery
from autoopt.protocols import Bound, Guard, Proposer, Reporter
from autoopt.records import Experiment
from autoopt.records.traces import Traces
from autoopt.reporters import parts as breakdowns
from autoopt.schema import Config, GuardKind, ParameterConfig
from autoopt.scope import Scope
from autoopt.workspaces.git import GitWorkspace

__all__ = [
    "check",
    "check_proposers",
    "cleanup",
    "commands",
    "described",
    "parts",
    "prompts",
    "setup",
    "told_before",
]

SETUP_LIMIT_S = 3600.0
DISCOVER_LIMIT_S = 600.0
CLEANUP_LIMIT_S = 600.0


def parts(
    config: Config,
    files: RunFiles,
    workspace: GitWorkspace,
    journal: Journal,
    reporter: Reporter,
    publish: Callable[[Sequence[Experiment]], None],
    environ: Mapping[str, str],
    *,
    proposes: bool = True,
    asker: Callable[[str], bool] | None = None,
) -> Parts:
    """Everything the loop drives, ready to run.

    Args:
        proposes: Whether somebody is to have ideas; else whatever is edited in the desk is all there is.
        asker: Asks the person at the terminal whether a web query is allowed; None when nobody is there.

    Raises:
        UsageError: an option cannot work in this repository.
    """
    check(config)  # a resume may have been given other settings
    parameters = _parameters(config, files, workspace, environ, proposes)
    turns = _turns(config, files, environ, journal, reporter)
    ground = Ground(
        config=config,
        files=files,
        workspace=workspace,
        environ=environ,
        arms=_arms(config, files, workspace, environ, parameters, turns),
        walls=confining.for_commands(config, environ),
        ledger=_ledger(config, journal, reporter),
        tell=partial(_tell, reporter),
        note=reporter.on_note,
        asker=asker,
    )
    return _parts(ground, parameters, journal, reporter, publish, proposes)


def _parts(
    ground: Ground,
    parameters: Mapping[str, ParameterConfig],
    journal: Journal,
    reporter: Reporter,
    publish: Callable[[Sequence[Experiment]], None],
    proposes: bool,
) -> Parts:
    config, workspace = ground.config, ground.workspace
    members = proposing.members(ground, parameters) if proposes else {}
    # Before all other guards: they cost nothing, as their numbers are measured already.
    bounds: tuple[Bound, ...] = (
        *(constraint.Constraint(name, bound) for name, bound in config.constraints.items()),
        *_clocks(ground),
    )
    return Parts(
        proposer=_portfolio(ground, members, journal),
        workspace=workspace,
        meter=ShellMeter(config.metric, ground.arms, _slowest_s(config, journal)),
        guards=(
            *bounds,
            *_traces(ground),
            *_readers(ground),
            *_guards(ground),
            *proposing.inspectors(ground),
        ),
        bounds=bounds,
        reporter=reporter,
        judge=_judge(config),
        holdout=_holdout(ground),
        installed=partial(editable_sources, workspace.root, commands(config), ground.environ),
        peers=searching.peers(config, ground.files, workspace, ground.environ),
        turns=ground.arms.turns,
        ready=ground.arms.ready,
        publish=publish,
        claims=known.of_run(ground.files.known, told_before(config, workspace.root)).claims,
        task=proposing.task(config),
        profile=proposing.with_a_note(
            proposing.profile(ground, members), lambda text: reporter.on_note(journal.next_number, text)
        ),
    )


def told_before(config: Config, root: Path) -> Path | None:
    """The file of what was tried before, in a repository; None where the settings name none."""
    return None if config.propose.known is None else root / config.propose.known


def _portfolio(ground: Ground, members: Mapping[str, Proposer], journal: Journal) -> Portfolio:
    """All of them, as they were when a long journal was last left."""
    config = ground.config
    made = Portfolio(members, config.budget, config.seed, ground.workspace.tidy, ground.note)
    if (known := journal.remember("portfolio", lambda: made.remembered(journal.history))) is not None:
        made.recall(journal.history[: known[0]], known[1])
    return made


def _parameters(
    config: Config, files: RunFiles, workspace: GitWorkspace, environ: Mapping[str, str], proposes: bool
) -> dict[str, ParameterConfig]:
    """Those of the recipe, tried first, and what its command finds, where somebody needs to know."""
    wanted = proposes or config.metric.env_file is not None  # which variables reach the commands
    found = _discovered(config, files, workspace, environ) if wanted else {}
    return {**config.params, **{name: param for name, param in found.items() if name not in config.params}}


def _arms(
    config: Config,
    files: RunFiles,
    workspace: GitWorkspace,
    environ: Mapping[str, str],
    parameters: Mapping[str, ParameterConfig],
    turns: Turns,
) -> Arms:
    env_names = frozenset(parameter.env for parameter in parameters.values() if parameter.env)
    surroundings = confining.surroundings(config, files, environ, env_names, queue=turns)
    return Arms(config.metric.prepare, workspace, files.logs, surroundings)


def _turns(
    config: Config, files: RunFiles, environ: Mapping[str, str], journal: Journal, reporter: Reporter
) -> Turns:
    return confining.turns_of(
        config,
        files,
        environ,
        timed=partial(is_timed, config, journal),
        complain=lambda text: reporter.on_note(journal.next_number, text),
    )


def _ledger(config: Config, journal: Journal, reporter: Reporter) -> budget.Ledger:
    return budget.Ledger(
        config.budget,
        journal.calls,
        journal.spent,
        reporter.on_call,
        unanswered=journal.unanswered,
        ask=journal.asked,
    )


def _tell(reporter: Reporter, number: int, detail: str) -> None:
    reporter.on_stage(number, "ask", detail)


def check(config: Config) -> None:
    """Refuse what can be seen to be wrong without looking at the repository.

    Raises:
        UsageError: naming the option.
    """
    extract.check(config.metric.extract)
    if config.metric.duet:
        check_processors()
    _judge(config)
    start.check(config)
    final.check(config.final)
    if config.final.holdout.command is not None:
        extract.check(final.extraction(config.final.holdout, config.metric.extract), "final.holdout")
    for name, bounds in config.constraints.items():
        constraint.check(name, bounds)
    breakdowns.check(config.report.breakdown)
    suspicions.check(config.suspicions.ignore)
    searching.check(config)


def _judge(config: Config) -> Judge:
    metric = config.metric
    return Judge(config.verdict, metric.direction, metric.unit, metric.test_share)


def _holdout(ground: Ground) -> ShellMeter | None:
    """The meter of the number that nobody optimizes."""
    config, holdout = ground.config, ground.config.final.holdout
    if holdout.command is None:
        return None
    metric = replace(
        config.metric,
        command=holdout.command,
        extract=final.extraction(holdout, config.metric.extract),
        timeout_s=holdout.timeout_s,
    )
    return ShellMeter(metric, ground.arms, None)


def check_proposers(config: Config, environ: Mapping[str, str]) -> None:
    """Refuse a run in which nobody could have an idea.

    Raises:
        UsageError: naming `propose.use`, or the option of the one who cannot.
    """
    proposing.check(config, environ)


def commands(config: Config) -> tuple[str, ...]:
    """The run's shell commands, which may name data that no commit holds."""
    found = [
        config.metric.prepare,
        config.metric.command,
        config.profile.command,
        config.final.holdout.command,
    ]
    found += [guard.command for guard in config.guards.values()]
    return tuple(command for command in found if command is not None)


def setup(config: Config, files: RunFiles, environ: Mapping[str, str]) -> Callable[[Path, Path], None] | None:
    """What to run in each new checkout, given its tree and scratch directory; None when nothing."""
    command = config.workspace.setup
    if command is None:
        return None

    def run_setup(tree: Path, scratch: Path) -> None:
        queue = confining.turns_of(config, files, environ)
        around = confining.surroundings(config, files, environ, online=True, queue=queue)  # it installs
        done = around.run(command, tree, scratch, timeout_s=SETUP_LIMIT_S, logs=files.logs / "setup")
        if problem := complaint(done):
            raise UsageError(f"workspace.setup: {problem}\n{tail(done)}")

    return run_setup


def cleanup(
    config: Config, files: RunFiles, workspace: GitWorkspace, environ: Mapping[str, str]
) -> str | None:
    """Run `metric.cleanup` in a checkout of the base commit; what went wrong, for a person."""
    command = config.metric.cleanup
    if command is None:
        return None
    tree, scratch = workspace.checkout(workspace.base), workspace.scratch(workspace.base)
    around = confining.surroundings(config, files, environ)  # no turn: a run that ends waits for nobody
    done = around.run(command, tree, scratch, timeout_s=CLEANUP_LIMIT_S, logs=files.logs / "cleanup")
    problem = complaint(done)
    return None if problem is None else f"metric.cleanup: {problem}\n{tail(done)}".rstrip()


def _readers(ground: Ground) -> Iterator[Guard]:
    """The guards that read a change's diff and run nothing."""
    config, changes = ground.config, ground.workspace.commits.changes
    ignored, scope = config.suspicions.ignore, Scope(config.scope, config.off_limits)
    known = suspicions.judging_of(config, commands(config), scope.contains)
    yield suspicions.Suspicions(changes, known, ignored)
    yield Simplicity(changes, config.line_gain)
    suspects = minimal.NAME not in ignored and not known.is_size
    yield minimal.Minimal(changes, is_run=known.is_run, suspects=suspects)


def _guards(ground: Ground) -> Iterator[Guard]:
    """The commands that inspect a change."""
    config, arms, base = ground.config, ground.arms, ground.workspace.base
    for name, guard in config.guards.items():
        if guard.command is None:
            continue
        match guard.kind:
            case GuardKind.command:
                yield CommandGuard(name, guard, guard.command, arms)
            case GuardKind.rows:
                yield RowsGuard(name, guard, guard.command, arms, base)
            case GuardKind.inventory:
                yield InventoryGuard(name, guard, guard.command, arms, base)


def _clocks(ground: Ground) -> Iterator[clocks.ClockGuard]:
    """The guard that holds printed times against the clocks outside."""
    metric, ignored = ground.config.metric, ground.config.suspicions.ignore
    if clocks.GUARD not in ignored:
        yield clocks.ClockGuard(metric, Starting(metric.command, ground.arms))


def _traces(ground: Ground) -> Iterator[traces.TracesGuard]:
    """The guard that looks at what runs leave behind; before any guard's own commands do."""
    workspace = ground.workspace
    if traces.GUARD not in ground.config.suspicions.ignore:
        yield traces.TracesGuard(partial(_left, workspace), workspace.commits.content)


def _left(workspace: GitWorkspace, commit: str) -> Traces:
    """What the commit's commands left; the last one's is only known once the checkout is put back."""
    workspace.checkout(commit)
    return workspace.traces(commit)


def _slowest_s(config: Config, journal: Journal) -> float | None:
    """The slowest execution where the incumbent was measured alone: it sets the time limit.

    None where that is still to be done, on this machine or by this command.
    """
    measured = [past.measurement for past in journal.history[:1]]
    measured += [restart.measurement for restart in journal.restarts]
    known = measured[-1] if measured else None
    if known is None or journal.conditions not in ({}, machine.conditions(config.metric)):
        return None
    return max(sample.wall_s for sample in known.samples)


def _discovered(
    config: Config, files: RunFiles, workspace: GitWorkspace, environ: Mapping[str, str]
) -> dict[str, ParameterConfig]:
    """What `propose.discover` printed at the base commit; asked once, remembered for a resume."""
    command = config.propose.discover
    if command is None:
        return {}
    if not files.parameters.exists():
        tree, scratch = workspace.checkout(workspace.base), workspace.scratch(workspace.base)
        queue = confining.turns_of(config, files, environ)
        around = confining.surroundings(config, files, environ, queue=queue)
        done = around.run(command, tree, scratch, timeout_s=DISCOVER_LIMIT_S, logs=files.logs / "discover")
        if problem := complaint(done):
            raise UsageError(failure(done, problem).told(f"{discovery.OPTION}: {problem}"))
        found = done.stdout.read_bytes()
        discovery.parameters(found.decode("utf-8", "replace"))
        disk.replace(files.parameters, found)
    return discovery.parameters(files.parameters.read_text("utf-8", "replace"))
