"""What is None at first is annotated so: `x: int = None` becomes `x: int | None = None`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from autoopt.instruments.typecheck.diagnostics import Diagnostic
from autoopt.instruments.typecheck.rewrites.module import Cut, Module
from autoopt.instruments.typecheck.rewrites.unions import is_optional, optional

_RULES = frozenset(
    {"invalid-parameter-default", "invalid-assignment", "assignment"}
    | {"reportArgumentType", "reportAssignmentType", "reportAttributeAccessIssue"}
)
_Site = tuple[ast.expr, ast.expr]
"""The annotation and the value of None."""


def find(module: Module, wrong: Sequence[Diagnostic]) -> Iterator[tuple[tuple[Cut, ...], frozenset[str]]]:
    """A fix for each parameter, variable or field that a diagnostic is about."""
    lines = {one.line for one in wrong if one.rule in _RULES and "None" in one.message}
    for annotation, value in _sites(module):
        about = range(annotation.lineno, (value.end_lineno or value.lineno) + 1)
        if not lines.isdisjoint(about) and not is_optional(annotation):
            yield optional(module, annotation)


def _sites(module: Module) -> Iterator[_Site]:
    fields = {
        id(item)
        for node in ast.walk(module.tree)
        if _reads_fields(node)
        for item in ast.iter_child_nodes(node)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.arguments):
            yield from _parameters(node)
        elif isinstance(node, ast.AnnAssign) and _is_none(node.value) and id(node) not in fields:
            assert node.value is not None
            yield node.annotation, node.value


def _parameters(given: ast.arguments) -> Iterator[_Site]:
    named = [*given.posonlyargs, *given.args]
    behind = named[len(named) - len(given.defaults) :]
    for parameter, default in (
        *zip(behind, given.defaults, strict=True),
        *zip(given.kwonlyargs, given.kw_defaults, strict=True),
    ):
        if parameter.annotation is not None and default is not None and _is_none(default):
            yield parameter.annotation, default


def _reads_fields(node: ast.AST) -> bool:
    """Whether it is a class that may act by the annotations of its fields; a plain dataclass does not."""
    if not isinstance(node, ast.ClassDef):
        return False
    names = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    is_plain = all(isinstance(name, ast.Name) and name.id == "dataclass" for name in names)
    return bool(node.bases or node.keywords) or not is_plain


def _is_none(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is None
