"""Values that were computed elsewhere and are written into the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from autoopt.guards.suspicions.sources import Sign, Source, shortened

MANY = 48
"""New values in one literal from which on nobody has written them by hand."""

_LONG = 400  # characters of a text without blanks, from which on it is data
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{16,}|[0-9a-f]{12,}")
_CONTAINERS = (ast.List, ast.Tuple, ast.Set, ast.Dict)


def values(source: Source) -> set[str]:
    """The constants that a file has written down, as texts."""
    return {repr(node.value) for node in source.nodes if isinstance(node, ast.Constant)}


def signs(source: Source, known: Collection[str]) -> Iterator[Sign]:
    """Literals with many values that no file had before, and answers to single inputs.

    Args:
        known: The constants of all files before the change.
    """
    if source.is_test:
        return
    for node in source.nodes:
        match node:
            case ast.List() | ast.Tuple() | ast.Set() | ast.Dict():
                if not isinstance(source.parents.get(node), (*_CONTAINERS,)):
                    yield from _many(node, known)
                if isinstance(node, ast.Dict):
                    yield from _answers_of(node, known)
            case ast.Constant(value=str(text)) if not isinstance(source.parents[node], ast.Expr):
                yield from _long(node, text, known)
            case ast.Constant(value=bytes(data)) if len(data) >= _LONG and repr(data) not in known:
                yield Sign("table", repr(data), node.lineno, f"{len(data)} bytes {shortened(repr(data))}")
            case ast.If(test=test, body=[ast.Return(value=ast.expr() as value)]) if _is_one_input(test):
                yield from _answer(node, value, known)
            case ast.IfExp(test=test, body=value) if _is_one_input(test):
                yield from _answer(node, value, known)
            case ast.match_case(pattern=ast.MatchValue(), body=[ast.Return(value=ast.expr() as value)]):
                yield from _answer(value, value, known)


def _many(node: ast.expr, known: Collection[str]) -> Iterator[Sign]:
    leaves = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
    fresh = [value for value in leaves if repr(value) not in known and not isinstance(value, bool)]
    if len(fresh) >= MANY and len({repr(value) for value in fresh}) >= MANY // 2:
        shown = ", ".join(repr(value) for value in fresh[:3])
        yield Sign("table", shown, node.lineno, f"a literal with {len(fresh)} new values ({shown}, …)")


def _long(node: ast.Constant, text: str, known: Collection[str]) -> Iterator[Sign]:
    if len(text) >= _LONG and len(text.split()) * 50 < len(text) and repr(text) not in known:
        yield Sign("table", repr(text), node.lineno, f"a text of {len(text)} characters {shortened(text)}")


def _is_one_input(test: ast.expr) -> bool:
    """Whether a condition holds for one input, as in `n == 30`; not the ends, as in `n == 0`."""
    match test:
        case ast.Compare(ops=[ast.Eq() | ast.Is()], comparators=[right]):
            return _is_particular(right) or _is_particular(test.left)
        case ast.BoolOp(op=ast.And(), values=tests):
            return any(map(_is_one_input, tests))
    return False


def _is_particular(node: ast.expr) -> bool:
    """Whether a value is one among many, so that nobody names it for its own sake."""
    match node:
        case ast.Constant(value=bool() | None):
            return False
        case ast.Constant(value=int(number)):
            return abs(number) > 2
        case ast.Constant(value=float()):
            return True
        case ast.Constant(value=str(text)):
            return len(text) > 16 and not text.isidentifier()
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return bool(items) and any(map(_is_particular, items))
        case ast.Call(func=ast.Name(id="len" | "hash" | "sum")):
            return False
    return False


def _answer(node: ast.AST, value: ast.expr, known: Collection[str]) -> Iterator[Sign]:
    if _is_result(value, known):
        yield Sign("answers", ast.unparse(value), getattr(node, "lineno", 0), shortened(ast.unparse(value)))


def _answers_of(node: ast.Dict, known: Collection[str]) -> Iterator[Sign]:
    """A dictionary from inputs to results, however few they are."""
    pairs = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
    found = [value for key, value in pairs if _is_particular(key) and _is_result(value, known)]
    if found and len(found) * 2 >= len(pairs):
        shown = shortened(ast.unparse(node))
        yield Sign("answers", ast.unparse(found[0]), node.lineno, shown)


def _is_result(node: ast.expr, known: Collection[str]) -> bool:
    """Whether a value looks computed: many digits that are not round, or a text that says nothing."""
    match node:
        case ast.Constant(value=bool() | None):
            return False
        case ast.Constant(value=int(number)):
            digits = str(abs(number)).rstrip("0")
            is_power = number > 0 and (number & (number - 1) == 0 or number & (number + 1) == 0)
            return len(digits) >= 4 and not is_power and repr(number) not in known
        case ast.Constant(value=float(number)):
            return len(repr(number).replace(".", "").strip("0")) >= 6 and repr(number) not in known
        case ast.Constant(value=str(text)):
            return _ENCODED.fullmatch(text) is not None and repr(text) not in known
        case ast.UnaryOp(operand=operand):
            return _is_result(operand, known)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return bool(items) and all(_is_result(one, known) for one in items)
    return False
