"""`autoopt recipes check`: whether a pack's recipes keep to the rules that autoopt's own ones keep to."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoopt.compose import beside
from autoopt.compose import library as shelves
from autoopt.errors import AutooptError, UsageError
from autoopt.packs import content
from autoopt.testing.recipe_suite import RecipeSuite
from autoopt.trust import printable
from autoopt.walking import walk

_FOUND = 2
"""The exit code when something is wrong."""
_FOLDER, _EXAMPLES = "recipes", "examples"
"""Beside each other, wherever in a repository they are."""
_ENTRY_POINTS = "autoopt.recipes"
_PLACED = re.compile(r"(/.*?):(\d+): (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    """One thing that is wrong, and where."""

    path: Path
    line: int
    text: str

    def told(self, *, for_github: bool) -> str:
        """One line about it; GitHub shows its form beside the line of the file."""
        path = Path(os.path.relpath(self.path)) if self.path.is_relative_to(Path.cwd()) else self.path
        text = printable(" ".join(self.text.split()))
        if not for_github:
            return f"{printable(str(path))}:{self.line}: {text}"
        escaped = text.replace("%", "%25")
        place = printable(str(path)).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
        return f"::error file={place},line={self.line}::{escaped}"


def check(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print what is wrong, a line each; returns the exit code.

    Raises:
        UsageError: there are no recipes.
    """
    if len(words) > 1 or any(word.startswith("-") for word in words):
        raise UsageError(
            "recipes check: the directory of one pack was expected: autoopt recipes check [DIR]."
        )
    pack = Path(*words).expanduser().absolute()
    folder = pack / content.find_folder(lambda one: any(_recipes(pack / one)), str(pack), None)
    names = sorted(_recipes(folder))
    problems = [*_of_files(folder), *_of_entry_points(pack)]
    with tempfile.TemporaryDirectory(prefix="autoopt-samples-") as samples:
        suite = _Suite(folder, folder.parent if folder.name == _FOLDER else pack, Path(samples))
        for name in names:
            problems += _of_recipe(name, suite)
    seen = dict.fromkeys(one.told(for_github=environ.get("GITHUB_ACTIONS") == "true") for one in problems)
    print(*seen, sep="\n", end="\n" if seen else "")
    print(f"{_counted(len(names), 'recipe')} in {folder}: {_counted(len(seen), 'problem')}")
    return _FOUND if seen else 0


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _recipes(folder: Path) -> list[str]:
    return [name for name, is_group in shelves.entries(folder) if not is_group]


def _of_files(folder: Path) -> Iterator[_Problem]:
    """What a pack may not hold, so that nobody could add it."""
    for place, folders, names in walk(folder):
        for path in (Path(place, name) for name in (*folders, *names)):
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                yield _Problem(path=path, line=1, text="a link or no plain file; a pack is plain files.")


def _of_entry_points(pack: Path) -> Iterator[_Problem]:
    """Folders that the package names and that are not there, so that it would bring no recipes."""
    import tomllib

    path = pack / "pyproject.toml"
    try:
        text = path.read_text("utf-8")
        named = tomllib.loads(text).get("project", {}).get("entry-points", {}).get(_ENTRY_POINTS, {})
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        yield _Problem(path=path, line=1, text=f"cannot be read: {error}")
        return
    for name, value in named.items():
        parts = str(value).replace(":", ".").split(".")
        if not any(any(_recipes(top.joinpath(*parts))) for top in (pack, pack / "src")):
            line = next((at for at, one in enumerate(text.splitlines(), 1) if str(value) in one), 1)
            words = f"{_ENTRY_POINTS}: {name} = {str(value)!r} names no folder with recipes in it."
            yield _Problem(path=path, line=line, text=words)


def _of_recipe(name: str, suite: _Suite) -> list[_Problem]:
    """What is wrong with one recipe; the rules are looked at only when it can be read."""
    path = suite.folder / f"{name}.yaml"
    try:
        for one in suite.library.lineage(name):
            shelf = next(
                shelf for shelf in suite.library.shelves if one.document.path.is_relative_to(shelf.path)
            )
            beside.put_in(one.document, one.data, shelf)
    except UsageError as error:
        return [_placed(str(error), path)]
    rules = inspect.getmembers(
        suite, lambda member: inspect.ismethod(member) and member.__name__[:5] == "test_"
    )
    return [problem for _, rule in rules if (problem := _broken(rule, name, path)) is not None]


def _broken(rule: Callable[..., None], name: str, path: Path) -> _Problem | None:
    """What the rule says of the recipe, in a directory of its own; None when it is kept."""
    with tempfile.TemporaryDirectory(prefix="autoopt-check-") as place, contextlib.chdir(place):
        known: dict[str, Any] = {
            "recipe": name,
            "tmp_path": Path(place, "project"),
            "monkeypatch": _Changing(),
        }
        known["tmp_path"].mkdir()
        try:
            rule(**{key: known[key] for key in inspect.signature(rule).parameters})
        except AssertionError as error:
            said = str(error) or inspect.getdoc(rule) or rule.__name__
            return _placed(said.splitlines()[0], path)
        except (AutooptError, ValueError, OSError) as error:
            return _placed(str(error) or type(error).__name__, path)
        except IndexError:  # it shows no use, which another rule says
            return None
    return None


def _placed(text: str, path: Path) -> _Problem:
    """The problem where its text says, else at the top of the recipe."""
    if found := _PLACED.fullmatch(text):
        return _Problem(path=Path(found[1]), line=int(found[2]), text=found[3])
    return _Problem(path=path, line=1, text=text)


class _Changing:
    """What the rules want to change the directory with; it is changed back after each."""

    def chdir(self, path: Path) -> None:
        """Change to it."""
        os.chdir(path)


class _Suite(RecipeSuite):
    """The rules, for the recipes of a folder and the examples beside them; reads and makes things once."""

    folder: Path

    def __init__(self, folder: Path, pack: Path, samples: Path) -> None:
        self.folder = folder
        self.library = shelves.visible(self._environ(Path(os.devnull)), folder)
        self._pack = pack
        self._samples = samples

    def project(self, recipe: str, directory: Path) -> None:
        """The example of the pack, else the sample project of what the recipe builds on, if there is one."""
        example = self._pack / _EXAMPLES / recipe
        if example.is_dir():
            shutil.copytree(example, directory, dirs_exist_ok=True)
            return
        from autoopt.demos import demos

        known = demos()
        name = next((one.name for one in reversed(self._lineage(recipe)) if one.name in known), None)
        if name is None:
            return
        sample = self._samples / name
        if not sample.exists():
            sample.mkdir()
            known[name].make(sample)
        shutil.copytree(sample, directory, dirs_exist_ok=True)

    def _lineage(self, recipe: str) -> list[shelves.Recipe]:
        return self.library.lineage(recipe)
