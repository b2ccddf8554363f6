"""What the commands and the agents of a run may write, see and reach on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from autoopt.errors import UsageError
from autoopt.places import RunFiles, state_root
from autoopt.processes import sandbox, turns
from autoopt.processes.environment import clean_environment
from autoopt.processes.surroundings import Surroundings
from autoopt.processes.turns import Turns
from autoopt.processes.walls import Mechanism, Walls
from autoopt.schema import Config, Sandbox
from autoopt.workspaces.repository import discover


def surroundings(
    config: Config,
    files: RunFiles,
    environ: Mapping[str, str],
    env_names: frozenset[str] = frozenset(),
    *,
    online: bool = False,
    queue: Turns | None = None,
) -> Surroundings:
    """What metric and guard commands, and those around them, find beside their checkout.

    Args:
        online: Whether they have a network in a strict sandbox, too.
        queue: The run's turns; None for commands that wait for no other run's.
    """
    walls = for_commands(config, environ)
    return Surroundings(
        config.metric,
        environ,
        files.state.name,
        env_names,
        compiled=files.compiled,
        walls=replace(walls, network=walls.network or online, watched=_watched(config, files, environ)),
        turns=queue,
    )


def turns_of(
    config: Config,
    files: RunFiles,
    environ: Mapping[str, str],
    *,
    timed: Callable[[], bool] = lambda: False,
    complain: Callable[[str], None] = lambda text: None,
) -> Turns:
    """The turns that a run's commands take with those of others on this machine.

    A run that a command of another run has started has that one's turn: it would wait for it for ever.

    Args:
        timed: Whether load shows in its number, as is known now.
        complain: Told when turns cannot be taken here.
    """
    waits = config.turns and turns.WITHIN not in environ
    return Turns(files.state.name, turns.place(environ) if waits else None, timed, complain)


def for_commands(config: Config, environ: Mapping[str, str]) -> Walls:
    """The walls around commands of the recipe, without the directories that each of them has for itself.

    Raises:
        ResourceError: `sandbox=strict` cannot be had on this machine.
        UsageError: `writable` names what is not there, or what no command may write.
    """
    walls = Walls(
        mechanism=_mechanism(config, environ),
        writable=_directories(config, environ),
        hidden=sandbox.credentials(environ),
        network=config.sandbox is not Sandbox.strict,
    )
    if config.sandbox is not Sandbox.strict:
        return walls
    return replace(walls, hidden=(*walls.hidden, *sandbox.home(environ)), read_only=_needed(config, environ))


def for_agents(config: Config, files: RunFiles, desk: Path, environ: Mapping[str, str]) -> Walls:
    """The walls around agents, without the desk and what is each agent's own.

    The state directory holds what no agent should know: the holdout's command, and what others were asked.
    With landlock, which cannot hide sockets, to name them would only hide what appears beside them.
    """
    mechanism, control = _mechanism(config, environ), discover(Path(config.repo)).control
    doors = sandbox.doors(environ) if mechanism.is_bubblewrap else ()
    return Walls(
        mechanism=mechanism,
        hidden=(files.state, *doors),
        read_only=(state_root(environ), desk, desk / ".git", control),
        watched=_watched(config, files, environ),
    )


def told(config: Config, environ: Mapping[str, str]) -> str:
    """What commands can write, read and reach, for a person.

    Raises:
        ResourceError: `sandbox=strict` cannot be had on this machine.
    """
    return sandbox.told(config.sandbox, _mechanism(config, environ), more=bool(config.writable))


def holds(config: Config, environ: Mapping[str, str]) -> bool:
    """Whether commands are kept from anything."""
    return _mechanism(config, environ).holds


def warning(config: Config, environ: Mapping[str, str]) -> str:
    """What a person has to know before a run that is kept from nothing although it should be; else empty."""
    return sandbox.warning(config.sandbox, _mechanism(config, environ))


def _mechanism(config: Config, environ: Mapping[str, str]) -> Mechanism:
    return sandbox.choose(config.sandbox, state_root(environ), environ)


def _needed(config: Config, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """What of a hidden home commands need: tools, autoopt, the repository, and what runs tell of themselves.

    The last because a database that a run has loaded is taken away by others as soon as that run is gone.
    """
    commands = clean_environment(environ, Path("/"), config.metric.env)
    program = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2], Path(sys.executable))
    needed = (*program, discover(Path(config.repo)).root, state_root(environ))
    return sandbox.homes({**environ, **commands, "HOME": environ.get("HOME", "")}, needed)


def _watched(config: Config, files: RunFiles, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The run's records, what is trusted on this machine, and what git takes its orders from."""
    control = discover(Path(config.repo)).control
    settings = (control / name for name in ("config", "config.worktree", "hooks", "info/attributes"))
    trusted = state_root(environ) / "trust.json"
    return (files.journal, files.config, files.parameters, files.study, trusted, *settings)


def _directories(config: Config, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """What the user lets commands write beside their checkout; relative paths count from the repository."""
    if not config.writable:
        return ()
    repository = discover(Path(config.repo))
    found = tuple(
        Path(os.path.normpath(repository.root / Path(name).expanduser())) for name in config.writable
    )
    judges = {"git's own directory": repository.control, "the records of runs": state_root(environ)}
    for place in found:
        if not place.exists():
            raise UsageError(f"writable: {place} is not there; make it, or leave it out.")
        for what, judge in judges.items():
            if _overlap(place.resolve(), judge.resolve()):
                raise UsageError(
                    f"writable: {place} and {what}, {judge}, lie in one another, and no command may write "
                    "that; name only the directories that commands need."
                )
    return found


def _overlap(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
