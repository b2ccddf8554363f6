"""The project's own Python files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from autoopt.scope import Scope

_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
SUFFIXES = (".py", ".pyi")


def walk(root: Path) -> Iterator[str]:
    """Every regular file below, with `/`, in order; nothing behind links or in hidden directories."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in set(folders) - _SKIPPED if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(root).as_posix()


def python_files(root: Path, scope: Scope) -> list[str]:
    """The Python files and stubs in scope."""
    return [path for path in walk(root) if path.endswith(SUFFIXES) and scope.contains(path)]
