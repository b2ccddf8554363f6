"""Where agents are found, and what an agent's file may say. Knows nothing of Hydra."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoopt import places
from autoopt.compose import refusals, shape, strictyaml
from autoopt.compose.library import Library, Shelf, repository_shelves
from autoopt.errors import UsageError
from autoopt.schema import AgentConfig

OPTIONS = {"agent": "agent", "inspector": "agent@inspector"}
"""The options that an agent is chosen for, and how Hydra writes the choice."""


def visible(environ: Mapping[str, str], start: Path | None = None) -> Library:
    """The agents as seen from a directory, by default the current one: the repository's, the user's, ours.

    Raises:
        ResourceError: the current directory was deleted.
    """
    shelves = [
        *repository_shelves(start, "agents"),
        Shelf(label="user", path=places.user_recipes(environ).parent / "agents"),
        Shelf(label="built-in", path=places.data_dir("conf") / "agent"),
    ]
    return Library(tuple(shelf for shelf in shelves if shelf.path.is_dir()))


def read(path: Path, name: str) -> tuple[strictyaml.Document, dict[str, Any]]:
    """An agent's file and the options in it, its name among them.

    Raises:
        UsageError: one line, starting with `FILE:LINE`.
    """
    document = strictyaml.read(path)
    for fault, line in shape.faults(document.data, AgentConfig, ("agent",)):
        raise UsageError(f"{document.at(fault[1:])}: {line}")
    for fault, line in refusals.of_code(document.data):
        raise UsageError(f"{document.at(fault)}: agent.{line}")
    return document, {"name": name, **document.data}


def check(option: str, name: str, library: Library, asked_at: str = "") -> None:
    """Refuse an agent that nobody has, or whose file is broken.

    Args:
        option: What it was chosen for.
        asked_at: Where, when it was in a file.

    Raises:
        UsageError: naming what is near and all there are.
    """
    found = library.find(name)
    if found is not None:
        read(found[1], name)
        return
    import difflib  # only needed for a refusal

    near = difflib.get_close_matches(name, library.names(), 1, 0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(
        f"{asked_at}{option}: {name}: no such agent.{hint} There are: {', '.join(library.names())}; your own "
        "is a file .autoopt/agents/NAME.yaml."
    )
