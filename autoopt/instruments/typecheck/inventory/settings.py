"""How the checkers are set up: whatever decides which files they look at, and by which rules."""

from __future__ import annotations

import configparser
import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoopt.instruments.typecheck.files import walk

_FILES = frozenset(
    {"ty.toml", "mypy.ini", ".mypy.ini", "pyrightconfig.json", ".gitignore", ".ignore", "py.typed"}
)
_TOOLS = ("ty", "pyright", "basedpyright", "mypy")
_UNREADABLE = "cannot be read"


def settings(root: Path) -> Mapping[str, Any]:
    """Each place with settings and what it says: files of its own by a digest, others by tables."""
    found: dict[str, Any] = {}
    for path in walk(root):
        name = Path(path).name
        if name in _FILES:
            found[path] = hashlib.sha256((root / path).read_bytes()).hexdigest()[:12]
        elif name == "pyproject.toml":
            found.update(_of_pyproject(root, path))
        elif name == "setup.cfg":
            found.update(_of_setup_cfg(root, path))
    return found


def _of_pyproject(root: Path, path: str) -> Mapping[str, Any]:
    try:
        tables = tomllib.loads((root / path).read_text("utf-8"))
    except ValueError:
        return {path: _UNREADABLE}
    tools = tables.get("tool", {})
    found = {f"{path} [tool.{tool}]": _plain(tools[tool]) for tool in _TOOLS if tool in tools}
    oldest = tables.get("project", {}).get("requires-python")
    return found if oldest is None else {**found, f"{path} requires-python": oldest}


def _of_setup_cfg(root: Path, path: str) -> Mapping[str, Any]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string((root / path).read_text("utf-8"))
    except (ValueError, configparser.Error):
        return {path: _UNREADABLE}
    return {f"{path} [{name}]": dict(parser[name]) for name in parser if name.startswith("mypy")}


def _plain(value: Any) -> Any:
    """The value as JSON can hold it; TOML has dates."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool) else str(value)
