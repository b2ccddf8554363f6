"""All editors, by name."""

from __future__ import annotations

from . import answers, caches, clocks, honest, outside, tested
from .editors import HONEST, Editor

EDITORS: dict[str, Editor] = {
    editor.name: editor
    for module in (clocks, answers, tested, caches, outside, honest)
    for editor in module.editors()
}
CHEATS = tuple(name for name, editor in EDITORS.items() if editor.group != HONEST)
"""Those that must never be kept, the idle ones among them."""
HONEST_ONES = tuple(name for name, editor in EDITORS.items() if editor.group == HONEST)
