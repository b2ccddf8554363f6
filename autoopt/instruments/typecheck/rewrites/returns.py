"""Return annotations: those that are missing and can be proven, and those that leave out None."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from autoopt.instruments.typecheck.diagnostics import Diagnostic
from autoopt.instruments.typecheck.inventory.substance import arguments, is_stub
from autoopt.instruments.typecheck.rewrites.module import Cut, Function, Module, first_line
from autoopt.instruments.typecheck.rewrites.unions import is_optional, optional

_MISSING = frozenset({"no-untyped-def"})
_RETURNS_NONE = frozenset(
    {"invalid-explicit-return", "invalid-implicit-return", "invalid-return-type"}
    | {"reportReturnType", "return", "return-value"}
)
_SAYS_NONE = (
    *("found `None`", 'got "None"', 'Type "None"', "implicitly return `None`"),
    *("must return value on all code paths", "Missing return statement", "Return value expected"),
)
_KNOWN_DECORATORS = frozenset(
    {"staticmethod", "classmethod", "property", "cached_property", "lru_cache", "cache", "setter", "deleter"}
    | {"override", "final", "fixture", "wraps"}
)
"""Decorators that do nothing by the annotations of what they decorate."""
_Nested = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
_UNTYPED = frozenset({"self", "cls"})
"""Parameters that need no annotation."""
_BUILTINS = {
    **{name: name for name in ("str", "int", "float", "bool", "bytes", "complex")},
    **dict.fromkeys(("isinstance", "issubclass", "callable", "hasattr", "all", "any"), "bool"),
    **dict.fromkeys(("len", "ord", "id", "hash"), "int"),
    **dict.fromkeys(("repr", "chr", "hex"), "str"),
}
"""What builtin functions and types give back, always."""


def find_missing(
    module: Module, wrong: Sequence[Diagnostic]
) -> Iterator[tuple[tuple[Cut, ...], frozenset[str]]]:
    """A fix for each function without a return annotation whose values leave no doubt."""
    lines = {
        one.line for one in wrong if one.rule in _MISSING and "one or more parameters" not in one.message
    }
    for function in module.functions:
        header = range(first_line(function), function.body[0].lineno + 1)
        if lines.isdisjoint(header) or function.returns is not None or not _is_plain(function):
            continue
        if all(one.annotation is not None or one.arg in _UNTYPED for one in arguments(function)):
            proven = _proven(module, function)
            place = _arrow_place(module, function)
            if proven is not None and place is not None:
                yield (Cut(place, place, f" -> {proven}".encode()),), frozenset()


def find_optional(
    module: Module, wrong: Sequence[Diagnostic]
) -> Iterator[tuple[tuple[Cut, ...], frozenset[str]]]:
    """A fix for each function that returns None and does not say so."""
    lines = {
        one.line
        for one in wrong
        if one.rule in _RETURNS_NONE and any(words in one.message for words in _SAYS_NONE)
    }
    functions = {id(one): one for line in lines if (one := module.function_at(line)) is not None}
    for function in functions.values():
        annotation = function.returns
        if annotation is None or is_optional(annotation) or is_stub(function) or not _is_plain(function):
            continue
        if not (function.name.startswith("__") or _is_generator(function)):
            yield optional(module, annotation)


def _is_plain(function: Function) -> bool:
    """Whether all of its decorators are known to leave annotations alone."""
    names = [one.func if isinstance(one, ast.Call) else one for one in function.decorator_list]
    return all(_last_name(name) in _KNOWN_DECORATORS for name in names)


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _proven(module: Module, function: Function) -> str | None:
    """The type of all it can return; None where that is not plain to see."""
    if is_stub(function) or _is_generator(function):
        return None
    values = [node.value for node in _own(function) if isinstance(node, ast.Return)]
    ends = not _always_leaves(function.body)
    if not values and not ends:
        return None  # it never returns; who calls it is checked differently then
    types = {"None" if value is None else _type(module, value) for value in values} | (
        {"None"} if ends else set()
    )
    if None in types:
        return None
    named = sorted(one for one in types if one not in (None, "None"))
    if len(named) > 1 or (named and "None" in types and not (module.has_unions or module.postpones)):
        return None
    return " | ".join([*named, *(["None"] if "None" in types else [])])


def _type(module: Module, value: ast.expr) -> str | None:
    match value:
        case ast.Constant(value=None):
            return "None"
        case ast.Constant(value=bool() | int() | float() | str() | bytes() as constant):
            return type(constant).__name__
        case ast.JoinedStr():
            return "str"
        case ast.UnaryOp(op=ast.Not()):
            return "bool"
        case ast.Compare(ops=[ast.Is() | ast.IsNot() | ast.In() | ast.NotIn()]):
            return "bool"
        case ast.Call(func=ast.Name(id=name)) if name not in module.bound:
            return _BUILTINS.get(name)
        case _:
            return None


def _own(function: Function) -> Iterator[ast.AST]:
    """The nodes of its body, without those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _Nested):
            waiting += ast.iter_child_nodes(node)


def _is_generator(function: Function) -> bool:
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))


def _always_leaves(block: Sequence[ast.stmt]) -> bool:
    """Whether the end of the block is never reached; where in doubt it is."""
    return any(map(_leaves, block))


def _leaves(statement: ast.stmt) -> bool:
    match statement:
        case ast.Return() | ast.Raise():
            return True
        case ast.If(body=body, orelse=orelse):
            return _always_leaves(body) and _always_leaves(orelse)
        case ast.With(body=body, items=items):
            return all(_is_file(item) for item in items) and _always_leaves(body)
        case _:
            return False


def _is_file(item: ast.withitem) -> bool:
    """Whether the context manager is `open(...)`, which lets exceptions pass; others may swallow them."""
    return isinstance(item.context_expr, ast.Call) and _last_name(item.context_expr.func) == "open"


def _arrow_place(module: Module, function: Function) -> int | None:
    """Behind the parenthesis that closes the parameters; None where the text is too odd to tell."""
    start = module.place(function.lineno, function.col_offset)
    body = function.body[0]
    header = module.content[start : module.place(first_line(body), body.col_offset)]
    if b"#" in header or header.count(b'"') or header.count(b"'"):
        return None
    depth = 0
    for position, byte in enumerate(header):
        depth += (byte in b"([{") - (byte in b")]}")
        if depth == 0 and byte == ord(")"):
            return start + position + 1
    return None
