"""Whether there is room for a run, before it starts: a disk that fills up later costs what was measured."""

from __future__ import annotations

from pathlib import Path

from autoopt import shortage
from autoopt.schema import Config
from autoopt.workspaces.repository import Repository

_CHECKOUTS = 3  # the desk and the two that are measured in


def check_start(config: Config, repository: Repository, state: Path) -> None:
    """See that a new run has room for its checkouts.

    Args:
        state: Where it will keep its state.

    Raises:
        ResourceError: the disk of its state, of its desk or of the repository has less.
    """
    if not config.workspace.min_free_gb:
        return
    checkout = sum(_size(repository.root / path) for path in repository.tracked)
    least = _least(config)
    wanted = max(least, _CHECKOUTS * checkout)
    why = "workspace.min_free_gb" if wanted == least else "three checkouts"
    for place in _places(state, repository.root, repository.control):
        shortage.check_room(place, wanted, why)


def check_resume(config: Config, root: Path, control: Path, state: Path) -> None:
    """See that a run can go on; its checkouts have their room already.

    Raises:
        ResourceError: the disk of its state, of its desk or of the repository has less.
    """
    for place in _places(state, root, control) if config.workspace.min_free_gb else ():
        shortage.check_room(place, _least(config), "workspace.min_free_gb")


def _least(config: Config) -> int:
    return int(config.workspace.min_free_gb * 1e9)


def _places(state: Path, root: Path, control: Path) -> tuple[Path, ...]:
    return state, root.parent, control


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # deleted in the checkout; what there is gives the measure
