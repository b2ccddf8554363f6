"""What must not change, so that a lower count means fewer errors and not fewer things that are checked."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoopt.instruments.typecheck.inventory import comments
from autoopt.instruments.typecheck.inventory.looseness import looseness
from autoopt.instruments.typecheck.inventory.settings import settings
from autoopt.instruments.typecheck.inventory.substance import substance


@dataclass(kw_only=True)
class Inventory:
    """The three groups an inventory guard compares, by names that begin with the file."""

    no_more: dict[str, float] = field(default_factory=dict)
    no_fewer: dict[str, float] = field(default_factory=dict)
    same: dict[str, Any] = field(default_factory=dict)


def take(root: Path, paths: Sequence[str]) -> Inventory:
    """The inventory of the files in scope and of the project's settings."""
    found = Inventory(same=dict(settings(root)))
    for path in paths:
        _add_file(found, path, (root / path).read_bytes())
    return found


def _add_file(found: Inventory, path: str, content: bytes) -> None:
    if path.endswith(".pyi"):
        found.no_more[f"{path}: stub"] = (
            1  # it stands before the module of its name, whose code is checked no more
        )
    found.no_fewer[f"{path}: file"] = 1
    try:
        module = ast.parse(content)
        source = content.decode("utf-8")
    except (ValueError, RecursionError, SyntaxError):
        found.no_more[f"{path}: not Python"] = 1
        return
    _merge(found.no_fewer, path, substance(module))
    _merge(found.no_more, path, looseness(module))
    _merge(found.no_more, path, comments.suppressions(source))
    if said := comments.settings(source):
        found.same[f"{path}: settings in comments"] = said


def _merge(group: dict[str, float], path: str, counts: Mapping[str, int]) -> None:
    group.update({f"{path}: {name}": count for name, count in counts.items()})
