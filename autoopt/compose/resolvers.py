"""The few functions a recipe's `${name:...}` may call, so that values get into shell commands safely."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from omegaconf import ListConfig, OmegaConf


def register() -> None:
    """Make `${quote:...}`, `${words:...}` and `${interpreter:}` known; harmless when repeated."""
    OmegaConf.register_new_resolver("quote", lambda value: shlex.quote(str(value)), replace=True)
    OmegaConf.register_new_resolver("words", _words, replace=True)
    OmegaConf.register_new_resolver("interpreter", lambda: shlex.quote(sys.executable), replace=True)


def _words(value: str | Sequence[object] | None) -> str:
    """One shell word for each item of a list; text is one word."""
    items = value if isinstance(value, (ListConfig, list, tuple)) else [] if value is None else [value]
    return " ".join(shlex.quote(str(item)) for item in items)
