"""Asking whether what a command line chooses is trusted: before Hydra hears of it, and of the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from autoopt.compose import agents, foreign, overrides
from autoopt.compose import library as shelves
from autoopt.trust import Material, Vet

_GROUPS = "recipe/"
"""What the names of groups below the recipe folder begin with."""


def before(
    words: overrides.Overrides,
    library: shelves.Library,
    agent_library: shelves.Library,
    start: Path | None,
    vet: Vet,
) -> None:
    """Ask about what the words choose; nothing was resolved or looked for until now.

    Args:
        start: The directory that `repo=` names, if it is given.
    """
    by_hand = {("agent", "command"), ("inspector", "command")}
    choice = foreign.Choice(
        recipes=words.all_recipes(library.names()),
        parts=words.choices(),
        agents={option: names for option in agents.OPTIONS if (names := words.agents(option))},
        asks=not by_hand.isdisjoint(words.paths()),
        scope=words.scope(),
        directory=None if start is None else str(start),
    )
    root = shelves.top(start or Path.cwd())
    vet(foreign.materials(choice, library, agent_library, root), root)


def composed(choices: Mapping[str, Any], config: DictConfig, environ: Mapping[str, str], vet: Vet) -> None:
    """Ask about what was chosen in the end: flags of Hydra choose, too, and so do its sweepers.

    Args:
        choices: What Hydra took from each config group.
    """
    raw = OmegaConf.to_container(config, resolve=False)
    assert isinstance(raw, dict)
    start = None if raw["repo"] == "." else Path(raw["repo"]).expanduser().absolute()
    parts = [
        (key.removeprefix(_GROUPS).partition("@")[0], value)
        for key, value in choices.items()
        if key.startswith(_GROUPS)
    ]
    chosen = {option: choices.get(group) for option, group in agents.OPTIONS.items()}
    choice = foreign.Choice(
        recipes=[choices["recipe"]] if choices.get("recipe") else [],
        parts=[f"{group}/{name}" for group, value in parts for name in _listed(value)],
        agents={option: [name] for option, name in chosen.items() if isinstance(name, str)},
        scope=[one for one in _listed(raw["scope"]) if not one.startswith("{")],
        directory=None if start is None else str(start),
    )
    root = shelves.top(start or Path.cwd())
    library, agent_library = shelves.visible(environ, start), agents.visible(environ, start)
    vet(foreign.materials(choice, library, agent_library, root), root)


def nobody(materials: Sequence[Material], repository: Path) -> None:
    """Ask nobody: nothing is run where a line is only completed."""


def _listed(value: Any) -> list[str]:
    """One name, several or none, as a list; what is still to be resolved is left out."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str)]
