"""Which files of a recording are the project's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autoopt.scope import Scope


def relative(file: str, root: Path) -> str:
    """The file's path below `root`; the file as it is when it is elsewhere."""
    path = root / file  # as it stands when it is absolute
    for base in (root, root.resolve()):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return file


def within(path: str, scope: Sequence[str]) -> bool:
    """Whether a path of `relative` is in the scope; without one, whether it is below the root at all."""
    if path.startswith(("/", "<", "~")):
        return False
    return not scope or Scope(scope).contains(path)
