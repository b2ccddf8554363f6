"""The files that paths and globs name, below the working directory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from autoopt.errors import UsageError
from autoopt.scope import Scope

_GLOB = re.compile(r"[*?\[]")


def files(patterns: Sequence[str], without: Sequence[str]) -> list[str]:
    """Relative paths, sorted; links count as what they lead to, directories behind links are not entered.

    Raises:
        UsageError: there is none, or a pattern leaves the working directory.
    """
    wanted = _scope(patterns, without)
    found = {path for start in _starts(patterns) for path in _below(start) if wanted.contains(path)}
    if not found:
        raise UsageError(
            f"no file matches {', '.join(patterns)}; give options.files=GLOB, and what builds them as "
            "metric.prepare=COMMAND."
        )
    return sorted(found)


def _scope(patterns: Sequence[str], without: Sequence[str]) -> Scope:
    try:
        return Scope(patterns, without)
    except UsageError as error:
        _, _, reason = str(error).partition(": ")
        raise UsageError(f"options.files or options.without: {reason}") from error


def _starts(patterns: Sequence[str]) -> set[str]:
    """The directories and files that the patterns begin with."""
    return {str(PurePosixPath(_fixed(pattern))) for pattern in patterns}


def _fixed(pattern: str) -> str:
    match = _GLOB.search(pattern)
    return pattern if match is None else pattern[: match.start()].rpartition("/")[0]


def _below(start: str) -> Iterator[str]:
    if Path(start).is_file():
        yield start
    for folder, folders, names in os.walk(start):
        folders[:] = [name for name in folders if name not in (".git", "node_modules")]
        yield from (path.as_posix() for path in map(Path(folder).joinpath, names) if path.is_file())
