"""A recipe with everything it inherits, as it would stand in one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hydra
import yaml
from omegaconf import OmegaConf

from autoopt import places, schema
from autoopt.compose import agents, source
from autoopt.compose import library as shelves


def settings(name: str, library: shelves.Library, environ: Mapping[str, str]) -> dict[str, Any]:
    """What the recipe sets, with all it builds on; interpolations and `???` stay as they are written.

    Raises:
        UsageError: the recipe is unknown or broken.
    """
    library.lineage(name)
    source.register_all(library, agents.visible(environ), None)
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(places.data_dir("conf"))):
        composed = hydra.compose("config", [f"recipe={name}"])
    plain = OmegaConf.to_container(OmegaConf.structured(schema.Config), resolve=False, enum_to_str=True)
    content = OmegaConf.to_container(composed, resolve=False, enum_to_str=True)
    assert isinstance(plain, dict) and isinstance(content, dict)
    del content["python"]  # the root of the configuration sets it, not the recipe
    return _with_agents_named(content, _beyond(content, plain))


def _with_agents_named(content: Mapping[Any, Any], found: dict[Any, Any]) -> dict[Any, Any]:
    """The settings with an agent's name in the place of its file's content, as a recipe writes it."""
    chosen = {option: content[option]["name"] for option in agents.OPTIONS if content[option]["name"]}
    for option in chosen:
        own = {key: value for key, value in found[option].items() if key in shelves.OF_AN_AGENT}
        found[option] = own
        if not own:
            del found[option]
    defaults = [{option: name} for option, name in chosen.items()]
    return {"defaults": [*defaults, "_self_"], **found} if defaults else found


def as_yaml(content: Mapping[str, Any]) -> str:
    """The settings as a recipe file would have them."""
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=100)


def _beyond(content: Mapping[Any, Any], plain: Mapping[Any, Any]) -> dict[Any, Any]:
    """The part of `content` that differs from the defaults."""
    found: dict[Any, Any] = {}
    for key, value in content.items():
        default = plain.get(key)
        if isinstance(value, dict) and isinstance(default, dict):
            if inner := _beyond(value, default):
                found[key] = inner
        elif value != default or key not in plain:
            found[key] = value
    return found
