"""Well-known wins in Python code, each proven not to change what the code does before it is proposed.

What is taken for granted, since no code could be changed otherwise: annotations of builtin types are true;
operators, iteration, hashing, lengths and attribute access of foreign objects neither fail nor reach into a
function's own variables; nobody patches builtins or functions of the standard library while a loop runs; no
function lets a StopIteration out; an object's `__init__` has run and no subclass makes properties of its
variables; error messages and the depth of the stack are not part of what a function gives. Constants of a
module are not set from outside.

The compiler's own tree says whether a place qualifies, since it reads a file some sixty times faster than
libcst with its metadata; libcst makes the change, since it keeps comments and layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from autoopt.proposers.codemods.heat import Spot, spots
from autoopt.records import Brief, Edit, Proposal
from autoopt.think import hottest_first

if TYPE_CHECKING:
    from autoopt.proposers.codemods.finding import Files, Found

SOURCE = "codemods"
_FILES_AT_ONCE = 32


class Codemods:
    """Finds one codemod in one function at a time: a `candidates.Finder`."""

    def __init__(self) -> None:
        """Make a finder that has read nothing yet."""
        self._files: Files | None = None

    def __call__(self, brief: Brief) -> Iterator[Proposal]:
        """What the profile names comes first; then the files by turns, deeper loops before shallow ones."""
        named = spots(brief.profile)
        files = [path for path in hottest_first(brief.scope, brief.profile) if path.endswith(".py")]
        turns = iter(files)
        while some := list(islice(turns, _FILES_AT_ONCE)):
            found = [(path, one) for path in some for one in self._look(brief.desk / path)]
            found.sort(key=lambda pair: _order(named, *pair))
            for path, one in found:
                proposal = self._proposal(brief.desk, path, one)
                if proposal is not None:
                    yield proposal

    def _look(self, path: Path) -> tuple[Found, ...]:
        content = _content(path)
        return self._known.look(content) if content is not None else ()

    def _proposal(self, desk: Path, path: str, found: Found) -> Proposal | None:
        from autoopt.proposers.codemods.finding import CODEMODS

        content = _content(desk / path)
        written = self._known.write(content, found) if content is not None else None
        if written is None or written == content:
            return None
        codemod = CODEMODS[found.rank]
        return Proposal(
            description=f"{found.what} ({path})",
            hypothesis=f"{codemod.thing} should make {found.function}() faster because {codemod.because}.",
            area=f"{path}:{found.function}",
            source=SOURCE,
            edits=(Edit(path=path, content=written),),
        )

    @property
    def _known(self) -> Files:
        if self._files is None:
            from autoopt.proposers.codemods.finding import Files  # brings libcst, which takes a while

            self._files = Files()
        return self._files


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _order(named: tuple[Spot, ...], path: str, found: Found) -> tuple[int, int, int]:
    """Functions the profile names in its order, then by loop depth, then by codemod."""
    short, (first, last) = found.function.rpartition(".")[2], found.lines
    here = (n for n, s in enumerate(named) if s.name == short and first <= s.line <= last and s.is_in(path))
    return next(here, len(named)), -found.depth, found.rank
