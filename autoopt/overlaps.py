"""Which files several runs would edit, and how to share them out. Pure: runs are names with sets of paths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from posixpath import commonpath

_NEW = "(new)"
"""What the names of files begin with that stand for those which a run may make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The files that one run may edit.

    Attributes:
        name: The run, for people; no two claims have the same.
        begun: Whether it is at work already, so that nothing can be taken from it.
        races: Whether it may share files with others.
        search: What it shares with others that extend one line of commits with it; empty where it is alone.
    """

    name: str
    files: frozenset[str]
    begun: bool = False
    races: bool = False
    search: str = ""


def with_new(tracked: Collection[str], patterns: Iterable[str]) -> set[str]:
    """The files there are, and for each directory ones that there might be: two runs may make the same one.

    Args:
        patterns: What scopes say; the kinds of files that they name may be made anywhere.
    """
    named = {_kind(pattern) for pattern in patterns if "*" in pattern.rpartition("/")[2]}
    kinds: dict[str, set[str]] = {}
    for path in tracked:
        folder = path.rpartition("/")[0]
        kinds.setdefault(folder, {"", *named}).add(_kind(path))
        while folder and (folder := folder.rpartition("/")[0]) not in kinds:
            kinds[folder] = {"", *named}
    made = ((f"{folder}/" if folder else "", kind) for folder, found in kinds.items() for kind in found)
    return {*tracked, *(f"{folder}{_NEW}{kind}" for folder, kind in made)}


def _kind(path: str) -> str:
    """What the file's name ends with, dot included; empty where it has no such end."""
    _, dot, ending = path.rpartition("/")[2].rpartition(".")
    return f"{dot}{ending}" if dot and ending.isalnum() else ""


def is_new(path: str) -> bool:
    """Whether it stands for files that there are not."""
    return path.rpartition("/")[2].startswith(_NEW)


def conflicts(claims: Sequence[Claim]) -> list[tuple[Claim, Claim]]:
    """The pairs that would edit the same files and may not.

    Two runs that have begun are no matter any more; a race has to be wanted by whoever has not begun.
    """
    return [pair for pair in combinations(claims, 2) if _clash(*pair)]


def _clash(one: Claim, other: Claim) -> bool:
    if one.search and one.search == other.search:
        return False
    asked = [claim for claim in (one, other) if not claim.begun]
    return any(not claim.races for claim in asked) and not one.files.isdisjoint(other.files)


def split(claims: Sequence[Claim]) -> dict[str, frozenset[str]]:
    """Every claim's files, shared out so that no file has two owners; those that have begun keep theirs.

    What several claim goes as directories, where it can, to whoever has least.
    """
    owned: dict[str, set[str]] = {claim.name: set() for claim in claims}
    wanted: dict[tuple[str, ...], list[str]] = defaultdict(list)
    taken = frozenset(path for claim in claims if claim.begun for path in claim.files)
    for path in sorted({path for claim in claims for path in claim.files}):
        names = [claim.name for claim in claims if path in claim.files and (claim.begun or path not in taken)]
        if len(names) == 1 or path in taken:
            for name in names:
                owned[name].add(path)
        else:
            wanted[tuple(names)].append(path)
    for several, paths in wanted.items():
        for unit in sorted(_units(paths), key=len, reverse=True):
            owned[min(several, key=lambda name: len(owned[name]))].update(unit)
    return {name: frozenset(paths) for name, paths in owned.items()}


def _units(paths: Sequence[str]) -> list[list[str]]:
    """The paths by their entry in the directory that holds all of them."""
    top = commonpath(paths) if len(paths) > 1 else ""
    units: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        units[path.removeprefix(top).lstrip("/").partition("/")[0]].append(path)
    return list(units.values())


def covering(files: Iterable[str], others: Collection[str]) -> list[str]:
    """The fewest paths, directories where they will do, for these files and none of the others."""
    mixed = {folder for path in others for folder in _folders(path)}
    return sorted({next((at for at in _folders(path) if at not in mixed), path) for path in files})


def _folders(path: str) -> list[str]:
    """The directories above it, the outermost first; `.` is the root."""
    parts = path.split("/")[:-1]
    return [".", *("/".join(parts[:end]) for end in range(1, len(parts) + 1))]
