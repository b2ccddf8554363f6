"""`autoopt recipes`: list the recipes, or show one with what it inherits and its own options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autoopt.compose import library as shelves
from autoopt.errors import UsageError

_USAGE = """autoopt recipes [list]       every recipe, its goal and where it is from
autoopt recipes show NAME    one recipe with what it inherits and its own options"""


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """List or show; returns the exit code."""
    words = list(argv)
    if "-h" in words or "--help" in words:
        print(_USAGE)
    elif words in ([], ["list"]):
        _list(environ)
    elif words[0] == "show" and len(words) == 2:
        _show(words[1], environ)
    else:
        raise UsageError(f"recipes {' '.join(words)}: not understood; use list, or show NAME.")
    return 0


def _list(environ: Mapping[str, str]) -> None:
    """A line for each recipe; broken and shadowed ones say so."""
    listed = shelves.visible(environ).listing()
    if not listed:
        print("No recipes were found.")
        return
    width = max(len(one.name) for one in listed)
    for one in listed:
        about = f"BROKEN: {one.problem}" if one.problem else one.goal
        if one.shadowed_by:
            about = f"(not used: {one.shadowed_by} has one of the same name)"
        print(f"{one.name:<{width}}  {about}  [{one.shelf.label}: {one.shelf.path}]")


def _show(name: str, environ: Mapping[str, str]) -> None:
    """The recipe as one file, after its own options."""
    from autoopt.compose import preview  # imports Hydra, which a listing does not need

    library = shelves.visible(environ)
    content = preview.settings(name, library, environ)
    found = library.find(name)
    if found is not None:
        print(f"# {found[1]}")
    for line in _options(content):
        print(f"# {line}")
    print(preview.as_yaml(content), end="")


def _options(content: Mapping[str, Any]) -> list[str]:
    """What the recipe's own options mean, one line each."""
    helps = content.get("option_help") or {}
    lines = []
    for key, value in (content.get("options") or {}).items():
        state = "required" if value == "???" else f"default {value}"
        lines.append(f"options.{key}: {helps.get(key, '')} ({state})".replace(":  (", " ("))
    return lines
