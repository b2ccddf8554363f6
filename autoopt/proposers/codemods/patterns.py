"""Regular expressions that are constants are compiled once, when the module is imported."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from autoopt.proposers.codemods.building import replaced, segment
from autoopt.proposers.codemods.edits import Insert, Place
from autoopt.proposers.codemods.names import Function

_FLAGS_AT = {"compile": 1, "match": 2, "search": 2, "fullmatch": 2, "findall": 2, "finditer": 2}
_FLAGS_AT |= {"split": 3, "sub": 4, "subn": 4}
"""Where each function of `re` takes its flags by position."""

_SAFE_FLAGS = frozenset(
    "A ASCII I IGNORECASE M MULTILINE S DOTALL X VERBOSE U UNICODE".split()  # noqa: SIM905
)


def find(function: Function) -> Iterator[Place]:
    """Calls of `re` with a constant pattern."""
    made: dict[str, str] = {}
    for node in function.own:
        if isinstance(node, ast.Call):
            yield from _call(function, node, made)


def _call(function: Function, node: ast.Call, made: dict[str, str]) -> Iterator[Place]:
    module, _, name = function.meaning(node.func).rpartition(".")
    if module != "re" or name not in _FLAGS_AT or not isinstance(node.func, ast.Attribute):
        return
    if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
        return
    taken = _split(node, name)
    if taken is None or not _compiles(*taken) or not _imported_before(function, node):
        return
    pattern, flags = taken
    module_name = segment(function, node.func.value)
    arguments = [segment(function, pattern), *([segment(function, flags)] if flags is not None else [])]
    code = f"{module_name}.compile({', '.join(arguments)})"
    constant = made.setdefault(code, "") or function.fresh(
        f"_{function.node.name.strip('_').upper()}_PATTERN"
    )
    made[code] = constant
    line = function.module.top(function.node).lineno
    new = Insert(line, f"{constant} = {code}")  # with every place, since any of them may be left out
    what = "a constant pattern of {where} is compiled once for the module"
    yield Place(
        what,
        (new, replaced(function, node, _written(function, node, name, constant))),
        _depth(function, node),
    )


def _split(node: ast.Call, name: str) -> tuple[ast.Constant, ast.expr | None] | None:
    """The pattern and the flags; None where either is no constant."""
    pattern = node.args[0] if node.args else None
    given = [keyword.value for keyword in node.keywords if keyword.arg == "flags"]
    flags = given[0] if given else node.args[_FLAGS_AT[name]] if len(node.args) > _FLAGS_AT[name] else None
    if not isinstance(pattern, ast.Constant) or not isinstance(pattern.value, (str, bytes)):
        return None
    return (pattern, flags) if flags is None or _constant_flags(flags) else None


def _constant_flags(node: ast.expr) -> bool:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _constant_flags(left) and _constant_flags(right)
        case ast.Attribute(value=ast.Name(), attr=attr):
            return attr in _SAFE_FLAGS
    return False


def _compiles(pattern: ast.Constant, flags: ast.expr | None) -> bool:
    """Whether the pattern is good and draws no warning: an error would now come at import."""
    names = [part.attr for part in ast.walk(flags) if isinstance(part, ast.Attribute)] if flags else []
    value = sum({int(getattr(re, name)) for name in names})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern.value, value)  # type: ignore[type-var]
    except (re.error, Warning, ValueError, OverflowError, RecursionError):
        return False
    return True


def _imported_before(function: Function, node: ast.Call) -> bool:
    assert isinstance(node.func, ast.Attribute)
    if not isinstance(node.func.value, ast.Name):
        return False
    bound = function.module.bindings[node.func.value.id][0]
    return getattr(bound, "lineno", 0) < function.module.top(function.node).lineno


def _written(function: Function, node: ast.Call, name: str, constant: str) -> str:
    if name == "compile":
        return constant
    flags_at = _FLAGS_AT[name]
    given = [segment(function, a) for index, a in enumerate(node.args) if index not in (0, flags_at)]
    keywords = [f"{k.arg}={segment(function, k.value)}" for k in node.keywords if k.arg != "flags"]
    return f"{constant}.{name}({', '.join([*given, *keywords])})"


def _depth(function: Function, node: ast.AST) -> int:
    return len(function.loops(node))
