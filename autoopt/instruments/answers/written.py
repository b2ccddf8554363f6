"""Which files a command has written into the checkout, and what is in them."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 64 << 20
"""Of a file that is compared."""
BINARY = "no text, with the hash"
"""How the content of a file begins that is no text."""
_NOT_ANSWERS = frozenset({"__pycache__", "node_modules", "venv", "htmlcov"})
_ENDINGS = (".log", ".prof", ".pyc")

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Written:
    """The files below a directory as they are now."""

    root: Path
    stamps: Mapping[str, Stamp]

    @classmethod
    def below(cls, root: Path) -> Written:
        """All files but hidden ones, logs and what tools keep for themselves; links are not followed."""
        found = {}
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name[0] != "." and name not in _NOT_ANSWERS]
            for name in names:
                if name[0] != "." and not name.endswith(_ENDINGS):
                    path = Path(folder, name)
                    status = path.lstat()
                    stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
                    found[path.relative_to(root).as_posix()] = stamp
        return cls(root, found)

    def since(self, before: Written) -> list[str]:
        """Those that are new or written anew, sorted."""
        return sorted(name for name, stamp in self.stamps.items() if before.stamps.get(name) != stamp)

    def texts(self, before: Written) -> dict[str, str]:
        """What is in each of them; of those that hold no text, compressed or not, their hash."""
        found = {name: _text(self.root / name) for name in self.since(before)}
        return {name: text for name, text in found.items() if text is not None}


def _text(path: Path) -> str | None:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_BYTES:
        return None
    try:
        if path.suffix == ".gz":  # its head holds the time at which it was made
            with gzip.open(path) as file:
                data = file.read(MOST_BYTES)
        else:
            data = path.read_bytes()
        return _hashed(data) if b"\0" in data else data.decode("utf-8")
    except UnicodeDecodeError:
        return _hashed(data)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return _hashed(path.read_bytes())


def _hashed(data: bytes) -> str:
    return f"{BINARY} {hashlib.sha256(data).hexdigest()}"
