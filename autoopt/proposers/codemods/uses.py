"""What a function does with a variable: whether it only reads it, and who sees it later."""

from __future__ import annotations

import ast

from autoopt.proposers.codemods.names import Function, Module

READERS = frozenset(
    [
        "len", "sum", "min", "max", "sorted", "any", "all", "list", "tuple", "set", "frozenset",
        "enumerate", "zip", "str", "repr", "bool", "dict", "print", "isinstance", "reversed", "range",
        "int", "float", "ord", "abs",
    ]
)  # fmt: skip
"""Builtins that leave their arguments as they are and let nobody else have them."""

READING_METHODS = frozenset(
    [
        "index", "count", "copy", "get", "items", "keys", "values", "union", "intersection",
        "difference", "issubset", "issuperset", "isdisjoint", "join", "startswith", "endswith",
    ]
)  # fmt: skip


def reads(function: Function, node: ast.Name) -> bool:
    """Whether a name is read in a way that neither changes what it holds nor gives it to somebody else."""
    parent = function.parent(node)
    match parent:
        case ast.Compare() | ast.FormattedValue() | ast.BinOp():
            return True
        case ast.For(iter=iterable) | ast.comprehension(iter=iterable):
            return iterable is node
        case ast.Subscript(value=value, ctx=ast.Load()):
            return value is node
        case ast.Attribute(attr=attr, ctx=ast.Load()):
            call = function.parent(parent)
            return attr in READING_METHODS and isinstance(call, ast.Call) and call.func is parent
        case ast.Starred():
            return isinstance(function.parent(parent), (ast.Call, ast.List, ast.Tuple, ast.Set))
        case ast.Call(func=ast.Name(id=name)):
            known = name in READERS and function.builtin(name)
            return known and node in parent.args and not _gives_back(parent, name)
        case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join")):
            return True
        case ast.Return() | ast.Tuple() | ast.List() | ast.Dict():
            return not function.yields and _is_returned(function, parent)
    return _is_test(function, node)


def _gives_back(call: ast.Call, name: str) -> bool:
    """Whether the result may be an argument itself: the larger of two lists, or what a sum starts from."""
    return name in ("min", "max", "sum") and len(call.args) > 1


def only_read(function: Function, name: str) -> bool:
    """Whether the function does nothing else with the name than read it and bind it."""
    uses = function.uses.get(name, [])
    return all(reads(function, node) for node in uses if isinstance(node.ctx, ast.Load)) and not any(
        isinstance(node.ctx, ast.Del) or isinstance(function.parent(node), ast.AugAssign) for node in uses
    )


def reads_expression(function: Function, node: ast.expr) -> bool:
    """Whether the value of an expression is used up where it stands, so that it may be shared."""
    parent = function.parent(node)
    match parent:
        case ast.Compare(ops=ops):
            return all(isinstance(op, (ast.In, ast.NotIn, ast.Eq, ast.NotEq)) for op in ops)
        case ast.For(iter=iterable) | ast.comprehension(iter=iterable):
            return iterable is node
        case ast.Subscript(value=value, ctx=ast.Load()):
            return value is node
        case ast.Call(func=ast.Name(id="len" | "sum" | "min" | "max" as name)):
            return node in parent.args and function.builtin(name) and not _gives_back(parent, name)
    return False


def returned(function: Function, name: str) -> bool:
    """Whether a name is what the function returns."""
    return any(_is_returned(function, function.parent(node)) for node in function.uses.get(name, []))


def constant_reads(module: Module, name: str) -> bool:
    """Whether the functions of a module only read one of its names, and nothing else in it mentions it."""
    reading = {
        node
        for function in module.functions
        if not function.hidden(name)
        for node in function.uses.get(name, [])
        if reads(function, node) and not _is_returned(function, function.parent(node))
    }
    return all(
        node in reading
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    )


def read_after(function: Function, name: str, statement: ast.stmt) -> bool:
    """Whether what a name holds at the end of a statement can be read later."""
    if not function.private(name):
        return True
    loops = function.loops(statement)
    for node in function.uses.get(name, []):
        if isinstance(node.ctx, ast.Store) or function.within(node, statement):
            continue
        if isinstance(node.ctx, ast.Del):
            return True
        later = node.lineno > (statement.end_lineno or 0)
        if (later or any(function.within(node, loop) for loop in loops)) and not _bound_anew(
            function, node, statement
        ):
            return True
    return False


def seen_after_failure(function: Function, name: str, statement: ast.stmt) -> bool:
    """Whether somebody can see a name when the statement fails half-way."""
    below: ast.AST = statement
    for parent in function.above(statement):
        if isinstance(parent, (ast.Try, ast.TryStar)) and below in parent.body:
            inside: list[ast.stmt] = [*parent.body, *parent.orelse]
        elif isinstance(parent, (ast.With, ast.AsyncWith)) and not _only_opens(function, parent):
            inside = parent.body
        else:
            below = parent
            continue
        for node in function.uses.get(name, []):
            if isinstance(node.ctx, ast.Load) and not any(function.within(node, part) for part in inside):
                return True
        below = parent
    return False


def _only_opens(function: Function, statement: ast.With | ast.AsyncWith) -> bool:
    return all(
        isinstance(item.context_expr, ast.Call)
        and isinstance(item.context_expr.func, ast.Name)
        and item.context_expr.func.id == "open"
        and function.builtin("open")
        for item in statement.items
    )


def _bound_anew(function: Function, node: ast.Name, statement: ast.stmt) -> bool:
    """Whether a loop around the name, but not around the statement, has just bound it."""
    below: ast.AST = node
    for parent in function.above(node):
        if isinstance(parent, ast.For) and below in parent.body and not function.within(statement, parent):
            targets = (part.id for part in ast.walk(parent.target) if isinstance(part, ast.Name))
            if node.id in targets:
                return True
        below = parent
    return False


def _is_returned(function: Function, node: ast.AST) -> bool:
    """Whether an expression is part of what is returned, after which the function does nothing more."""
    while isinstance(node, (ast.Tuple, ast.List, ast.Dict)):
        node = function.parent(node)
    return isinstance(node, ast.Return)


def _is_test(function: Function, node: ast.expr) -> bool:
    parent = function.parent(node)
    match parent:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            return test is node
        case ast.UnaryOp(op=ast.Not()):
            return True
        case ast.BoolOp():
            return _is_test(function, parent)
        case ast.comprehension(ifs=ifs):
            return node in ifs
    return False
