"""What the project's files say to pytest and coverage.py, as far as it decides what is tested and counted."""

from __future__ import annotations

import configparser
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_INI = {
    "pytest.ini": ("pytest",),
    ".pytest.ini": ("pytest",),
    "tox.ini": ("pytest", "coverage:"),
    "setup.cfg": ("tool:pytest", "coverage:"),
    ".coveragerc": ("",),
}
_TOML = {
    "pyproject.toml": (("tool", "pytest"), ("tool", "coverage")),
    "pytest.toml": (("pytest",),),
    ".pytest.toml": (("pytest",),),
    ".coveragerc.toml": (("tool", "coverage"), ("run",), ("report",)),
}
_HARMLESS = {
    "-n",
    "--numprocesses",
    "--dist",
    "--import-mode",
    "--durations",
    "--tb",
    "-q",
    "-v",
    "--no-header",
}
"""Words of `addopts` that choose how tests are run and shown, not which, nor when they fail."""


def settings(root: Path) -> dict[str, Any]:
    """Every setting by `FILE section.name`; of `addopts` only what may change what is tested."""
    found = dict([*_of_ini(root), *_of_toml(root)])
    return {name: value for name, value in found.items() if value != ""}


def _of_ini(root: Path) -> Iterator[tuple[str, Any]]:
    for name, sections in _INI.items():
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(root / name, "utf-8")
        except (configparser.Error, UnicodeDecodeError):
            yield f"{name}", "unreadable"
            continue
        for section in parser.sections():
            if any(
                section == one or (one in ("", "coverage:") and section.startswith(one)) for one in sections
            ):
                for key, value in parser[section].items():
                    yield f"{name} [{section}] {key}", _told(key, value)


def _of_toml(root: Path) -> Iterator[tuple[str, Any]]:
    for name, places in _TOML.items():
        try:
            content = (root / name).read_bytes().decode("utf-8")
            document: Any = tomllib.loads(content)
        except FileNotFoundError:
            continue
        except ValueError:  # of either
            yield name, "unreadable"
            continue
        for place in places:
            found = document
            for key in place:
                found = found.get(key, {}) if isinstance(found, dict) else {}
            if isinstance(found, Mapping):
                yield from ((f"{name} {key}", value) for key, value in _flat(found, ".".join(place)))


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}.{key}")
        else:
            yield f"{prefix}.{key}", _told(key, value)


def _told(key: str, value: Any) -> Any:
    """The value as JSON has it, without what is harmless."""
    if key == "addopts":
        return " ".join(_weighty(value if isinstance(value, list) else _words(str(value))))
    return value if isinstance(value, str | int | float | bool | list) else str(value)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _weighty(words: list[Any]) -> Iterator[str]:
    """The words without those that only choose how; a value may follow one of them as a word of its own."""
    taken = ""
    for word in map(str, words):
        name = word.partition("=")[0]
        short = word[:2] if word[:2] == "-n" and word[2:].isdigit() else ""
        if (
            taken in ("-n", "--numprocesses", "--dist", "--import-mode", "--durations", "--tb")
            and word[:1] != "-"
        ):
            taken = ""
        elif name in _HARMLESS or short:
            taken = word
        else:
            taken = ""
            yield word
