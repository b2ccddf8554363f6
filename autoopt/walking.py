"""Walking through directories, whatever somebody has nested in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_DEEPEST = 200  # levels; what is nested deeper was not meant to be looked at
_LONGEST = 3800  # bytes of a directory's path, so that those of files in it can be asked for


def walk(top: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Like `os.walk` from the top down, but no calls are nested, and only so many levels are gone down.

    Directories taken out of the list that is yielded are not entered, and links never are.
    """
    stack = [(os.fspath(top), 0)]
    while stack:
        folder, level = stack.pop()
        try:
            with os.scandir(folder) as items:
                found = [(item.name, item.is_dir()) for item in items]
        except OSError:
            continue  # gone since, not to be read, or too far down
        folders = [name for name, is_folder in found if is_folder]
        yield folder, folders, [name for name, is_folder in found if not is_folder]
        below = [os.path.join(folder, name) for name in reversed(folders)]  # noqa: PTH118 - strings are quicker
        if level < _DEEPEST:
            stack += [(path, level + 1) for path in below if _is_entered(path)]


def _is_entered(path: str) -> bool:
    return len(os.fsencode(path)) <= _LONGEST and not os.path.islink(path)  # noqa: PTH114
