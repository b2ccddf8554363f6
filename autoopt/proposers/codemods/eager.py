"""Generators that a call would turn into a list first are written as the list."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autoopt.proposers.codemods.edits import Place, Replace
from autoopt.proposers.codemods.kinds import kind_of
from autoopt.proposers.codemods.names import Function
from autoopt.proposers.codemods.values import BYTES, STR

_RAISING = frozenset({"next", "__next__", "send", "throw"})
_CALLS = ("tuple", "sorted")


def find(function: Function) -> Iterator[Place]:
    """Generators given to `join`, `tuple` and `sorted`, all of which make a list of them."""
    for node in function.own:
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.GeneratorExp):
            called = _called(function, node)
            if called and not _may_stop(node.args[0]):
                yield _as_list(function, node, node.args[0], called)


def _called(function: Function, node: ast.Call) -> str:
    match node.func:
        case ast.Attribute(value=value, attr="join"):
            return "join()" if kind_of(function, value) in (STR, BYTES) else ""
        case ast.Name(id=name) if name in _CALLS and function.builtin(name):
            return f"{name}()"
    return ""


def _may_stop(node: ast.GeneratorExp) -> bool:
    """Whether it may raise StopIteration, which a generator turns into RuntimeError and a list does not."""
    for part in ast.walk(node):
        if isinstance(part, (ast.Await, ast.NamedExpr)) or (
            isinstance(part, ast.comprehension) and part.is_async
        ):
            return True
        called = (
            part.id if isinstance(part, ast.Name) else part.attr if isinstance(part, ast.Attribute) else ""
        )
        if called in _RAISING:
            return True
    return False


def _as_list(function: Function, call: ast.Call, node: ast.GeneratorExp, called: str) -> Place:
    start, end, text = function.module.source.inside(node)
    what = f"{called} in {{where}} takes a list instead of a generator"
    return Place(what, (Replace(start, end, f"[{text}]"),), len(function.loops(call)))
