"""Loops that only fill a new list, set or dict become comprehensions; loops that only append, `extend`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from autoopt.proposers.codemods.building import negated, segment, shares_a_line, statements, wrapped
from autoopt.proposers.codemods.edits import Place, Rewrite
from autoopt.proposers.codemods.kinds import kind_of
from autoopt.proposers.codemods.names import Function
from autoopt.proposers.codemods.sharing import owned
from autoopt.proposers.codemods.uses import read_after, seen_after_failure

_NOT_INSIDE = (
    ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr, ast.Lambda, ast.GeneratorExp, ast.Break, ast.Return,
    ast.Starred,
)  # fmt: skip
_FRAME_NAMES = frozenset({"super", "__class__", "locals", "vars", "eval", "exec", "dir"})
_BRACKETS = {"list": "[ ]", "set": "{ }", "dict": "{ }"}


@dataclass(slots=True)
class Chain:
    """A loop of which every part fits in a comprehension, taken apart."""

    clauses: list[str] = field(default_factory=list)
    targets: list[ast.expr] = field(default_factory=list)
    iterables: list[ast.expr] = field(default_factory=list)
    mentioned: set[str] = field(default_factory=set)
    leaf: ast.stmt | None = None


def find(function: Function) -> Iterator[Place]:
    """Loops that could be comprehensions, and appending loops that could be one `extend`."""
    if function.opaque:
        return
    for block in statements(function):
        for index, loop in enumerate(block):
            if not isinstance(loop, ast.For) or not _simple(function, loop):
                continue
            before = block[index - 1] if index else None
            made = _comprehension(function, before, loop) if before else None
            place = made or _extend(function, loop)
            if place is not None:
                yield place


def made_empty(function: Function, statement: ast.stmt) -> tuple[str, str]:
    """Name and kind of the empty list, set or dict a statement binds; empty strings when it does not."""
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            match value:
                case ast.List(elts=[]):
                    return name, "list"
                case ast.Dict(keys=[]):
                    return name, "dict"
                case ast.Call(func=ast.Name(id="list" | "set" | "dict" as kind), args=[], keywords=[]):
                    return (name, kind) if function.builtin(kind) else ("", "")
    return "", ""


def take_apart(function: Function, loop: ast.For) -> Chain | None:
    """The clauses of a loop and the one statement they lead to; None when there is more to it."""
    chain = Chain()
    rest: list[ast.stmt] = [loop]
    while chain.leaf is None:
        match rest:
            case [ast.For(target=target, iter=iterable, body=inner, orelse=[])]:
                if chain.targets:
                    chain.mentioned |= _names(iterable)
                if not _plain_target(target) or _names(target) & chain.mentioned:
                    return None  # in a comprehension the earlier clause would see the later variable
                clause = f"for {function.module.source.segment(target)} in {segment(function, iterable)}"
                chain.targets.append(target)
                chain.iterables.append(iterable)
                rest = inner
            case [ast.If(test=test, body=[ast.Continue()], orelse=[]), _, *_]:
                clause, rest = f"if {negated(function, test)}", rest[1:]
                chain.mentioned |= _names(test)
            case [ast.If(test=test, body=inner, orelse=[])]:
                clause, rest = f"if {segment(function, test)}", inner
                chain.mentioned |= _names(test)
            case [ast.Expr() | ast.Assign() as leaf]:
                chain.leaf = leaf
                continue
            case _:
                return None
        chain.clauses.append(clause)
    return chain


def _comprehension(function: Function, before: ast.stmt, loop: ast.For) -> Place | None:
    name, kind = made_empty(function, before)
    chain = take_apart(function, loop) if name and function.private(name) else None
    if chain is None or shares_a_line(function.module.source, before):
        return None
    element = _element(function, chain, name, kind)
    if not element or not _contained(function, chain, loop) or seen_after_failure(function, name, loop):
        return None
    if sum(n.id == name for n in ast.walk(loop) if isinstance(n, ast.Name)) != 1:
        return None
    code = _assigned(function, before, name, kind, element, chain)
    what = f"the loop that fills {name} in {{where}} becomes a {kind} comprehension"
    return Place(what, (Rewrite(before.lineno, loop.lineno, code),), 1 + len(function.loops(loop)))


def _assigned(function: Function, before: ast.stmt, name: str, kind: str, element: str, chain: Chain) -> str:
    target = name
    if isinstance(before, ast.AnnAssign):
        target = f"{name}: {segment(function, before.annotation)}"
    copied = kind == "list" and len(chain.clauses) == 1 and function.builtin("list")
    if copied and element == function.module.source.segment(
        chain.targets[0]
    ):  # set() may order them otherwise
        return f"{target} = list({function.module.source.segment(chain.iterables[0])})"
    opening, closing = _BRACKETS[kind].split()
    return wrapped(f"{target} = {opening}", [element, *chain.clauses], closing)


def _element(function: Function, chain: Chain, name: str, kind: str) -> str:
    """What goes in each time, as code; empty when the loop does something else."""
    match chain.leaf:
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(value=ast.Name(id=into), attr=method), args=[one], keywords=[])
        ):
            fits = into == name and {"list": "append", "set": "add"}.get(kind) == method
            return segment(function, one) if fits else ""
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=into), slice=key)], value=value):
            simple = isinstance(key, (ast.Name, ast.Constant)) or isinstance(value, (ast.Name, ast.Constant))
            if into != name or kind != "dict" or not simple or isinstance(key, ast.Slice):
                return ""  # a comprehension evaluates the key before the value, an assignment after it
            return f"{segment(function, key)}: {segment(function, value)}"
    return ""


def _extend(function: Function, loop: ast.For) -> Place | None:
    match loop:
        case ast.For(
            target=ast.Name(id=item),
            body=[
                ast.Expr(
                    value=ast.Call(
                        func=ast.Attribute(value=ast.Name(id=name), attr="append"),
                        args=[ast.Name(id=added)],
                        keywords=[],
                    )
                )
            ],
        ) if item == added and name != item:
            pass
        case _:
            return None
    chain = take_apart(function, loop)
    if chain is None or not owned(function, name) or not _contained(function, chain, loop):
        return None
    kinds = [kind_of(function, node) for node in function.uses[name]]
    if not all(kind is not None and kind.name == "list" for kind in kinds) or name in _names(loop.iter):
        return None
    code = f"{name}.extend({function.module.source.segment(loop.iter)})"
    what = f"the loop that appends to {name} in {{where}} becomes one extend()"
    return Place(what, (Rewrite(loop.lineno, loop.lineno, code),), 1 + len(function.loops(loop)))


def _simple(function: Function, loop: ast.For) -> bool:
    for node in ast.walk(loop):
        called = (
            node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        )
        if isinstance(node, _NOT_INSIDE) or called in _FRAME_NAMES or called == function.node.name:
            return False  # calling itself from a comprehension, it could go only half as deep
    return not loop.orelse and loop.type_comment is None


def _contained(function: Function, chain: Chain, loop: ast.For) -> bool:
    """Whether nothing outside the loop sees the variables it binds, and nothing is deleted."""
    targets = [n.id for t in chain.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
    if len(targets) != len(set(targets)) or any(read_after(function, name, loop) for name in targets):
        return False
    if any(name in function.arguments for name in targets):
        return False
    used = {node.id for node in ast.walk(loop) if isinstance(node, ast.Name)}
    return not any(
        isinstance(node.ctx, ast.Del) for name in used for node in function.uses.get(name, [])
    ) and all(_surely_bound(function, name, loop) for name in used - set(targets))


def _surely_bound(function: Function, name: str, loop: ast.For) -> bool:
    """Whether a name has a value here: in a comprehension, an unbound one would raise another error."""
    if name not in function.bindings or name in function.arguments or name in function.globals:
        return True
    around = [loop, *function.above(loop)]
    for node in function.bindings[name]:
        statement = function.statement(node)
        if statement in around:
            return True  # the variable of a loop around this one
        before = statement.lineno < loop.lineno and not isinstance(statement, (ast.For, ast.With))
        if before and function.in_one_block(statement, around):
            return True
    return False


def _plain_target(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple):
        return all(_plain_target(part) for part in target.elts)
    return isinstance(target, ast.Name)


def _names(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
