"""Casts to the type a value has anyway go; `cast` returns its second argument."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from autoopt.instruments.typecheck.diagnostics import Diagnostic
from autoopt.instruments.typecheck.rewrites.module import Cut, Module
from autoopt.instruments.typecheck.rewrites.sameness import is_cast

_RULES = frozenset({"redundant-cast", "reportUnnecessaryCast"})
_ATOMS = (
    ast.Name,
    ast.Attribute,
    ast.Call,
    ast.Subscript,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.DictComp,
)


def find(module: Module, wrong: Sequence[Diagnostic]) -> Iterator[tuple[tuple[Cut, ...], frozenset[str]]]:
    """A fix for each cast on a line that has a redundant one."""
    lines = {one.line for one in wrong if one.rule in _RULES}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and node.lineno in lines and is_cast(node) and _is_typing(module, node):
            value = module.text(node.args[1])
            kept = value if isinstance(node.args[1], _ATOMS) else b"(" + value + b")"
            if b"#" not in module.text(node).replace(value, b""):
                yield (Cut(*module.span(node), kept),), frozenset()


def _is_typing(module: Module, node: ast.Call) -> bool:
    """Whether `cast` is that of typing: imported so, or reached through the module."""
    return isinstance(node.func, ast.Attribute) or module.typing_names.get("cast") == "cast"
