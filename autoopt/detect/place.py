"""Where a detector looks, and what one is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoopt.detect import interpreters
from autoopt.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a detector looks.

    Attributes:
        root: Top directory of the repository.
        scope: The paths and globs of the scope.
        options: The recipe's own options; those still to be given are not in it.
        python: The interpreter the user has given, as a shell word; empty when none.
        environ: The user's environment, where an activated virtual environment is named.
    """

    root: Path
    scope: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    python: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def interpreter(self) -> str:
        """The project's Python as a shell word."""
        return self.python or interpreters.of_project(self.root, self.environ)

    def has_in_scope(self, path: str) -> bool:
        """Whether a file of the repository is in the scope.

        Raises:
            UsageError: the scope is no scope.
        """
        return bool(self.scope) and Scope(self.scope).contains(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """One thing that can be found.

    Attributes:
        find: The value, text for an option of a recipe; None when there is none.
        given: The recipe's options that say it, so that nothing is looked for.
        missing: One line for `${need:...}` when there is none: what was looked for, and the option to give.
    """

    find: Callable[[Place], str | None]
    missing: str
    given: tuple[str, ...] = ()
