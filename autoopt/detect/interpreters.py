"""Which Python runs the project."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

_PROGRAM = "bin/python"


def of_project(root: Path, environ: Mapping[str, str]) -> str:
    """The interpreter of the project as a shell word; the one running autoopt when it has none of its own.

    The repository's virtual environment comes first, as it does for uv and Poetry, then the one that is
    activated. A path in the checkout stays relative: `.venv` and `venv` are linked into every checkout.
    """
    for folder in (".venv", "venv"):
        if os.access(root / folder / _PROGRAM, os.X_OK):
            return f"{folder}/{_PROGRAM}"
    for folder in _activated(environ):
        if os.access(Path(folder, _PROGRAM), os.X_OK):
            return shlex.quote(f"{folder}/{_PROGRAM}")
    return shlex.quote(sys.executable)


def _activated(environ: Mapping[str, str]) -> Iterator[str]:
    """The environment that a shell has activated; conda's base is always active and says nothing."""
    folders = [environ.get("VIRTUAL_ENV", "")]
    if environ.get("CONDA_DEFAULT_ENV") != "base":
        folders.append(environ.get("CONDA_PREFIX", ""))
    return (folder.rstrip("/") for folder in folders if folder.startswith("/"))


def has_package(interpreter: str, root: Path, name: str) -> bool | None:
    """Whether an interpreter, given as shell words, can import a package; None when that cannot be seen."""
    words = shlex.split(interpreter)
    if words == [sys.executable]:
        return find_spec(name) is not None
    program = root / words[0]
    if len(words) > 1 or not (program.parent.parent / "pyvenv.cfg").is_file():
        return None
    found = (program.parent.parent / "lib").glob(f"python3*/site-packages/{name}/__init__.py")
    return any(found)
