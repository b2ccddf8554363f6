"""The scratch directory of a checkout, emptied when another commit comes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from autoopt import places
from autoopt.removing import remove_whole

_FOLDER = 0o700


def empty(folder: Path) -> None:
    """Make a directory, or make it empty but for links in `tmp`.

    A sandbox takes long to make hundreds of them, and looks at each before it shows it to a command.
    """
    if folder.is_symlink() or not folder.is_dir():
        remove_whole(folder)
        folder.mkdir(mode=_FOLDER, parents=True)
        return
    _clear(folder, lambda one: one.name == places.TMP and one.is_dir(follow_symlinks=False))
    if (folder / places.TMP).is_dir():
        _clear(folder / places.TMP, lambda one: one.is_symlink())


def _clear(folder: Path, spared: Callable[[os.DirEntry[str]], bool]) -> None:
    folder.chmod(_FOLDER)
    with os.scandir(folder) as entries:
        others = [Path(one) for one in entries if not spared(one)]
    for path in others:
        remove_whole(path)
