"""From what Hydra composed to the `Config` a run is started with; the last place a mistake is refused."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from autoopt import schema
from autoopt.compose import complaints, library, own_options, shape
from autoopt.detect import DETECTORS
from autoopt.errors import UsageError
from autoopt.schema import Extraction

_DETECTED = re.compile(r"\$\{(?:detect|need):\s*(\w+)\s*\}")
_REFERENCE = re.compile(r"\$\{\s*(\w[\w.-]*)\s*\}")
_UNITS = {
    Extraction.wall: "s",
    Extraction.cpu: "s",
    Extraction.hyperfine: "s",
    Extraction.peak_memory: "bytes",
}


def finish(composed: DictConfig, recipe: str | None) -> schema.Config:
    """The run's settings, complete, resolved and checked; `scope` is a list.

    Raises:
        UsageError: something is unknown, missing, of the wrong type, or cannot be resolved.
        RepositoryError: there is no repository to look into.
    """
    try:
        with complaints.on_one_line():
            return _finished(composed, recipe)
    except UsageError:
        _refuse_no_repository(OmegaConf.to_container(composed, resolve=False))
        raise


def _finished(composed: DictConfig, recipe: str | None) -> schema.Config:
    raw = OmegaConf.to_container(composed, resolve=False)
    assert isinstance(raw, dict)
    _refuse_incomplete(raw, recipe)
    if (scopes := _by_recipe(raw["scope"])) is not None:  # before anything is resolved: recipes say ${scope}
        OmegaConf.update(composed, "scope", _of_recipe(scopes, recipe), merge=False)
    own_options.refuse_odd(raw)  # before commands and detectors are asked with them
    OmegaConf.clear_cache(composed)  # merging recipes has asked detectors with half of the settings
    try:
        resolved = OmegaConf.to_container(composed, resolve=True, enum_to_str=True)
        for _, line in shape.faults(resolved):
            raise UsageError(line)
        assert isinstance(resolved, dict)
        own_options.refuse_odd(resolved)
        config = OmegaConf.to_object(composed)
    except OmegaConfBaseException as error:
        raise UsageError(complaints.describe(error)[1]) from error
    assert isinstance(config, schema.Config)
    config.recipe = recipe
    config.scope = _scope(config.scope)
    config.detected = sorted(".".join(path) for path in detected(raw))
    config.metric.unit = config.metric.unit or _UNITS.get(config.metric.extract.kind, "")
    _refuse_agents_without_command(config)
    _refuse_odd_text(config, resolved)
    refuse_odd_numbers(config)
    return config


def _refuse_no_repository(raw: Any) -> None:
    """Refuse a place outside any repository, rather than what is missed in it.

    Raises:
        RepositoryError: there is none.
    """
    repo = raw["repo"]
    if not isinstance(repo, str) or "${" in repo or (library.top(Path(repo)) / ".git").exists():
        return
    from autoopt.workspaces.repository import discover  # only needed for what it says

    discover(Path(repo).expanduser())


def detected(raw: Mapping[Any, Any]) -> set[shape.Path]:
    """The options whose whole value is looked for in the repository, themselves or by another option."""
    texts = dict(shape.texts(raw))
    own = raw.get("options") or {}
    found = {path for path, text in texts.items() if _is_looked_for(text, own)}
    size = -1
    while size < len(found):  # an option may refer to one that refers to one
        size = len(found)
        found |= {path for path, text in texts.items() if _refers(text) in found}
    return found


def _is_looked_for(text: str, own: Mapping[Any, Any]) -> bool:
    """Whether the repository says it, rather than one of the recipe's own options."""
    match = _DETECTED.fullmatch(text)
    known = DETECTORS.get(match[1]) if match else None
    return match is not None and not (known and any(own.get(name) for name in known.given))


def _refers(text: str) -> shape.Path:
    match = _REFERENCE.fullmatch(text)
    return tuple(match[1].split(".")) if match else ()


def _refuse_incomplete(raw: Mapping[Any, Any], recipe: str | None) -> None:
    gaps = [path for path, value in shape.texts(raw) if value == "???"]
    gaps.sort(key=lambda path: path != ("metric", "command"))
    if ("metric", "command") in gaps and recipe is None:
        raise UsageError(
            "recipe: none was chosen and metric.command is missing; `autoopt init` asks what a run needs, or "
            "start with autoopt recipe=NAME scope=PATH (`autoopt recipes` lists them)."
        )
    for path in gaps:
        raise UsageError(_missing(path, raw))
    if raw.get("scope") in (None, "", []):
        raise UsageError(
            "scope: is missing; say which files may be edited: scope=PATH (a path, a glob, or a list "
            "such as scope=[src,lib])."
        )


