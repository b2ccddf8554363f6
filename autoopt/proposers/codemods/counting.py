"""Loops that count, add up or look for something become the builtin that does it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from autoopt.proposers.codemods.building import import_of, segment, shares_a_line, statements
from autoopt.proposers.codemods.comprehension import made_empty
from autoopt.proposers.codemods.edits import Change, Place, Rewrite
from autoopt.proposers.codemods.kinds import kind_of
from autoopt.proposers.codemods.names import Function
from autoopt.proposers.codemods.uses import read_after, seen_after_failure
from autoopt.proposers.codemods.values import INT, STR, Kind

_ORDERED = ("list", "tuple", "range")
_EXACT = ("int", "str", "bytes")


def find(function: Function) -> Iterator[Place]:
    """Counting, adding and searching loops over a variable of their own."""
    if function.opaque:
        return
    for block in statements(function):
        for before, loop in pairwise(block):
            if isinstance(loop, ast.For) and _own_variable(function, loop) and loop.type_comment is None:
                place = _counter(function, before, loop) or _number(function, before, loop)
                if place is not None:
                    yield place
        for loop, after in pairwise(block):
            if isinstance(loop, ast.For) and _own_variable(function, loop):
                yield from _search(function, loop, after)


def _own_variable(function: Function, loop: ast.For) -> bool:
    """Whether the loop has one variable, which nobody sees after it."""
    target = loop.target
    if not isinstance(target, ast.Name) or loop.orelse or target.id in function.arguments:
        return False
    return not read_after(function, target.id, loop)


def _counter(function: Function, before: ast.stmt, loop: ast.For) -> Place | None:
    name, kind = made_empty(function, before)
    assert isinstance(loop.target, ast.Name)
    if (
        kind != "dict"
        or not function.private(name)
        or not function.builtin("dict")
        or not function.builtin("iter")
    ):
        return None
    if not isinstance(before, ast.Assign) or not _counts(loop, name, loop.target.id):
        return None
    used = {node.id for node in ast.walk(loop.iter) if isinstance(node, ast.Name)}
    if name in used or not _replaceable(function, before, loop, name):
        return None
    counter, imports = import_of(function, "collections", "Counter")
    source = function.module.source.segment(loop.iter)
    # iter(), since of a mapping Counter would take the values as counts
    code = f"{name} = dict({counter}(iter({source})))"
    what = f"the loop that counts in {name} in {{where}} becomes a Counter"
    changes: tuple[Change, ...] = (*imports, Rewrite(before.lineno, loop.lineno, code))
    return Place(what, changes, 1 + len(function.loops(loop)))


def _counts(loop: ast.For, name: str, item: str) -> bool:
    """Whether the body is one of the ways to write that the count of the item goes up by one."""
    body = ast.unparse(ast.Module(loop.body, []))
    return body in {
        f"{name}[{item}] = {name}.get({item}, 0) + 1",
        f"if {item} in {name}:\n    {name}[{item}] += 1\nelse:\n    {name}[{item}] = 1",
        f"if {item} not in {name}:\n    {name}[{item}] = 1\nelse:\n    {name}[{item}] += 1",
        f"if {item} not in {name}:\n    {name}[{item}] = 0\n{name}[{item}] += 1",
        f"try:\n    {name}[{item}] += 1\nexcept KeyError:\n    {name}[{item}] = 1",
    }


def _number(function: Function, before: ast.stmt, loop: ast.For) -> Place | None:
    """`total += item` over whole numbers, or `count += 1` where an item equals something."""
    match before:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=0 as start)) if (
            type(start) is int
        ):
            pass
        case _:
            return None
    if not function.private(name) or not _replaceable(function, before, loop, name):
        return None
    assert isinstance(loop.target, ast.Name)
    made = _sum(function, loop, name, loop.target.id) or _count(function, loop, name, loop.target.id)
    if not made:
        return None
    what = (
        f"the loop that works out {name} in {{where}} becomes {made.partition('(')[0].rpartition('.')[2]}()"
    )
    return Place(
        what, (Rewrite(before.lineno, loop.lineno, f"{name} = {made}"),), 1 + len(function.loops(loop))
    )


def _sum(function: Function, loop: ast.For, name: str, item: str) -> str:
    match loop.body:
        case [ast.AugAssign(target=ast.Name(id=into), op=ast.Add(), value=ast.Name(id=added))]:
            exact = into == name and added == item and name != item and function.builtin("sum")
            kind = kind_of(function, loop.iter)
            if exact and kind is not None and kind.name != "str" and kind.item == INT:
                return f"sum({function.module.source.segment(loop.iter)})"
    return ""  # of floats, sum() rounds differently from version 3.12


def _count(function: Function, loop: ast.For, name: str, item: str) -> str:
    match loop.body:
        case [
            ast.If(
                test=ast.Compare(left=ast.Name(id=left), ops=[ast.Eq()], comparators=[wanted]),
                body=[
                    ast.AugAssign(target=ast.Name(id=into), op=ast.Add(), value=ast.Constant(value=1 as one))
                ],
                orelse=[],
            )
        ] if (left, into) == (item, name) and type(one) is int and name != item:
            pass
        case _:
            return ""
    kind = kind_of(function, loop.iter)
    if (
        not _fixed(function, wanted, name, item)
        or kind is None
        or not isinstance(loop.iter, (ast.Name, ast.Attribute))
    ):
        return ""
    if kind == STR:
        single = isinstance(wanted, ast.Constant) and isinstance(wanted.value, str) and len(wanted.value) == 1
    else:
        single = _comparable(kind, kind_of(function, wanted))
    return f"{segment(function, loop.iter)}.count({segment(function, wanted)})" if single else ""


def _search(function: Function, loop: ast.For, after: ast.stmt) -> Iterator[Place]:
    """`for x in xs: if x == y: return True`, then `return False`."""
    assert isinstance(loop.target, ast.Name)
    match loop.body, after:
        case (
            [
                ast.If(
                    test=ast.Compare(left=ast.Name(id=left), ops=[ast.Eq()], comparators=[wanted]),
                    body=[ast.Return(value=ast.Constant(value=True))],
                    orelse=[],
                )
            ],
            ast.Return(value=ast.Constant(value=False)),
        ) if left == loop.target.id:
            pass
        case _:
            return
    kind = kind_of(function, loop.iter)
    fits = kind is not None and _comparable(kind, kind_of(function, wanted))
    if fits and _fixed(function, wanted, "", left) and not shares_a_line(function.module.source, after):
        code = f"return {segment(function, wanted)} in {segment(function, loop.iter)}"
        what = "the loop of {where} that looks for a value becomes `in`"
        yield Place(what, (Rewrite(loop.lineno, after.lineno, code),), 1 + len(function.loops(loop)))


def _replaceable(function: Function, before: ast.stmt, loop: ast.For, name: str) -> bool:
    alone = not shares_a_line(function.module.source, before) and not shares_a_line(
        function.module.source, loop.body[-1]
    )
    return alone and not seen_after_failure(function, name, loop)


def _fixed(function: Function, wanted: ast.expr, name: str, item: str) -> bool:
    """Whether what is looked for is a constant or another variable, which one comparison cannot change."""
    if isinstance(wanted, ast.Name):
        return wanted.id not in (name, item) and function.private(wanted.id)
    return isinstance(wanted, ast.Constant)


def _comparable(kind: Kind, wanted: Kind | None) -> bool:
    return kind.name in _ORDERED and wanted is not None and wanted.name in _EXACT and kind.item == wanted
