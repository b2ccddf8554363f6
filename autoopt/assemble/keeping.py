"""What a run keeps to itself and what it keeps out, from its settings."""

from __future__ import annotations

from collections.abc import Mapping

from autoopt.schema import Config
from autoopt.secrets import Secrets, gather
from autoopt.workspaces.rules import Rules

_MB = 1_000_000


def secrets(config: Config, environ: Mapping[str, str]) -> Secrets:
    """The secrets that the run's commands and agents can come by."""
    passed = (*config.metric.pass_env, *config.agent.pass_env, *config.inspector.pass_env)
    return gather(environ, passed, {**config.metric.env, **config.agent.env, **config.inspector.env})


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
