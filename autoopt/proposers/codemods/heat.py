"""Which functions a profile names, the hottest first."""

from __future__ import annotations

import re
from typing import NamedTuple

_CPROFILE = re.compile(r"(?P<file>[^\s:]+\.py):(?P<line>\d+)\((?P<name>\w+)\)")
_PYINSTRUMENT = re.compile(r"(?P<name>\w+)\s+(?P<file>[^\s:]+\.py):(?P<line>\d+)")


class Spot(NamedTuple):
    """A function as a profile names it: a path that may be cut short at the front, and a line in it."""

    file: str
    line: int
    name: str

    def is_in(self, path: str) -> bool:
        """Whether the path is the file meant."""
        return f"/{self.file}".endswith(f"/{path}") or f"/{path}".endswith(f"/{self.file.lstrip('./')}")


def spots(profile: str) -> tuple[Spot, ...]:
    """The functions in the order the profile (of cProfile or pyinstrument) names them, each once."""
    found = [*_CPROFILE.finditer(profile), *_PYINSTRUMENT.finditer(profile)]
    found.sort(key=lambda match: match.start())
    return tuple(dict.fromkeys(Spot(match["file"], int(match["line"]), match["name"]) for match in found))