def _missing(path: shape.Path, raw: Mapping[Any, Any]) -> str:
    key = ".".join(path)
    helps = raw.get("option_help") or {}
    meaning = helps.get(path[1], "") if path[0] == "options" and len(path) > 1 else ""
    return f"{key}: is missing; give {key}=...{f' ({meaning})' if meaning else ''}"


def _by_recipe(scope: Any) -> Mapping[Any, Any] | None:
    """The scopes by their recipes, where that is what was given; on a command line it becomes JSON."""
    if isinstance(scope, str) and scope.startswith("{"):
        with contextlib.suppress(ValueError):
            scope = json.loads(scope)
    return scope if isinstance(scope, dict) else None


def _of_recipe(scopes: Mapping[Any, Any], recipe: str | None) -> Any:
    """The one of several scopes that is this recipe's."""
    if recipe in scopes:
        return scopes[recipe]
    known = ", ".join(map(str, scopes))
    raise UsageError(
        f"scope: gives files to {known}, but none to {recipe or 'a run without a recipe'}; "
        f"write scope={{{recipe or 'RECIPE'}: PATH, ...}}, or one scope for all."
    )


def _scope(scope: Any) -> list[str]:
    """The scope as a list of paths and globs."""
    items = scope if isinstance(scope, list) else [scope]
    for item in items:
        if not isinstance(item, str):
            raise UsageError(f"scope: {item!r} is not a path; write scope=./{item} if that is its name.")
        if not item.strip():
            raise UsageError("scope: one of its paths is empty; write . for the whole repository.")
    return list(items)


def refuse_odd_numbers(config: schema.Config) -> None:
    """Refuse numbers that cannot be meant.

    Raises:
        UsageError: naming the option.
    """
    metric, limits = config.metric, {f"guards.{n}.timeout_s": g.timeout_s for n, g in config.guards.items()}
    least = {
        "metric.baseline_samples": (metric.baseline_samples, 1),
        "metric.warmups": (metric.warmups, 0),
        "line_gain": (config.line_gain, 0),
        "seed": (config.seed, 0),
        "workspace.min_free_gb": (config.workspace.min_free_gb, 0),
        "workspace.max_file_mb": (config.workspace.max_file_mb, 0),
        "workspace.max_change_mb": (config.workspace.max_change_mb, 0),
        "workspace.max_binary_mb": (config.workspace.max_binary_mb, 0),
    }
    for option, (number, minimum) in least.items():
        if not number >= minimum:
            raise UsageError(f"{option}: {number} is too small; give {minimum} or more.")
    hidden_s = config.final.holdout.timeout_s
    optional = {"metric.timeout_s": metric.timeout_s, "final.holdout.timeout_s": hidden_s}
    optional["notify.timeout_s"] = config.notify.timeout_s
    for option, limit_s in {**optional, **limits}.items():
        if limit_s is not None and limit_s <= 0:
            raise UsageError(f"{option}: {limit_s:g} s leaves no time; give seconds above 0.")


def _refuse_agents_without_command(config: schema.Config) -> None:
    """Refuse a chosen agent whose command is still to be given; OmegaConf merges no `???` over a default."""
    for option, agent in (("agent", config.agent), ("inspector", config.inspector)):
        if agent.name and not (agent.command or "").strip():
            raise UsageError(f"{option}.command: is missing; give {option}.command=...")


def _refuse_odd_text(config: schema.Config, resolved: Any) -> None:
    """Refuse text that cannot be what it is for: an empty command, a goal of two lines, a NUL anywhere."""
    if not config.metric.command.strip():
        raise UsageError("metric.command: is empty; give the shell command that prints the metric.")
    hidden = config.final.holdout.command
    if hidden is not None and not hidden.strip():
        raise UsageError("final.holdout.command: is empty; give a command, or null for no holdout.")
    for name, guard in config.guards.items():
        if guard.command is not None and not guard.command.strip():
            raise UsageError(
                f"guards.{name}.command: is empty; give a command, or null to take the guard away."
            )
    for key, line in (("goal", config.goal), ("run_id", config.run_id or "")):
        if len(line.splitlines()) > 1:
            raise UsageError(f"{key}: has several lines, but one was expected.")
    for path, value in shape.texts(resolved):
        if "\0" in value:
            raise UsageError(f"{'.'.join(path)}: contains a NUL character; remove it.")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise UsageError(f"{'.'.join(path)}: is not UTF-8; write it in the terminal's encoding.")
