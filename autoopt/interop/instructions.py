"""What a session of another tool was told: its files in scope, what is off limits, how long it may go on.

These are prose for a model. Only names that are files, directories or globs of this repository are taken from
it, and only a person who looks at the recipe afterwards knows whether that was meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from autoopt.errors import UsageError
from autoopt.interop import log

_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_BULLET = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+(.*)$")
_CODE = re.compile(r"`([^`\n]+)`")
_EXPLAINED = re.compile(r"\s+[—–-]\s+|:\s")
_GLOB = re.compile(r"[*?\[]")
_NAME = re.compile(r"[\w./*?\[\]@+-]+")
_SCRIPT = re.compile(r"\b(?:git|hg)\s")
_HOME = re.compile(r"(?<![\w.])(/(?:home|Users|root)/[^\s'\";|&)]+)")
_ALLOWS, _DENIES = re.compile(r"\bCAN\b"), re.compile(r"\b(?:CANNOT|CAN NOT|CAN'T|MUST NOT)\b")
_FROZEN = re.compile(r"\b(?:do not|don't) modify\b|\bread-only\b", re.IGNORECASE)
_COMMAND = re.compile(r"(?:uv run|python3?|bash|sh)\s+\S|\./\S")
_REDIRECTED = re.compile(r"\s*(?:[12&]?>|\|)")
_SEEN = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the instructions say, as far as it is about this repository."""

    goal: str = ""
    scope: tuple[str, ...] = ()
    off_limits: tuple[str, ...] = ()


def of_prompt(path: Path, root: Path, folder: str) -> Told:
    """What `.auto/prompt.md` says.

    Args:
        root: The top of the repository.
        folder: The session's own directory in it, which names are relative to; empty for the top.
    """
    sections = dict(_sections(log.content(path)))
    said = {title.lower(): lines for title, lines in sections.items()}
    return Told(
        goal=_first(said.get("objective", [])),
        scope=tuple(_paths(said.get("files in scope", []), root, folder)),
        off_limits=tuple(_paths(said.get("off limits", []), root, folder)),
    )


def of_program(path: Path, root: Path) -> Told:
    """What karpathy's `program.md` says: the files to modify, and what is not to be."""
    scope: list[str] = []
    off_limits: list[str] = []
    denied = False
    for line in log.content(path).splitlines():
        if _ALLOWS.search(line) or _DENIES.search(line):
            denied = _DENIES.search(line) is not None
        bare = line.strip().lstrip("-* ")
        if _FROZEN.search(bare) or (denied and line.lstrip().startswith("-")):
            off_limits += _paths([f"- {bare}"], root, "", whole=True)
        elif bare.lower().startswith("modify "):
            scope += _paths([f"- {bare}"], root, "")
    return Told(
        scope=tuple(dict.fromkeys(name for name in scope if name not in off_limits)),
        off_limits=tuple(dict.fromkeys(off_limits)),
    )


def command_of_program(path: Path, scope: Sequence[str]) -> str:
    """The command that the program says experiments are run by: the first that names a file in scope."""
    found = [code for code in _CODE.findall(log.content(path)) if _COMMAND.match(code)]
    commands = [str(_REDIRECTED.split(code)[0].strip()) for code in found]
    return next((command for command in commands if {*command.split()} & {*scope}), "")


def settings(path: Path) -> dict[str, Any]:
    """The JSON object in a session's `config.json` or `handoff.json`.

    Raises:
        UsageError: it holds none.
    """
    try:
        found = json.loads(log.content(path))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is no JSON; mend it or move it away.") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: is no JSON object; mend it or move it away.")
    return found


def warnings(script: Path) -> Iterator[str]:
    """What in a script works where it was written but not in a clean checkout of a commit."""
    text = log.content(script)
    if "\r\n" in text:
        yield f"{script.name} has the line ends of Windows, which no shell here understands: take them out"
    if any(_SCRIPT.search(line) for line in text.splitlines() if not line.lstrip().startswith("#")):
        yield f"{script.name} calls git, but a checkout that is measured has no repository in it"
    if found := _HOME.search(text):
        yield f"{script.name} names {log.line(found[1], 80)}, which is not the checkout that is measured"


def existing(names: Sequence[str], root: Path, folder: str) -> list[str]:
    """Those of the names that mean something in the repository, relative to its top."""
    found: list[str] = []
    for name in names:
        cleaned = name.strip().removeprefix("./").rstrip("/")
        if not cleaned or not _NAME.fullmatch(cleaned) or cleaned.startswith("/"):
            continue
        for place in dict.fromkeys((folder, "")):
            path = PurePosixPath(place, cleaned)
            if ".." not in path.parts and ".git" not in path.parts and _is_there(path, root):
                found.append(path.as_posix())
                break
    return list(dict.fromkeys(found))


def _is_there(path: PurePosixPath, root: Path) -> bool:
    if not _GLOB.search(str(path)):
        return (root / path).exists()
    try:
        return next(iter(root.glob(str(path))), None) is not None
    except (ValueError, OSError, NotImplementedError):
        return False


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    title, lines = "", list[str]()
    for line in text.splitlines():
        if heading := _HEADING.match(line):
            yield title, lines
            title, lines = heading[1], []
        else:
            lines.append(line)
    yield title, lines


def _first(lines: Sequence[str]) -> str:
    """The first sentence of the first paragraph."""
    paragraph: list[str] = []
    for line in lines:
        if line.strip():
            paragraph.append(line.strip())
        elif paragraph:
            break
    text = log.line(" ".join(paragraph), _SEEN)
    return log.line(re.split(r"(?<=[.!?])\s", text)[0], 200)


def _paths(lines: Sequence[str], root: Path, folder: str, *, whole: bool = False) -> list[str]:
    """What list items name before they explain it; `whole`: anywhere in them."""
    names: list[str] = []
    for line in lines:
        if bullet := _BULLET.match(line):
            named = bullet[1] if whole else _EXPLAINED.split(bullet[1], maxsplit=1)[0]
            names += _CODE.findall(named) or ([] if " " in named.strip() else [named.strip()])
    return existing(names, root, folder)
