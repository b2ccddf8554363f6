"""Which type checker the project uses."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autoopt.detect import files
from autoopt.detect.place import Place

CHECKERS = ("ty", "pyright", "mypy")
_SETTINGS = {
    "ty.toml": "ty",
    "pyrightconfig.json": "pyright",
    "mypy.ini": "mypy",
    ".mypy.ini": "mypy",
}
_PYPROJECT = "pyproject.toml"
_REQUIREMENT = re.compile(r"[\w.-]+")


def checker(place: Place) -> str:
    """The checker that is given, set up, required or installed with the project, in this order; else ty."""
    if given := place.options.get("checker"):
        return str(given)
    for found in (_set_up(place.root), _required(place.root), _installed(place)):
        for name in CHECKERS:
            if name in found:
                return name
    return "ty"


def _set_up(root: Path) -> set[str]:
    """The checkers that have settings."""
    found = {name for path, name in _SETTINGS.items() if (root / path).is_file()}
    found |= set(files.table(root, _PYPROJECT, "tool")) & set(CHECKERS)
    if re.search(r"^\[mypy\]", files.text(root, "setup.cfg") or "", re.MULTILINE):
        found.add("mypy")
    return found


def _required(root: Path) -> set[str]:
    """The packages that developers of the project are asked to install."""
    extras = files.table(root, _PYPROJECT, "project", "optional-dependencies")
    groups = {**extras, **files.table(root, _PYPROJECT, "dependency-groups")}
    lines = [
        *_texts(files.table(root, _PYPROJECT, "project").get("dependencies")),
        *(line for group in groups.values() for line in _texts(group)),
    ]
    for path in ("requirements-dev.txt", "requirements_dev.txt", "dev-requirements.txt", "requirements.txt"):
        lines += (files.text(root, path) or "").splitlines()
    return {match[0].lower() for line in lines if (match := _REQUIREMENT.match(line.strip()))}


def _installed(place: Place) -> set[str]:
    """The checkers beside the project's own interpreter."""
    words = shlex.split(place.interpreter)
    folder = (place.root / words[0]).parent
    return {name for name in CHECKERS if len(words) == 1 and os.access(folder / name, os.X_OK)}


def _texts(value: Any) -> Iterator[str]:
    return (item for item in value if isinstance(item, str)) if isinstance(value, list) else iter(())
