"""What kind of value an expression gives, where that can be proven from literals, builtins and annotations.

Annotations of builtin types are believed. Kinds of local variables come from all their bindings at once, so
that no order of statements can make them wrong.
"""

from __future__ import annotations

import ast
from weakref import WeakKeyDictionary, proxy

from autoopt.proposers.codemods.names import COMPREHENSIONS, Function
from autoopt.proposers.codemods.uses import only_read
from autoopt.proposers.codemods.values import (
    BOOL,
    BYTES,
    FLOAT,
    INT,
    SCALARS,
    STR,
    UNDECIDED,
    Kind,
    annotated,
    arithmetic,
    item_of,
    join,
    of_constant,
    plain,
    proven,
    shallow,
)

_ROUNDS = 4

_TEXT_GIVES_TEXT = [
    "lower", "upper", "strip", "lstrip", "rstrip", "replace", "join", "format", "title", "capitalize",
    "casefold", "swapcase", "zfill", "ljust", "rjust", "center", "expandtabs", "translate",
    "removeprefix", "removesuffix",
]  # fmt: skip
_TEXT_GIVES_BOOL = [
    "startswith", "endswith", "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower",
    "isidentifier", "isdecimal", "isnumeric", "isascii", "istitle", "isprintable",
]  # fmt: skip
_OF_TEXT = {
    **dict.fromkeys(_TEXT_GIVES_TEXT),
    **dict.fromkeys(_TEXT_GIVES_BOOL, "bool"),
    **dict.fromkeys(("split", "rsplit", "splitlines"), "list"),
    **dict.fromkeys(("find", "rfind", "index", "rindex", "count"), "int"),
}
_CALLS = {
    "len": INT, "ord": INT, "hash": INT, "id": INT, "int": INT, "str": STR, "repr": STR, "chr": STR,
    "hex": STR, "ascii": STR, "bin": STR, "oct": STR, "format": STR, "input": STR, "float": FLOAT,
    "bool": BOOL, "isinstance": BOOL, "callable": BOOL, "issubclass": BOOL, "bytes": BYTES,
    "any": BOOL, "all": BOOL, "range": Kind("range", (INT,)),
}  # fmt: skip


_MAKING = (ast.List, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.Call, ast.BinOp)

_MADE = {ast.ListComp: "list", ast.SetComp: "set", ast.GeneratorExp: "iterable"}


def kind_of(function: Function, node: ast.expr) -> Kind | None:
    """The kind of an expression of the function; None when not proven."""
    if function not in _KNOWN:
        _KNOWN[function] = _Kinds(function)
    return _KNOWN[function].of(node)


