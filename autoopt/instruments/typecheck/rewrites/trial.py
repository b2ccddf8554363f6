"""Asks the checker which fixes really lower the count, with as few runs as possible."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from autoopt.instruments.typecheck import checkers, diagnostics
from autoopt.instruments.typecheck.checkers import Asked
from autoopt.instruments.typecheck.diagnostics import Diagnostic, Split
from autoopt.instruments.typecheck.rewrites.fix import Fix
from autoopt.instruments.typecheck.rewrites.tree import Copy
from autoopt.scope import Scope

MOST_RUNS = 60
"""Of the checker; what could not be looked at until then is not proposed."""
Contents = Callable[[Iterable[Fix]], Mapping[str, bytes]]


class Trial:
    """The checker on a copy of the project."""

    def __init__(self, checker: str, asked: Asked, scope: Scope, copy: Copy, *, warnings: bool) -> None:
        """Check the copy as it is.

        Raises:
            CheckerError: that does not work.
        """
        self._checker = checker
        self._asked = dataclasses.replace(asked, directory=copy.root, cache=copy.root.parent / "cache")
        self._scope = scope
        self._copy = copy
        self._warnings = warnings
        self._runs = 0
        self.before = self._check()

    def confirmed(self, fixes: Sequence[Fix], contents: Contents) -> list[Fix]:
        """The fixes after which there are fewer errors and no others.

        All are tried at once. Where that brings new errors, those of the files with new errors are tried
        apart from the others, then each half alone: a few bad ones among many good ones cost a few runs each.
        """
        if not fixes or self._runs >= MOST_RUNS:
            return []
        edits = contents(fixes)
        broken = {fix.path for fix in fixes} - edits.keys()  # their fixes get into each other's way
        after = None if broken else self._after(edits)
        if after is not None and self._is_better(after, alone=len(fixes) == 1):
            return list(fixes)
        if len(fixes) == 1:
            return []
        if after is not None:
            broken = {path for path, _ in _more(after.inside, self.before.inside)}
        parts = [fix for fix in fixes if fix.path not in broken], [fix for fix in fixes if fix.path in broken]
        if not all(parts):
            parts = list(fixes[: len(fixes) // 2]), list(fixes[len(fixes) // 2 :])
        return [fix for part in parts for fix in self.confirmed(part, contents)]

    def _after(self, edits: Mapping[str, bytes]) -> Split | None:
        """What the checker says to the edits; None when it cannot check them."""
        self._copy.write(edits)
        try:
            return self._check()
        except checkers.CheckerError:
            return None

    def _is_better(self, after: Split, *, alone: bool) -> bool:
        """Whether the errors get fewer; a single fix may bring some where it takes away more."""
        if _more(after.outside, self.before.outside) or len(after.inside) >= len(self.before.inside):
            return False
        return alone or not _more(after.inside, self.before.inside)

    def _check(self) -> Split:
        self._runs += 1
        found = checkers.check(self._checker, self._asked)
        return diagnostics.split(found, self._scope, warnings=self._warnings)


def _more(after: Sequence[Diagnostic], before: Sequence[Diagnostic]) -> Counter[tuple[str, str]]:
    """The files and rules with more errors than there were; lines move, so they are not compared."""
    counts, known = (Counter((one.path, one.rule) for one in found) for found in (after, before))
    return counts - known
