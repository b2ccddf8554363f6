"""What a word of a command line may become, as far as the schema and the recipes say; without Hydra."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from autoopt import reference
from autoopt.compose import agents, shape
from autoopt.compose import library as shelves
from autoopt.trust import printable

_HARMLESS = re.compile(r"[\w./=,:@+\[\]-]+")
_FILES = frozenset({"scope", "repo", "off_limits", "writable", "propose.known"})
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Offer:
    """A whole word, and what it means in a few words."""

    word: str
    about: str = ""

    @property
    def is_harmless(self) -> bool:
        """Whether a shell can put it into a line as it is: a cloned repository may have any names."""
        return _HARMLESS.fullmatch(self.word) is not None


FILES = Offer("<files>")
"""Stands for the files there are."""


def words(begun: str, environ: Mapping[str, str]) -> list[Offer] | None:
    """What a `key=value` word may become; None where only Hydra knows."""
    key, equals, value = begun.partition("=")
    within = tuple(key.split(".")[:-1])
    if (
        "/" in key
        or within[:1] == ("hydra",)
        or key.startswith(("+", "~"))
        or (within and shape.is_open(within))
    ):
        return None
    if not equals:
        return list(_keys(key))
    found = _values(key, value, environ)
    return found if found is None else [one for one in found if one is FILES or one.word.startswith(begun)]


def _keys(begun: str) -> Iterator[Offer]:
    """The next part of every option that begins so."""
    seen: dict[str, str] = {}
    for row in reference.rows():
        if not row.path.startswith(begun):
            continue
        rest = row.path[len(begun) :]
        part, dot, _ = rest.partition(".")
        if "<" in part:
            continue
        is_group = bool(dot) or row.type == "options" or row.type.endswith("by name")
        word = begun + part + ("." if is_group else "=")
        seen.setdefault(word, "" if dot else _short(row.doc))
    seen |= {f"{option}=": "a coding agent" for option in agents.OPTIONS if option.startswith(begun)}
    yield from (Offer(word, about) for word, about in seen.items())


def _values(key: str, value: str, environ: Mapping[str, str]) -> list[Offer] | None:
    if key == "recipe":
        return _recipes(value, environ)
    if key in agents.OPTIONS:
        return [Offer(f"{key}={name}") for name in agents.visible(environ).names()]
    if key in _FILES:
        return [FILES]
    path = tuple(key.split("."))
    if members := _members(path):
        head = value[: max(value.rfind("["), value.rfind(",")) + 1] or "["
        taken = re.split(r"[\[,]", head)
        return [Offer(f"{key}={head}{name}") for name in members if name not in taken]
    known = shape.choices(path)
    return [Offer(f"{key}={name}") for name in known] if known or not shape.is_open(path) else None


def _members(path: shape.Path) -> list[str]:
    """What a list at this path may hold, where that is a fixed choice."""
    kind = shape.kind_at(path)
    of = typing.get_args(kind)[0] if typing.get_origin(kind) is list else None
    return list(of.__members__) if isinstance(of, type) and issubclass(of, Enum) else []


def _recipes(value: str, environ: Mapping[str, str]) -> list[Offer]:
    """Recipes by name, several in a sweep, each with its goal."""
    head = value[: value.rfind(",") + 1]
    listed = [one for one in shelves.visible(environ).listing() if not one.shadowed_by]
    return [Offer(f"recipe={head}{one.name}", _short(one.goal)) for one in listed]


def _short(doc: str) -> str:
    """The first words of a description, whoever wrote it."""
    said = printable(" ".join(doc.replace("`", "").split()))
    first = re.split(r"(?<=[a-z)])[.;:] ", said, maxsplit=1)[0].rstrip(".")
    return first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1].rsplit(' ', 1)[0]}…"


def beginning(offers: Sequence[Offer], begun: str) -> list[Offer]:
    """Those that begin so."""
    return [one for one in offers if one.word.startswith(begun)]
