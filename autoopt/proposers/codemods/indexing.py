"""`for i in range(len(xs))` goes through the items themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autoopt.proposers.codemods.building import replaced
from autoopt.proposers.codemods.edits import Place
from autoopt.proposers.codemods.kinds import kind_of
from autoopt.proposers.codemods.names import Function
from autoopt.proposers.codemods.sharing import steady
from autoopt.proposers.codemods.uses import read_after

_IMMUTABLE = ("tuple", "str", "bytes")


def find(function: Function) -> Iterator[Place]:
    """Loops over the indices of something that stays as it is and is read at the index."""
    if function.opaque:
        return
    for loop in function.own:
        if isinstance(loop, ast.For) and (found := _indices(function, loop)):
            place = _direct(function, loop, *found)
            if place is not None:
                yield place


def _indices(function: Function, loop: ast.For) -> tuple[str, ast.Name] | None:
    match loop:
        case ast.For(
            target=ast.Name(id=index),
            iter=ast.Call(
                func=ast.Name(id="range"),
                args=[ast.Call(func=ast.Name(id="len"), args=[ast.Name() as items], keywords=[])],
                keywords=[],
            ),
        ) if index != items.id and function.builtin("range") and function.builtin("len"):
            return index, items
    return None


def _direct(function: Function, loop: ast.For, index: str, items: ast.Name) -> Place | None:
    if not function.private(index) or not _unchanged(function, loop, items):
        return None
    if any(function.within(node, loop) and node is not loop.target for node in function.bindings[index]):
        return None
    inside = [node for node in function.uses[items.id] if function.within(node, loop) and node is not items]
    reads = [function.parent(node) for node in inside]
    taken = [node for node in reads if isinstance(node, ast.Subscript) and _is_index(node, index)]
    if not taken or len(taken) != len(inside):
        return None
    plural = items.id.endswith("s") and len(items.id) > 2
    item = function.fresh(items.id[:-1] if plural else f"{items.id}_item")
    others = sum(function.within(node, loop) for node in function.uses[index]) - len(taken) - 1
    needed = others > 0 or read_after(function, index, loop)
    target = f"{index}, {item}" if needed else item
    over = f"enumerate({items.id})" if needed else items.id
    if needed and not function.builtin("enumerate"):
        return None
    changes = [replaced(function, loop.target, target), replaced(function, loop.iter, over)]
    changes += [replaced(function, node, item) for node in taken]
    what = f"the loop over the indices of {items.id} in {{where}} goes through its items"
    return Place(what, tuple(changes), 1 + len(function.loops(loop)))


def _unchanged(function: Function, loop: ast.For, items: ast.Name) -> bool:
    kind = kind_of(function, items)
    if kind is None or not function.private(items.id):
        return False
    bound_inside = any(function.within(node, loop) for node in function.bindings[items.id])
    if kind.name in _IMMUTABLE:
        return not bound_inside
    return kind.name == "list" and steady(function, items.id, loop)


def _is_index(node: ast.Subscript, index: str) -> bool:
    return isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Name) and node.slice.id == index
