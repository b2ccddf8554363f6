"""Lines of a module that nothing can run: behind a return, and private definitions nobody mentions."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass

from autoopt.proposers.linting.python_files import bound_names

_PRIVATE = re.compile(r"_.*[^_]")
_CALLED_BY_OTHERS = ("_jupyter_", "_load_jupyter_")
"""How names begin that a program asks every module for."""
_HARMLESS = {
    "staticmethod",
    "classmethod",
    "property",
    "cached_property",
    "cache",
    "lru_cache",
    "contextmanager",
}
"""Decorators that register nothing anywhere."""
_PLAIN_BASES = {"object"} | {
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
}

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Private:
    """A private definition that could go if nobody mentions it.

    Attributes:
        name: As it is written.
        shown: As people call it: with its class.
        lines: Those it stands on, from 1.
    """

    name: str
    shown: str
    lines: range


def private_definitions(module: ast.Module, content: bytes) -> list[Private]:
    """The private functions, classes, constants and methods whose definition does nothing but define."""
    lines = content.splitlines()
    found = list(_among(module.body, "", lines))
    classes = {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}
    for name, node in classes.items():
        if _is_plain(node, classes):
            found += _among(node.body, f"{name}.", lines)
    return found


def _among(body: list[ast.stmt], prefix: str, lines: list[bytes]) -> Iterator[Private]:
    """Those of one block; the last statement of a block stays, for a block cannot be empty."""
    for node in body:
        name = _private_name(node, prefix)
        if name and _is_inert(node) and len(body) > 1 and _owns_lines(node, lines):
            yield Private(name=name, shown=prefix + name, lines=_with_space(node, lines))


def _private_name(node: ast.stmt, prefix: str) -> str:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            pass
        case ast.ClassDef(name=name, keywords=[]) if all(map(_is_plain_base, node.bases)):
            pass
        case ast.Assign(targets=[ast.Name(id=name)]) if not prefix and _is_literal(node.value):
            pass
        case _:
            return ""
    return name if _PRIVATE.fullmatch(name) and not name.startswith(_CALLED_BY_OTHERS) else ""


def _is_plain_base(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in _PLAIN_BASES


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, RecursionError):
        return False
    return True


def _is_inert(node: ast.stmt) -> bool:
    """Whether running the definition has no effect but the name: no calls, no decorators that register."""
    if not isinstance(node, _Definition):
        return True
    if not all(_last(decorator) in _HARMLESS for decorator in node.decorator_list):
        return False
    if isinstance(node, ast.ClassDef):
        return all(
            _is_inert(child) if isinstance(child, _Definition) else _calls_nothing(child)
            for child in node.body
        )
    return all(
        _calls_nothing(default) for default in (*node.args.defaults, *node.args.kw_defaults) if default
    )


def _calls_nothing(node: ast.AST) -> bool:
    working = ast.Call | ast.Await | ast.NamedExpr | ast.Subscript | ast.Import | ast.ImportFrom
    return not any(isinstance(child, working) for child in ast.walk(node))


def _last(node: ast.expr) -> str:
    """The last name of a dotted one, of a call too: `functools.lru_cache(maxsize=8)` is `lru_cache`."""
    match node:
        case ast.Call(func=function):
            return _last(function)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def _is_plain(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> bool:
    """Whether all that can call the class's methods is here: no strange base, metaclass or decorator."""
    if node.keywords or any(_last(decorator) != "dataclass" for decorator in node.decorator_list):
        return False
    for base in node.bases:
        name = base.id if isinstance(base, ast.Name) else ""
        if name not in _PLAIN_BASES:
            parent = classes.get(name)
            if (
                parent is None
                or parent is node
                or parent.lineno > node.lineno
                or not _is_plain(parent, classes)
            ):
                return False
    return True


