"""Who else could change what a variable holds.

Operators, iteration, hashing and attribute access of foreign objects are trusted not to reach into a
function's other variables; calls of foreign functions and methods are not.
"""

from __future__ import annotations

import ast

from autoopt.proposers.codemods.kinds import kind_of
from autoopt.proposers.codemods.names import COMPREHENSIONS, Function, Loop
from autoopt.proposers.codemods.uses import READERS, READING_METHODS, reads
from autoopt.proposers.codemods.values import BOOL, FLOAT, INT

_LAZY = frozenset({"enumerate", "zip", "reversed", "iter", "map", "filter"})
MUTATORS = frozenset(
    [
        "append", "add", "extend", "pop", "popleft", "appendleft", "insert", "remove", "discard",
        "update", "clear", "setdefault", "sort", "reverse",
    ]
)  # fmt: skip
QUIET_METHODS = READING_METHODS | frozenset(
    [
        "lower", "upper", "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "replace",
        "find", "rfind", "title", "capitalize", "casefold", "isdigit", "isalpha", "isalnum", "isspace",
        "isupper", "islower", "encode", "decode", "format", "zfill", "partition", "rpartition",
    ]
)  # fmt: skip
_QUIET_BUILTINS = READERS | frozenset(
    [
        "hash", "chr", "hex", "bin", "oct", "round", "divmod", "pow", "bytes", "bytearray", "complex",
        "slice", "ascii", "format", "id", "callable", "ValueError", "TypeError", "KeyError",
        "IndexError", "RuntimeError", "AssertionError", "NotImplementedError",
    ]
)  # fmt: skip
_QUIET_MODULES = frozenset({"math", "string"})
_FRESH = (
    ast.Constant,
    ast.JoinedStr,
    ast.BinOp,
    ast.Call,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.Tuple,
    ast.UnaryOp,
)


def owned(function: Function, name: str, until: ast.stmt | None = None) -> bool:
    """Whether a local container is only ever reached by this name.

    Every binding makes a new one, and the name is only read, changed by its own methods or by subscript.

    Args:
        until: What happens with it after this statement, and could not come before it, does not matter.
    """
    if not function.private(name) or name in function.arguments:
        return False
    if not all(_makes_new(function, node) for node in function.bindings[name]):
        return False
    late = until is not None and not function.loops(until)
    for node in function.uses[name]:
        after = late and until is not None and node.lineno > (until.end_lineno or 0)
        if isinstance(node.ctx, ast.Del) or (
            isinstance(node.ctx, ast.Load) and not after and not _stays(function, node)
        ):
            return False
    return True


def steady(function: Function, name: str, loop: Loop) -> bool:
    """Whether what a local name holds stays the same while a loop runs."""
    if not function.private(name) or any(function.within(node, loop) for node in function.bindings[name]):
        return False
    uses = function.uses.get(name, [])
    if any(_changes_later(function, node) for node in uses):
        return False
    if not all(reads(function, node) for node in uses if function.within(node, loop)):
        return False
    return owned(function, name) or quiet(function, loop)


def _changes_later(function: Function, node: ast.Name) -> bool:
    """Whether something is made here that may change what the name holds while somebody iterates over it."""
    parent = function.parent(node)
    if isinstance(parent, ast.Attribute):
        call = function.parent(parent)
        called = isinstance(call, ast.Call) and call.func is parent
        lazy = any(isinstance(above, ast.GeneratorExp) for above in function.above(node))
        return parent.attr not in READING_METHODS and (lazy or not called)
    given = isinstance(parent, ast.Call) and node in parent.args and not reads(function, node)
    return given and not isinstance(function.parent(parent), (ast.Expr, ast.Return))


def quiet(function: Function, loop: ast.AST) -> bool:
    """Whether a loop neither runs foreign code nor changes a container that others may hold."""
    return not any(_loud(function, node) for node in function.own if function.within(node, loop))


def _makes_new(function: Function, node: ast.AST) -> bool:
    """Whether a binding is to a container nobody else has."""
    parent = function.parent(node)
    if not isinstance(node, ast.Name) or not isinstance(parent, (ast.Assign, ast.AnnAssign)):
        return False
    if isinstance(parent, ast.Assign) and parent.targets != [node]:
        return False
    return _is_new(function, parent.value, node.id)


def _is_new(function: Function, value: ast.expr | None, name: str) -> bool:
    match value:
        case ast.List() | ast.Dict() | ast.Set():
            return True
        case ast.Call(func=ast.Name(id=made)):
            known = made in ("list", "dict", "set", "sorted") and function.builtin(made)
            return known or (function.meaning(value.func) == "collections.deque")
        case ast.Call(func=ast.Attribute(attr="split" | "splitlines", value=text)):
            kind = kind_of(function, text)
            return kind is not None and kind.name in ("str", "bytes")
        case ast.BinOp(op=ast.Add(), left=ast.Name(id=left), right=ast.List()):
            return left == name
    return isinstance(value, COMPREHENSIONS) and not isinstance(value, ast.GeneratorExp)


def _stays(function: Function, node: ast.Name) -> bool:
    """Whether this use leaves the container with its name: it reads it, or changes it in place."""
    parent = function.parent(node)
    if isinstance(parent, ast.Attribute) and isinstance(parent.ctx, ast.Load):
        call = function.parent(parent)
        known = parent.attr in MUTATORS or parent.attr in READING_METHODS
        return known and isinstance(call, ast.Call) and call.func is parent
    if isinstance(parent, ast.Subscript):
        return parent.value is node
    if isinstance(parent, ast.AugAssign):
        return parent.target is node
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in _LAZY:
        return isinstance(function.parent(parent), (ast.For, ast.comprehension, ast.Call))
    return reads(function, node)


def _loud(function: Function, node: ast.AST) -> bool:
    match node:
        case ast.Yield() | ast.YieldFrom() | ast.Await() | ast.AsyncFor() | ast.With() | ast.AsyncWith():
            return True
        case ast.Call():
            return _loud_call(function, node)
        case ast.Subscript(ctx=ast.Store() | ast.Del(), value=value):
            return not (isinstance(value, ast.Name) and owned(function, value.id))
        case ast.AugAssign(target=ast.Attribute() | ast.Subscript(), value=value):
            return kind_of(function, value) not in (INT, FLOAT, BOOL)  # a list may be there, and be extended
        case ast.AugAssign(target=ast.Name(id=name)):
            return name in function.arguments or not all(
                _is_fresh(function, n) for n in function.bindings[name]
            )
    return False


def _loud_call(function: Function, node: ast.Call) -> bool:
    func = node.func
    if any(not isinstance(argument.value, ast.Constant) for argument in node.keywords):
        return True  # a key function is foreign code
    if isinstance(func, ast.Name) and func.id in _QUIET_BUILTINS and function.builtin(func.id):
        return False
    if function.meaning(func).partition(".")[0] in _QUIET_MODULES:
        return False
    if not isinstance(func, ast.Attribute):
        return True
    if func.attr in MUTATORS:
        return not (isinstance(func.value, ast.Name) and owned(function, func.value.id))
    return not (func.attr in QUIET_METHODS and kind_of(function, func.value) is not None)


def _is_fresh(function: Function, node: ast.AST) -> bool:
    parent = function.parent(node)
    if isinstance(parent, ast.AugAssign):
        return True
    return isinstance(parent, (ast.Assign, ast.AnnAssign)) and isinstance(parent.value, _FRESH)
