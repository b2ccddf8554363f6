"""Whether a function's result follows from its arguments alone, and calling it leaves no trace."""

from __future__ import annotations

import ast

from autoopt.proposers.codemods.kinds import kind_of
from autoopt.proposers.codemods.names import Function, Module
from autoopt.proposers.codemods.sharing import MUTATORS, QUIET_METHODS, owned
from autoopt.proposers.codemods.uses import constant_reads
from autoopt.proposers.codemods.values import annotated, hashable

_BUILTINS = frozenset(
    [
        "len", "sum", "min", "max", "sorted", "abs", "range", "enumerate", "zip", "str", "int", "bool",
        "float", "bytes", "ord", "chr", "hex", "bin", "oct", "set", "frozenset", "dict", "list",
        "tuple", "any", "all", "reversed", "round", "divmod", "pow", "isinstance", "repr", "format",
        "hash", "slice", "ValueError", "TypeError", "KeyError", "IndexError", "RuntimeError",
        "ArithmeticError", "ZeroDivisionError", "OverflowError", "NotImplementedError",
        "AssertionError", "Exception", "LookupError", "StopIteration",
    ]
)  # fmt: skip
_MODULES = frozenset({"math", "operator", "string", "unicodedata", "binascii", "zlib"})
_REGEX = frozenset("match search fullmatch sub subn split findall escape compile".split())  # noqa: SIM905
_STRANGE = (
    ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom, ast.With, ast.AsyncWith, ast.Yield, ast.YieldFrom,
    ast.Await, ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Delete, ast.Match,
)  # fmt: skip


def pure(function: Function, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a module's function is proven pure; the functions in `seen` are being looked at already."""
    if not only_name(function) or function.opaque or function.yields:
        return False
    seen |= {function.qualname}
    return all(_harmless(function, node, seen) for node in function.own)


def only_name(function: Function) -> bool:
    """Whether the function is the module's own and its name is bound by this `def` alone, undecorated."""
    module, node = function.module, function.node
    alone = module.bindings.get(node.name) == [node] and not module.star
    return alone and module.parents[node] is module.tree and not node.decorator_list


def returns_immutable(function: Function) -> bool:
    """Whether what it returns can be given to two callers without one seeing what the other does to it."""
    promised = annotated(function.node.returns)
    if promised is not None:
        return hashable(promised)
    values = [node.value for node in function.own if isinstance(node, ast.Return) and node.value is not None]
    return bool(values) and all(hashable(kind_of(function, value)) for value in values)


def _harmless(function: Function, node: ast.AST, seen: frozenset[str]) -> bool:
    if isinstance(node, _STRANGE):
        return False
    match node:
        case ast.Attribute(ctx=ast.Load()):
            return _attribute(function, node)
        case ast.Attribute():
            return False
        case ast.Subscript(ctx=ast.Store() | ast.Del(), value=value):
            return isinstance(value, ast.Name) and owned(function, value.id)
        case ast.AugAssign(target=ast.Name(id=name)):
            return hashable(kind_of(function, node.target)) or owned(function, name)
        case ast.Call():
            return _call(function, node, seen)
        case ast.Name(ctx=ast.Load()):
            return _name(function, node)
    return True


def _attribute(function: Function, node: ast.Attribute) -> bool:
    """Whether an attribute is a module's constant or function, or a method that is called."""
    parent = function.parent(node)
    if isinstance(parent, ast.Call) and parent.func is node:
        return True  # the call is looked at by itself
    return function.meaning(node).partition(".")[0] in _MODULES | {"re"}


def _call(function: Function, node: ast.Call, seen: frozenset[str]) -> bool:
    func = node.func
    if any(not isinstance(argument.value, ast.Constant) for argument in node.keywords):
        return False
    if isinstance(func, ast.Name):
        return _known_function(function, func, seen)
    module, _, name = function.meaning(func).rpartition(".")
    if module in _MODULES or (module == "re" and name in _REGEX):
        return True
    if not isinstance(func, ast.Attribute) or kind_of(function, func.value) is None:
        return False
    if func.attr in MUTATORS:
        return isinstance(func.value, ast.Name) and owned(function, func.value.id)
    return func.attr in QUIET_METHODS


def _known_function(function: Function, func: ast.Name, seen: frozenset[str]) -> bool:
    if func.id in _BUILTINS and function.builtin(func.id):
        return True
    module, _, _ = function.meaning(func).rpartition(".")
    if module in _MODULES:
        return True
    if func.id in seen:
        return not function.hidden(func.id)
    called = next((f for f in function.module.functions if f.qualname == func.id), None)
    return called is not None and not function.hidden(func.id) and pure(called, seen)


def _name(function: Function, node: ast.Name) -> bool:
    """Whether a name is the function's own, is called, or means something that never changes."""
    parent = function.parent(node)
    if function.inner(node) or node.id in function.bindings or node.id in ("True", "False", "None"):
        return True
    if isinstance(parent, ast.Call) and parent.func is node:
        return True
    if node.id in _BUILTINS and function.builtin(node.id):
        return True
    if isinstance(parent, ast.Attribute):
        return function.module.imported(node.id) in _MODULES | {"re"} or _constant(function.module, node.id)
    return _constant(function.module, node.id)


def _constant(module: Module, name: str) -> bool:
    """Whether a module's name is a literal that nobody changes: immutable, or private and only read."""
    value = module.constant(name)
    if value is None:
        return False
    if isinstance(value, ast.Constant) or (isinstance(value, ast.Tuple) and _literal(value)):
        return True
    inside = (part for part in ast.walk(value) if part is not value)
    flat = not any(isinstance(part, (ast.List, ast.Dict, ast.Set)) for part in inside)
    return name.startswith("_") and flat and _literal(value) and constant_reads(module, name)


def _literal(node: ast.expr) -> bool:
    """Whether an expression is made of constants alone."""
    allowed = (
        ast.Constant,
        ast.Tuple,
        ast.List,
        ast.Dict,
        ast.Set,
        ast.expr_context,
        ast.UnaryOp,
        ast.unaryop,
    )
    return all(isinstance(part, allowed) for part in ast.walk(node))
