"""Compiled Python files that commands share: only such as their sources compile to, whoever wrote them.

A run of a change could leave a compiled file that is not what its source says, for its own next run or for
the other checkout's, and Python would load it unseen. So commands find compiled files in one directory, what
they add there is made again from the sources before another command starts; measured runs cannot write it.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import MAGIC_NUMBER
from pathlib import Path

from autoopt.removing import remove_whole

_NAME = re.compile(r"(?P<module>.+?)\.(?P<tag>[a-z]+-?3\d+)(?:\.opt-(?P<level>[12]))?\.pyc")
_HEADER = 16
_LARGEST = 8 << 20
_KEPT = (os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
Mark = tuple[int, int, int]
"""What changes about a file whenever somebody writes it or puts another one there; the time cannot be set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A compiled file that a command has left, and what it claims to be made from.

    Attributes:
        target: Where it is.
        source: The Python file.
        tag: The interpreter, as in `cpython-311`.
        level: How much the interpreter leaves out: 0, 1 (asserts) or 2 (docstrings).
    """

    target: Path
    source: Path
    tag: str
    level: int


class Compiled:
    """The directory that PYTHONPYCACHEPREFIX names for the commands of a run."""

    def __init__(self, folder: Path, ours: tuple[Path, ...]) -> None:
        """Nothing that is in `folder` already is believed.

        Args:
            ours: Directories that commands can write: compiled files beside sources there prove nothing.
        """
        self.folder = folder
        self._ours = tuple({place for one in ours for place in (one, Path(os.path.realpath(one)))})
        self._known: dict[str, Mark] = {}
        self.others: list[Wanted] = []
        """What another Python has to compile, since `settle` was last called."""

    def forget(self, tree: Path) -> None:
        """Remove what belongs to a checkout: a file of the same age and size could be another commit's."""
        for place in {tree, Path(os.path.realpath(tree))}:
            remove_whole(self._below(place))

    def settle(self) -> None:
        """Make every compiled file what its source compiles to, and remove all that cannot be."""
        self.others = []
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            found = {path: mark for path, mark in _files(self.folder) if self._known.get(path) != mark}
        except OSError:  # directories nested too deep or closed: nobody compiled that
            remove_whole(self.folder)
            self.folder.mkdir(parents=True)
            self._known.clear()
            return
        for path in found:
            self._known.pop(path, None)
            Path(path).unlink()
            if (wanted := self._wanted(Path(path))) is not None:
                self._make(wanted)

    def put(self, target: Path, content: bytes) -> None:
        """Have a compiled file that is known to be right."""
        descriptor = os.open(target, *_KEPT)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            self._known[str(target)] = _mark(os.fstat(file.fileno()))

    def _wanted(self, target: Path) -> Wanted | None:
        match = _NAME.fullmatch(target.name)
        if match is None:
            return None
        source = Path("/", target.parent.relative_to(self.folder), f"{match['module']}.py")
        return Wanted(target=target, source=source, tag=match["tag"], level=int(match["level"] or 0))

    def _make(self, wanted: Wanted) -> None:
        """Have the file again, as long as its source is there and this Python can."""
        content = self._beside(wanted)
        if content is None and wanted.tag == sys.implementation.cache_tag:
            content = compiled(wanted.source, wanted.level)
        elif content is None:
            self.others.append(wanted)
        if content is not None:
            self.put(wanted.target, content)

    def _beside(self, wanted: Wanted) -> bytes | None:
        """What an installation has beside a source that no command can write."""
        if any(wanted.source.is_relative_to(place) for place in self._ours):
            return None
        try:
            status = wanted.source.stat()
            content = (wanted.source.parent / "__pycache__" / wanted.target.name).read_bytes()
        except OSError:
            return None
        return content if content[4:_HEADER] == _stamp(status) else None

    def _below(self, place: Path) -> Path:
        return self.folder / place.relative_to("/")


def compiled(source: Path, level: int) -> bytes | None:
    """What this Python writes for a source file; None where it is none that can be compiled."""
    import marshal
    import warnings

    try:
        status = source.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            return None
        with warnings.catch_warnings():  # about somebody's code, which whoever runs it is told
            warnings.simplefilter("ignore")
            code = compile(source.read_bytes(), str(source), "exec", dont_inherit=True, optimize=level)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return MAGIC_NUMBER + _stamp(status) + marshal.dumps(code)


def _stamp(status: os.stat_result) -> bytes:
    """What Python compares with the source before it loads a compiled file."""
    words = (0, int(status.st_mtime), status.st_size)
    return b"".join((word & 0xFFFFFFFF).to_bytes(4, "little") for word in words)


def _files(folder: Path) -> Iterator[tuple[str, Mark]]:
    """Everything below a directory that is no directory.

    Raises:
        OSError: a directory cannot be looked into.
    """
    stack = [str(folder)]
    while stack:
        with os.scandir(stack.pop()) as items:
            for item in items:
                if item.is_dir(follow_symlinks=False):
                    stack.append(item.path)
                else:
                    yield item.path, _mark(item.stat(follow_symlinks=False))


def _mark(status: os.stat_result) -> Mark:
    return status.st_ino, status.st_ctime_ns, status.st_size
