"""Runs that share one search: what they have to agree on, and how they meet."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoopt import files as disk
from autoopt.codec import encode
from autoopt.errors import UsageError
from autoopt.places import RunFiles
from autoopt.protocols import Peers
from autoopt.schema import Config, DeskMode
from autoopt.workspaces.clones import origin_of
from autoopt.workspaces.git import GitWorkspace
from autoopt.workspaces.layout import Layout
from autoopt.workspaces.meeting import LocalMeeting, Meeting
from autoopt.workspaces.peers import Group, SearchPeers

# It becomes a directory, a ref and the beginning of run ids.
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9_-]{0,59}", re.ASCII)
_TERMS = "search.json"


def check(config: Config) -> None:
    """Refuse a search that cannot be shared.

    Raises:
        UsageError: naming the option.
    """
    if config.search and not _NAME.fullmatch(config.search):
        raise UsageError(
            f"search: {config.search!r} cannot name a search; use up to 60 letters, digits, '-' and '_', one "
            "of them a letter, the first a letter or digit."
        )
    if config.workers < 1:
        raise UsageError(f"workers: {config.workers} is too few; one run is 1.")
    if (config.search or config.workers > 1) and config.workspace.mode is DeskMode.inplace:
        raise UsageError(
            "workspace.mode=inplace: your checkout can be lent to one run, and those of a search follow each "
            "other; leave it out."
        )


def agree(config: Config, folder: Path) -> None:
    """See that a new run of a search measures what the others do; the first one says what that is.

    Args:
        folder: Where the runs of the repository keep their state.

    Raises:
        UsageError: naming the option in which they differ.
    """
    if not config.search:
        return
    path, mine = RunFiles(folder / "any").searches(config.search) / _TERMS, _terms(config)
    try:
        theirs = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):  # the first one, or it was killed while it wrote
        disk.make_directory(path.parent)
        disk.replace(path, json.dumps(mine).encode())
        return
    for option, value in mine.items():
        if theirs.get(option) != value:
            raise UsageError(
                f"search={config.search}: its runs have {option}={_told(theirs.get(option))}, this one "
                f"{_told(value)}; what one keeps would mean nothing to the other. Name another search."
            )


def _terms(config: Config) -> dict[str, Any]:
    """What the numbers of a search's line rest on."""
    metric = config.metric
    found = {
        "scope": config.scope,
        "off_limits": config.off_limits,
        "metric.command": metric.command,
        "metric.extract": metric.extract,
        "metric.direction": metric.direction,
        "metric.unit": metric.unit,
        "guards": config.guards,
        "constraints": config.constraints,
    }
    plain: dict[str, Any] = json.loads(json.dumps({name: encode(value) for name, value in found.items()}))
    return plain


def _told(value: Any) -> str:
    said = value if isinstance(value, str) else json.dumps(value)
    return said if len(said) <= 80 else f"{said[:79]}…"


def peers(
    config: Config, files: RunFiles, workspace: GitWorkspace, environ: Mapping[str, str]
) -> Peers | None:
    """The other runs of the search; None where the run is alone."""
    if not config.search:
        return None
    folder = files.searches(config.search)
    disk.make_directory(folder)
    group = Group(folder=folder, run=files.state.name)
    return SearchPeers(config.search, group, _meeting(config, files, environ), workspace)


def _meeting(config: Config, files: RunFiles, environ: Mapping[str, str]) -> Meeting:
    control = Path(Layout.load(files.state).control)
    if origin_of(control) is None:
        return LocalMeeting(control, config.search)
    from autoopt.workspaces.meeting_away import AwayMeeting  # the network is only for those who need it

    return AwayMeeting(control, config.search, environ)
