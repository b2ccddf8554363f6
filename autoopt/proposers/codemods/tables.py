"""Tables of constants that a function makes anew at every call move to the module."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autoopt.proposers.codemods.building import replaced, segment, wrapped
from autoopt.proposers.codemods.edits import Insert, Place
from autoopt.proposers.codemods.names import Function
from autoopt.proposers.codemods.uses import only_read, returned

_FEWEST = 4
Table = ast.Dict | ast.List | ast.Set


def find(function: Function) -> Iterator[Place]:
    """Dicts, lists and sets of constants that are only read."""
    for node in function.own:
        if isinstance(node, (ast.Dict, ast.List, ast.Set)) and _constant(node):
            name = _name(function, node)
            if name:
                yield _moved(function, node, name)


def _constant(node: Table) -> bool:
    parts = node.values if isinstance(node, ast.Dict) else node.elts
    keys = node.keys if isinstance(node, ast.Dict) else []
    return len(parts) >= _FEWEST and all(part is not None and _fixed(part) for part in [*parts, *keys])


def _fixed(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)
    if isinstance(node, ast.Tuple):
        return all(_fixed(part) for part in node.elts)
    return isinstance(node, ast.Constant)


def _name(function: Function, node: Table) -> str:
    """What the table is or would be called when it is only read; empty when it may be changed."""
    parent = function.parent(node)
    match parent:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is node:
            alone = len(function.bindings.get(name, [])) == 1 and function.private(name)
            kept = alone and only_read(function, name) and not returned(function, name)
            return name if kept else ""
        case ast.Subscript(value=value, ctx=ast.Load()) if value is node:
            return "table"
        case ast.Attribute(value=value, attr="get") if value is node and isinstance(node, ast.Dict):
            call = function.parent(parent)
            return "table" if isinstance(call, ast.Call) and call.func is parent else ""
        case ast.Compare(ops=[ast.In() | ast.NotIn()]) if isinstance(node, ast.Dict):
            return "table"
    return ""


def _moved(function: Function, node: Table, name: str) -> Place:
    made = function.fresh(f"_{function.node.name.strip('_').upper()}_{name.strip('_').upper()}")
    entries = _entries(function, node)
    kind = type(node).__name__.lower()
    line = function.module.top(function.node).lineno
    opening, closing = ("[", "]") if isinstance(node, ast.List) else ("{", "}")
    code = wrapped(f"{made} = {opening}", entries, closing).replace(f",{closing}", closing)
    what = f"a {kind} of {len(entries)} constants is made once for the module, not in {{where}}"
    return Place(what, (Insert(line, code), replaced(function, node, made)), len(function.loops(node)))


def _entries(function: Function, node: Table) -> list[str]:
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return [
            f"{segment(function, key)}: {segment(function, value)},"
            for key, value in pairs
            if key is not None
        ]
    return [f"{segment(function, part)}," for part in node.elts]
