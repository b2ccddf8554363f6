"""The type checkers: each run as a program, its report read into `Diagnostic`s."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autoopt.errors import UsageError
from autoopt.instruments.typecheck.checkers import mypy, pyright, ty
from autoopt.instruments.typecheck.checkers.program import Asked as Asked
from autoopt.instruments.typecheck.checkers.program import CheckerError as CheckerError
from autoopt.instruments.typecheck.diagnostics import Diagnostic

CHECKERS: Mapping[str, Callable[[Asked], list[Diagnostic]]] = {
    "ty": ty.check,
    "pyright": pyright.check,
    "mypy": mypy.check,
}


def check(checker: str, asked: Asked) -> list[Diagnostic]:
    """What the checker complains about, in the order of files and lines.

    Raises:
        UsageError: there is no such checker.
        CheckerError: it did not check.
    """
    if checker not in CHECKERS:
        raise UsageError(f"options.checker: {checker!r} is none that is known; choose {', '.join(CHECKERS)}.")
    found = CHECKERS[checker](asked)
    return sorted(found, key=lambda one: (one.path, one.line, one.rule, one.message))
