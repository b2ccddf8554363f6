"""Local lists used as queues become deques: taking from the front of a list moves all that is left."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autoopt.proposers.codemods.building import import_of, replaced
from autoopt.proposers.codemods.edits import Change, Place
from autoopt.proposers.codemods.names import Function
from autoopt.proposers.codemods.sharing import owned

_SAME = frozenset({"append", "clear", "extend"})


def find(function: Function) -> Iterator[Place]:
    """Lists with `pop(0)` or `insert(0, …)` of which nothing is asked that a deque could not do."""
    if function.opaque:
        return
    for name in function.bindings:
        place = _queue(function, name) if owned(function, name) else None
        if place is not None:
            yield place


def _queue(function: Function, name: str) -> Place | None:
    changes: list[Change] = []
    depths: list[int] = []
    for node in function.uses[name]:
        if isinstance(node.ctx, ast.Store):
            if not _starts(function, node):
                return None
            continue
        found = _use(function, node)
        if found is None:
            return None
        changes += found
        depths += [len(function.loops(node))] if found else []
    if not depths or not max(depths):
        return None
    made, imports = import_of(function, "collections", "deque")
    for node in function.uses[name]:
        if isinstance(node.ctx, ast.Store):
            changes.append(_started(function, node, made))
    what = f"the list {name} used as a queue in {{where}} becomes a deque"
    return Place(what, (*imports, *changes), max(depths))


def _starts(function: Function, node: ast.Name) -> bool:
    parent = function.parent(node)
    return isinstance(parent, ast.Assign) and isinstance(parent.value, (ast.List, ast.ListComp, ast.Call))


def _started(function: Function, node: ast.Name, made: str) -> Change:
    parent = function.parent(node)
    assert isinstance(parent, ast.Assign)
    empty = isinstance(parent.value, ast.List) and not parent.value.elts
    inner = "" if empty else function.module.source.segment(parent.value)
    return replaced(function, parent.value, f"{made}({inner})")


def _use(function: Function, node: ast.Name) -> list[Change] | None:
    """The changes a use of the name needs once it is a deque; None when a deque would not do."""
    parent = function.parent(node)
    match parent:
        case ast.Attribute(attr=attr, ctx=ast.Load()):
            call = function.parent(parent)
            return _method(function, node, attr, call) if isinstance(call, ast.Call) else None
        case ast.Subscript(value=value, slice=index, ctx=ast.Load()) if value is node:
            return [] if _is_end(index) else None
        case ast.Call(func=ast.Name(id="len" | "bool" as called)):
            return [] if function.builtin(called) else None
        case ast.While(test=test) | ast.If(test=test) | ast.IfExp(test=test):
            return [] if test is node else None
        case ast.UnaryOp(op=ast.Not()):
            return []
        case ast.BoolOp():
            around = function.parent(parent)
            return [] if isinstance(around, (ast.While, ast.If)) and around.test is parent else None
    return None


def _method(function: Function, node: ast.Name, attr: str, call: ast.Call) -> list[Change] | None:
    if call.keywords or any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    if (attr in _SAME and len(call.args) == (attr != "clear")) or (attr == "pop" and not call.args):
        return []
    if not call.args or not _is_zero(call.args[0]):
        return None
    if attr == "pop" and len(call.args) == 1:
        return [replaced(function, call, f"{node.id}.popleft()")]
    if attr == "insert" and len(call.args) == 2 and not isinstance(call.args[1], ast.NamedExpr):
        added = function.module.source.segment(call.args[1])
        return [replaced(function, call, f"{node.id}.appendleft({added})")]
    return None


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0 and type(node.value) is int


def _is_end(node: ast.expr) -> bool:
    """Whether an index is 0 or -1: in the middle a deque is slow."""
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    inner = node.operand if isinstance(node, ast.UnaryOp) and negative else node
    return (
        isinstance(inner, ast.Constant) and type(inner.value) is int and inner.value == (1 if negative else 0)
    )
