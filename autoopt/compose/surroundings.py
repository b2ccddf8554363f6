"""What Hydra takes from the process instead of arguments, set for as long as it runs and then put back."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence

_SETS_MODE = ("hydra.mode=", "hydra/", "hydra={", "hydra.searchpath", "--config-", "-cp", "-cn", "-cd")
"""What words begin with that may lead to a mode of Hydra's: no recipe and no file of ours can."""


@contextlib.contextmanager
def hydras_view(argv: list[str], completion_line: str | None) -> Iterator[None]:
    """Give Hydra its words, its switch for raising errors, and the line to complete, if any."""
    before_argv, before = sys.argv, dict(os.environ)
    sys.argv = argv
    os.environ["HYDRA_FULL_ERROR"] = "1"  # otherwise Hydra prints and exits by itself
    if completion_line is not None:
        os.environ["COMP_LINE"] = completion_line
    try:
        yield
    finally:
        sys.argv = before_argv
        _restore(before, "HYDRA_FULL_ERROR", "COMP_LINE")


@contextlib.contextmanager
def mode_unasked(words: Sequence[str]) -> Iterator[None]:
    """Keep Hydra from composing everything twice, the first time to see whether something sets a mode."""
    from hydra._internal.hydra import Hydra

    asks = getattr(Hydra, "get_mode", None)
    if asks is None or any(word.lstrip("+~").startswith(_SETS_MODE) for word in words):
        yield
        return
    Hydra.get_mode = lambda self, config_name, overrides: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        Hydra.get_mode = asks  # type: ignore[method-assign]


@contextlib.contextmanager
def without_full_errors() -> Iterator[None]:
    """Keep our switch from the commands a run starts: they may be Hydra programs themselves."""
    before = dict(os.environ)
    os.environ.pop("HYDRA_FULL_ERROR", None)
    try:
        yield
    finally:
        _restore(before, "HYDRA_FULL_ERROR")


def _restore(before: Mapping[str, str], *names: str) -> None:
    for name in names:
        os.environ.pop(name, None)
        if name in before:
            os.environ[name] = before[name]


@contextlib.contextmanager
def mended_argparse() -> Iterator[None]:
    """Let Hydra 1.3 start on Python 3.14.

    From 3.14 on argparse looks for `%` in a help text when an option is added; Hydra 1.3 passes an object
    that makes its text later, which has no such thing.
    """
    container = argparse._ActionsContainer
    check = getattr(container, "_check_help", None)
    if check is None:
        yield
        return
    container._check_help = lambda self, action: None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        container._check_help = check  # type: ignore[attr-defined]
