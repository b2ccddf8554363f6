"""A value that has a place: where it stands, as a recipe's `params` spell it, and what it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autoopt.instruments.parameters.knobs import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One value in one file.

    Attributes:
        file: Path relative to the repository.
        site: The option that spells the place (`key`, `python` or `regex`) with its value; empty where none
            can, because the place's name stands there more than once.
        where: The place for people, within the file.
        path: Its name, after those of the sections, classes or calls around it.
        value: What stands there.
        guess: Whether a number of an unknown name is taken for a knob: in a file of settings it is.
        choices: The words that a comment beside it lists.
    """

    file: str
    site: Mapping[str, str]
    where: str
    path: tuple[str, ...]
    value: Value
    guess: bool = False
    choices: tuple[str, ...] = ()


@dataclass(slots=True)
class Names:
    """Gives every parameter a short name that no other has."""

    taken: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, found: Found, options: Mapping[str, Any]) -> None:
        """Note a parameter under the last part of its path, or more of it, or a number behind it."""
        parts = [part.replace(" ", "_") for part in found.path]
        short = (".".join(parts[-count:]) for count in range(1, len(parts) + 1))
        name = next((one for one in short if one not in self.taken), "")
        number = 2
        while not name:
            longest = f"{'.'.join(parts)}-{number}"
            name, number = ("" if longest in self.taken else longest), number + 1
        self.taken[name] = {"file": found.file, **found.site, **options}
