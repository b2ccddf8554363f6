"""What a loop works out again each time, though it stays the same, is worked out once before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autoopt.proposers.codemods.building import replaced, segment
from autoopt.proposers.codemods.edits import Change, Insert, Place
from autoopt.proposers.codemods.kinds import kind_of
from autoopt.proposers.codemods.names import Function, Loop
from autoopt.proposers.codemods.sharing import steady
from autoopt.proposers.codemods.uses import reads_expression
from autoopt.proposers.codemods.values import FLOAT, INT, STR, hashable

_MAKES = ("sorted", "set", "frozenset", "list", "tuple", "sum")
_IMMUTABLE = ("sum", "tuple", "frozenset")
_OF_TEXT = ("lower", "upper", "strip", "casefold", "split", "splitlines", "title", "encode")


def find(function: Function) -> Iterator[Place]:
    """Calls whose arguments no pass of the outermost possible loop changes, and which cannot fail."""
    if function.opaque:
        return
    found: dict[tuple[int, str], list[ast.Call]] = {}
    loops: dict[int, Loop] = {}
    for node in function.own:
        if isinstance(node, ast.Call) and (name := _argument(function, node)):
            loop = _outermost(function, node, name)
            if loop is not None and not _in_lazy(function, node):
                loops[loop.lineno] = loop
                found.setdefault((loop.lineno, ast.unparse(node)), []).append(node)
    for (line, text), nodes in found.items():
        made = function.fresh(_called(nodes[0]))
        code = f"{made} = {segment(function, nodes[0])}"
        what = f"{text} in a loop of {{where}} is worked out once before it"
        changes: list[Change] = [Insert(line, code), *(replaced(function, node, made) for node in nodes)]
        yield Place(what, tuple(changes), max(len(function.loops(node)) for node in nodes))


def _argument(function: Function, node: ast.Call) -> str:
    """The one variable the call is about, when it cannot fail and its result may be shared."""
    match node:
        case ast.Call(func=ast.Name(id=called), args=[ast.Name() as argument], keywords=[]) if (
            called in _MAKES
        ):
            safe = function.builtin(called) and _cannot_fail(function, called, argument)
            shared = called in _IMMUTABLE or reads_expression(function, node)
            return argument.id if safe and shared else ""
        case ast.Call(func=ast.Attribute(value=ast.Name() as text, attr=attr), args=[], keywords=[]):
            safe = attr in _OF_TEXT and attr != "encode" and kind_of(function, text) == STR
            shared = "split" not in attr or reads_expression(function, node)
            return text.id if safe and shared else ""
    return ""


def _cannot_fail(function: Function, called: str, argument: ast.Name) -> bool:
    kind = kind_of(function, argument)
    if kind is None or kind.name not in ("list", "tuple", "set", "frozenset", "dict", "str"):
        return False
    if called in ("list", "tuple"):
        return kind.name != called or called == "list"
    item = STR if kind == STR else kind.items[0] if kind.items else None
    if called == "sum":
        return item in (INT, FLOAT)
    return (
        hashable(item)
        if called != "sorted"
        else item is not None and item.name in ("int", "str", "bytes", "float")
    )


def _outermost(function: Function, node: ast.Call, name: str) -> Loop | None:
    if not function.private(name):
        return None
    for loop in function.loops(node):
        kind = kind_of(function, _variable(node))
        bound = any(function.within(binding, loop) for binding in function.bindings[name])
        same = not bound if kind is not None and kind.name in ("str", "tuple", "frozenset") else False
        if (same or steady(function, name, loop)) and _bound_first(function, name, loop):
            return loop
    return None


def _bound_first(function: Function, name: str, loop: Loop) -> bool:
    """Whether the variable surely has a value before the loop, as a parameter or from a block around."""
    if name in function.arguments:
        return True
    around = {loop, *function.above(loop)}
    for node in function.bindings[name]:
        statement = function.statement(node)
        plain = isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.lineno < loop.lineno
        if plain and function.in_one_block(statement, around):
            return True
    return False


def _in_lazy(function: Function, node: ast.AST) -> bool:
    """Whether a generator evaluates the call, who knows when."""
    return any(isinstance(parent, ast.GeneratorExp) for parent in function.above(node))


def _variable(node: ast.Call) -> ast.Name:
    value = node.func.value if isinstance(node.func, ast.Attribute) else node.args[0]
    assert isinstance(value, ast.Name)
    return value


def _called(node: ast.Call) -> str:
    """A name for the result, as in `words_sorted`."""
    func = node.func
    verb = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    return f"{_variable(node).id}_{verb}"
