"""What people have agreed to run although it was not written on this machine, by its exact content.

One file of the user's own, outside any repository: what a repository brings cannot agree to itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoopt import __version__, files, places
from autoopt.errors import DamagedStateError, NotTrustedError, ResourceError

_MODE = 0o600
_CHUNK = 1 << 20
COMMITTED = " as committed"
"""What follows the name of a file that the commit has otherwise than the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Something from elsewhere that a run would use, as it is now.

    Attributes:
        name: What it is, as in `recipe boxes`, `agent mine` or `prompts`.
        place: The file or folder that was chosen.
        files: The SHA-256 of all that it consists of, by what a person calls each.
        commands: What it would run, each with its option.
        changes: The files it may change, as paths and globs; empty where that is not its to say.
        variables: Variables of the user's environment that it would be given.
        notes: What else to know before agreeing.
        words: The words after `autoopt recipes trust` that mean it.
    """

    name: str
    place: Path
    files: Mapping[str, str]
    commands: tuple[tuple[str, str], ...] = ()
    changes: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


Vet = Callable[[Sequence[Material], Path], None]
"""Looks at what is from elsewhere, in the repository at a path, before anything of it runs.

Raises:
    NotTrustedError: nobody has agreed to it.
"""


def require(materials: Sequence[Material], repository: Path, environ: Mapping[str, str]) -> None:
    """See that somebody has agreed to all of these; nobody is asked.

    Raises:
        NotTrustedError: one line, with what has changed and the command that agrees to it.
    """
    if not materials:
        return
    store = Store(environ, repository)
    if missing := untrusted(materials, store):
        raise NotTrustedError(refusal(missing, store))


def untrusted(materials: Sequence[Material], store: Store) -> list[Material]:
    """Those that nobody has agreed to as they are now."""
    return [material for material in materials if not store.trusts(material)]


def refusal(materials: Sequence[Material], store: Store) -> str:
    """One line: what is not trusted, what of it has changed, and the command to run."""
    told = []
    for material in materials:
        changed = store.changed(material)
        news = f" as it is now: {', '.join(map(printable, changed))} changed" if changed else ""
        told.append(f"{printable(material.name)} ({printable(str(material.place))}) is not trusted{news}")
    those, it = ("They were", "them") if len(told) > 1 else ("It was", "it")
    return (
        f"{'; '.join(told)}. {those} not written on this machine, so nothing of {it} runs before you have "
        f"read {it} and agreed: {command(materials)} (asks on a terminal; --yes elsewhere)."
    )


def command(materials: Sequence[Material]) -> str:
    """The command that shows these and asks whether they are trusted."""
    words = dict.fromkeys(word for material in materials for word in material.words)
    return f"autoopt recipes trust {' '.join(map(shlex.quote, words))}"


def printable(text: str) -> str:
    """The text with everything that a terminal would obey, or would not show, written out."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "replace").decode()
        for character in text
    )


def digest(path: Path) -> str:
    """The SHA-256 of a regular file's content.

    Raises:
        ResourceError: it cannot be read.
    """
    found = hashlib.sha256()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            while piece := file.read(_CHUNK):
                found.update(piece)
    except OSError as error:
        raise ResourceError(f"{path}: cannot be read, so it cannot be trusted: {error.strerror}.") from error
    return found.hexdigest()


class Store:
    """What was agreed to on this machine."""

    def __init__(self, environ: Mapping[str, str], repository: Path | None = None) -> None:
        """Nothing is read yet.

        Args:
            repository: The top of the repository that is worked on, which must not hold the store.

        Raises:
            ResourceError: it does.
        """
        self.path = places.state_root(environ) / "trust.json"
        if repository is not None and self.path.resolve().is_relative_to(repository.resolve()):
            raise ResourceError(
                f"{self.path}: is in the repository, which could then agree to its own recipes; set "
                "XDG_STATE_HOME to a directory outside."
            )

    def trusts(self, material: Material) -> bool:
        """Whether all that the material consists of was agreed to at one time, by this major version."""
        return any(_covers(entry, material) for entry in self._entries().values())

    def changed(self, material: Material) -> tuple[str, ...]:
        """The files that differ from what was agreed to last; nothing when nothing of the name was."""
        known = [entry for entry in self._entries().values() if entry["name"] == material.name]
        known = [entry for entry in known if entry["place"] == str(material.place)] or known
        if not known:
            return ()
        before = known[-1]["files"]
        news = {label for label, sha in material.files.items() if before.get(label) != sha}
        return tuple(sorted(label for label in news if label.removesuffix(COMMITTED) not in news - {label}))

    def add(self, materials: Sequence[Material]) -> None:
        """Remember that a person agrees to these.

        Raises:
            ResourceError: it cannot be written.
        """
        with self._changing() as entries:
            for material in materials:
                entry = {
                    "name": material.name,
                    "place": str(material.place),
                    "tool": _major(),
                    "files": dict(sorted(material.files.items())),
                }
                known = [entry["tool"], _kind(material.name), entry["files"]]
                key = hashlib.sha256(json.dumps(known).encode()).hexdigest()
                entries.pop(key, None)  # the latest one is the last
                entries[key] = entry

    def remove(self, name: str, place: Path | None, material: Material | None = None) -> int:
        """Forget what was agreed to under a name; returns how many contents that were.

        Args:
            place: Where it is now; None for wherever it was.
            material: As it is now: whatever else would let it run is forgotten, too.
        """
        with self._changing() as entries:
            gone = [
                key
                for key, entry in entries.items()
                if (entry["name"] == name and place in (None, Path(entry["place"])))
                or (material is not None and _covers(entry, material))
            ]
            for key in gone:
                del entries[key]
        return len(gone)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """The entries, written back at the end; only one process at a time."""
        try:
            files.make_directory(self.path.parent)
            lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
            with os.fdopen(lock, "rb"):
                fcntl.flock(lock, fcntl.LOCK_EX)
                entries = self._entries()
                yield entries
                content = json.dumps({"format": 1, "trusted": entries}, indent=1) + "\n"
                files.replace(self.path, content.encode(), mode=_MODE)
        except OSError as error:
            raise ResourceError(f"{self.path}: cannot be written: {error.strerror}.") from error

    def _entries(self) -> dict[str, Any]:
        """What is on record, oldest first.

        Raises:
            DamagedStateError: the file is not as it was written, or others could have written it.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise DamagedStateError(f"{self.path}: cannot be read: {error.strerror}.") from error
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
                raise DamagedStateError(
                    f"{self.path}: others can read or write it, so nothing in it counts; look at it, then "
                    "chmod 600 or remove it."
                )
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                entries = json.loads(file.read())["trusted"]
                if all(_is_entry(entry) for entry in entries.values()):
                    return dict(entries)
        raise DamagedStateError(f"{self.path}: is damaged; remove it, and what is needed is asked again.")


def _is_entry(entry: Any) -> bool:
    return {*entry} == {"name", "place", "tool", "files"} and isinstance(entry["files"], dict)


def _covers(entry: Mapping[str, Any], material: Material) -> bool:
    """Whether who agreed to the one has agreed to the other; not as a file that a recipe's command names."""
    is_alike = entry["tool"] == _major() and _kind(str(entry["name"])) == _kind(material.name)
    return is_alike and bool(material.files) and material.files.items() <= entry["files"].items()


def _kind(name: str) -> str:
    return name.partition(" ")[0]


def _major() -> str:
    return __version__.partition(".")[0]
