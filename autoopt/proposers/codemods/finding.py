"""What the codemods find in one file, remembered by its content."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autoopt.proposers.codemods import (
    arithmetic,
    attributes,
    caching,
    comprehension,
    counting,
    eager,
    growing,
    indexing,
    invariants,
    membership,
    patterns,
    queues,
    source,
    tables,
    writing,
)
from autoopt.proposers.codemods.edits import Change, Place, apart
from autoopt.proposers.codemods.names import Function, Module

_MOST_FILES = 4096
_MOST_WRITTEN = 1024


@dataclass(frozen=True, slots=True)
class Codemod:
    """One known win.

    Attributes:
        find: Yields its places in a function.
        thing: What should make the function faster.
        because: Why it should.
    """

    find: Callable[[Function], Iterator[Place]]
    thing: str
    because: str


CODEMODS = (
    Codemod(caching.find, "Remembering results", "a repeated call then costs a look-up"),
    Codemod(membership.find, "A set", "it finds a value by its hash where a list is searched from its start"),
    Codemod(invariants.find, "One call before the loop", "its result is the same in every pass"),
    Codemod(queues.find, "A deque", "taking from the front of a list moves everything that is left in it"),
    Codemod(growing.find, "Adding in place", "a copy of all there is so far is made each time otherwise"),
    Codemod(counting.find, "A builtin", "it goes through the values in C"),
    Codemod(patterns.find, "A compiled pattern", "re looks up its cache at every call otherwise"),
    Codemod(tables.find, "A table of the module", "it is built anew at every call otherwise"),
    Codemod(comprehension.find, "A comprehension", "it appends without looking up and calling a method"),
    Codemod(indexing.find, "Going through the items", "no index has to be looked up"),
    Codemod(eager.find, "A list", "a generator is stopped and resumed for every item"),
    Codemod(arithmetic.find, "A product", "it is cheaper than a power"),
    Codemod(attributes.find, "A local name", "it is read without looking up attributes"),
)
"""Tried in this order among equally hot functions; what gained most on samples is first."""


@dataclass(frozen=True, slots=True)
class Found:
    """All places of one codemod in one function, as one change.

    Attributes:
        function: Its name, with those of the classes and functions around it.
        lines: First and last line of the function.
        depth: Loops around the deepest place.
        rank: Where the codemod stands in `CODEMODS`.
    """

    function: str
    lines: tuple[int, int]
    rank: int
    depth: int
    what: str
    changes: tuple[Change, ...]


class Files:
    """Looks into files, and writes them, once for each content."""

    def __init__(self) -> None:
        self._found: OrderedDict[bytes, tuple[Found, ...]] = OrderedDict()
        self._written: OrderedDict[tuple[bytes, Found], bytes | None] = OrderedDict()

    def look(self, content: bytes) -> tuple[Found, ...]:
        """What there is to change in a Python file; nothing where it cannot be read."""
        key = hashlib.sha256(content).digest()
        if key not in self._found:
            self._found[key] = tuple(_look(content))
            if len(self._found) > _MOST_FILES:
                self._found.popitem(last=False)
        self._found.move_to_end(key)
        return self._found[key]

    def write(self, content: bytes, found: Found) -> bytes | None:
        """The file with the change; None where it could not be made."""
        key = (hashlib.sha256(content).digest(), found)
        if key not in self._written:
            text = source.read(content)
            self._written[key] = writing.write(text, found.changes) if text is not None else None
            if len(self._written) > _MOST_WRITTEN:
                self._written.popitem(last=False)
        self._written.move_to_end(key)
        return self._written[key]


def _look(content: bytes) -> Iterator[Found]:
    text = source.read(content)
    tree = source.parse(text.text) if text is not None else None
    if text is None or tree is None:
        return
    for function in Module(text, tree).functions:
        for rank, codemod in enumerate(CODEMODS):
            places = list(codemod.find(function))
            if places:
                yield _together(function, rank, places)


def _together(function: Function, rank: int, places: list[Place]) -> Found:
    """One change of all places that do not touch each other, the deepest first."""
    changes: list[Change] = []
    taken: list[Place] = []
    for place in sorted(places, key=lambda place: -place.depth):
        if apart(changes, place.changes):
            changes += [change for change in place.changes if change not in changes]
            taken.append(place)
    what = taken[0].what.replace("{where}", f"{function.qualname}()")
    if len(taken) > 1:
        what += f", and {len(taken) - 1} more"
    lines = (function.node.lineno, function.node.end_lineno or function.node.lineno)
    return Found(function.qualname, lines, rank, taken[0].depth, what, tuple(changes))
