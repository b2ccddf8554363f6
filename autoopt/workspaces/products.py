"""What `workspace.setup` or `metric.prepare` made, which is to serve every command as it was made.

Commands may write it, as an incremental build does, and what they leave there belongs to them alone. So a
copy is kept beside the checkout, where that is cheap; where it is not, changes are noticed.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from autoopt.removing import remove_whole
from autoopt.workspaces.copies import Copy, Listing, can_clone, has_depths, listing, pause, weight
from autoopt.workspaces.descent import Descent
from autoopt.workspaces.links import LARGEST_COPY, MOST_COPIED


class Products:
    """Things in one directory that are to stay as they are when they are kept."""

    def __init__(self, tree: Path, kept: Path) -> None:
        """`tree` is the directory, `kept` where copies of its products are."""
        self._tree = tree
        self._kept = kept
        self._copies: dict[str, Copy] = {}
        self._seen: dict[str, Listing] = {}

    def keep(self, names: Collection[str]) -> None:
        """Copy those that were just made, where that costs little; whatever was kept before is forgotten."""
        self.forget()
        self._kept.mkdir()
        cheap = [name for name in outermost(names) if _is_cheap(self._tree / name, self._kept)]
        for name in cheap:
            Copy(self._tree / name, follow=False).settle(self._kept / name)
        pause()
        for name in cheap:
            self._copy_of(name).adopt(self._tree / name)

    def forget(self) -> None:
        """Keep nothing."""
        self._copies.clear()
        self._seen.clear()
        remove_whole(self._kept)

    def restore(self, names: Collection[str]) -> frozenset[str]:
        """Make those of which there is a copy what they were; which of them were something else."""
        changed = set()
        for name in outermost(names):
            if not self._has_copy(name):
                continue  # too large to have one
            with Descent(self._tree) as descent:
                descent.to(name, make=True, force=True)
            if self._copy_of(name).settle(self._tree / name):
                changed.add(name)
        if changed:
            pause()
        return frozenset(changed)

    def changed(self, names: Collection[str]) -> frozenset[str]:
        """Those that are not as they were made or restored; without a copy, as they were last seen."""
        found = self.noticed(names)
        copied = [name for name in outermost(names) if self._has_copy(name)]
        return found | {name for name in copied if not self._copy_of(name).is_settled(self._tree / name)}

    def noticed(self, names: Collection[str]) -> frozenset[str]:
        """Those without a copy that are not as they were when this was last asked."""
        found = set()
        for name in outermost(names):
            if not self._has_copy(name):
                now = listing(self._tree / name, follow=False)
                if self._seen.setdefault(name, now) != now:
                    found.add(name)
                self._seen[name] = now
        return frozenset(found)

    def _has_copy(self, name: str) -> bool:
        return name in self._copies or os.path.lexists(self._kept / name)

    def _copy_of(self, name: str) -> Copy:
        return self._copies.setdefault(name, Copy(self._kept / name, follow=False))


def _is_cheap(product: Path, folder: Path) -> bool:
    found = listing(product, follow=False)
    if has_depths(found):
        return False
    return (len(found) <= MOST_COPIED and weight(found) <= LARGEST_COPY) or can_clone(product, folder)


def outermost(names: Collection[str]) -> list[str]:
    """Those that are below none of the others, sorted."""
    return sorted(
        name for name in names if not any(above.as_posix() in names for above in PurePosixPath(name).parents)
    )
