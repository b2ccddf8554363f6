"""How an option is written down."""

from __future__ import annotations

from dataclasses import field
from typing import Any

MISSING: Any = "???"
"""OmegaConf's mark of a value the user must give."""


def option(doc: str, default: Any = MISSING, *, unit: str = "") -> Any:
    """A dataclass field with its documentation; lists and dicts are copied per instance."""
    metadata = {"doc": doc, "unit": unit}
    if isinstance(default, (list, dict)) or callable(default):
        factory = default if callable(default) else lambda: type(default)(default)
        return field(default_factory=factory, metadata=metadata)
    return field(default=default, metadata=metadata)
