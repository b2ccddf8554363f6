"""What `workspace.setup` made in a checkout, which is to serve every commit as it was made.

Commands may write it, as an incremental build does, and what they leave there belongs to the commit they ran
for. So a copy is kept beside the checkout, where that is cheap.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path, PurePosixPath

from autoopt.workspaces.copies import Copy, can_clone, listing, weight
from autoopt.workspaces.descent import Descent
from autoopt.workspaces.links import LARGEST_COPY, MOST_COPIED


class Products:
    """The products of one setup in one checkout."""

    def __init__(self, tree: Path, kept: Path) -> None:
        """`tree` is the checkout, `kept` where copies of its products are."""
        self._tree = tree
        self._kept = kept
        self._copies: dict[str, Copy] = {}

    def keep(self, names: Collection[str]) -> None:
        """Copy those that were just made, where that costs little."""
        self._copies.clear()
        self._kept.mkdir()
        for name in _outermost(names):
            if _is_cheap(self._tree / name, self._kept):
                Copy(self._tree / name).settle(self._kept / name)

    def restore(self, names: Collection[str]) -> None:
        """Make those of which there is a copy what they were."""
        for name in _outermost(names):
            if not (self._kept / name).exists():
                continue  # too large to have a copy of
            with Descent(self._tree) as descent:
                descent.to(name, make=True, force=True)
            self._copies.setdefault(name, Copy(self._kept / name)).settle(self._tree / name)


def _is_cheap(product: Path, folder: Path) -> bool:
    found = listing(product, follow=False)
    return (len(found) <= MOST_COPIED and weight(found) <= LARGEST_COPY) or can_clone(product, folder)


def _outermost(names: Collection[str]) -> list[str]:
    return sorted(
        name for name in names if not any(above.as_posix() in names for above in PurePosixPath(name).parents)
    )
