"""A recipe with everything it inherits, as it would stand in one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hydra
import yaml
from omegaconf import OmegaConf

from autoopt import places, schema
from autoopt.compose import library as shelves
from autoopt.compose import source


def settings(name: str, library: shelves.Library) -> dict[str, Any]:
    """What the recipe sets, with all it builds on; interpolations and `???` stay as they are written.

    Raises:
        UsageError: the recipe is unknown or broken.
    """
    library.lineage(name)
    source.register_all(library, None)
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(places.data_dir("conf"))):
        composed = hydra.compose("config", [f"recipe={name}"])
    plain = OmegaConf.to_container(OmegaConf.structured(schema.Config), resolve=False, enum_to_str=True)
    content = OmegaConf.to_container(composed, resolve=False, enum_to_str=True)
    assert isinstance(plain, dict) and isinstance(content, dict)
    del content["python"]  # the root of the configuration sets it, not the recipe
    return _beyond(content, plain)


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
