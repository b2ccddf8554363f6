"""git's attribute files, as far as they say that git would convert a file's content by a program or a codec.

Nothing is converted here, ever; it is only found out, so that a person can be told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dulwich.attrs import Pattern
from dulwich.config import StackedConfig
from dulwich.wildmatch import MalformedPattern

from autoopt.workspaces.formats import own_file
from autoopt.workspaces.store import EXECUTABLE, FILE, Files, Store

FILTER = "filter"
_CONVERTING = (FILTER, "working-tree-encoding")
_FILE = ".gitattributes"
_MACRO = "[attr]"
_LINE = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|(\S+))\s*(.*)')
_Values = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line: for which paths (below a folder), and what it sets; None where it takes a value away."""

    folder: str
    pattern: Pattern
    values: _Values

    def matches(self, path: str) -> bool:
        below = path.startswith(self.folder)
        return below and self.pattern.match(os.fsencode(path[len(self.folder) :]))


class Attributes:
    """What converts the files of one commit, by its own attribute files and those outside of it."""

    def __init__(self, store: Store, config: StackedConfig, expected: Files) -> None:
        """`expected` are the commit's files; `config` names the user's own attribute file."""
        self._macros: dict[str, _Values] = {}
        tracked = [
            (path.removesuffix(_FILE), store.blob(entry.sha))
            for path, entry in sorted(expected.items(), key=lambda item: item[0].count("/"))
            if path.rpartition("/")[2] == _FILE and entry.mode in (FILE, EXECUTABLE)
        ]
        texts = [
            ("", _read(own_file(config, b"attributesFile", "attributes"))),
            *tracked,
            ("", _read(store.control / "info" / "attributes")),
        ]
        self._rules = [rule for folder, text in texts for rule in self._parsed(folder, text)]

    def _parsed(self, folder: str, text: bytes) -> Iterator[_Rule]:
        for line in os.fsdecode(text).split("\n"):
            found = _LINE.match(line)
            if not found or (found[2] or "").startswith("#"):
                continue
            name = found[2] if found[1] is None else re.sub(r"\\(.)", r"\1", found[1])
            values = self._values(found[3].split())
            if name.startswith(_MACRO):
                self._macros[name.removeprefix(_MACRO)] = values
            elif values and (pattern := _pattern(name)):
                yield _Rule(folder, pattern, values)

    def _values(self, words: Iterable[str]) -> _Values:
        found: _Values = {}
        for word in words:
            name, _, value = word.lstrip("-!").partition("=")
            if word == name and name in self._macros:
                found |= self._macros[name]
            if name in _CONVERTING:
                # Without a value, a filter is none.
                found[name] = value or None
        return found

    def of(self, path: str) -> Mapping[str, str]:
        """What converts a file, by attribute."""
        values: _Values = {}
        for rule in self._rules:
            if rule.matches(path):
                values |= rule.values
        return {name: value for name, value in values.items() if value is not None}

    def converted(self, paths: Iterable[str]) -> dict[str, Mapping[str, str]]:
        """Those of the paths that git would convert, with by what."""
        if not self._rules:
            return {}
        return {path: found for path in paths if (found := self.of(path))}


def _pattern(name: str) -> Pattern | None:
    try:
        return Pattern(os.fsencode(name))
    except (MalformedPattern, re.error):
        return None  # matches nothing in git either


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
