"""Who has ideas, who inspects them, and what they are told: the members of the portfolio by their names."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from autoopt import trust
from autoopt.agents.agent import Agent, check_callable
from autoopt.agents.notebook import Notebook
from autoopt.agents.prompts import Prompts, folders
from autoopt.assemble import confining, searching, sharing
from autoopt.compose import foreign, library
from autoopt.errors import UsageError
from autoopt.guards import constraint
from autoopt.guards.inspector import Inspector
from autoopt.meters.profile import NONE, Profile
from autoopt.places import RunFiles
from autoopt.processes.arms import Arms
from autoopt.processes.walls import Walls
from autoopt.proposers.agent import AgentProposer
from autoopt.proposers.candidates import Candidates
from autoopt.proposers.codemods import Codemods
from autoopt.proposers.linting.deadcode import DeadCode
from autoopt.proposers.linting.ruff import RuffFixes
from autoopt.proposers.linting.ruff_tool import MISSING, program
from autoopt.proposers.patches.combine import Combine
from autoopt.proposers.rewrites import rewrites
from autoopt.proposers.search.addresses import Address
from autoopt.proposers.search.sites import checks
from autoopt.protocols import Guard, Ledger, Proposer
from autoopt.records import Task
from autoopt.schema import Config, ConstraintConfig, GuardConfig, GuardKind, ParameterConfig
from autoopt.scope import Scope
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.repository import discover

READ_PROFILES = frozenset({"agent", "ruff", "codemods", "deadcode"})
"""Members whose ideas depend on where the time goes."""


_HELP = {
    "agent": "choose an agent with agent=NAME",
    "optuna": "list values to search under params",
    "rewrites": "give a command as propose.rewrites=COMMAND",
    "queue": "name patches with propose.queue.patches=DIRECTORY",
}
"""What gives a member that sits out something to go on; for a program that is missing, the reason says it."""
_NOBODY = "name somebody, as in propose.use=[codemods,agent]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the parts of one run stand on.

    Attributes:
        arms: Checkouts that are prepared, for whoever runs commands in them.
        walls: What holds for commands of the recipe, and for tools that are run on copies of files.
        tell: Says what a proposer is doing, given the experiment's number and a few words.
        note: Says what a person should know, given the same.
        asker: Asks the person at the terminal whether a web query is allowed; None when nobody is there.
    """

    config: Config
    files: RunFiles
    workspace: GitWorkspace
    environ: Mapping[str, str]
    arms: Arms
    walls: Walls
    ledger: Ledger
    tell: Callable[[int, str], None]
    note: Callable[[int, str], None]
    asker: Callable[[str], bool] | None


