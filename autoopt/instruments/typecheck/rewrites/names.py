"""Names of the typing module that are used and were never imported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from autoopt.instruments.typecheck.diagnostics import Diagnostic
from autoopt.instruments.typecheck.rewrites.module import Cut, Module

_RULES = frozenset({"unresolved-reference", "reportUndefinedVariable", "name-defined"})
_NAMED = re.compile(r"[`\"](\w+)[`\"]")
_NAMES = """
    AbstractSet AsyncGenerator AsyncIterable AsyncIterator Awaitable BinaryIO Callable ClassVar Collection
    Container ContextManager Coroutine Counter DefaultDict Deque Dict Final FrozenSet Generator Generic IO
    Iterable Iterator KeysView List Literal Mapping Match MutableMapping MutableSequence NamedTuple NewType
    Optional OrderedDict Pattern Protocol Reversible Sequence Set Sized SupportsFloat SupportsIndex
    SupportsInt Text TextIO Tuple Type TypeVar TypedDict Union ValuesView
"""
_KNOWN = frozenset(_NAMES.split())
"""Names that say something about a type; those that switch checking off are not supplied."""


def find(module: Module, wrong: Sequence[Diagnostic]) -> Iterator[tuple[tuple[Cut, ...], frozenset[str]]]:
    """One fix for each missing name, however often it is used."""
    missing = {
        match[1] for one in wrong if one.rule in _RULES and (match := _NAMED.search(one.message)) is not None
    }
    for name in sorted(missing & _KNOWN - module.bound):
        yield (), frozenset({name})
