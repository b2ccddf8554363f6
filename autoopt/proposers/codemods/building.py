"""Pieces of new code that several codemods need."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autoopt.proposers.codemods.edits import Insert, Replace
from autoopt.proposers.codemods.names import Function
from autoopt.proposers.codemods.source import Source

_MOST_COLUMNS = 100
_LOOSE = (ast.IfExp, ast.Lambda, ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Await, ast.Starred)


def replaced(function: Function, node: ast.expr, code: str) -> Replace:
    """The change that puts code in place of an expression."""
    source = function.module.source
    return Replace(source.start(node), source.end(node), code)


def segment(function: Function, node: ast.expr) -> str:
    """The expression as it is written, in parentheses where a clause would end in it."""
    text = function.module.source.segment(node)
    bare = isinstance(node, ast.Tuple) and not text.startswith("(")
    return f"({text})" if bare or isinstance(node, _LOOSE) else text


def negated(function: Function, node: ast.expr) -> str:
    """The condition the other way round."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return segment(function, node.operand)
    text = segment(function, node)
    plain = isinstance(node, (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.Constant))
    return f"not {text}" if plain else f"not ({text})"


def wrapped(before: str, parts: list[str], after: str) -> str:
    """Code in brackets on one line, or with a line for each part when that is too long."""
    line = f"{before}{' '.join(parts)}{after}"
    if len(line) <= _MOST_COLUMNS:
        return line
    return "\n".join([before, *(f"    {part}" for part in parts), after])


def import_of(function: Function, module: str, name: str) -> tuple[str, tuple[Insert, ...]]:
    """How the function can call something of the standard library, with the import it takes, if any."""
    top = function.module.top(function.node)
    for bound, nodes in function.module.bindings.items():
        early = all(getattr(node, "lineno", top.lineno) < top.lineno for node in nodes)
        if early and not function.hidden(bound):
            meaning = function.module.imported(bound)
            if meaning == f"{module}.{name}":
                return bound, ()
            if meaning == module:
                return f"{bound}.{name}", ()
    if (module, name) not in function.imports:
        new = function.fresh(name)
        code = f"from {module} import {name}" + ("" if new == name else f" as {new}")
        function.imports[module, name] = new, (Insert(_after_imports(function.module.tree), code),)
    return function.imports[module, name]


def statements(function: Function) -> Iterator[list[ast.stmt]]:
    """Every block of the function."""
    yield function.node.body
    for node in function.own:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for part in ("body", "orelse", "finalbody"):
            block = getattr(node, part, None)
            if isinstance(block, list):
                yield block


def shares_a_line(source: Source, statement: ast.stmt) -> bool:
    """Whether something else stands on the lines of a statement, so that it cannot be moved alone."""
    (line, start), (last, end) = source.start(statement), source.end(statement)
    after = source.lines[last - 1][end:].strip()
    return bool(source.lines[line - 1][:start].strip()) or not (after == "" or after.startswith("#"))


def _after_imports(tree: ast.Module) -> int:
    """The line of the first statement that is neither the docstring nor an import."""
    for index, statement in enumerate(tree.body):
        docstring = (
            index == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        )
        if not docstring and not isinstance(statement, (ast.Import, ast.ImportFrom)):
            return statement.lineno
    raise AssertionError("a module with a function has a statement that is no import")
