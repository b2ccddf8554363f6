"""Things of other modules that are replaced: clocks, what the judge uses, functions that everybody calls."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from autoopt.guards.suspicions.judging import Judging
from autoopt.guards.suspicions.sources import Sign, Source

_CLOCKS = frozenset({"time", "datetime", "timeit", "_datetime"})
_JUDGES = frozenset({"builtins", "__builtins__", "__main__", "autoopt"})
_TESTERS = frozenset({"pytest", "_pytest", "unittest"})
_FREELY = frozenset({"sys.excepthook", "sys.ps1", "sys.ps2", "sys.tracebacklimit"})
_SETTERS = frozenset({"setattr", "delattr", "object.__setattr__", "type.__setattr__"})
_PATCHERS = (
    "mock.patch", "unittest.mock.patch", "unittest.mock.patch.object", "mock.patch.object",
    "unittest.mock.patch.dict", "mock.patch.dict",
)  # fmt: skip
_FAKERS = frozenset({"freezegun", "time_machine", "libfaketime"})
_TABLES = frozenset({"vars", "globals"})


def signs(source: Source, judging: Judging) -> Iterator[Sign]:
    """Attributes of modules that are assigned to, however that is written."""
    for node in source.nodes:
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                yield from _replaced(source, judging, node, source.origin(node), _is_setting(source, node))
            case ast.Subscript(ctx=ast.Store() | ast.Del(), value=table):
                yield from _entered(source, judging, node, table)
            case ast.Call():
                yield from _called(source, judging, node)
            case ast.Import(names=names) if any(one.name.split(".")[0] in _FAKERS for one in names):
                yield from _faked(source, node)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in _FAKERS:
                yield from _faked(source, node)


def _replaced(
    source: Source, judging: Judging, node: ast.AST, origin: str | None, is_setting: bool = False
) -> Iterator[Sign]:
    """A sign where the dotted name is of a module that is not the product's own."""
    if origin is None or "." not in origin or origin in _FREELY:
        return
    root = origin.partition(".")[0]
    if root in _CLOCKS or origin.startswith("ctypes.util.clock"):
        rule = "clock"
    elif root in _JUDGES or root in judging.files or (root in _TESTERS and not is_setting):
        rule = "judge"
    elif origin in ("sys.path", "sys.modules", "sys.meta_path", "sys.path_hooks"):
        rule = "imports"
    elif root in sys.stdlib_module_names and not is_setting:
        rule = "patch"
    else:
        return
    yield source.sign(rule, source.statement(node), origin)


def _is_setting(source: Source, node: ast.AST) -> bool:
    """Whether what is assigned is a plain value, as in `sys.dont_write_bytecode = True`."""
    match source.parents.get(node):
        case ast.Assign(value=ast.Constant()):
            return True
    return False


def _entered(source: Source, judging: Judging, node: ast.AST, table: ast.expr) -> Iterator[Sign]:
    """An entry of a module's namespace, or of the table of modules."""
    if source.origin(table) == "sys.modules":
        yield source.sign("imports", source.statement(node), "sys.modules")
        return
    match table:
        case ast.Attribute(value=module, attr="__dict__"):
            yield from _replaced(source, judging, node, _any(source.origin(module)))
        case ast.Call(func=function, args=[module]) if source.origin(function) in _TABLES:
            yield from _replaced(source, judging, node, _any(source.origin(module)))
        case _ if source.origin(table) in ("__builtins__", "builtins.__dict__"):
            yield source.sign("judge", source.statement(node), "builtins")


def _any(module: str | None) -> str | None:
    return None if module is None else f"{module}.*"


def _called(source: Source, judging: Judging, node: ast.Call) -> Iterator[Sign]:
    name = source.origin(node.func) or ""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    tested = source.is_test and method in ("setattr", "delattr", "setitem", "patch", "object", "dict")
    if tested or (source.is_test and name in _PATCHERS):
        return  # tests put things back, and they are what a product is held against
    if name in _SETTERS or name in _PATCHERS or method in ("setattr", "delattr") or method == "__setattr__":
        yield from _replaced(source, judging, node, _target(source, node))
    elif method == "update" and isinstance(node.func, ast.Attribute):
        yield from _entered(source, judging, node, node.func.value)


def _target(source: Source, node: ast.Call) -> str | None:
    """The dotted name that a call replaces: given as a text, or as a thing and the attribute's name."""
    match node.args:
        case [ast.Constant(value=str(dotted)), *_]:
            return dotted
        case [thing, ast.Constant(value=str(attribute)), *_]:
            origin = source.origin(thing)
            return None if origin is None else f"{origin}.{attribute}"
        case [thing, *_]:
            return _any(source.origin(thing))
    return None


def _faked(source: Source, node: ast.AST) -> Iterator[Sign]:
    if not source.is_test:
        yield source.sign("clock", node, "faked")