def _owns_lines(node: ast.stmt, lines: list[bytes]) -> bool:
    """Whether nothing else stands on the statement's lines but a comment."""
    first, last = _first_line(node), node.end_lineno or node.lineno
    before = lines[first - 1][: min(node.col_offset, len(lines[first - 1]))]
    behind = lines[last - 1][node.end_col_offset :].strip()
    continued = first > 1 and lines[first - 2].rstrip().endswith(b"\\")
    return not before.strip(b" \t\f\xef\xbb\xbf") and not continued and behind[:1] in (b"", b"#")


def _first_line(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, _Definition) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _with_space(node: ast.stmt, lines: list[bytes]) -> range:
    """The statement's lines, the comment right above it, and the empty lines around it on one side."""
    first, end = _first_line(node), (node.end_lineno or node.lineno) + 1
    indent = lines[first - 1][: node.col_offset]
    while first > 1 and lines[first - 2].startswith(indent + b"#") and not _is_heading(lines, first - 2):
        first -= 1
    while end <= len(lines) and not lines[end - 1].strip():
        end += 1
    if end > len(lines):
        while first > 1 and not lines[first - 2].strip():
            first -= 1
    return range(first, end)


def _is_heading(lines: list[bytes], place: int) -> bool:
    """Whether a comment is a rule, a shebang or a coding line and so not about what stands below."""
    text = lines[place].strip(b"# \t")
    return place < 2 or not re.search(rb"[a-zA-Z]", text) or b"---" in text or b"===" in text


def unreachable_lines(module: ast.Module, content: bytes) -> set[int]:
    """Lines of statements behind one that never lets them run, where their going changes nothing else."""
    lines = content.splitlines()
    return {line for scope in _scopes(module) for line in _dead_in(scope, lines)}


def _scopes(module: ast.Module) -> Iterator[_Scope]:
    for node in ast.walk(module):
        if isinstance(node, _Scope):
            yield node


def _dead_in(scope: _Scope, lines: list[bytes]) -> Iterator[int]:
    for block in _blocks(scope.body):
        place = next((n for n, statement in enumerate(block, 1) if _never_ends(statement)), len(block))
        dead = block[place:]
        if dead and all(_owns_lines(statement, lines) for statement in dead) and _is_forgettable(dead, scope):
            yield from range(_first_line(dead[0]), (dead[-1].end_lineno or 0) + 1)


def _blocks(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """The block and those inside it, in the same scope."""
    yield body
    for statement in body:
        for block in _inner_blocks(statement):
            yield from _blocks(block)


def _inner_blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks a statement holds, in its own scope."""
    if not isinstance(statement, _Definition):
        for holder in (statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            for field in ("body", "orelse", "finalbody"):
                if block := getattr(holder, field, None):
                    yield block


def _never_ends(statement: ast.stmt) -> bool:
    """Whether the statement after this one is never reached."""
    match statement:
        case ast.Return() | ast.Raise() | ast.Continue() | ast.Break():
            return True
        case ast.If(body=body, orelse=[_, *_] as orelse):
            return any(map(_never_ends, body)) and any(map(_never_ends, orelse))
        case ast.While(test=ast.Constant(value=value), body=body) if value:
            return not any(_breaks(inner) for inner in body)
        case _:
            return False


def _breaks(statement: ast.stmt) -> bool:
    """Whether a statement in a loop can leave that loop by `break`."""
    if isinstance(statement, ast.Break):
        return True
    if isinstance(statement, ast.For | ast.AsyncFor | ast.While):
        return any(map(_breaks, statement.orelse))  # a break in its body leaves the inner loop
    return any(_breaks(child) for block in _inner_blocks(statement) for child in block)


def _is_forgettable(dead: list[ast.stmt], scope: _Scope) -> bool:
    """Whether their mere presence has no effect: a yield makes a generator, a binding makes a name local."""
    inside = {node for statement in dead for node in ast.walk(statement)}
    making = ast.Yield | ast.YieldFrom | ast.Await | ast.AsyncFor | ast.AsyncWith | ast.Global | ast.Nonlocal
    if any(isinstance(node, making) for node in inside):
        return False
    bound = bound_names(dead)
    return not bound or not any(
        isinstance(node, ast.Name) and node.id in bound for node in ast.walk(scope) if node not in inside
    )
