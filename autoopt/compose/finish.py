"""From what Hydra composed to the `Config` a run is started with; the last place a mistake is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from autoopt import schema
from autoopt.compose import complaints, shape
from autoopt.errors import UsageError
from autoopt.schema import Extraction

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
    """
    raw = OmegaConf.to_container(composed, resolve=False)
    assert isinstance(raw, dict)
    _refuse_incomplete(raw, recipe)
    try:
        resolved = OmegaConf.to_container(composed, resolve=True, enum_to_str=True)
        for _, line in shape.faults(resolved):
            raise UsageError(line)
        config = OmegaConf.to_object(composed)
    except OmegaConfBaseException as error:
        raise UsageError(complaints.describe(error)[1]) from error
    assert isinstance(config, schema.Config)
    config.recipe = recipe
    config.scope = _scope(config.scope)
    config.metric.unit = config.metric.unit or _UNITS.get(config.metric.extract.kind, "")
    _refuse_agents_without_command(config)
    _refuse_odd_text(config, resolved)
    refuse_odd_numbers(config)
    return config


def _refuse_incomplete(raw: Mapping[Any, Any], recipe: str | None) -> None:
    gaps = [path for path, value in shape.texts(raw) if value == "???"]
    gaps.sort(key=lambda path: path != ("metric", "command"))
    if ("metric", "command") in gaps and recipe is None:
        raise UsageError(
            "recipe: none was chosen and metric.command is missing; start with "
            "autoopt recipe=NAME scope=PATH (`autoopt recipes` lists them), or give metric.command=..."
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
        "seed": (config.seed, 0),
    }
    for option, (number, minimum) in least.items():
        if number < minimum:
            raise UsageError(f"{option}: {number} is too small; give {minimum} or more.")
    for option, limit_s in {"metric.timeout_s": metric.timeout_s, **limits}.items():
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
    for name, guard in config.guards.items():
        if not guard.command.strip():
            raise UsageError(
                f"guards.{name}.command: is empty; give a command, or drop it with ~guards.{name}."
            )
    for key, line in (("goal", config.goal), ("run_id", config.run_id or "")):
        if len(line.splitlines()) > 1:
            raise UsageError(f"{key}: has several lines, but one was expected.")
    for path, value in shape.texts(resolved):
        if "\0" in value:
            raise UsageError(f"{'.'.join(path)}: contains a NUL character; remove it.")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise UsageError(f"{'.'.join(path)}: is not UTF-8; write it in the terminal's encoding.")
