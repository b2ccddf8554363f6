"""Recipes and agents as Hydra sees them: the config groups `recipe` and `agent`, served from flat folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from autoopt import schema
from autoopt.compose import agents, beside, complaints, launching, resolvers, strictyaml
from autoopt.compose import library as shelves
from autoopt.errors import UsageError

_GROUP = "recipe"

_SCHEMA = "run_schema"

_PROVIDER = "autoopt "
"""What Hydra's names for our folders begin with."""


class RecipeSource(ConfigSource):
    """`recipes:///directory`: the group `recipe` and its sub-groups live directly in the directory."""

    group = "recipe"

    @staticmethod
    def scheme() -> str:
        """The scheme of recipe folders on the search path."""
        return "recipes"

    def available(self) -> bool:
        """Whether the folder is there."""
        return Path(self.path).is_dir()

    def load_config(self, config_path: str) -> ConfigResult:
        """The recipe, checked against the schema; its keys are the run's own, without a package header."""
        name = self._name(config_path)
        if name is None:
            raise ConfigLoadError(f"{config_path} is not a recipe.")
        recipe = shelves.read(self._file(name), name)
        data = beside.put_in(recipe.document, recipe.data, self._shelf())
        # Hydra wants overrides, an agent's choice among them, last.
        defaults = [_entry(base) for base in sorted(recipe.bases, key=_overrides)]
        content = {"defaults": defaults, **data} if defaults else data
        return ConfigResult(
            provider=self.provider,
            path=f"{self.scheme()}://{self.path}",
            config=_config(recipe.document, content),
            header={"package": "_global_"},
        )

    def is_group(self, config_path: str) -> bool:
        """Whether it is `recipe` or a sub-folder."""
        name = self._name(config_path)
        return name is not None and (Path(self.path) / name).is_dir()

    def is_config(self, config_path: str) -> bool:
        """Whether a file has the name; anything does, so that what is wrong with it can be said."""
        name = self._name(config_path)
        return bool(name) and os.path.lexists(self._file(str(name)))

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Names in the group, for completion and for "available options"."""
        name = self._name(config_path)
        if name is None:
            return [self.group] if config_path == "" and results_filter != ObjectType.CONFIG else []
        wanted = {None: (True, False), ObjectType.GROUP: (True,), ObjectType.CONFIG: (False,)}[results_filter]
        return [found for found, is_group in shelves.entries(Path(self.path) / name) if is_group in wanted]

    def _shelf(self) -> shelves.Shelf:
        """What the folder is to us; where a launcher's own process asks, only Hydra still knows."""
        return shelves.Shelf(label=self.provider.removeprefix(_PROVIDER), path=Path(self.path))

    def _file(self, name: str) -> Path:
        return Path(self.path) / f"{name.removesuffix('.yaml')}.yaml"

    @classmethod
    def _name(cls, config_path: str) -> str | None:
        """The path below the group, empty for the group itself; None for anything else."""
        head, _, rest = config_path.strip("/").partition("/")
        return rest if head == cls.group else None


class AgentSource(RecipeSource):
    """`agents:///directory`: the group `agent` lives directly in the directory."""

    group = "agent"

    @staticmethod
    def scheme() -> str:
        """The scheme of agent folders on the search path."""
        return "agents"

    def load_config(self, config_path: str) -> ConfigResult:
        """The agent, checked against the schema; whether it is agent or inspector is the choice's to say."""
        name = self._name(config_path)
        if name is None:
            raise ConfigLoadError(f"{config_path} is not an agent.")
        document, content = agents.read(self._file(name), name)
        return ConfigResult(
            provider=self.provider,
            path=f"{self.scheme()}://{self.path}",
            config=_config(document, content),
            header={"package": None},
        )


def _config(document: strictyaml.Document, content: dict[str, Any]) -> DictConfig:
    try:
        return OmegaConf.create(content)
    except OmegaConfBaseException as error:  # an interpolation that does not parse
        path, line = complaints.describe(error)
        raise UsageError(f"{document.at(path)}: {line}") from error


def _overrides(base: shelves.Base) -> bool:
    return base.is_agent or base.keyword == "override"


def _entry(base: shelves.Base) -> Any:
    """A defaults entry in Hydra's words: every name from the recipe root, every file for the whole run."""
    if not base.group:
        return base.names[0] if base.names == ("_self_",) else f"/{_GROUP}/{base.names[0]}"
    if base.is_agent:
        return {f"override /{agents.OPTIONS[base.group]}": base.names[0]}
    key = f"{base.keyword} /{_GROUP}/{base.group}@_global_".strip()
    return {key: list(base.names) if len(base.names) > 1 else base.names[0] if base.names else None}


class RecipeSearchPath(SearchPathPlugin):
    """Puts the libraries' shelves on Hydra's search path, in their order."""

    library: shelves.Library = shelves.Library(())
    agents: shelves.Library = shelves.Library(())

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append every shelf; those of agents stand before our own files, which hold agents too."""
        for shelf in reversed(self.agents.shelves):
            search_path.prepend(f"{_PROVIDER}{shelf.label}", f"agents://{shelf.path}")
        for shelf in self.library.shelves:
            search_path.append(f"{_PROVIDER}{shelf.label}", f"recipes://{shelf.path}")


def register_all(
    library: shelves.Library,
    agent_library: shelves.Library,
    recipe: str | None,
    environ: Mapping[str, str],
) -> None:
    """Tell Hydra of the library's recipes, the schema and our resolvers.

    Args:
        library: Where recipes are found from now on.
        agent_library: Where agents are.
        recipe: The one that a single run has chosen, so that `--cfg job` shows its name.
        environ: The user's environment, for detectors.
    """
    RecipeSearchPath.library = library
    RecipeSearchPath.agents = agent_library
    Plugins.instance().register(RecipeSource)
    Plugins.instance().register(AgentSource)
    Plugins.instance().register(RecipeSearchPath)
    launching.register()
    _schema().recipe = recipe
    resolvers.register(environ)


@cache  # half a thousand options are read once in a process
def _schema() -> Any:
    """The schema's node in Hydra's store, which hands out copies."""
    ConfigStore.instance().store(name=_SCHEMA, node=schema.Config())
    return ConfigStore.instance().repo[f"{_SCHEMA}.yaml"].node
