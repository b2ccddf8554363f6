"""Which files several runs would edit, and how to share them out. Pure: runs are names with sets of paths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from posixpath import commonpath


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The files that one run may edit.

    Attributes:
        name: The run, for people; no two claims have the same.
        begun: Whether it is at work already, so that nothing can be taken from it.
        races: Whether it may share files with others.
    """

    name: str
    files: frozenset[str]
    begun: bool = False
    races: bool = False


def conflicts(claims: Sequence[Claim]) -> list[tuple[Claim, Claim]]:
    """The pairs that would edit the same files and may not.

    Two runs that have begun are no matter any more; a race has to be wanted by whoever has not begun.
    """
    return [pair for pair in combinations(claims, 2) if _clash(*pair)]


def _clash(one: Claim, other: Claim) -> bool:
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
