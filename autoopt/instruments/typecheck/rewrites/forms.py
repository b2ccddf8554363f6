"""Annotations that are written like values: `(int, str)` for a tuple, `[int]` for a list."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from autoopt.instruments.typecheck.diagnostics import Diagnostic
from autoopt.instruments.typecheck.inventory.substance import arguments
from autoopt.instruments.typecheck.rewrites.module import Cut, Module

_RULES = frozenset({"invalid-type-form", "reportInvalidTypeForm", "syntax", "valid-type"})


def find(module: Module, wrong: Sequence[Diagnostic]) -> Iterator[tuple[tuple[Cut, ...], frozenset[str]]]:
    """A fix for each such annotation on a line that a diagnostic is about."""
    lines = {one.line for one in wrong if one.rule in _RULES}
    for annotation in _annotations(module):
        name = _name(annotation)
        text = module.text(annotation)
        if name and annotation.lineno in lines and text[:1] in b"([" and text[-1:] in b")]":
            start, end = module.span(annotation)
            inner = text[1:-1].strip().rstrip(b",")
            yield (Cut(start, end, name.encode() + b"[" + inner + b"]"),), frozenset()


def _annotations(module: Module) -> Iterator[ast.expr]:
    for function in module.functions:
        given = [*(one.annotation for one in arguments(function)), function.returns]
        yield from (annotation for annotation in given if annotation is not None)


def _name(annotation: ast.expr) -> str:
    """The type it stands for; empty where it is in order or its meaning is open."""
    match annotation:
        case ast.Tuple(elts=[_, *_]):
            return "tuple"
        case ast.List(elts=[_]):
            return "list"
        case _:
            return ""
