"""Whether anything in a repository mentions a name, by the text of all its files."""

from __future__ import annotations

import ast
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from autoopt.proposers.linting.python_files import parse
from autoopt.walking import walk

LARGEST = 64 << 20
"""Bytes a file may have to be read; where one is larger, nothing is proven."""

_DYNAMIC = re.compile(rb"getattr|globals\(|locals\(|vars\(|__dict__|attrgetter|methodcaller|eval\(|exec\(")
_ANY_PRIVATE = re.compile(rb"""["']__?(?:["']\s*\+|[{%])""")

Listing = tuple[tuple[str, int, int], ...]
"""Path, size and time of change of every file."""


def listing(desk: Path) -> Listing:
    """Every regular file below the directory but git's own; changes whenever one of them does."""
    found = []
    for folder, folders, files in walk(desk):
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in files:
            path = Path(folder, name)
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                found.append((path.relative_to(desk).as_posix(), status.st_size, status.st_mtime_ns))
    return tuple(sorted(found))


def unmentioned(
    desk: Path, files: Listing, names: Mapping[str, str], own: Callable[[str], bytes]
) -> set[str]:
    """Of `names`, those that nothing can reach.

    That is: the name is nowhere but in its definition, and no text that ends or begins like it could be put
    together to it, as in `getattr(self, "_visit_" + kind)`.

    Args:
        desk: The repository's files.
        files: Its `listing`.
        names: Private names, each with the file that defines it.
        own: The text of that file without the definition of the name.
    """
    left = dict(names)
    for path, content in _contents(desk, files):
        if content is None or (path.endswith(".py") and _makes_up_names(content)):
            return set()
        for name, home in tuple(left.items()):
            if _reaches(own(name) if path == home else content, name):
                del left[name]
    return set(left)


def _contents(desk: Path, files: Listing) -> Iterator[tuple[str, bytes | None]]:
    """Every file's content; None where it cannot be known what it mentions."""
    for path, size, _ in files:
        try:
            yield path, (desk / path).read_bytes() if size <= LARGEST else None
        except OSError:
            yield path, None


def _makes_up_names(content: bytes) -> bool:
    """Whether any private name could be meant: `getattr(self, f"_{name}")`."""
    return bool(_DYNAMIC.search(content) and _ANY_PRIVATE.search(content))


def _reaches(content: bytes, name: str) -> bool:
    word = name.encode()
    if word in content and re.search(rb"(?<!\w)" + re.escape(word) + rb"(?!\w)", content):
        return True
    # A private name of a class is reached as _Class__name from outside.
    if (
        name.startswith("__")
        and word in content
        and re.search(rb"_\w+" + re.escape(word) + rb"(?!\w)", content)
    ):
        return True
    cuts = [place for place, letter in enumerate(name) if letter == "_" and 0 < place < len(name) - 1]
    for place in cuts:
        head, rest = name[: place + 1].encode(), name[place:].encode()
        if head.strip(b"_") and head in content and re.search(rb"(?<!\w)" + head + rb"(?!\w)", content):
            return True
        if rest in content and re.search(rb"(?<!\w)" + rest + rb"(?!\w)", content):
            return True
    return False


def used_elsewhere(desk: Path, files: Listing, names: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Of the names that modules have for others, those that some other file may use.

    Args:
        desk: The repository's files.
        files: Its `listing`.
        names: By file, the names in question; none is in an `__init__.py`.
    """
    used: dict[str, set[str]] = {path: set() for path in names}
    for path, content in _contents(desk, files):
        module: ast.Module | None = None
        for home, asked in names.items():
            stem = PurePosixPath(home).stem
            if content is None:
                used[home] |= set(asked)
            elif path != home and stem.encode() in content:
                if path.endswith(".py"):
                    module = module or parse(content)
                used[home] |= _used_in(module, content, stem, set(asked))
    return used


def _used_in(module: ast.Module | None, content: bytes, stem: str, names: set[str]) -> set[str]:
    """The names which a file takes from a module of that name."""
    taken, aliases = _imports(module, stem) if module else (set[str](), set[str]())
    if "*" in taken:
        return names
    owners = "|".join(map(re.escape, {stem, *aliases}))
    asked = {name for name in names if name.encode() in content}
    return {name for name in asked if name in taken or _is_attribute(content, owners, name)}


def _is_attribute(content: bytes, owners: str, name: str) -> bool:
    """Whether the text has `module.name`, or the name in quotes, as for `monkeypatch.setattr`."""
    pattern = rf"(?<!\w)(?:{owners})\s*\.\s*{re.escape(name)}(?!\w)|[\"']{re.escape(name)}[\"']"
    return re.search(pattern.encode(), content) is not None


def _imports(module: ast.Module, stem: str) -> tuple[set[str], set[str]]:
    """What is imported from modules of that name, and what else such modules are called."""
    taken, aliases = set[str](), set[str]()
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] == stem:
            taken |= {alias.name for alias in node.names}
        if isinstance(node, ast.Import | ast.ImportFrom):
            aliases |= {
                alias.asname for alias in node.names if alias.asname and alias.name.rpartition(".")[2] == stem
            }
    return taken, aliases
