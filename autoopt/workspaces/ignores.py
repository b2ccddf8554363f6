"""What git would not list as untracked, and what everyday tools drop next to source files."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from dulwich.ignore import IgnoreFilter, read_ignore_patterns

Ignored = Callable[[str, bool], bool]
"""Whether a path (relative, with `/`) is to be passed over; the second argument says it is a directory."""

_SCRATCH = re.compile(
    r"__pycache__|\.(pytest|mypy|ruff)_cache|\.hypothesis|\.ipynb_checkpoints|\.DS_Store|.*\.py[co]|.*~|\..*\.sw[op]"
)


def nothing(path: str, directory: bool) -> bool:
    """Pass over nothing."""
    return False


def is_scratch(path: str) -> bool:
    """Whether the last name is one that interpreters, test runners and editors leave behind."""
    return _SCRATCH.fullmatch(path.rpartition("/")[2]) is not None


def patterns(text: bytes) -> IgnoreFilter:
    """The rules of one ignore file."""
    return IgnoreFilter(read_ignore_patterns(io.BytesIO(text)))


class Ignores:
    """git's ignore rules for a directory: its `.gitignore` files, then the shared rules.

    The files are read where they lie, once per instance. Those that are not believed hide nothing, not even
    themselves: a new one with `*` in it would keep all later new files from being seen.
    """

    def __init__(
        self, root: Path, shared: Iterable[IgnoreFilter], believed: Callable[[str], bool] = lambda path: True
    ) -> None:
        """Rules for `root`; `shared` are those of `info/exclude` and the user's own, in this order.

        Args:
            believed: Whether the `.gitignore` at a path counts; those that `shared` ignores do anyway.
        """
        self._root = root
        self._shared = tuple(shared)
        self._believed = believed
        self._by_folder: dict[str, IgnoreFilter | None] = {}

    def __call__(self, path: str, directory: bool) -> bool:
        """Whether git ignores the path, provided that it does not ignore the directory it is in."""
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            if (rules := self._rules(folder)) is None:
                continue
            relative = path[len(folder) + 1 :] if folder else path
            if (verdict := _ask(rules, relative, directory)) is not None:
                return verdict
        return self._are_shared(path, directory)

    def _are_shared(self, path: str, directory: bool) -> bool:
        return next((v for rules in self._shared if (v := _ask(rules, path, directory)) is not None), False)

    def _rules(self, folder: str) -> IgnoreFilter | None:
        if folder not in self._by_folder:
            path = f"{folder}/.gitignore" if folder else ".gitignore"
            file = self._root / path
            found = file.is_file() and not file.is_symlink()
            found = found and (self._believed(path) or self._are_shared(path, False))
            self._by_folder[folder] = patterns(file.read_bytes()) if found else None
        return self._by_folder[folder]


def _ask(rules: IgnoreFilter, path: str, directory: bool) -> bool | None:
    return rules.is_ignored(path + "/" if directory else path)
