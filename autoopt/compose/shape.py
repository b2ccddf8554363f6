"""What the schema knows about an option's path: its type, its siblings, and the nearest known name."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

from autoopt.schema import Config

Path = tuple[str, ...]


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _plain(kind: Any) -> Any:
    """The type without its `| None`."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return next(part for part in typing.get_args(kind) if part is not types.NoneType)
    return kind


def child(kind: Any, key: str) -> Any:
    """The type of `key` in a value of type `kind`; None when there is no such option."""
    kind = _plain(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _hints(kind).get(key)
    if typing.get_origin(kind) is dict:
        return typing.get_args(kind)[1]
    return Any if kind is Any else None  # below nothing there is nothing


def kind_at(path: Path) -> Any:
    """The declared type at a path from the root; None when there is no such option."""
    kind: Any = Config
    for key in path:
        kind = child(kind, key)
    return kind


def choices(path: Path) -> list[str]:
    """Every value the option at a path can have, where that is a short list."""
    kind = _plain(kind_at(path))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind.__members__)
    return ["true", "false"] if kind is bool else []


def names(kind: Any) -> tuple[str, ...]:
    """The options a value of this type has, in the schema's order; empty for anything open or plain."""
    kind = _plain(kind)
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


def is_open(path: Path) -> bool:
    """Whether people may add names at or below this path (guards, params, environment variables)."""
    kind: Any = Config
    for key in path:
        if typing.get_origin(_plain(kind)) is dict:
            return True
        kind = child(kind, key)
    return typing.get_origin(_plain(kind)) is dict


def faults(data: Any, kind: Any = Config, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """What the schema does not take: the path and one line for each.

    `???` (to be given later) and text with an interpolation pass; they are checked when they are known.
    """
    if isinstance(data, str) and (data == "???" or "${" in data):
        return
    optional = types.NoneType in typing.get_args(kind)
    kind = _plain(kind)
    if kind is Any or (data is None and optional):
        return
    if is_dataclass(kind) or typing.get_origin(kind) is dict:
        yield from _group_faults(data, kind, path)
    elif typing.get_origin(kind) is list and isinstance(data, list):
        for position, item in enumerate(data):
            yield from faults(item, typing.get_args(kind)[0], (*path, str(position)))
    elif not _fits(data, kind):
        yield path, f"{'.'.join(path)}: {_shown(data)} is not {_wanted(kind)}{_instead(data, kind)}."


def _group_faults(data: Any, kind: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if not isinstance(data, Mapping):
        known = ", ".join(names(kind)) or "names of your choice"
        yield path, f"{'.'.join(path)}: {_shown(data)} is not a group of options; it has: {known}."
        return
    for key, value in data.items():
        below = (*path, str(key))
        inner = child(kind, key)
        if inner is None:
            yield below, no_such(below)
        else:
            yield from faults(value, inner, below)


_BOOLEANS = ("true", "false", "yes", "no", "on", "off")


def _fits(data: Any, kind: Any) -> bool:
    """Whether a scalar may stand for a plain type; text is taken for a number where it is one."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return isinstance(data, str) and data in kind.__members__
    if kind is bool:
        return isinstance(data, bool) or str(data).lower() in _BOOLEANS
    if isinstance(data, bool) or not isinstance(data, (str, int, float)):
        return False
    if kind is str:
        return not isinstance(data, float)
    if kind not in (int, float):
        return False
    try:
        return math.isfinite(kind(data)) and (kind is float or not isinstance(data, float))
    except ValueError:
        return False


def _wanted(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(kind.__members__)}"
    if typing.get_origin(kind) is list:
        return "a list, as in [a, b]"
    words = {bool: "yes or no", int: "a whole number", float: "a number", str: "text; put it in quotes"}
    return words[kind]


def _instead(data: Any, kind: Any) -> str:
    """How to write a percentage: shares are plain numbers."""
    if kind is not float or not isinstance(data, str) or not data.endswith("%"):
        return ""
    digits = data[:-1].strip()
    return f"; write {float(digits) / 100:g}" if _fits(digits, float) else ""


def _shown(data: Any) -> str:
    if data is None or isinstance(data, bool):
        return {None: "null", True: "true", False: "false"}[data]
    if isinstance(data, (Mapping, list)):
        return "a mapping" if isinstance(data, Mapping) else "a list"
    return repr(data)


def texts(data: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every piece of text in nested data, with its path."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from texts(value, (*path, str(key)))
    elif isinstance(data, list):
        for position, item in enumerate(data):
            yield from texts(item, (*path, str(position)))
    elif isinstance(data, str):
        yield path, data


def no_such(path: Path, siblings: tuple[str, ...] | None = None) -> str:
    """One line that refuses an unknown option and names the nearest known one.

    Args:
        path: The whole path as it was given; any part of it may be the unknown one.
        siblings: What the last part could have been, where the schema leaves that open.
    """
    at = next((end for end in range(1, len(path)) if kind_at(path[:end]) is None), len(path)) - 1
    known = siblings if siblings is not None else names(kind_at(path[:at]))
    where = ".".join(path[:at]) or "a run"
    nearest = _nearest(path, at, known)
    if nearest:
        hint = f"did you mean {nearest}?"
    else:
        own = "" if len(path) > 1 else f"one of a recipe's own would be options.{path[0]}; "
        hint = f"{own}{where} has: {', '.join(known)}." if known else f"{where} has no options below it."
    return f"{'.'.join(path)}: no such option; {hint}"


def _nearest(path: Path, at: int, known: tuple[str, ...]) -> str:
    """The path with its unknown part mended, or the one option elsewhere that has its name."""
    import difflib  # only needed for a refusal

    close = difflib.get_close_matches(path[at], known, 1)
    if close:
        return ".".join((*path[:at], close[0], *path[at + 1 :]))
    elsewhere = [leaf for leaf in leaves() if leaf[-1] == path[-1] and "<name>" not in leaf]
    return ".".join(elsewhere[0]) if len(path) == 1 and elsewhere else ""


def leaves(kind: Any = Config, path: Path = ()) -> Iterator[Path]:
    """Every option's path in the schema's order; names that people choose are written `<name>`."""
    kind = _plain(kind)
    if is_dataclass(kind):
        for name in names(kind):
            yield from leaves(child(kind, name), (*path, name))
    elif typing.get_origin(kind) is dict and is_dataclass(typing.get_args(kind)[1]):
        yield from leaves(typing.get_args(kind)[1], (*path, "<name>"))
    else:
        yield path
