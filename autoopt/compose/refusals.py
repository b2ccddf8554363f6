"""What no recipe and no agent's file may say, whoever wrote it: code, and what a person alone decides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autoopt.compose import shape

FUNCTIONS = ("quote", "words", "choose", "share", "interpreter", "instrument", "beside", "detect", "need")
"""What `${name:...}` may call."""
_SECRETS = ("metric", "pass_env")
_REPO = ("repo",)
"""Perhaps an address, which is reached with a person's keys and tokens, and sent to."""
_STORAGE = ("propose", "optuna", "storage")
"""A file or database anywhere, which the loop itself writes to."""
_NOTIFY = ("notify",)
"""Its command runs as the user, without walls; a recipe's is shown before it is trusted."""
_WALLS: tuple[shape.Path, ...] = (
    *(("sandbox",), ("writable",), ("suspicions", "ignore")),
    *(("metric", "self_scored"), ("workspace", "allow_new")),
)
"""What is between an edit and the judge."""
_ONLY_YOU: tuple[shape.Path, ...] = (
    *(("recipe",), ("confirm",), _REPO, ("trust",), ("workspace", "desk"), ("workspace", "mode")),
    *(_STORAGE, *_WALLS),
)
_OBJECT = re.compile(r"_(?:target|args|partial|recursive|convert)_")
_OPENING = re.compile(r"(\\*)\$\{")
_MARK = re.compile(r"\$?\{|\}|:")


def of_persons(data: Mapping[str, Any], *, is_ours: bool) -> Iterator[tuple[shape.Path, str]]:
    """What a person alone can set, in a recipe: the path and one line for each.

    Args:
        is_ours: Whether it came with autoopt; such a recipe may name variables that hold secrets.
    """
    for path in _ONLY_YOU if is_ours else (*_ONLY_YOU, _SECRETS):
        at, value = _reached(data, path)
        if at == path:
            yield path, f"{'.'.join(path)}: only you can set this, on the command line."
        elif at and isinstance(value, str):
            yield at, f"{'.'.join(at)}: a group of options has to be written out."


def of_agents(words: Sequence[str]) -> str:
    """One line about the first `key=value` word that no agent may give, only a person; empty when none is."""
    for word in words:
        path = tuple(re.split(r"[.@]", word.lstrip("+~").partition("=")[0].strip()))
        for own in (*_WALLS, _SECRETS, _REPO, _STORAGE, _NOTIFY):
            if path[: len(own)] == own or own[: len(path)] == path:
                return f"{'.'.join(own)}: only a person can set this, on the command line."
    return ""


def of_code(data: Mapping[str, Any]) -> Iterator[tuple[shape.Path, str]]:
    """Code that a recipe or an agent's file would have run or loaded: the path and one line for each."""
    for path in _keys(data):
        if _OBJECT.fullmatch(path[-1]):
            yield path, f"{'.'.join(path)}: names code to load, but a recipe and an agent are plain values."
    for path, text in shape.texts(data):
        for name in calls(text):
            if name not in FUNCTIONS:
                yield (
                    path,
                    f"{'.'.join(path)}: ${{{name}:...}} cannot be called; there are {', '.join(FUNCTIONS)}. "
                    "A shell variable is written $NAME, without braces.",
                )


def calls(text: str) -> list[str]:
    r"""The functions that a text's interpolations call, as in `${name:...}`.

    A backslash before one makes plain text of it, but not where it stands unquoted inside of another: whether
    it does is left to OmegaConf's own grammar, which takes a while to import and is hardly ever needed.
    """
    escaped = [len(opening[1]) % 2 == 1 for opening in _OPENING.finditer(text)]
    if False in escaped and True in escaped[escaped.index(False) :]:
        from autoopt.compose import grammar

        return grammar.calls(text)
    starts = [opening.end() for opening in _OPENING.finditer(text) if len(opening[1]) % 2 == 0]
    return [name for start in starts if (name := _called(text, start)) is not None]


def _called(text: str, start: int) -> str | None:
    """What stands before the colon of the interpolation that begins here; None where none belongs to it."""
    depth = 0
    for mark in _MARK.finditer(text, start):
        if mark[0] == ":" and depth == 0:
            return text[start : mark.start()].strip()
        depth += {"}": -1, ":": 0}.get(mark[0], 1)
        if depth < 0:
            return None
    return None


def _reached(data: Any, path: shape.Path) -> tuple[shape.Path, Any]:
    """As much of the path as is there, and what stands there."""
    for depth, key in enumerate(path):
        if not isinstance(data, Mapping) or key not in data:
            return path[:depth], data
        data = data[key]
    return path, data


def _keys(data: Any, path: shape.Path = ()) -> Iterator[shape.Path]:
    """The path of every key in nested data."""
    items = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        below = (*path, str(key))
        if isinstance(data, Mapping):
            yield below
        yield from _keys(value, below)
