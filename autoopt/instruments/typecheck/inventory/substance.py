"""What a module holds that a checker can complain of: deleting it is no way to mend its errors."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from autoopt.instruments.typecheck.inventory.meanings import read
from autoopt.instruments.typecheck.inventory.reach import reached

Function = ast.FunctionDef | ast.AsyncFunctionDef
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def substance(module: ast.Module) -> Counter[str]:
    """Definitions by their qualified names, whether they have bodies, annotations, statements, assertions.

    Statements that are never reached do not count: a checker passes over them too.
    """
    found = Counter(_definitions(module, ""))
    found += Counter({"statements": len(reached(module, read(module)))})
    found["assertions"] = sum(isinstance(node, ast.Assert) for node in ast.walk(module))
    found["annotated names"] = sum(isinstance(node, ast.AnnAssign) for node in ast.walk(module))
    return +found


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function, at any depth."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def is_stub(function: Function) -> bool:
    """Whether there is nothing in its body but a docstring, `pass`, `...` or an error saying so."""
    return all(_is_nothing(statement) for statement in function.body)


def arguments(function: Function) -> list[ast.arg]:
    """All of its parameters."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return [*named, *(one for one in (given.vararg, given.kwarg) if one is not None)]


def _definitions(node: ast.AST, prefix: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _Definition):
            yield from _definitions(child, prefix)
            continue
        name = f"{prefix}{child.name}"
        if isinstance(child, ast.ClassDef):
            yield f"class {name}"
        else:
            yield f"def {name}"
            yield from [f"body of {name}"] * (not is_stub(child))
            yield from [f"annotations of {name}"] * _annotations(child)
        yield from _definitions(child, f"{name}.")


def _annotations(function: Function) -> int:
    given = [one.annotation for one in arguments(function)]
    return sum(annotation is not None for annotation in [*given, function.returns])


def _is_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError")):
            return True
        case ast.Raise(exc=ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
        case _:
            return False
