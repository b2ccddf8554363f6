"""The command line: `find` and `evaluation`, both with the paths of the scope."""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from autoopt.instruments import numbers
from autoopt.instruments.entry import Parser, acted
from autoopt.instruments.parameters import knobs, python_files, settings_files
from autoopt.instruments.parameters.places import Found, Names
from autoopt.scope import Scope

MOST = 24
"""Parameters that a search is given at most: those with a known name first, files of settings first."""
_SKIPPED = frozenset({"__pycache__", "node_modules", "venv", "build", "dist"})
_TESTS = ("test_", "conftest")


def main(argv: Sequence[str]) -> int:
    """Run one subcommand; return the exit code. What goes wrong is one line on the standard error."""
    return acted(_parser, argv)


def _parser() -> Parser:
    parser = Parser(prog="python -m autoopt.instruments.parameters", description="Values worth searching.")
    for name, command in parser.subcommands(
        ("find", _find, "print parameters for propose.discover, as JSON"),
        ("evaluation", _evaluation, "print what decides how a result is judged, as an inventory"),
    ):
        command.add_argument(
            "paths", nargs="+", metavar="PATH", help="files, directories or globs of the scope"
        )
        if name == "find":
            about = [kind.value for kind in knobs.About]
            command.add_argument("--about", choices=about, default="both", help="what the values change")
    return parser


def _find(arguments: argparse.Namespace) -> None:
    print(json.dumps(parameters(Path.cwd(), arguments.paths, knobs.About(arguments.about)), indent=2))


def parameters(root: Path, paths: Sequence[str], about: knobs.About) -> dict[str, dict[str, Any]]:
    """Parameters by name, as `params` of a recipe; those whose meaning is known first."""
    known: list[tuple[Found, dict[str, Any]]] = []
    guessed: list[tuple[Found, dict[str, Any]]] = []
    for found in _values(root, paths):
        if not found.site:
            continue
        sure = knobs.options(found.path, found.value, about, guess=False)
        if sure is None and found.choices and not knobs.evaluates(found.path):
            sure = {"choices": list(found.choices)}
        options = sure or knobs.options(found.path, found.value, about, guess=found.guess)
        if options is not None:
            options = _with_words(found.value, options)
            (known if sure else guessed).append((found, options))
    names = Names()
    for found, options in [*known, *guessed][:MOST]:
        names.add(found, options)
    return names.taken


def _with_words(value: knobs.Value, options: dict[str, Any]) -> dict[str, Any]:
    """The options, of one of several words with the others as worth trying alone."""
    others = [one for one in options.get("choices", ()) if one != value]
    return {**options, "first": others[:3]} if len(others) > 1 else options


def _evaluation(arguments: argparse.Namespace) -> None:
    """Everything in the scope that decides how a result is judged, with its value."""
    same: dict[str, knobs.Value] = {}
    seen: Counter[str] = Counter()
    for found in _values(Path.cwd(), arguments.paths):
        if knobs.evaluates(found.path):
            label = f"{found.file}: {found.where}"
            seen[label] += 1
            same[f"{label} #{seen[label]}" if seen[label] > 1 else label] = found.value
    print(numbers.inventory(same=same))


def _values(root: Path, paths: Sequence[str]) -> Iterator[Found]:
    files = list(_files(root, Scope(paths)))
    for path in files:
        if PurePosixPath(path).suffix.lower() in settings_files.SUFFIXES:
            yield from settings_files.found(path, _text(root / path))
    for path in files:
        if path.endswith(".py") and not PurePosixPath(path).name.startswith(_TESTS):
            yield from python_files.found(path, _text(root / path))


def _files(root: Path, scope: Scope) -> Iterator[str]:
    """The files in the scope, those nearest to the top first."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [one for one in folders if one not in _SKIPPED and not one.startswith(".")]
        relative = Path(folder).relative_to(root)
        found += [(relative / name).as_posix() for name in names]
    regular = [path for path in found if scope.contains(path) and not (root / path).is_symlink()]
    return iter(sorted(regular, key=lambda path: (path.count("/"), path)))


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
