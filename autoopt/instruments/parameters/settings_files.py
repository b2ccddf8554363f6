"""Values in YAML, TOML and JSON files, each with its key path."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from autoopt.errors import UsageError
from autoopt.instruments.parameters.places import Found

SUFFIXES = frozenset({".yaml", ".yml", ".toml", ".json"})
_FOREIGN = re.compile(
    r"pyproject\.toml|dvc\.(yaml|lock)|package(-lock)?\.json|tsconfig.*|.*lock.*|\.pre-commit-config\.yaml|"
    r"docker-compose.*|mkdocs\.yml|environment\.ya?ml|conda\.ya?ml|MLproject|metrics.*|schema.*|.*\.schema\.json"
)
"""Files of tools, which hold no settings of the program."""
_LARGEST = 200_000
_WORD = re.compile(r"[A-Za-z_][\w-]*")


def found(path: str, text: str) -> Iterator[Found]:
    """The plain values of one file, in their order; nothing of a file that is none of settings.

    Raises:
        UsageError: YAML needs a package that is not there.
    """
    name = PurePosixPath(path).name
    if _FOREIGN.fullmatch(name) or len(text) > _LARGEST:
        return
    loaded = _loaded(PurePosixPath(path).suffix.lower(), text)
    if not isinstance(loaded, Mapping):
        return
    for keys, value in _walk(loaded, ()):
        yield Found(
            file=path,
            site={"key": _spelled(keys)},
            where=_spelled(keys),
            path=tuple(map(str, keys)),
            value=value,
            guess=True,
            choices=_listed(text, str(keys[-1]), value),
        )


def _loaded(suffix: str, text: str) -> Any:
    """What the file says; None when it is not well-formed, which is its program's business."""
    try:
        if suffix == ".toml":
            return tomllib.loads(text)
        if suffix == ".json":
            return json.loads(text)
        return _yaml(text)
    except ValueError:
        return None


def _yaml(text: str) -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError as error:
        raise UsageError(
            "YAML files need ruamel.yaml in the interpreter of `python`; pip install it."
        ) from error
    if re.search(r"(?m)[:\s-]\s*[&*]\w", text):
        return None  # with anchors a value may stand in two places
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ValueError(str(error)) from error


def _walk(value: Any, keys: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(key, str) and key and '"' not in key:
                yield from _walk(inner, (*keys, key))
    elif value is None or isinstance(value, (bool, int, float, str)):
        yield keys, value


def _spelled(keys: tuple[str | int, ...]) -> str:
    plain = re.compile(r"[^.\[\]\"']+")
    return ".".join(str(key) if plain.fullmatch(str(key)) else f'"{key}"' for key in keys)


def _listed(text: str, key: str, value: Any) -> tuple[str, ...]:
    """The words of a comment such as `# none, standard or minmax`, if the value is one of them."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        return ()
    quoted = rf"""["']?{re.escape(value)}["']?"""
    lines = re.findall(rf"""(?m)^\s*["']?{re.escape(key)}["']?\s*[:=]\s*{quoted}\s*#\s*(.+)$""", text)
    if len(lines) != 1:
        return ()
    words = [
        word.strip(" .`'\"")
        for word in re.split(r"\s*(?:,|\||/|\bor\b)\s*", lines[0].partition(":")[2] or lines[0])
    ]
    words = [word for word in words if word]
    right = len(words) > 1 and value in words and all(_WORD.fullmatch(word) for word in words)
    return tuple(dict.fromkeys(words)) if right else ()
