"""The lock file: which packs there are, and exactly what each of them is. A stranger may have written it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from autoopt import files, places
from autoopt.errors import ResourceError, UsageError

FILE = "packs.lock"
_FORMAT = 1
_HEAD = """\
# Packs of recipes, each pinned by commit; written by autoopt, to be committed with the repository.
# `autoopt recipes sync` brings what is named here, `autoopt recipes update` shows what is new.
format = 1
"""
_MAX_BYTES = 256 * 1024
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,59}")
_ID = re.compile(r"[0-9a-f]{40}")
_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One pack as it is pinned.

    Attributes:
        name: What people call it here.
        url: Where it is from, without anything secret.
        ref: The branch or tag that updates follow; empty for what the repository has as its HEAD.
        commit: What it is pinned at.
        folder: Where its recipes are in the commit; empty for its top.
        tree: The id of that folder's content.
    """

    name: str
    url: str
    ref: str
    commit: str
    folder: str
    tree: str

    @property
    def origin(self) -> str:
        """Where it is from and what of it is used, for a person."""
        return f"{self.url}{'@' if self.ref else ''}{self.ref} at {self.commit[:_SHORT]}"

    def place(self, environ: Mapping[str, str]) -> Path:
        """Where its recipes are on this machine, once they were brought.

        No other pin leads there: what a lock file says of them was seen to be true as they were brought.
        """
        said = json.dumps([self.url, self.commit, self.folder, self.tree])
        return kept(environ) / f"{self.name}-{hashlib.sha256(said.encode()).hexdigest()[:32]}"


def kept(environ: Mapping[str, str]) -> Path:
    """Where the files of all packs are on this machine."""
    return places.state_root(environ) / "packs"


def of_repository(root: Path) -> Path:
    """The lock file of the repository at a path."""
    return root / ".autoopt" / FILE


def of_user(environ: Mapping[str, str]) -> Path:
    """The lock file of the user's own packs."""
    return places.user_recipes(environ).with_name(FILE)


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a pack.

    Raises:
        UsageError: it is that.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"name: {name!r}: letters, digits, - _ and . were expected; give name=NAME.")


def read(path: Path) -> dict[str, Pin]:
    """The pins of a lock file by name; none where there is no file.

    Raises:
        UsageError: it is not as it was written; nothing of it counts.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"{path}: cannot be read as a lock file: {error.strerror}.") from error
    if len(content) > _MAX_BYTES:
        raise UsageError(f"{path}: longer than any lock file; restore it from git.")
    import tomllib  # takes a while, and hardly any repository has a lock file

    try:
        return _pins(path, tomllib.loads(content.decode()))
    except (ValueError, RecursionError) as error:  # no TOML, or no text: a merge left its marks, most often
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"{path}: damaged ({reason}); settle the conflict or restore it from git, then autoopt recipes "
            "sync."
        ) from error


def write(path: Path, pins: Iterable[Pin]) -> None:
    """Write the lock file: in order of names, so that the same pins are the same bytes everywhere.

    Only one process at a time may.

    Raises:
        ResourceError: it cannot be written.
    """
    blocks = [_HEAD]
    for pin in sorted(pins, key=lambda one: one.name):
        rows = [
            f"{one.name} = {json.dumps(getattr(pin, one.name), ensure_ascii=False)}"
            for one in fields(pin)[1:]
        ]
        blocks.append("\n".join([f"[packs.{json.dumps(pin.name)}]", *rows, ""]))
    try:
        files.make_directory(path.parent)
        files.replace(path, "\n".join(blocks).encode(), mark="new")
    except OSError as error:
        raise ResourceError(f"{path}: cannot be written: {error.strerror}.") from error


def _pins(path: Path, content: dict[str, Any]) -> dict[str, Pin]:
    if content.get("format") != _FORMAT:
        raise UsageError(
            f"{path}: format {content.get('format')!r}, and this autoopt knows {_FORMAT}; update autoopt."
        )
    packs = content.get("packs", {})
    if not isinstance(packs, dict):
        raise ValueError("packs: a table was expected")
    return {name: _pin(name, entry) for name, entry in packs.items()}


def _pin(name: str, entry: Any) -> Pin:
    keys = [one.name for one in fields(Pin)[1:]]
    if not isinstance(entry, dict) or sorted(entry) != sorted(keys):
        raise ValueError(f"{name!a}: {', '.join(keys)} were expected")
    texts = (name, *entry.values())
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        raise ValueError(f"{name!a}: plain text was expected")
    pin = Pin(name=name, **entry)
    is_plain = _NAME.fullmatch(name) and _ID.fullmatch(pin.commit) and _ID.fullmatch(pin.tree)
    if not is_plain or ".." in pin.folder.split("/") or pin.folder.startswith("/") or pin.url.startswith("-"):
        raise ValueError(f"{name!a}: no name, address, commit and folder of a pack")
    return pin
