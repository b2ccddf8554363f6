"""Finding the runs of this machine by what people type: an id, the start of one, or `last`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from autoopt import compose, journal
from autoopt.errors import DamagedStateError, RepositoryError, UsageError
from autoopt.journal import Journal
from autoopt.places import RunFiles, repository_id, state_root
from autoopt.schema import Config
from autoopt.workspaces import returned
from autoopt.workspaces.layout import FILE_NAME, Layout
from autoopt.workspaces.repository import Repository, discover

CHANGEABLE = (
    "budget.",
    "verdict.",
    "final.",
    "metric.target",
    "metric.timeout_s",
    "allow_overlap",
    "confirm",
    "workspace.min_free_gb",
)
"""What can be given anew to a run that has begun."""
WAITING = "it waits for the next try"
"""Why a run stopped that is driven from outside, try by try."""
AWAY = "away"
"""Where a run stands that works on another machine, as far as is known here."""


@dataclass(frozen=True, slots=True)
class Found:
    """A run on this machine."""

    files: RunFiles
    layout: Layout


def runs(environ: Mapping[str, str], here: Path) -> list[Found]:
    """The runs of the repository that `here` is in, oldest first; outside any repository, all of them.

    Those that have come back to the repository from other machines are among them.
    """
    found, repository = [], _repository(here)
    if repository is not None:
        returned.unpack(repository, state_root(environ) / repository_id(repository.control))
    for path in sorted(state_root(environ).glob(f"*/*/{FILE_NAME}"), key=_made):
        with suppress(DamagedStateError):  # `damaged` tells
            found.append(Found(RunFiles(path.parent), Layout.load(path.parent)))
    return [run for run in found if repository is None or Path(run.layout.control) == repository.control]


def _repository(here: Path) -> Repository | None:
    try:
        return discover(here)
    except RepositoryError:
        return None


def damaged(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Name and complaint of every run, of whichever repository, whose place in it cannot be read."""
    found = []
    for path in sorted(state_root(environ).glob(f"*/*/{FILE_NAME}"), key=_made):
        try:
            Layout.load(path.parent)
        except DamagedStateError as error:
            found.append((path.parent.name, str(error)))
    return found


def cut_short(environ: Mapping[str, str], here: Path) -> list[RunFiles]:
    """Runs of the repository here that a kill kept from being made, oldest first: they have no journal."""
    try:
        folder = state_root(environ) / repository_id(discover(here).control)
    except RepositoryError:
        return []
    made = [RunFiles(path.parent) for path in folder.glob("*/config.yaml")]
    found = [run for run in made if is_cut_short(run) and run.config.is_file()]
    return sorted(found, key=lambda run: run.config.stat().st_mtime)


def is_cut_short(run: RunFiles) -> bool:
    """Whether nobody makes the run any more and it was never made."""
    if not run.state.is_dir() or run.journal.exists() or journal.is_held(run.state):
        return False
    return run.making.exists() or {path.name for path in run.state.iterdir()} <= {"lock"}


def settings(run: Found, words: Sequence[str] = ()) -> Config:
    """The settings the run was started with, changed by `key=value` words.

    Raises:
        AutooptError: as `recorded`.
    """
    return recorded(run.files, words)


def recorded(files: RunFiles, words: Sequence[str] = ()) -> Config:
    """The settings in a run's state directory, changed by `key=value` words.

    Raises:
        DamagedStateError: they cannot be read.
        UsageError: a word is no option and value of a run, or an option that cannot change any more.
    """
    for word in words:
        if not word.startswith(CHANGEABLE):
            raise UsageError(
                f"{word.partition('=')[0]}: cannot change in a run that has begun; "
                f"what can: {', '.join(CHANGEABLE)}."
            )
    try:
        text = files.config.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedStateError(f"{files.config}: settings cannot be read ({error}).") from error
    return compose.load(text, words)


def state_of(found: Found, record: Journal) -> str:
    """Where the run stands, in a word."""
    if journal.is_held(found.files.state):
        return "running"
    if journal.was_cut_short(record.stopped):
        return "interrupted" if returned.away(found.files.state) is None else AWAY
    return "waiting" if record.stopped == WAITING else "finished"


def partners(found: Found, search: str) -> list[Found]:
    """The other runs of the search that are known here."""
    line = re.compile(rf"^search: (['\"]?){re.escape(search)}\1$", re.MULTILINE)
    known = []
    for path in sorted(found.files.state.parent.glob("*/config.yaml")):
        with suppress(OSError, UnicodeDecodeError, DamagedStateError):
            if path.parent != found.files.state and line.search(path.read_text()):
                known.append(Found(RunFiles(path.parent), Layout.load(path.parent)))
    return known


def _made(path: Path) -> tuple[float, str]:
    return path.stat().st_mtime, path.parent.name


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
    if len(matching) > 1:  # what was sent back is here twice where both places are of one machine
        matching = [run for run in matching if returned.away(run.files.state) is None] or matching
    if len(matching) > 1:
        several = ", ".join(f"{run.layout.run_id} in {run.layout.root}" for run in matching)
        raise UsageError(f"{name} could be any of {several}; type more of it, in its repository.")
    return matching[0]
