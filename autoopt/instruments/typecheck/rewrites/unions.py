"""Writing `or None` behind an annotation, such that evaluating it can never fail."""

from __future__ import annotations

import ast

from autoopt.instruments.typecheck.rewrites.module import Cut, Module

_TYPES = frozenset(
    {"int", "str", "float", "bool", "bytes", "complex", "bytearray", "object"}
    | {"list", "dict", "set", "frozenset", "tuple", "type"}
)


def optional(module: Module, annotation: ast.expr) -> tuple[tuple[Cut, ...], frozenset[str]]:
    """The edit that makes the annotation's type optional, and the imports it needs.

    `X | None` where evaluating it is known to work, or where it is never evaluated; `Optional[X]` elsewhere.
    """
    start, end = module.span(annotation)
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        quoted = module.text(annotation)
        mark = 3 if quoted.endswith((b'"""', b"'''")) else 1
        return (Cut(end - mark, end - mark, b" | None"),), frozenset()
    known = module.typing_names.get("Optional")
    safe = module.postpones or (module.has_unions and _is_union_safe(module, annotation))
    if known is None and safe:
        return (Cut(end, end, b" | None"),), frozenset()
    name = known or "Optional"
    return (Cut(start, start, name.encode() + b"["), Cut(end, end, b"]")), frozenset({"Optional"})


def is_optional(annotation: ast.expr) -> bool:
    """Whether it says None already, or leaves everything open."""
    text = ast.unparse(annotation)
    return any(word in text for word in ("None", "Optional", "Any", "NoReturn", "Never", "object"))


def _is_union_safe(module: Module, node: ast.expr) -> bool:
    """Whether `node | None` is sure to be evaluated without an error."""
    match node:
        case ast.Name(id=name):
            return name in _TYPES - module.bound or _is_plain_class(module, name, node.lineno)
        case ast.Subscript(value=ast.Name(id=name)):
            return name in _TYPES - module.bound or name in module.typing_names.values()
        case ast.BinOp(op=ast.BitOr()):
            return True
        case _:
            return False


def _is_plain_class(module: Module, name: str, line: int) -> bool:
    """Whether it is a class of this module without a metaclass, defined above the line."""
    return any(
        isinstance(node, ast.ClassDef)
        and node.name == name
        and not node.bases
        and not node.keywords
        and all("dataclass" in ast.unparse(one) for one in node.decorator_list)
        and (node.end_lineno or line) < line
        for node in module.tree.body
    )
