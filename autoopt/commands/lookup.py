"""Finding the runs of this machine by what people type: an id, the start of one, or `last`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from autoopt.errors import RepositoryError, UsageError
from autoopt.places import RunFiles, state_root
from autoopt.workspaces.layout import FILE_NAME, Layout
from autoopt.workspaces.repository import discover


@dataclass(frozen=True, slots=True)
class Found:
    """A run on this machine."""

    files: RunFiles
    layout: Layout


def runs(environ: Mapping[str, str], here: Path) -> list[Found]:
    """The runs of the repository that `here` is in, oldest first; outside any repository, all of them."""
    found = [
        Found(RunFiles(p.parent), Layout.load(p.parent)) for p in state_root(environ).glob(f"*/*/{FILE_NAME}")
    ]
    try:
        control = discover(here).control
    except RepositoryError:
        wanted = found
    else:
        wanted = [run for run in found if Path(run.layout.control) == control]
    return sorted(wanted, key=lambda run: (run.files.config.stat().st_mtime, run.layout.run_id))


def find(candidates: Sequence[Found], name: str) -> Found:
    """The one run that is meant.

    Raises:
        UsageError: none is, or several are.
    """
    if not candidates:
        raise UsageError("there are no runs here yet; start one with `autoopt recipe=NAME scope=PATH`.")
    if name == "last":
        return candidates[-1]
    exact = [run for run in candidates if run.layout.run_id == name]
    matching = exact or [run for run in candidates if run.layout.run_id.startswith(name)]
    ids = [run.layout.run_id for run in candidates]
    if not matching:
        near = get_close_matches(name, ids, 1) or ids[-1:]
        raise UsageError(f"{name}: no such run here; did you mean {near[0]}? `autoopt runs` lists them.")
    if len(matching) > 1:
        several = ", ".join(f"{run.layout.run_id} in {run.layout.root}" for run in matching)
        raise UsageError(f"{name} could be any of {several}; type more of it, in its repository.")
    return matching[0]
