"""Where recipes are found, what they build on, and what a recipe file may say. Knows nothing of Hydra."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from autoopt import places
from autoopt.compose import refusals, shape, strictyaml
from autoopt.errors import ResourceError, UsageError
from autoopt.packs import lock

_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*(?:/[A-Za-z0-9_][\w.-]*)*")
_OURS = "detected"
_SELF = "_self_"
PACK = "pack "
"""What the labels of packs begin with."""
_AGENTS = ("agent", "inspector")
OF_AN_AGENT = ("model", "max_turns", "timeout_s", "prices")
"""What a recipe may say of an agent besides its name. What it runs, sees and may do is for its own file or
the command line to say: a recipe may come from anybody, and an agent gets keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A directory of recipes and what to call it.

    Attributes:
        origin: Where it was brought from, and what of it is pinned; empty where it is as it lies there.
    """

    label: str
    path: Path
    origin: str = ""

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else may have written what is in it: nothing of it runs before it is trusted."""
        return self.label not in ("user", "built-in")

    @property
    def absence(self) -> str:
        """That it is not there, and what to do about it."""
        if self.origin:
            return f"The {self.label} ({self.origin}) is not here yet: autoopt recipes sync."
        return f"{self.label} names {self.path}, which is no directory."


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """One entry of a recipe's defaults list.

    Attributes:
        keyword: `override`, `optional` or nothing, as Hydra has them.
        group: The sub-folder chosen from (`measure`), or `agent` or `inspector`; empty when the entry names
            a recipe to inherit.
        names: What is chosen in it; empty for null.
        line: Where the entry stands.
    """

    keyword: str = ""
    group: str = ""
    names: tuple[str, ...] = ()
    line: int = 1

    @property
    def is_agent(self) -> bool:
        """Whether it chooses an agent or an inspector."""
        return self.group in _AGENTS

    @property
    def recipes(self) -> tuple[str, ...]:
        """The files it pulls in, by their names from the recipe root."""
        if self.is_agent:
            return ()
        prefix = f"{self.group}/" if self.group else ""
        return tuple(prefix + name for name in self.names if name not in (_SELF, "???"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One recipe file, checked: `data` holds options only, `bases` what it builds on."""

    name: str
    document: strictyaml.Document
    data: Mapping[str, Any]
    bases: tuple[Base, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A recipe as a listing shows it: `problem` when it is broken, `shadowed_by` when another one wins."""

    name: str
    goal: str
    shelf: Shelf
    shadowed_by: str = ""
    problem: str = ""


def read(path: Path, name: str) -> Recipe:
    """The recipe in a file.

    Raises:
        UsageError: one line, starting with `FILE:LINE`.
    """
    document = strictyaml.read(path)
    data = dict(document.data)
    entries = data.pop("defaults", [])
    if _OURS in data:
        raise UsageError(f"{document.at((_OURS,))}: {_OURS}: only autoopt writes this; leave it out.")
    is_ours = path.is_relative_to(places.data_dir("recipes"))
    refused = (
        *refusals.of_persons(data, is_ours=is_ours),
        *shape.faults(data),
        *refusals.of_code(data),
        *agent_faults(data),
    )
    for fault, line in refused:
        raise UsageError(f"{document.at(fault)}: {line}")
    if not isinstance(entries, list):
        raise UsageError(
            f"{document.at(('defaults',))}: defaults: a list such as [base, _self_] was expected."
        )
    bases = tuple(_base(document, number, entry) for number, entry in enumerate(entries))
    return Recipe(name=name, document=document, data=data, bases=bases)


def agent_faults(data: Mapping[str, Any]) -> Iterator[tuple[shape.Path, str]]:
    """What a recipe cannot say of a coding agent: the path and one line for each."""
    for option in _AGENTS:
        for key in data.get(option) or {}:
            if key not in OF_AN_AGENT:
                yield (
                    (option, key),
                    f"{option}.{key}: a recipe can set {', '.join(OF_AN_AGENT)} only; put the rest into "
                    f".autoopt/agents/NAME.yaml and choose that with `defaults: [{option}: NAME, _self_]`.",
                )


def _base(document: strictyaml.Document, number: int, entry: object) -> Base:
    where = document.at(("defaults", str(number)))
    line = int(where.rpartition(":")[2])
    if isinstance(entry, str):
        _refuse_odd(where, (entry,))
        return Base(names=(entry.removeprefix("/").removeprefix("recipe/"),), line=line)
    if not isinstance(entry, dict) or len(entry) != 1:
        raise UsageError(f"{where}: defaults: one recipe name or one `group: name` was expected.")
    ((key, value),) = entry.items()
    *keywords, group = key.split()
    chosen = [] if value is None else value if isinstance(value, list) else [value]
    if keywords not in ([], ["override"], ["optional"]) or not all(isinstance(one, str) for one in chosen):
        raise UsageError(f"{where}: defaults: {key}: a name, a list of names or null was expected.")
    _refuse_odd(where, (group, *chosen))
    group = group.removeprefix("/").removeprefix("recipe/")
    if group in _AGENTS and (keywords == ["optional"] or len(chosen) != 1):
        raise UsageError(f"{where}: defaults: {key}: the name of one agent was expected.")
    return Base(keyword=" ".join(keywords), group=group, names=tuple(chosen), line=line)


def _refuse_odd(where: str, words: tuple[str, ...]) -> None:
    for word in words:
        is_name = word == "???" or _NAME.fullmatch(word.removeprefix("/"))
        if not is_name or word.startswith("/hydra"):
            raise UsageError(f"{where}: defaults: {word!r}: a recipe can build on recipes only, by name.")


class Library:
    """The shelves in search order; the first one that has a name wins."""

    def __init__(self, shelves: tuple[Shelf, ...], missing: tuple[Shelf, ...] = ()) -> None:
        """Look at nothing yet.

        Args:
            missing: Folders that somebody has named, or packs of a lock file, that are not here.
        """
        self.shelves = shelves
        self.missing = missing
        self._read: dict[Path, Recipe] = {}  # a listing meets what many build on again and again

    def find(self, name: str) -> tuple[Shelf, Path] | None:
        """Where a recipe (or a sub-group's file, `measure/psql`) is; None when nobody has it."""
        if not _NAME.fullmatch(name):
            return None
        for shelf in self.shelves:
            path = shelf.path / f"{name}.yaml"
            if os.path.lexists(path):
                return shelf, path
        return None

    def names(self, group: str = "") -> list[str]:
        """Names in a sub-folder (or of all top-level recipes), each once, sorted."""
        found = [one for shelf in self.shelves for one in entries(shelf.path / group)]
        return sorted({name for name, is_group in found if not is_group})

    def lineage(self, name: str) -> list[Recipe]:
        """The recipe and all it builds on, most basic first.

        Raises:
            UsageError: one of them is unknown or broken, or it builds on itself.
        """
        order: list[Recipe] = []
        self._visit(name, "", (), order)
        return order

    def _visit(self, name: str, asked_at: str, trail: tuple[str, ...], order: list[Recipe]) -> None:
        if name in trail:
            circle = " → ".join((*trail[trail.index(name) :], name))
            raise UsageError(f"{asked_at}defaults: {circle}: a recipe cannot build on itself.")
        found = self.find(name)
        if found is None:
            raise UsageError(asked_at + self.unknown(name))
        path = found[1]
        if path not in self._read:
            self._read[path] = read(path, name)
        recipe = self._read[path]
        for base in recipe.bases:
            for below in base.recipes:
                if base.keyword == "optional" and self.find(below) is None:
                    continue
                self._visit(below, f"{path}:{base.line}: ", (*trail, name), order)
        order.append(recipe)

    def unknown(self, name: str) -> str:
        """One line saying that nobody has this recipe, what is near, and where was looked."""
        import difflib  # only needed for a refusal

        group, _, last = name.rpartition("/")
        known = self.names(group) if _NAME.fullmatch(name) else []
        near = [f"{group}/{one}".lstrip("/") for one in difflib.get_close_matches(last, known, 3, 0.5)]
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        looked = ", ".join(f"{shelf.label} ({shelf.path})" for shelf in self.shelves)
        absent = "".join(f" {shelf.absence}" for shelf in self.missing)
        return (
            f"recipe: {name}: no such recipe.{hint}{absent} Looked in {looked}; `autoopt recipes` lists all."
        )

    def listing(self) -> list[Listed]:
        """Every top-level recipe of every shelf, by name; broken and shadowed ones are marked."""
        listed: list[Listed] = []
        winners: dict[str, str] = {}
        for shelf in self.shelves:
            for name, is_group in entries(shelf.path):
                if is_group:
                    continue
                if name in winners:
                    listed.append(Listed(name=name, goal="", shelf=shelf, shadowed_by=winners[name]))
                else:
                    winners[name] = shelf.label
                    listed.append(self._listed(name, shelf))
        return sorted(listed, key=lambda one: (one.name, bool(one.shadowed_by)))

    def _listed(self, name: str, shelf: Shelf) -> Listed:
        try:
            lineage = self.lineage(name)
        except UsageError as error:
            return Listed(name=name, goal="", shelf=shelf, problem=str(error))
        goal = next((str(one.data["goal"]) for one in reversed(lineage) if one.data.get("goal")), "")
        return Listed(name=name, goal=goal, shelf=shelf)


def entries(directory: Path) -> Iterator[tuple[str, bool]]:
    """Names in a recipe folder, sorted, each with whether it is a sub-folder; hidden ones are left out."""
    try:
        found = sorted(directory.iterdir())
    except OSError:  # not there, not a directory, not readable: a shelf without recipes
        return
    for path in found:
        if not _NAME.fullmatch(path.name):
            continue
        if path.suffix == ".yaml":
            yield path.stem, False
        elif path.is_dir():
            yield path.name, True


def visible(environ: Mapping[str, str], start: Path | None = None) -> Library:
    """The library as seen from a directory, by default the current one.

    Raises:
        ResourceError: the current directory was deleted.
    """
    wanted = [*_named_shelves(environ), *_pinned_shelves(environ, start)]
    shelves = [
        *repository_shelves(start, "recipes"),
        Shelf(label="user", path=places.user_recipes(environ)),
        *wanted,
        *_pack_shelves(),
        Shelf(label="built-in", path=places.data_dir("recipes")),
    ]
    found = tuple(shelf for shelf in shelves if shelf.path.is_dir())
    return Library(found, tuple(shelf for shelf in wanted if shelf not in found))


def top(directory: Path) -> Path:
    """The directory above with git's files, where paths of a run begin; the directory itself without one."""
    directory = directory.expanduser().resolve()
    return next((at for at in (directory, *directory.parents) if (at / ".git").exists()), directory)


def merged(lineage: Sequence[Recipe]) -> dict[str, Any]:
    """What the recipe and all it builds on say, the most derived last; nothing is resolved."""
    found: dict[str, Any] = {}
    for one in lineage:
        found = _over(found, one.data)
    return found


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(below)
    for key, value in above.items():
        old = found.get(key)
        found[key] = _over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return found


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise ResourceError("The current directory was deleted; change to one that exists.") from error


def repository_shelves(start: Path | None, folder: str) -> Iterator[Shelf]:
    """`.autoopt/FOLDER` of each directory up to the repository root, from the current one by default.

    Outside a repository only the first directory counts: a parent such as `/tmp` may belong to anybody.
    """
    start = start or _here()
    chain = (start, *start.parents)
    depth = next((number for number, one in enumerate(chain) if (one / ".git").exists()), 0)
    for directory in chain[: depth + 1]:
        yield Shelf(label="repository", path=directory / ".autoopt" / folder)


def _named_shelves(environ: Mapping[str, str]) -> Iterator[Shelf]:
    for part in environ.get("AUTOOPT_RECIPES", "").split(os.pathsep):
        if part:
            yield Shelf(label="AUTOOPT_RECIPES", path=Path(part).expanduser().absolute())


def _pinned_shelves(environ: Mapping[str, str], start: Path | None) -> Iterator[Shelf]:
    """The packs of lock files, the repository's before the user's, each as it is pinned.

    Raises:
        UsageError: a lock file is damaged.
    """
    for path in (lock.of_repository(top(start or _here())), lock.of_user(environ)):
        for pin in lock.read(path).values():
            yield pinned_shelf(pin, environ)


def pinned_shelf(pin: lock.Pin, environ: Mapping[str, str]) -> Shelf:
    """The shelf of a pack as it is pinned, whether it is here or not."""
    return Shelf(label=PACK + pin.name, path=pin.place(environ), origin=pin.origin)


def _pack_shelves() -> Iterator[Shelf]:
    """Folders of installed packs, found without importing any of their code."""
    for entry in _installed(tuple((path, _changed(path)) for path in sys.path)):
        module, _, folder = entry.value.partition(":")
        top, *rest = module.strip().split(".")
        spec = find_spec(top) if top.isidentifier() and top != "__main__" else None
        name = entry.name if entry.name.isprintable() else ascii(entry.name)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            yield Shelf(label=PACK + name, path=Path(location, *rest, *filter(None, [folder])))


@lru_cache(maxsize=1)
def _installed(_as_of: tuple[tuple[str, int], ...]) -> list[EntryPoint]:
    """The entry points of packs, read anew once a place on `sys.path` has changed."""
    return sorted(entry_points(group="autoopt.recipes"))


def _changed(path: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:  # `sys.path` names what is not there, too
        return 0
