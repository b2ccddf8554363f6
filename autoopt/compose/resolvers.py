"""The few functions a recipe's `${name:...}` may call, so that values get into shell commands safely."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, ListConfig, OmegaConf

from autoopt.compose import library as shelves
from autoopt.detect import DETECTORS, Place
from autoopt.errors import UsageError

_ASKING = object()
"""In the place of what a detector will find, while it looks."""


def register(environ: Mapping[str, str]) -> None:
    """Make the functions of recipes known: quote, words, choose, share, instrument, detect and so on.

    Harmless when repeated. What was detected is remembered with the settings it was asked for.

    Args:
        environ: The user's environment, for detectors.
    """
    OmegaConf.register_new_resolver("quote", _quote, replace=True)
    OmegaConf.register_new_resolver("words", _words, replace=True)
    OmegaConf.register_new_resolver("choose", _choose, replace=True)
    OmegaConf.register_new_resolver("share", _share, replace=True)
    OmegaConf.register_new_resolver("interpreter", _interpreter, replace=True)
    OmegaConf.register_new_resolver("instrument", _instrument, replace=True)
    OmegaConf.register_new_resolver("beside", _beside, replace=True)
    for name, ask in (("detect", _detect), ("need", _need)):
        OmegaConf.register_new_resolver(name, partial(ask, environ), replace=True)


def _interpreter() -> str:
    return shlex.quote(sys.executable)


def _instrument(name: str) -> str:
    """The words that run an instrument, with autoopt's interpreter, leaving nothing in the checkout."""
    return f"{_interpreter()} -P -X pycache_prefix= -m autoopt.instruments.{shlex.quote(name)}"


def _beside(name: str) -> str:
    """Refuse it where it is met: in a recipe's file it was put in as that was read.

    Raises:
        UsageError: always.
    """
    raise UsageError(f"${{beside:{name}}} means a file beside a recipe; on the command line give its path.")


def _quote(value: object) -> str:
    """The value as one shell word; null is an empty one."""
    return shlex.quote(_text(value))


def _words(value: str | Sequence[object] | None, flag: str = "") -> str:
    """One shell word for each item of a list; text is one word.

    Args:
        flag: Stands before them where there are any, as in `${words:${options.check},--check}`.
    """
    items = value if isinstance(value, (ListConfig, list, tuple)) else [] if value is None else [value]
    quoted = [_quote(item) for item in items]
    return " ".join([flag, *quoted] if flag and quoted else quoted)


def _text(value: object) -> str:
    """A value as people write it in a recipe."""
    if isinstance(value, Enum):
        return str(value.value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _choose(option: str, values: DictConfig, *, _root_: DictConfig) -> Any:
    """What belongs to the value of an option of the recipe: `${choose:measure,{latency: ms, cost: cost}}`.

    Raises:
        UsageError: the option has another value.
    """
    given = str(_root_.options[option])
    if given not in values:
        raise UsageError(f"options.{option} is {given!r}; choose {', '.join(map(str, values))}.")
    return values[given]


def _share(parts: int | None) -> float:
    """What each of so many equal parts is of the whole: `${share:${options.folds}}`; 0 for null."""
    return 0.0 if parts is None else 1 / max(parts, 1)


def _detect(environ: Mapping[str, str], name: str, *, _root_: DictConfig) -> str | None:
    """What the repository has of that name; None when it has none."""
    if name not in DETECTORS:
        raise UsageError(f"{name!r} is nothing that can be detected; there are {', '.join(DETECTORS)}.")
    found = OmegaConf.get_cache(_root_)["detect"]
    if name not in found:
        found[name] = _ASKING
        try:
            found[name] = DETECTORS[name].find(_place(_root_, environ))
        finally:
            if found[name] is _ASKING:
                del found[name]
    if found[name] is _ASKING:
        raise UsageError(f"{name} is looked for by an option that depends on it; give that option.")
    return cast("str | None", found[name])


def _need(environ: Mapping[str, str], name: str, *, _root_: DictConfig) -> str:
    """The same for what must be there.

    Raises:
        UsageError: it is not; with what to give.
    """
    found = _detect(environ, name, _root_=_root_)
    if found is None:
        raise UsageError(DETECTORS[name].missing)
    return found


def _place(root: DictConfig, environ: Mapping[str, str]) -> Place:
    scope = None if OmegaConf.is_missing(root, "scope") else root.scope
    return Place(
        root=shelves.top(Path(root.repo)),
        scope=tuple(map(str, [scope] if isinstance(scope, str) else scope or [])),
        options=_Options(root.options),
        python="" if OmegaConf.is_interpolation(root, "python") else str(root.python),
        environ=environ,
    )


class _Options(Mapping[str, Any]):
    """The recipe's options that are known, each resolved when it is asked for: one may be detected itself."""

    def __init__(self, options: DictConfig) -> None:
        self._options = options

    def __getitem__(self, name: str) -> Any:
        if name not in self._options or OmegaConf.is_missing(self._options, name):
            raise KeyError(name)
        return self._options[name]

    def __iter__(self) -> Iterator[str]:
        return (str(name) for name in self._options if not OmegaConf.is_missing(self._options, str(name)))

    def __len__(self) -> int:
        return sum(1 for _ in self)