def lineup(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """Every proposer by name, and why it sits out; nothing where it has something to go on."""
    propose = config.propose
    patches = propose.queue.patches is not None or propose.queue.branch is not None
    ruff = "" if program(environ.get("PATH", os.defpath)) else f"ruff {MISSING}"
    return {
        "optuna": "" if config.params or propose.discover else "there are no params",
        "queue": "" if patches else "propose.queue names no patches and no branch",
        "rewrites": "" if propose.rewrites else "propose.rewrites names no command",
        "codemods": "",
        "ruff": ruff,
        "deadcode": ruff,
        "agent": "" if config.agent.command else "no agent is chosen",
        "combine": "",
    }


def check(config: Config, environ: Mapping[str, str]) -> None:
    """Refuse a run in which nobody could have an idea.

    Raises:
        UsageError: naming `propose.use`.
    """
    known = lineup(config, environ)
    for name in config.propose.use:
        if name not in known:
            raise UsageError(f"propose.use: {name!r} is no proposer; there are {', '.join(known)}.")
    wanted = [name for name in config.propose.use if name != "combine"]  # which has no ideas of its own
    if all(known[name] for name in wanted):
        said = "; ".join(f"{name}: {known[name]}" for name in wanted) or "it is empty"
        steps = [_HELP[name] for name in wanted if name in _HELP] if wanted else [_NOBODY]
        advice = f": {', or '.join(steps)}" if steps else ""
        raise UsageError(f"propose.use: nobody could have an idea ({said}){advice}.")
    if not known["optuna"]:
        sharing.check(config, environ)
    for name, parameter in config.params.items():
        checks.kind(name, parameter)
        checks.check(name, parameter)
    for option, agent in (("agent", config.agent), ("inspector", config.inspector)):
        if agent.command is not None and (option == "inspector" or option in config.propose.use):
            check_callable(agent, option, environ)


def described(config: Config, environ: Mapping[str, str]) -> str:
    """Who takes part, and who sits out for want of a program, as a line of the settings."""
    known = lineup(config, environ)
    plays = ", ".join(name for name in config.propose.use if not known[name])
    missing = [name for name in config.propose.use if MISSING in known[name]]
    return f"{plays}; without {' and '.join(missing)}: {known[missing[0]]}" if missing else plays


def members(ground: Ground, parameters: Mapping[str, ParameterConfig]) -> dict[str, Proposer]:
    """The proposers that are to be used and have something to go on, by name.

    Raises:
        UsageError: one of them cannot work here.
    """
    known, wanted = lineup(ground.config, ground.environ), ground.config.propose.use
    playing = [name for name, absence in known.items() if not absence and name in wanted]
    if not parameters and len(playing) > 1:  # `propose.discover` has found none, which stops nobody else
        playing = [name for name in playing if name != "optuna"]
    return {name: _member(name, ground, parameters) for name in playing}


def _member(name: str, ground: Ground, parameters: Mapping[str, ParameterConfig]) -> Proposer:
    config, files, workspace, environ = ground.config, ground.files, ground.workspace, ground.environ
    match name:
        case "optuna":
            return _search(ground, parameters)
        case "queue":
            return _queue(ground)
        case "rewrites":
            assert config.propose.rewrites is not None, "it is a member only with its command"
            return rewrites(config.propose.rewrites, ground.arms, files.rewrites)
        case "codemods":
            return Candidates(Codemods())
        case "ruff":
            fixes = RuffFixes(config.propose.ruff, files.scratch / "ruff", environ, ground.walls)
            fixes.check()
            return Candidates(fixes)
        case "deadcode":
            dead = DeadCode(files.scratch / "deadcode", environ, ground.walls)
            dead.check()
            return Candidates(dead)
        case "agent":
            return _agent(ground)
        case _:
            return Candidates(Combine(workspace.commits))


def _search(ground: Ground, parameters: Mapping[str, ParameterConfig]) -> Proposer:
    config, scope = ground.config, Scope(ground.config.scope, ground.config.off_limits)
    if (at := sharing.address(config, ground.files, ground.environ)) is not None:
        return _shared_search(ground, parameters, at, scope)
    from autoopt.proposers.search.optuna_search import OptunaSearch  # 0.3 s that other runs do without

    search = OptunaSearch(
        parameters, config.propose.optuna, ground.files.study, config.seed, config.metric.env_file
    )
    search.check(ground.workspace.desk, scope)
    return search


def _shared_search(
    ground: Ground, parameters: Mapping[str, ParameterConfig], at: Address, scope: Scope
) -> Proposer:
    from autoopt.proposers.search.shared_search import SharedSearch
    from autoopt.proposers.search.sharing import Sharing

    config, run = ground.config, ground.files.state.name
    which = Sharing(
        study=config.search or run,
        run=run,
        address=at,
        base=ground.workspace.base,
        knows=partial(_knows, ground),
    )
    search = SharedSearch(
        parameters, config.propose.optuna, which, config.seed, config.metric.env_file, ground.note
    )
    search.check(ground.workspace.desk, scope)
    return search


def _knows(ground: Ground, commit: str) -> bool:
    """Whether a commit is in the repository, or comes with what the run's search stands at."""
    commits = ground.workspace.commits
    if commits.has(commit):
        return True
    peers = searching.peers(ground.config, ground.files, ground.workspace, ground.environ)
    return peers is not None and peers.tip() is not None and commits.has(commit)


def _queue(ground: Ground) -> Proposer:
    from autoopt.proposers.patches.queue import PatchQueue  # brings what reads mails and diffs

    queue = ground.config.propose.queue
    patches = (
        None if queue.patches is None else Path(ground.config.repo, queue.patches).expanduser().resolve()
    )
    waiting = PatchQueue(ground.workspace.commits, patches=patches, branch=queue.branch, note=ground.note)
    waiting.check()
    return waiting


def _agent(ground: Ground) -> Proposer:
    config = ground.config
    agent = _ready(
        Agent(
            config.agent,
            ground.files.prompts,
            ground.files.logs / "agent",
            ground.environ,
            ground.ledger,
            walls=_walls(ground),
        ),
        config,
    )
    return AgentProposer(
        agent,
        prompts(config, ground.environ),
        config.propose.agent,
        Notebook(ground.files.ideas),
        tidy=ground.workspace.tidy,
        asker=ground.asker,
        progress=ground.tell,
        note=ground.note,
        reclaim=ground.workspace.reclaim,
        lent=ground.workspace.lent,
    )


def _walls(ground: Ground) -> Walls:
    return confining.for_agents(ground.config, ground.files, ground.workspace.desk, ground.environ)


def _ready(agent: Agent, config: Config) -> Agent:
    limits = config.budget
    agent.check(
        dollars=limits.cost_usd is not None or limits.experiment_cost_usd is not None,
        tokens=limits.tokens is not None or limits.experiment_tokens is not None,
    )
    return agent


def inspectors(ground: Ground) -> Iterator[Guard]:
    """The agent that checks a gain before it is kept, where one is chosen."""
    config = ground.config
    if config.inspector.command is None:
        return
    logs = ground.files.logs / "inspector"
    agent = Agent(
        config.inspector,
        ground.files.prompts,
        logs,
        ground.environ,
        ground.ledger,
        option="inspector",
        walls=_walls(ground),
    )
    yield Inspector(
        _ready(agent, config),
        prompts(config, ground.environ),
        task(config),
        changes=ground.workspace.commits.changes,
    )


def prompts(config: Config, environ: Mapping[str, str]) -> Prompts:
    """The templates, with those of the repository, the user and recipe packs before the shipped ones.

    Raises:
        UsageError: one of them is not right.
        NotTrustedError: one of them is from elsewhere, and nobody has agreed to it.
    """
    repository = discover(Path(config.repo)).root
    trust.require(foreign.prompts_at(repository, environ), repository, environ)
    shelves = library.visible(environ, repository)
    names = (
        [] if config.recipe is None else [recipe.name for recipe in reversed(shelves.lineage(config.recipe))]
    )
    templates = Prompts(folders(repository, environ, [shelf.path for shelf in shelves.shelves]), names)
    templates.check()
    return templates


def task(config: Config) -> Task:
    """What the user asked for, as whoever has ideas is told it."""
    metric = config.metric
    return Task(
        goal=config.goal,
        metric=metric.command,
        unit=metric.unit,
        direction=metric.direction.value,
        constraints=(
            *(_bound(name, bounds) for name, bounds in config.constraints.items()),
            *(_guarded(name, guard) for name, guard in config.guards.items() if guard.command),
        ),
        scope=tuple(config.scope),
        off_limits=tuple(config.off_limits),
        vocabulary=tuple(config.vocabulary),
        simplicity=config.simplicity,
        web_search=config.web_search.value,
    )


_WANTED = {
    GuardKind.command: "must pass",
    GuardKind.rows: "prints the same rows as before",
    GuardKind.inventory: "counts nothing worse than before",
}


def _guarded(name: str, guard: GuardConfig) -> str:
    return f"{name} {_WANTED[guard.kind]}: {guard.command}"


def _bound(name: str, bounds: ConstraintConfig) -> str:
    return f"{name}: {constraint.described(bounds)}"


def profile(ground: Ground, names: Collection[str]) -> Callable[[str], str]:
    """Profiles of commits, where somebody reads them; nobody proposing means that a person does."""
    if names and READ_PROFILES.isdisjoint(names):
        return lambda commit: ""
    return Profile(ground.config.profile, ground.arms, ground.files.profile).of


def with_a_note(profile: Callable[[str], str], note: Callable[[str], None]) -> Callable[[str], str]:
    """The same profiles; the first of them that cannot be made is told a person, who else would not know."""
    told = False

    def noting(commit: str) -> str:
        nonlocal told
        text = profile(commit)
        if text.startswith(NONE) and not told:
            told = True
            note(text.strip("()"))
        return text

    return noting
