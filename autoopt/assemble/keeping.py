"""What a run keeps to itself and what it keeps out, from its settings."""

from __future__ import annotations

from collections.abc import Mapping

from autoopt.processes.environment import named
from autoopt.schema import Config
from autoopt.secrets import Secrets, gather, is_secret
from autoopt.workspaces.rules import Rules

_MB = 1_000_000


def secrets(config: Config, environ: Mapping[str, str]) -> Secrets:
    """The secrets that the run's commands and agents can come by."""
    given = {**config.metric.env, **config.agent.env, **config.inspector.env}
    return gather(environ, _passed(config), given)


def without_secrets(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of autoopt itself, without the secrets that the run's commands and agents are given."""
    theirs = named(environ, _passed(config))
    return {name: value for name, value in environ.items() if name not in theirs or not is_secret(value)}


def _passed(config: Config) -> tuple[str, ...]:
    return (*config.metric.pass_env, *config.agent.pass_env, *config.inspector.pass_env)


def rules(config: Config, environ: Mapping[str, str]) -> Rules:
    """What no proposal may bring."""
    workspace = config.workspace
    return Rules(
        largest_file=round(workspace.max_file_mb * _MB),
        largest_change=round(workspace.max_change_mb * _MB),
        largest_binary=round(workspace.max_binary_mb * _MB),
        allow_new=tuple(workspace.allow_new),
        secrets=secrets(config, environ),
    )
