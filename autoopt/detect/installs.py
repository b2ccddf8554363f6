"""Packages that are installed from the user's own checkout, so that every checkout imports the same files.

`pip install -e` leaves a path file, or a finder module with a table of places, in the environment.
"""

from __future__ import annotations

import ast
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path


def editable_sources(root: Path, commands: Iterable[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Directories of the repository that environments the commands may use import from, sorted.

    Args:
        commands: Shell commands, which may name an environment's programs.
        environ: The user's environment, where an activated one is named.

    Returns:
        Paths relative to `root`, as `PYTHONPATH` takes them there; `.` is the top directory.
    """
    found = set()
    for folder in dict.fromkeys(_environments(root, commands, environ)):
        for packages in folder.glob("lib/python3*/site-packages"):
            for source in _sources(packages):
                place = source.resolve()
                if place.is_relative_to(root) and not place.is_relative_to(folder) and place.is_dir():
                    found.add(place.relative_to(root).as_posix())
    return tuple(sorted(found))


def _environments(root: Path, commands: Iterable[str], environ: Mapping[str, str]) -> Iterator[Path]:
    for command in commands:
        try:
            words = shlex.split(command)
        except ValueError:
            continue
        programs = (root / word for word in words if "/bin/" in word)
        yield from (program.parent.parent for program in programs)
    yield from (root / ".venv", root / "venv")
    if active := environ.get("VIRTUAL_ENV"):
        yield Path(active)
    yield Path(sys.prefix)


def _sources(packages: Path) -> Iterator[Path]:
    for file in sorted(packages.glob("*.pth")):
        lines = file.read_text("utf-8", "replace").splitlines()
        yield from (Path(line.strip()) for line in lines if os.path.isabs(line.strip()))  # noqa: PTH117 - text
    for file in sorted(packages.glob("__editable__*_finder.py")):
        yield from _mapped(file)


def _mapped(finder: Path) -> Iterator[Path]:
    """What setuptools' finder has in its table: packages by name, each beside its directory."""
    try:
        tree = ast.parse(finder.read_bytes())
    except (SyntaxError, ValueError):
        return  # of some other tool, or half written
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Dict):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id == "MAPPING" for target in targets):
            values = (value for value in node.value.values if isinstance(value, ast.Constant))
            yield from (Path(value.value).parent for value in values if isinstance(value.value, str))
