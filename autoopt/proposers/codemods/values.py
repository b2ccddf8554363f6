"""Kinds of values: builtin types, and what they hold."""

from __future__ import annotations

import ast
from typing import NamedTuple


class Kind(NamedTuple):
    """A builtin type by name and what it holds: the element, or for a dict the key and the value."""

    name: str
    items: tuple[Kind | None, ...] = ()

    @property
    def item(self) -> Kind | None:
        """What iterating over it gives."""
        return self if self.name == "str" else self.items[0] if self.items else None


INT, STR, FLOAT, BOOL, BYTES, NONE = (Kind(name) for name in ("int", "str", "float", "bool", "bytes", "None"))
SCALARS = {kind.name: kind for kind in (INT, STR, FLOAT, BOOL, BYTES, NONE)}
_ABSTRACT = {"Iterable": "iterable", "Iterator": "iterable", "Sequence": "iterable", "Collection": "iterable"}
UNDECIDED = Kind("?")
"""Of a variable about which nothing is known yet; nothing is ever reported to be of this kind."""


def hashable(kind: Kind | None) -> bool:
    """Whether values of the kind hash, and equal ones alike."""
    if kind is None:
        return False
    if kind.name in ("tuple", "frozenset"):
        return bool(kind.items) and all(hashable(item) for item in kind.items)
    return kind.name in SCALARS and kind != BYTES  # a bytearray may pass for bytes


def proven(kind: Kind | None) -> Kind | None:
    """The kind with nothing in it that was only assumed."""
    if kind is None or kind is UNDECIDED:
        return None
    return Kind(kind.name, tuple(proven(item) for item in kind.items))


def shallow(kind: Kind) -> Kind:
    """The kind without what is in containers inside it, which can be reached by other ways."""
    mutable = ("list", "set", "dict", "deque")
    return Kind(kind.name, tuple(Kind(i.name) if i and i.name in mutable else i for i in kind.items))


def join(kinds: list[Kind | None]) -> Kind | None:
    """The kind all of these have in common; None when they have none."""
    known = [kind for kind in kinds if kind is not UNDECIDED]
    if not known or None in known:
        return None if None in known or not kinds else UNDECIDED
    first = known[0]
    assert first is not None
    if all(kind == first for kind in known):
        return first
    if first.name in ("list", "set", "dict") and all(
        kind is not None and kind.name == first.name for kind in known
    ):
        return Kind(first.name)
    return None


def annotated(node: ast.expr | None) -> Kind | None:
    """The kind an annotation promises; None for anything but builtin types and plain iterables."""
    match node:
        case ast.Constant(value=None):
            return NONE
        case ast.Constant(value=str(text)):
            try:
                return annotated(ast.parse(text, mode="eval").body)
            except SyntaxError:
                return None
        case ast.Name(id=name):
            return SCALARS.get(name) or (Kind(name) if name in ("list", "dict", "set", "frozenset") else None)
        case ast.Subscript(value=ast.Name(id=name), slice=inner):
            return _generic(name, inner)
    return None


def _generic(name: str, inner: ast.expr) -> Kind | None:
    lowered = name.lower() if name in ("List", "Set", "Dict", "Tuple", "FrozenSet", "Deque") else name
    if lowered in ("list", "set", "frozenset", "deque"):
        return Kind(lowered, (annotated(inner),))
    if name in _ABSTRACT:
        return Kind(_ABSTRACT[name], (annotated(inner),))
    if lowered == "dict" and isinstance(inner, ast.Tuple) and len(inner.elts) == 2:
        return Kind("dict", tuple(annotated(part) for part in inner.elts))
    if lowered == "tuple" and isinstance(inner, ast.Tuple):
        parts = [annotated(part) for part in inner.elts if not _is_ellipsis(part)]
        return Kind("tuple", tuple(parts)) if len(parts) == len(inner.elts) else Kind("tuple", (*parts,))
    return None


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def of_constant(node: ast.Constant) -> Kind | None:
    """The kind of a constant; None for `...` and complex numbers."""
    return SCALARS.get("None" if node.value is None else type(node.value).__name__)


def item_of(kind: Kind | None) -> Kind | None:
    """The kind of what iterating gives; None when not proven."""
    if kind is None or kind is UNDECIDED:
        return kind
    if kind.name == "tuple":
        return join(list(kind.items)) if kind.items else None
    if kind.name == "bytes":
        return INT
    return kind.item


def plain(kind: Kind | None) -> bool:
    """Whether the kind is a number, text, bytes or None, of which comparing is known."""
    return kind is not None and kind.name in SCALARS


def arithmetic(op: ast.operator, left: Kind | None, right: Kind | None) -> Kind | None:
    """The kind of a result of two kinds; what an unknown kind's own operator gives is unknown."""
    if isinstance(op, ast.Mod) and left in (STR, BYTES):
        return left
    if left is UNDECIDED or right is UNDECIDED:
        return None if left is None or right is None else UNDECIDED
    if left is None or right is None:
        return None
    numbers = {left.name, right.name} <= {"int", "bool", "float"}
    if numbers:
        return _number(op, left, right)
    if isinstance(op, ast.Add) and left.name == right.name and left.name in ("str", "bytes", "list"):
        return join([left, right])
    if isinstance(op, ast.Mult) and INT in (left, right):
        other = left if right == INT else right
        return other if other.name in ("str", "bytes", "list") else None
    return None


def _number(op: ast.operator, left: Kind, right: Kind) -> Kind | None:
    if isinstance(op, ast.Div):
        return FLOAT
    if isinstance(op, (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)):
        return FLOAT if FLOAT in (left, right) else INT
    if isinstance(op, (ast.LShift, ast.RShift)):
        return None if FLOAT in (left, right) else INT
    bits = isinstance(op, (ast.BitAnd, ast.BitOr, ast.BitXor)) and FLOAT not in (left, right)
    return INT if bits and BOOL not in (left, right) else None
