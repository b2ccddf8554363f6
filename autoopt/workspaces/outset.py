"""What `metric.prepare` left for the commands of a commit, each of which is to find it like that."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from autoopt.places import KEPT
from autoopt.removing import remove_whole
from autoopt.workspaces.products import Products, outermost

_SHOWN = "$AUTOOPT_SCRATCH/"


class Outset:
    """Things that were prepared in one checkout and in its scratch directory."""

    def __init__(self, tree: Path, home: Path, folder: Path) -> None:
        """`tree` is the checkout, `home` its scratch directory, `folder` where copies are kept."""
        self.names: frozenset[str] = frozenset()
        """What is in the checkout, tracked files that were changed or removed among it; outermost paths."""
        self._things = Products(tree, folder / "prepared")
        self._place = home / KEPT
        self._stock = Products(self._place, folder / "stock")
        self._stocked: frozenset[str] = frozenset()

    def take(self, names: Collection[str]) -> None:
        """Keep these things of the checkout, and whatever is in stock, as they are now."""
        self.names = frozenset(outermost(names))
        self._things.keep(self.names)
        self._stocked = frozenset(self._in_stock())
        self._stock.keep(self._stocked)
        self.noticed()

    def forget(self) -> None:
        """Nothing was prepared."""
        self.names = self._stocked = frozenset()
        self._things.forget()
        self._stock.forget()

    def restore(self) -> frozenset[str]:
        """Make everything what it was, as far as that is cheap; which of it was something else."""
        changed = self._things.restore(self.names)
        extra = self._in_stock() - self._stocked
        for name in extra:
            remove_whole(self._place / name)
        return changed | {f"{_SHOWN}{name}" for name in extra | self._stock.restore(self._stocked)}

    def noticed(self) -> frozenset[str]:
        """What was changed since this was last asked and cannot be restored cheaply."""
        found = self._stock.noticed(self._stocked)
        return self._things.noticed(self.names) | {f"{_SHOWN}{name}" for name in found}

    def _in_stock(self) -> set[str]:
        """What is there; a link in its place would lead elsewhere."""
        if self._place.is_symlink() or not self._place.is_dir():
            remove_whole(self._place)
            return set()
        return {item.name for item in self._place.iterdir()}