class _Kinds:
    """The kinds of a function's expressions."""

    def __init__(self, function: Function) -> None:
        self._function = proxy(function)  # which the cache must not keep alive
        self._locals: dict[str, Kind | None] = {}
        self._settled = False

    def of(self, node: ast.expr) -> Kind | None:
        """The kind of an expression; None when not proven."""
        if not self._settled:
            self._settle()
        return proven(self._of(node))

    def _settle(self) -> None:
        """Assume nothing of local variables, add what their bindings give until nothing changes."""
        names = [name for name in self._function.bindings if self._known_here(name)]
        self._locals = {name: None for name in self._function.bindings if name not in names}
        for _ in range(_ROUNDS):
            found = self._locals | {name: self._safe(name, self._joined(name)) for name in names}
            found = {name: kind for name, kind in found.items() if kind is not UNDECIDED}
            if found == self._locals:
                break
            self._locals = found
        else:
            self._locals = {}
        self._locals = {name: proven(kind) for name, kind in self._locals.items()}
        self._settled = True

    def _known_here(self, name: str) -> bool:
        return name not in self._function.globals and not self._rebound_inside(name)

    def _rebound_inside(self, name: str) -> bool:
        if name not in self._function.captured:
            return False
        return any(isinstance(n, ast.Nonlocal) and name in n.names for n in ast.walk(self._function.node))

    def _safe(self, name: str, kind: Kind | None) -> Kind | None:
        """The kind without what it holds, where something else could be put in."""
        if kind is None or kind.name not in ("list", "set", "dict", "deque"):
            return kind
        if self._annotated(name):
            return kind
        nodes = self._function.bindings[name]
        alone = self._function.private(name) and only_read(self._function, name)
        return shallow(kind) if alone and all(self._is_alone(node) for node in nodes) else Kind(kind.name)

    def _is_alone(self, node: ast.AST) -> bool:
        """Whether a binding is to something just made, under one name."""
        parent = self._function.parent(node)
        if isinstance(parent, ast.Assign):
            return parent.targets == [node] and isinstance(parent.value, _MAKING)
        return isinstance(parent, ast.AnnAssign) and isinstance(parent.value, _MAKING)

    def _annotated(self, name: str) -> bool:
        return all(isinstance(node, ast.arg) for node in self._function.bindings[name])

    def _joined(self, name: str) -> Kind | None:
        return join([self._bound(node) for node in self._function.bindings[name]])

    def _bound(self, node: ast.AST) -> Kind | None:
        """The kind one binding gives."""
        if isinstance(node, ast.arg):
            return self._parameter(node)
        if not isinstance(node, ast.Name) or isinstance(node.ctx, ast.Del):
            return UNDECIDED if isinstance(node, ast.Name) else None
        parent, target = self._function.parent(node), node
        match parent:
            case ast.Assign(targets=[_, *_], value=value) | ast.NamedExpr(value=value):
                return self._of(value)
            case ast.AnnAssign(value=value, annotation=annotation):
                return annotated(annotation) or (self._of(value) if value else None)
            case ast.AugAssign(op=op, value=value):
                return arithmetic(op, self._locals.get(target.id, UNDECIDED), self._of(value))
            case ast.For(iter=iterable):
                return item_of(self._of(iterable))
            case ast.Tuple():
                return self._unpacked(parent, target)
        return None

    def _parameter(self, node: ast.arg) -> Kind | None:
        spec = self._function.node.args
        kind = annotated(node.annotation)
        if node is spec.vararg:
            return Kind("tuple", (kind,))
        if node is spec.kwarg:
            return Kind("dict", (STR, kind))
        return kind if self._default_fits(node, kind) else None

    def _default_fits(self, node: ast.arg, kind: Kind | None) -> bool:
        spec = self._function.node.args
        placed = [*spec.posonlyargs, *spec.args]
        defaults = dict(zip(placed[::-1], spec.defaults[::-1], strict=False))
        defaults |= {a: d for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is not None}
        default = defaults.get(node)
        return default is None or (isinstance(default, ast.Constant) and of_constant(default) == kind)

    def _unpacked(self, names: ast.Tuple, target: ast.Name) -> Kind | None:
        parent = self._function.parent(names)
        if not isinstance(parent, ast.For) or any(isinstance(part, ast.Starred) for part in names.elts):
            return None
        kind = item_of(self._of(parent.iter))
        if kind is UNDECIDED:
            return UNDECIDED
        if kind is None or kind.name != "tuple" or len(kind.items) != len(names.elts):
            return None
        return kind.items[names.elts.index(target)]

    def _of(self, node: ast.expr) -> Kind | None:
        match node:
            case ast.Constant():
                return of_constant(node)
            case ast.JoinedStr():
                return STR
            case ast.Name():
                return self._name(node)
            case ast.List(elts=elts) | ast.Set(elts=elts):
                return Kind(type(node).__name__.lower(), (self._each(elts),))
            case ast.Tuple(elts=elts) if not any(isinstance(part, ast.Starred) for part in elts):
                return Kind("tuple", tuple(self._of(part) for part in elts))
            case ast.Dict(keys=keys, values=values) if all(key is not None for key in keys):
                return Kind("dict", (self._each([key for key in keys if key]), self._each(values)))
            case ast.ListComp(elt=elt) | ast.SetComp(elt=elt) | ast.GeneratorExp(elt=elt):
                return Kind(_MADE[type(node)], (self._of(elt),))
            case ast.DictComp(key=key, value=value):
                return Kind("dict", (self._of(key), self._of(value)))
            case ast.IfExp(body=body, orelse=orelse):
                return join([self._of(body), self._of(orelse)])
            case ast.BoolOp(values=values):
                return join([self._of(value) for value in values])
            case ast.UnaryOp(op=ast.Not()):
                return BOOL
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                kind = self._of(operand)
                return INT if kind == BOOL else kind if kind in (INT, FLOAT, UNDECIDED) else None
            case ast.BinOp(left=left, op=op, right=right):
                return arithmetic(op, self._of(left), self._of(right))
            case ast.Compare(left=left, comparators=comparators):
                return BOOL if all(plain(self._of(part)) for part in [left, *comparators]) else None
            case ast.Subscript():
                return self._subscript(node)
            case ast.Call():
                return self._call(node)
        return None

    def _each(self, nodes: list[ast.expr]) -> Kind | None:
        return join([self._of(node) for node in nodes])

    def _name(self, node: ast.Name) -> Kind | None:
        if self._function.inner(node):
            return self._comprehension_variable(node)
        if node.id in self._function.bindings:
            return self._locals.get(node.id, None if self._settled else UNDECIDED)
        value = self._function.module.constant(node.id)
        if value is None or self._function.hidden(node.id):
            return None
        if isinstance(value, (ast.List, ast.Set, ast.Dict)):
            return Kind(type(value).__name__.lower())  # what is in it, anybody may change
        return of_constant(value) if isinstance(value, ast.Constant) else None

    def _comprehension_variable(self, node: ast.Name) -> Kind | None:
        for parent in self._function.above(node):
            if isinstance(parent, COMPREHENSIONS):
                for part in parent.generators:
                    if isinstance(part.target, ast.Name) and part.target.id == node.id:
                        return item_of(self._of(part.iter))
        return None

    def _subscript(self, node: ast.Subscript) -> Kind | None:
        kind = self._of(node.value)
        if kind is None or kind is UNDECIDED or isinstance(node.slice, ast.Slice):
            return kind if kind is None or kind.name in ("str", "bytes", "list") else None
        if kind.name == "dict":
            return kind.items[1] if len(kind.items) == 2 else None
        if kind.name == "tuple":
            return join(list(kind.items))
        return STR if kind == STR else INT if kind == BYTES else kind.item if kind.name == "list" else None

    def _call(self, node: ast.Call) -> Kind | None:
        if isinstance(node.func, ast.Attribute):
            return self._method(node.func, node)
        if not isinstance(node.func, ast.Name) or not self._function.builtin(node.func.id):
            return None
        name, first = node.func.id, self._of(node.args[0]) if node.args else None
        if name in _CALLS:
            return _CALLS[name]
        if name in ("list", "set", "frozenset", "sorted", "tuple", "reversed", "iter"):
            made = {"sorted": "list", "reversed": "iterable", "iter": "iterable"}.get(name, name)
            item = item_of(first)
            return Kind("iterable" if made == "tuple" else made, (item,) if item is not UNDECIDED else ())
        if name == "enumerate":
            return Kind("iterable", (Kind("tuple", (INT, item_of(first))),))
        if name == "zip":
            return Kind("iterable", (Kind("tuple", tuple(item_of(self._of(arg)) for arg in node.args)),))
        if name == "abs":
            return first if first in (INT, FLOAT) else None
        if name in ("min", "max") and len(node.args) >= 2 and not node.keywords:
            return self._each(node.args)
        return None

    def _method(self, func: ast.Attribute, node: ast.Call) -> Kind | None:
        kind = self._of(func.value)
        if kind in (STR, BYTES) and kind is not None:
            gives = _OF_TEXT.get(func.attr, "unknown")
            if gives == "list":
                return Kind("list", (kind,))
            return STR if func.attr == "format" else kind if gives is None else SCALARS.get(gives)
        if kind is not None and kind.name == "dict" and len(kind.items) == 2:
            key, value = kind.items
            views = {"keys": key, "values": value, "items": Kind("tuple", (key, value))}
            return Kind("iterable", (views[func.attr],)) if func.attr in views else None
        if kind is not None and kind.name in ("list", "tuple") and func.attr in ("index", "count"):
            return INT
        return None


_KNOWN: WeakKeyDictionary[Function, _Kinds] = WeakKeyDictionary()
