"""A recipe with everything it inherits, as it would stand in one file, and where each value is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from autoopt import places, schema
from autoopt.compose import (
    agents,
    complaints,
    finish,
    hydra_run,
    overrides,
    own_options,
    resolving,
    shape,
    source,
)
from autoopt.compose import library as shelves
from autoopt.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A recipe's settings.

    Attributes:
        content: What differs from the defaults, resolved as far as it is known.
        notes: By an option's path, what there is to say about its value.
        lineage: The recipe and all it builds on, most basic first, each with its file.
    """

    content: dict[str, Any]
    notes: Mapping[shape.Path, str]
    lineage: tuple[tuple[str, FilePath], ...]


def preview(name: str, words: Sequence[str], library: shelves.Library, environ: Mapping[str, str]) -> Preview:
    """What the recipe sets here, with all it builds on and with `key=value` words given.

    What only a scope or an option can tell stays as the interpolation it is written as.

    Raises:
        UsageError: the recipe is unknown or broken, or a word is no option and value of it.
    """
    given = overrides.prepare([f"recipe={name}", *words], multirun=False)
    composed = _composed(given, library, environ)
    lineage = [one for chosen in (name, *given.choices()) for one in library.lineage(chosen)]
    content = _beyond_defaults(composed, given)
    raw = OmegaConf.to_container(composed, resolve=False)
    assert isinstance(raw, dict)
    if raw.get("scope") is None:
        OmegaConf.update(composed, "scope", schema.MISSING)  # so that nothing takes it for an empty one
    OmegaConf.clear_cache(composed)  # merging recipes has asked detectors with half of the settings
    own_options.refuse_odd(raw)
    origins = _Origins(lineage, given.paths(), finish.detected(raw))
    notes: dict[shape.Path, str] = {}
    for path, value in _leaves(content):
        if not (origin := origins.of(path, value)):
            _drop(content, path)  # a default inside an entry that somebody named
            continue
        known = resolving.known(composed, value)
        _put(content, path, known.value)
        notes[path] = "; ".join([origin, *_said(known, path, origins)])
    for _, line in shape.faults({key: value for key, value in content.items() if key != "defaults"}):
        raise UsageError(line)
    files = tuple((one.name, one.document.path) for one in lineage)
    return Preview(content=content, notes=notes, lineage=files)


def _composed(given: overrides.Overrides, library: shelves.Library, environ: Mapping[str, str]) -> DictConfig:
    agent_library = agents.visible(environ)
    first = hydra_run.check(given, library, agent_library)
    source.register_all(library, agent_library, None, environ)
    try:
        with hydra.initialize_config_dir(version_base="1.3", config_dir=str(places.data_dir("conf"))):
            return hydra.compose("config", [*first, *given.words])
    except (HydraException, OmegaConfBaseException, ValueError, RecursionError) as error:
        raise complaints.translate(error) from error


def _beyond_defaults(composed: DictConfig, given: overrides.Overrides) -> dict[str, Any]:
    """The settings that somebody has made, as a recipe would write them."""
    plain = OmegaConf.to_container(OmegaConf.structured(schema.Config), resolve=False, enum_to_str=True)
    content = OmegaConf.to_container(composed, resolve=False, enum_to_str=True)
    assert isinstance(plain, dict) and isinstance(content, dict)
    if ("python",) not in given.paths():
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


def _leaves(content: Mapping[str, Any], path: shape.Path = ()) -> list[tuple[shape.Path, Any]]:
    """Every value that is no group of further ones; the choice of agents is none."""
    found: list[tuple[shape.Path, Any]] = []
    for key, value in content.items():
        if isinstance(value, dict) and value:
            found += _leaves(value, (*path, str(key)))
        elif (*path, key) != ("defaults",):
            found.append(((*path, str(key)), value))
    return found


def _put(content: dict[str, Any], path: shape.Path, value: Any) -> None:
    for key in path[:-1]:
        content = content[key]
    content[path[-1]] = value


def _drop(content: dict[str, Any], path: shape.Path) -> None:
    for key in path[:-1]:
        content = content[key]
    del content[path[-1]]


def _said(known: resolving.Known, path: shape.Path, origins: _Origins) -> list[str]:
    """What is to be said of a value besides its origin."""
    if known.value == schema.MISSING:
        return ["required"]
    found = [f"known with {' and '.join(known.missing)}"] if known.missing else []
    if known.refused:
        found.append(f"not found here: {known.refused}")
    elif path in origins.detected and not known.missing:
        found.append("detected" if known.value is not None else "none found here")
    return found


class _Origins:
    """Which recipe, or the command line, a value is from."""

    def __init__(
        self,
        lineage: Sequence[shelves.Recipe],
        given: Sequence[shape.Path],
        detected: set[shape.Path],
    ) -> None:
        self._lineage = lineage
        self._given = given
        self.detected = detected

    def of(self, path: shape.Path, value: Any) -> str:
        """As in "from python-perf"; empty where no file says it."""
        if any(path[: len(one)] == one for one in self._given):
            return "from the command line"
        saying = [(one, found) for one in self._lineage if (found := _at(one.data, path)) is not _NOWHERE]
        # The last one that says so decides, unless its defaults put it before what it builds on.
        exact = [one for one, found in saying if found == value] or [one for one, _ in saying]
        return f"from {exact[-1].name}" if exact else ""


_NOWHERE = object()


def _at(data: Any, path: shape.Path) -> Any:
    for key in path:
        if not isinstance(data, Mapping) or key not in data:
            return _NOWHERE
        data = data[key]
    return data
