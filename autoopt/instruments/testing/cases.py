"""The cases a test is run with, as they are written: what `parametrize` and the `params` of fixtures list."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from autoopt.instruments.testing.sources import functions


def listed(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each value of a file's tables, with its names, after the function or class the table belongs to."""
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for owner, decorator in _decorators(tree):
        for name, values in _tables(decorator):
            yield from ((owner, f"{name} = {_text(value)}") for value in _values(values, constants))


def _decorators(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Those of functions and classes, each with the name; what marks a whole file has none."""
    for name, function in functions(tree).items():
        yield from ((name, one) for one in function.decorator_list)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from ((node.name, one) for one in node.decorator_list)
        elif isinstance(node, ast.Assign) and "pytestmark" in map(ast.unparse, node.targets):
            yield from (("", one) for one in ast.walk(node.value) if isinstance(one, ast.Call))


def _tables(decorator: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The names and the values that a decorator lists."""
    if not isinstance(decorator, ast.Call):
        return
    given: dict[str | None, ast.expr] = {one.arg: one.value for one in decorator.keywords}
    given |= dict(zip(("argnames", "argvalues"), decorator.args, strict=False))
    function = ast.unparse(decorator.func)
    if function.endswith("mark.parametrize") and {"argnames", "argvalues"} <= given.keys():
        yield _names(given["argnames"]), given["argvalues"]
    elif function.endswith("fixture") and "params" in given:
        yield "params", given["params"]


def _names(node: ast.expr) -> str:
    """The names, whether they are one text or several."""
    parts: Sequence[ast.expr] = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    texts = [str(one.value) if isinstance(one, ast.Constant) else ast.unparse(one) for one in parts]
    return ", ".join(name.strip() for text in texts for name in text.split(","))


def _values(node: ast.expr, constants: Mapping[str, ast.expr]) -> Iterator[ast.expr]:
    """The values of a table that is written out, here or as a constant of the file; else the table itself."""
    match node:
        case ast.List(elts=values) | ast.Tuple(elts=values) | ast.Set(elts=values):
            yield from values
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from _values(left, constants)
            yield from _values(right, constants)
        case ast.Name(id=name) if name in constants:
            yield from _values(constants[name], {})
        case _:
            yield node


def _text(value: ast.expr) -> str:
    """A value as it is written, without the name and marks that `pytest.param` gives it."""
    if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("param"):
        one = value.args[0] if len(value.args) == 1 else ast.Tuple(elts=value.args, ctx=ast.Load())
        return ast.unparse(one)
    return ast.unparse(value)
