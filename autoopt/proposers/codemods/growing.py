"""Values that grow by making a copy each time: text and bytes are joined once, lists are appended to."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autoopt.proposers.codemods.building import segment, shares_a_line
from autoopt.proposers.codemods.edits import Change, Insert, Place, Rewrite
from autoopt.proposers.codemods.kinds import kind_of
from autoopt.proposers.codemods.names import COMPREHENSIONS, Function, Loop
from autoopt.proposers.codemods.sharing import owned
from autoopt.proposers.codemods.uses import seen_after_failure

_LAZY = frozenset({"enumerate", "zip", "reversed", "iter", "map", "filter"})
_JOINED = {"str": '"".join({})', "bytes": 'b"".join({})'}


def find(function: Function) -> Iterator[Place]:
    """Text and bytes put together in loops, and lists that are copied to add to them."""
    if function.opaque:
        return
    for loop in function.own:
        if isinstance(loop, (ast.For, ast.While)):
            for name in sorted(_grown(function, loop)):
                yield from _joined(function, loop, name)
    for statement in function.own:
        if isinstance(statement, ast.Assign):
            yield from _appended(function, statement)


def addition(statement: ast.stmt) -> tuple[str, ast.expr] | None:
    """Name and addend of `name += addend` or `name = name + addend`."""
    match statement:
        case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=value):
            return name, value
        case ast.Assign(
            targets=[ast.Name(id=name)], value=ast.BinOp(left=ast.Name(id=left), op=ast.Add(), right=value)
        ) if left == name:
            return name, value
    return None


def _grown(function: Function, loop: Loop) -> set[str]:
    inside = (node for node in function.own if isinstance(node, ast.stmt) and function.within(node, loop))
    return {found[0] for node in inside if (found := addition(node))}


def _joined(function: Function, loop: Loop, name: str) -> Iterator[Place]:
    """Text or bytes of which the outermost loop that adds to it does nothing else with it."""
    if not function.private(name) or name in function.arguments:
        return
    kinds = [kind_of(function, node) for node in function.uses[name] if isinstance(node.ctx, ast.Load)]
    kind = kinds[0] if kinds else None
    if kind is None or kind.name not in _JOINED or any(other != kind for other in kinds):
        return
    additions = _only_additions(function, loop, name)
    if additions is None or any(_only_additions(function, around, name) for around in function.loops(loop)):
        return
    if any(kind_of(function, value) != kind for _, value in additions):
        return
    if seen_after_failure(function, name, loop) or not _bound_before(function, loop, name):
        return
    parts = function.fresh(f"{name}_parts")
    changes: list[Change] = [
        Rewrite(statement.lineno, statement.lineno, f"{parts}.append({segment(function, value)})")
        for statement, value in additions
    ]
    before = Insert(loop.lineno, f"{parts} = [{name}]")
    after = Insert(loop.lineno, f"{name} = {_JOINED[kind.name].format(parts)}", after=True)
    what = f"{name} in {{where}} is joined once instead of growing by += in a loop"
    yield Place(what, (before, *changes, after), 1 + len(function.loops(loop)))


def _only_additions(function: Function, loop: Loop, name: str) -> list[tuple[ast.stmt, ast.expr]] | None:
    """The statements in a loop that add to a name, when the loop does nothing else with it."""
    found: list[tuple[ast.stmt, ast.expr]] = []
    for node in function.uses[name]:
        if not function.within(node, loop):
            continue
        statement = function.statement(node)
        added = addition(statement)
        if added is None or added[0] != name or shares_a_line(function.module.source, statement):
            return None
        if any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(added[1])):
            return None
        if (statement, added[1]) not in found:
            found.append((statement, added[1]))
    return found


def _bound_before(function: Function, loop: Loop, name: str) -> bool:
    """Whether a statement of the same block, before the loop, binds the name."""
    for node in function.bindings[name]:
        statement = function.statement(node)
        early = statement.lineno < loop.lineno and addition(statement) is None
        if early and function.in_one_block(statement, [loop]):
            return isinstance(statement, (ast.Assign, ast.AnnAssign))
    return False


def _appended(function: Function, statement: ast.Assign) -> Iterator[Place]:
    """`x = x + [y]` for a list that only this name reaches."""
    found = addition(statement)
    name, added = found or ("", None)
    if not isinstance(added, ast.List) or not function.loops(statement):
        return
    if any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(added)):
        return
    if shares_a_line(function.module.source, statement) or not _grows_in_place(function, statement, name):
        return
    plain = len(added.elts) == 1 and not isinstance(added.elts[0], ast.Starred)
    code = f"{name} += {segment(function, added)}"
    if plain:
        code = f"{name}.append({segment(function, added.elts[0])})"
    what = f"{name} in {{where}} is appended to instead of copied to add to it"
    yield Place(what, (Rewrite(statement.lineno, statement.lineno, code),), len(function.loops(statement)))


def _grows_in_place(function: Function, statement: ast.Assign, name: str) -> bool:
    """Whether nobody has the list as it was, or is going through it, when something is added to it."""
    if not owned(function, name, until=function.loops(statement)[0]):
        return False
    for node in function.uses[name]:
        kind = kind_of(function, node) if isinstance(node.ctx, ast.Load) else None
        if isinstance(node.ctx, ast.Load) and (kind is None or kind.name != "list"):
            return False
        if any(isinstance(parent, ast.GeneratorExp) for parent in function.above(node)):
            return False
        parent = function.parent(node)
        if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in _LAZY:
            return False
        if isinstance(parent, ast.For) and parent.iter is node and function.within(statement, parent):
            return False
        if isinstance(parent, COMPREHENSIONS):
            return False
    return True
