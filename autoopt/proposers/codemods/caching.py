"""Pure functions get an `lru_cache` of bounded size."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

from autoopt.proposers.codemods.building import import_of
from autoopt.proposers.codemods.edits import Decorate, Place
from autoopt.proposers.codemods.names import COMPREHENSIONS, Function
from autoopt.proposers.codemods.purity import only_name, pure, returns_immutable
from autoopt.proposers.codemods.values import STR, Kind, annotated

_SMALL, _LARGE = 1024, 65536
"""How many results are kept: few where text may be large, many where arguments are numbers."""


def find(function: Function) -> Iterator[Place]:
    """The function itself, when it is pure, worth remembering and told apart by its arguments."""
    kinds = [annotated(argument.annotation) for argument in function.arguments.values()]
    if not kinds or not all(_distinct(kind) for kind in kinds) or not only_name(function):
        return
    if not _worth_it(function) or not _only_called(function):
        return
    if not _plain_signature(function) or not returns_immutable(function) or not pure(function):
        return
    size = _LARGE if all(kind is not None and kind.name in ("int", "bool") for kind in kinds) else _SMALL
    made, imports = import_of(function, "functools", "lru_cache")
    decorator = Decorate(function.node.lineno, f"{made}(maxsize={size}, typed=True)")
    yield Place("results of the pure function {where} are remembered (lru_cache)", (*imports, decorator), 1)


def _distinct(kind: Kind | None) -> bool:
    """Whether equal arguments always give equal results; 0.0 and -0.0, or (1,) and (True,), may not."""
    if kind is None:
        return False
    if kind.name in ("tuple", "frozenset"):
        return bool(kind.items) and all(item is not None and item == STR for item in kind.items)
    return kind.name in ("str", "int", "bool")


def _plain_signature(function: Function) -> bool:
    spec = function.node.args
    defaults = [*spec.defaults, *(default for default in spec.kw_defaults if default is not None)]
    return spec.vararg is None and spec.kwarg is None and all(isinstance(d, ast.Constant) for d in defaults)


def _worth_it(function: Function) -> bool:
    """Whether it does more than a look-up costs.

    Calling itself once only, it may go so deep that the calls in between would be too many. Where it calls
    itself twice in a row it cannot: that would take for ever.
    """
    calls = [node for node in function.own if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    again = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == function.node.name]
    if again:
        return any(_both_run(function, one, other) for one, other in combinations(again, 2))
    return any(isinstance(node, (ast.For, ast.While, *COMPREHENSIONS)) for node in function.own)


def _both_run(function: Function, one: ast.Call, other: ast.Call) -> bool:
    """Whether two calls stand in one statement or one block, and not on either side of a condition."""
    first, second = function.statement(one), function.statement(other)
    choices = (above for above in function.above(one) if isinstance(above, ast.IfExp))
    apart = any(function.within(one, at.body) != function.within(other, at.body) for at in choices)
    returns = isinstance(first, ast.Return) and first is not second
    return not apart and not returns and function.in_one_block(first, [second])


def _only_called(function: Function) -> bool:
    """Whether the module only calls it: a cached function is no plain function for who looks at it."""
    name, parents = function.node.name, function.module.parents
    for node in ast.walk(function.module.tree):
        if isinstance(node, ast.Name) and node.id == name:
            parent = parents[node]
            if not (isinstance(parent, ast.Call) and (parent.func is node or node in parent.args)):
                return False
    return True
