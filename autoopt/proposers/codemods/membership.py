"""Lists and tuples that are searched with `in` become sets, where every value involved surely hashes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autoopt.proposers.codemods.building import replaced, segment
from autoopt.proposers.codemods.edits import Change, Insert, Place
from autoopt.proposers.codemods.kinds import kind_of
from autoopt.proposers.codemods.names import Function
from autoopt.proposers.codemods.sharing import steady
from autoopt.proposers.codemods.uses import constant_reads
from autoopt.proposers.codemods.values import hashable

_FEWEST = 4


def find(function: Function) -> Iterator[Place]:
    """Searches of literals, of constants of the module, of local lists and of parameters in loops."""
    tests = [node for node in function.own if isinstance(node, ast.Compare) and _is_search(function, node)]
    for test in tests:
        yield from _literal(function, test)
    if function.opaque:
        return
    names = {searched.id: None for test in tests if isinstance(searched := test.comparators[0], ast.Name)}
    for name in names:
        yield from _constant(function, name, tests)
        yield from _local(function, name)
        yield from _searched_in_loop(function, name, tests)


def _literal(function: Function, test: ast.Compare) -> Iterator[Place]:
    value = test.comparators[0]
    if not isinstance(value, (ast.List, ast.Tuple)) or not _all_constants(value):
        return
    inner = ", ".join(segment(function, part) for part in value.elts)
    what = f"`in` {_counted(value)} in {{where}} becomes a set"
    yield Place(what, (replaced(function, value, f"{{{inner}}}"),), len(function.loops(test)))


def _constant(function: Function, name: str, tests: list[ast.Compare]) -> Iterator[Place]:
    """A module's tuple, or its private list that nothing in the module changes."""
    module = function.module
    value = None if function.hidden(name) else module.constant(name)
    if not isinstance(value, (ast.List, ast.Tuple)) or not _all_constants(value):
        return
    if isinstance(value, ast.List) and not (name.startswith("_") and constant_reads(module, name)):
        return
    if module.top(value).lineno >= module.top(function.node).lineno:
        return
    found = [test.comparators[0] for test in tests if _names(test.comparators[0], name)]
    found = [node for node in found if isinstance(node, ast.Name) and not function.inner(node)]
    made = function.fresh(f"{'' if name.startswith('_') else '_'}{name}_SET")
    new = Insert(module.top(function.node).lineno, f"{made} = frozenset({name})")
    changes = [replaced(function, node, made) for node in found]
    what = f"`in` {name} ({_counted(value)}) in {{where}} becomes a frozenset"
    yield Place(what, (new, *changes), max(len(function.loops(node)) for node in found))


def _local(function: Function, name: str) -> Iterator[Place]:
    """A list made in the function of which nothing is asked but whether things are in it."""
    if not function.private(name) or len(function.bindings[name]) != 1:
        return
    target = function.bindings[name][0]
    assign = function.parent(target)
    if not isinstance(assign, ast.Assign) or assign.targets != [target]:
        return
    made = _as_set(function, assign.value)
    changes: list[Change] = [replaced(function, assign.value, made)] if made else []
    repeated = 0
    for node in function.uses[name]:
        if node is target or not made:
            continue
        change = _search_or_append(function, node)
        if change is None:
            return
        changes += change
        deeper = [loop for loop in function.loops(node) if not function.within(assign, loop)]
        repeated = max(repeated, len(function.loops(node)) if deeper and not change else 0)
    if repeated:
        what = f"the list {name} that {{where}} only searches becomes a set"
        yield Place(what, tuple(changes), repeated)


def _search_or_append(function: Function, node: ast.Name) -> list[Change] | None:
    """The changes a use of the name needs once it is a set; None when a set would not do."""
    parent = function.parent(node)
    if isinstance(parent, ast.Compare) and _is_search(function, parent) and parent.comparators[0] is node:
        return []
    call = function.parent(parent)
    match call:
        case ast.Call(func=ast.Attribute(attr="append") as func, args=[added], keywords=[]) if func is parent:
            return (
                [replaced(function, func, f"{node.id}.add")] if hashable(kind_of(function, added)) else None
            )
    return None


def _as_set(function: Function, value: ast.expr) -> str:
    """The code of a set with what a list would have had in it; empty when it may not hash."""
    if isinstance(value, ast.List) and not value.elts and function.builtin("set"):
        return "set()"
    kind = kind_of(function, value)
    if kind is None or kind.name != "list" or not hashable(kind.item):
        return ""
    source = function.module.source
    if isinstance(value, (ast.List, ast.ListComp)) and not any(
        isinstance(n, ast.Starred) for n in ast.walk(value)
    ):
        text = source.segment(value)
        return f"{{{text[1:-1]}}}"
    if not isinstance(value, ast.Call) or not function.builtin("set"):
        return ""
    plain = isinstance(value.func, ast.Name) and value.func.id in ("list", "sorted") and len(value.args) == 1
    inner = value.args[0] if plain and not value.keywords else value
    return f"set({source.segment(inner)})"


def _searched_in_loop(function: Function, name: str, tests: list[ast.Compare]) -> Iterator[Place]:
    """A list parameter that is searched again and again while nothing changes it."""
    if name not in function.arguments or not function.builtin("set"):
        return
    found = [test.comparators[0] for test in tests if _names(test.comparators[0], name)]
    kind = kind_of(function, found[0])
    if kind is None or kind.name != "list" or not hashable(kind.item):
        return
    loops = [
        loop for loop in function.own if isinstance(loop, (ast.For, ast.While)) and not function.loops(loop)
    ]
    for loop in loops:
        inside = [node for node in found if loop in function.loops(node)]
        if inside and steady(function, name, loop):
            made = function.fresh(f"{name}_set")
            changes = [replaced(function, node, made) for node in inside]
            what = f"the list {name} searched in a loop of {{where}} is made a set before it"
            depth = max(len(function.loops(node)) for node in inside)
            yield Place(what, (Insert(loop.lineno, f"{made} = set({name})"), *changes), depth)


def _is_search(function: Function, node: ast.Compare) -> bool:
    """Whether the comparison is one `in` or `not in` of a value that hashes as it compares."""
    one = len(node.ops) == 1 and isinstance(node.ops[0], (ast.In, ast.NotIn))
    return one and hashable(kind_of(function, node.left))


def _all_constants(value: ast.List | ast.Tuple) -> bool:
    return len(value.elts) >= _FEWEST and all(isinstance(part, ast.Constant) for part in value.elts)


def _counted(value: ast.List | ast.Tuple) -> str:
    return f"a {type(value).__name__.lower()} of {len(value.elts)} constants"


def _names(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
