"""Bringing runs home that other machines have sent to the repository's remote, and telling of them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from autoopt.codec import encode
from autoopt.commands import trusting
from autoopt.commands.lookup import Found, settings
from autoopt.commands.telling import terminal
from autoopt.compose.foreign import commands_of
from autoopt.errors import BusyError
from autoopt.places import repository_id, state_root
from autoopt.schema import AgentConfig, BudgetConfig, Config, ProposeConfig
from autoopt.trust import Material
from autoopt.workspaces import returned
from autoopt.workspaces.repository import discover

_ITSELF: Mapping[str, Any] = {
    **{name: getattr(Config(), name) for name in ("run_id", "seed", "goal", "search", "workers", "repo")},
    "budget": BudgetConfig(),
    "propose": ProposeConfig(),
    "agent": AgentConfig(),
    "inspector": AgentConfig(),
}
"""Settings without effect on what is run where a result is measured again."""
_STEPS = ((86_400, "d"), (3600, "h"), (60, "min"))


def fetch(environ: Mapping[str, str], here: Path) -> None:
    """Bring what the remote of the repository here has of runs, and say what stays as it is here.

    Raises:
        AutooptError: the repository has no remote, or it cannot be reached.
    """
    repository = discover(here)
    folder = state_root(environ) / repository_id(repository.control)
    url, staying = returned.fetch(repository, folder, environ)
    for name in staying:
        line = f"{name}: was moved here to where {url} has it not; it stays."
        terminal(environ, aside=True).print(line, markup=False, highlight=False, soft_wrap=True)


def told(found: Found) -> str | None:
    """Where the run works and how old what is known of it is; None where it is one of this machine."""
    known = returned.away(found.files.state)
    if known is None:
        return None
    return f"on {known.host}, sent {_ago(time.time() - known.sent)}"


def vet(chosen: Sequence[Found], environ: Mapping[str, str]) -> None:
    """See that somebody has agreed to what those of the runs would run here that another machine works on.

    Whoever can write to the repository they came through may have written it.

    Raises:
        NotTrustedError: nobody agrees to it.
    """
    for found in chosen:
        if (material := material_of(found)) is not None:
            trusting.vet(environ)([material], Path(found.layout.root))


def material_of(found: Found) -> Material | None:
    """What a run would run that another machine works on; None for one of this machine.

    Jobs of one sweep differ in nothing that is run here, and are agreed to at once.
    """
    known = returned.away(found.files.state)
    if known is None:
        return None
    content = encode(replace(settings(found), **_ITSELF))
    body = json.dumps(content, sort_keys=True, default=str).encode()
    metric = content["metric"]
    return Material(
        name=f"run {found.layout.run_id}",
        place=found.files.config,
        files={"its settings": hashlib.sha256(body).hexdigest()},
        commands=tuple(commands_of(content)),
        variables=tuple(metric["pass_env"]),
        notes=(
            f"It came from {known.host}, as that says.",
            f"sandbox is {content['sandbox']}, writable is {content['writable']}",
            *(f"metric.env.{key} is {value}" for key, value in metric["env"].items()),
        ),
        words=(f"run={found.layout.run_id}",),
    )


def check_here(found: Found) -> None:
    """Refuse to work on a run that another machine works on.

    Raises:
        BusyError: it is one.
    """
    known = returned.away(found.files.state)
    if known is not None:
        run_id = found.layout.run_id
        raise BusyError(
            f"{run_id}: works on {known.host}, which has its journal; go on there: autoopt resume {run_id}."
        )


def _ago(seconds: float) -> str:
    for length, unit in _STEPS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now"
