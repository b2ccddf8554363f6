"""A run's settings as text for the state directory, and back, exactly.

The text is the resolved settings in YAML. It does not go through OmegaConf's own loader, which would read
a command's `${HOME}` as an interpolation and `1e3` as a number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from enum import Enum
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from autoopt import schema
from autoopt.compose import finish, overrides, shape
from autoopt.errors import DamagedStateError


def dump(config: schema.Config) -> str:
    """The settings as YAML, in ASCII: PyYAML does not read every other character back as it wrote it."""
    return yaml.safe_dump(_plain(dataclasses.asdict(config)), sort_keys=False, width=110)


def load(text: str, words: Sequence[str] = ()) -> schema.Config:
    """The settings that `dump` wrote, changed by `key=value` words.

    Raises:
        DamagedStateError: the text is not a run's settings.
        UsageError: a word is no option and value of a run.
    """
    changes = overrides.prepare(words, multirun=False).parsed
    try:
        data = yaml.safe_load(text)
        if not isinstance(data, dict):
            raise DamagedStateError("The run's config.yaml holds no settings; the run cannot be resumed.")
        for change in changes:
            _set(data, change.key_or_group.split("."), change.value())
        for _, line in shape.faults(data):
            raise DamagedStateError(f"The run's config.yaml does not fit this version of autoopt: {line}")
        merged = OmegaConf.merge(OmegaConf.structured(schema.Config), OmegaConf.create(_escaped(data)))
        config = OmegaConf.to_object(merged)
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        reason = str(error).splitlines()[0]
        raise DamagedStateError(f"The run's config.yaml is damaged: {reason}.") from error
    assert isinstance(config, schema.Config)
    if words:
        finish.refuse_odd_numbers(config)
    return config


def _set(data: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        data = data.setdefault(name, {})
    data[path[-1]] = value


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _escaped(value: Any) -> Any:
    """The value with every `${` literal, so that OmegaConf gives it back as it was."""
    if isinstance(value, str):
        return overrides.escaped(value)
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value
