"""The files of a repository that a person would look at, found in a time that stays bounded."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

MOST = 50_000
"""Files and directories looked at before a search ends; those near the top come first."""
MOST_BYTES = 1 << 20
"""Of one file that are read."""

_MADE = frozenset(
    [
        "node_modules",
        "bower_components",
        "__pycache__",
        "build",
        "dist",
        "venv",
        "site-packages",
        "htmlcov",
        "wandb",
        "mlruns",
    ]
)
_PLAIN = re.compile(r"/?([\w.@+-][\w.@+ -]*)/?")
_INSIDE = re.compile(r"/?([\w.@+-]+(?:/[\w.@+-]+)+)/?")


def below(root: Path) -> Iterator[str]:
    """Relative paths of the repository's files, with `/`, those nearest to the top first, else in order.

    Hidden directories, those that tools make, ignored ones, virtual environments and other repositories are
    left out; links to directories are not followed, and what cannot be read is passed over, as are names that
    cannot be printed, in a command least of all.
    """
    ignored = _ignored(root)
    waiting, seen = deque([""]), 0
    while waiting and seen < MOST:
        folder = waiting.popleft()
        for name, is_folder in _listed(root / folder):
            path = f"{folder}{name}"
            seen += 1
            if not is_folder:
                yield path
            elif not _is_left_out(root, path, name, ignored):
                waiting.append(f"{path}/")


def text(root: Path, path: str) -> str | None:
    """What is in a file of the repository, odd bytes replaced, a long one cut; None when `head` is."""
    content = head(root, path, MOST_BYTES)
    return None if content is None else content.decode("utf-8-sig", "replace")


def head(root: Path, path: str, most: int) -> bytes | None:
    """The first bytes of a file of the repository; None when it cannot be read.

    A link that leads out of the repository is not followed.
    """
    with suppress(OSError, RuntimeError):  # RuntimeError: a loop of links, up to Python 3.12
        file = (root / path).resolve(strict=True)
        # Only a regular file: a FIFO would never end.
        if file.is_relative_to(root.resolve()) and stat.S_ISREG(file.stat().st_mode):
            with file.open("rb") as opened:
                return opened.read(most)
    return None


def table(root: Path, path: str, *keys: str) -> Mapping[str, Any]:
    """A table of a TOML file of the repository; empty when there is none, or the file cannot be read."""
    try:
        found: Any = tomllib.loads(text(root, path) or "")
    except (ValueError, RecursionError):  # a file that is being edited, or hostile
        return {}
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _listed(folder: Path) -> list[tuple[str, bool]]:
    """Names in a directory, sorted, each with whether it is a directory; links to files count as files."""
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                is_folder = entry.is_dir(follow_symlinks=False)
                if entry.name.isprintable() and (is_folder or entry.is_file()):
                    found.append((entry.name, is_folder))
    return sorted(found)


def _is_left_out(root: Path, path: str, name: str, ignored: frozenset[str]) -> bool:
    if name.startswith(".") or name in _MADE or name.endswith(".egg-info") or {name, f"/{path}"} & ignored:
        return True
    return any(os.path.lexists(root / path / mark) for mark in ("pyvenv.cfg", ".git"))


def _ignored(root: Path) -> frozenset[str]:
    """Directories that the repository's own `.gitignore` names; with `/` in front where it gives a path.

    Patterns are left to git: a detector that looks into one directory too many is only slower.
    """
    found = set()
    for line in (text(root, ".gitignore") or "").splitlines():
        pattern = line.strip()
        if match := _PLAIN.fullmatch(pattern):
            found.add(f"/{match[1]}" if pattern.startswith("/") else match[1])
        elif match := _INSIDE.fullmatch(pattern):
            found.add(f"/{match[1]}")
    return frozenset(found)
