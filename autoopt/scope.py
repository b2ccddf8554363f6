"""Which files a proposal may edit: paths and globs, relative to the repository root."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from autoopt.errors import UsageError

_SHOWN = 4
"""Patterns of the scope that an objection lists."""
_GLOB = re.compile(r"[*?\[]")
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PIECE = re.compile(r"(?P<dirs>\*\*/)|(?P<deep>\*\*)|(?P<star>\*)|(?P<one>\?)|(?P<set>\[!?\]?[^\]]*\])")


@dataclass(frozen=True)
class Scope:
    """The files that match `patterns` and do not match `off_limits`.

    A pattern is a path (a directory stands for everything below it) or a glob, where `*` and `?` stay
    within one directory and `**` crosses them: `src`, `src/*.py`, `src/**/*.sql`. `.` is everything.

    Raises:
        UsageError: a pattern is empty, absolute, leaves the repository, or names git's own files.
    """

    patterns: Sequence[str]
    off_limits: Sequence[str] = ()
    _inside: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _outside: re.Pattern[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check and compile the patterns."""
        if not self.patterns:
            raise UsageError(
                "scope: empty; name the files that may be edited, as in scope=src or scope='src/**/*.py'."
            )
        object.__setattr__(self, "patterns", tuple(self.patterns))
        object.__setattr__(self, "off_limits", tuple(self.off_limits))
        object.__setattr__(self, "_inside", _compile(self.patterns, "scope"))
        off_limits = _compile(self.off_limits, "off_limits") if self.off_limits else None
        object.__setattr__(self, "_outside", off_limits)

    def contains(self, path: str) -> bool:
        """Whether the file may be edited; `path` is relative to the repository root, with `/`."""
        if not self._inside.fullmatch(path):
            return False
        return self._outside is None or not self._outside.fullmatch(path)

    def objection(self, path: str) -> str:
        """Why the file may not be edited, for a person; empty where it may."""
        if self.contains(path):
            return ""
        for pattern in self.off_limits:
            if _compile([pattern], "off_limits").fullmatch(path):
                return f"out of scope: off_limits has {pattern}"
        return f"out of scope, which is {_listed(self.patterns)}"


def _listed(patterns: Sequence[str]) -> str:
    more = len(patterns) - _SHOWN
    return ", ".join(patterns[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _compile(patterns: Sequence[str], option: str) -> re.Pattern[str]:
    return re.compile("|".join(_translate(_checked(pattern, option)) for pattern in patterns), re.DOTALL)


def _checked(pattern: str, option: str) -> str:
    """The pattern without `./` and a trailing slash, or the reason it cannot be used."""
    cleaned = re.sub(r"^(\./+)+", "", pattern.strip()) if isinstance(pattern, str) else ""
    cleaned = re.sub(r"/+", "/", cleaned).rstrip("/") if cleaned.strip("/") else cleaned
    if reason := _objection(cleaned):
        raise UsageError(
            f"{option}: {pattern!r} {reason}; write a path or glob relative to the repository root, "
            "as in src/**/*.py."
        )
    return cleaned


def _objection(pattern: str) -> str:
    parts = pattern.split("/")
    if not pattern:
        return "is empty"
    if pattern.startswith("/") or _DRIVE.match(pattern):
        return "is an absolute path"
    if pattern.startswith("~"):
        return "points into a home directory"
    if "\\" in pattern:
        return "has a backslash"
    if _CONTROL.search(pattern):
        return "has a control character"
    if ".." in parts:
        return "leaves the repository with '..'"
    if any(part.casefold() == ".git" for part in parts):
        return "names git's own files"
    try:
        re.compile(_translate(pattern))
    except re.error:
        return "has a range that ends before it begins"
    return ""


def _translate(pattern: str) -> str:
    if pattern == ".":
        return ".+"
    if not _GLOB.search(pattern):
        return f"{re.escape(pattern)}(?:/.+)?"
    position, out = 0, []
    for piece in _PIECE.finditer(pattern):
        out += [re.escape(pattern[position : piece.start()]), _piece(piece)]
        position = piece.end()
    return "".join([*out, re.escape(pattern[position:])])


def _piece(piece: re.Match[str]) -> str:
    text = piece.group()
    match piece.lastgroup:
        case "dirs":
            return "(?:[^/]+/)*"
        case "deep":
            return ".+"
        case "star":
            return "[^/]*"
        case "one":
            return "[^/]"
        case _:
            negated = text[1] == "!"
            body = re.sub(r"([\[\]&|~^])", r"\\\1", text[2 if negated else 1 : -1])
            return f"(?!/)[{'^' if negated else ''}{body}]"
