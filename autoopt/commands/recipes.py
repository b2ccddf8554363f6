"""`autoopt recipes`: list the recipes, or show one with what it inherits and its own options.

autoopt recipes [list]       every recipe, its goal and where it is from
autoopt recipes show NAME [key=value ...]
                             one recipe with what it inherits, resolved, and where each value is from;
                             the words are taken as for a run: scope=src options.checker=mypy
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autoopt.compose import library as shelves
from autoopt.compose.own_options import described
from autoopt.errors import UsageError


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """List or show; returns the exit code."""
    words = list(argv)
    if words in ([], ["list"]):
        _list(environ)
    elif words[0] == "show" and len(words) > 1 and all("=" in word for word in words[2:]):
        _show(words[1], words[2:], environ)
    else:
        raise UsageError(
            f"recipes {' '.join(words)}: not understood; use list, or show NAME [key=value ...]."
        )
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


def _show(name: str, words: Sequence[str], environ: Mapping[str, str]) -> None:
    """The recipe as one file, after its own options; each value says where it is from."""
    from autoopt.compose import commented
    from autoopt.compose.preview import preview  # imports Hydra, which a listing does not need

    shown = preview(name, words, shelves.visible(environ), environ)
    print(*(f"# {line}" for line in _files(shown.lineage)), sep="\n")
    for line in _options(shown.content, shown.notes):
        print(*commented.wrapped(line, "# ", "#     "), sep="\n")
    print(commented.as_yaml(shown.content, shown.notes), end="")


def _files(lineage: Sequence[tuple[str, Path]]) -> list[str]:
    """The recipe's file, then those that it builds on."""
    named = [f"{name}: {path}" for name, path in reversed(lineage)]
    return [named[0], *(f"builds on {one}" for one in named[1:])]


def _options(content: Mapping[str, Any], notes: Mapping[tuple[str, ...], str]) -> list[str]:
    """What the recipe's own options mean, one line each."""
    helps, choices = content.get("option_help") or {}, content.get("option_choices") or {}
    lines = []
    for key, value in (content.get("options") or {}).items():
        state = _state(value, notes.get(("options", key), ""))
        if key in choices:
            state += f"; {described(choices[key])}"
        lines.append(f"options.{key}: {helps.get(key, '')} ({state})".replace(":  (", " ("))
    return lines


def _state(value: Any, note: str) -> str:
    """What an option is at present, by the note on where its value is from."""
    for said in ("required", "none found here", "not found here", "known with"):
        if said in note:
            return note[note.index(said) :].partition(":")[0]
    known = {"detected": "detected", "command line": "given"}
    word = next((word for said, word in known.items() if said in note), "default")
    return f"{word} {value}"
