"""A copy of the project in which fixes can be tried."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


class Copy:
    """A copy of the files; those that are not edited share their storage with the originals."""

    def __init__(self, root: Path, original: Path) -> None:
        self.root = root
        self._original = original
        self._edited: set[str] = set()

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Make the copy the original with these files replaced."""
        for path in self._edited - contents.keys():
            self._replace(path, (self._original / path).read_bytes())
        for path, content in contents.items():
            self._replace(path, content)
        self._edited = set(contents)

    def _replace(self, path: str, content: bytes) -> None:
        target = self.root / path
        target.unlink()  # never through the shared storage
        target.write_bytes(content)


@contextmanager
def copied(original: Path) -> Iterator[Copy]:
    """A copy for as long as the block runs, without git's files and what was compiled."""
    with TemporaryDirectory(prefix="autoopt-types-") as place:
        root = Path(place, "project")
        ignored = shutil.ignore_patterns(".git", "__pycache__")
        shutil.copytree(original, root, symlinks=True, ignore=ignored, copy_function=_link)
        yield Copy(root, original)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target, follow_symlinks=False)
