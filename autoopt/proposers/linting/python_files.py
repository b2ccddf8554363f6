"""Python files as proposers without a model read and check them."""

from __future__ import annotations

import ast
import hashlib
import stat
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import CodeType

from autoopt.records import Brief
from autoopt.think import hottest_first

LARGEST = 1 << 20
"""Bytes a file may have: longer ones were written by a program and are better changed there."""


class PythonFiles:
    """Reads the Python files in scope; remembers which contents are Python."""

    def __init__(self) -> None:
        self._parses: dict[bytes, bool] = {}

    def __call__(self, brief: Brief) -> dict[str, bytes]:
        """The files by path, hottest first; without those that are no UTF-8 or do not compile.

        Stubs, notebooks, links and files over `LARGEST` are left out.
        """
        found = {}
        for path in hottest_first(brief.scope, brief.profile):
            usual = path.endswith(".py") and path.isprintable()  # it will stand in a line of text
            content = _regular(brief.desk / path) if usual else None
            if content is not None and self.is_python(content):
                found[path] = content
        return found

    def is_python(self, content: bytes) -> bool:
        """Whether this is a module in UTF-8."""
        key = hashlib.sha256(content).digest()
        if key not in self._parses:
            self._parses[key] = parse(content) is not None
        return self._parses[key]


def _regular(path: Path) -> bytes | None:
    try:
        status = path.lstat()
        fits = stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST
        return path.read_bytes() if fits else None
    except OSError:  # no such file, or not ours to read: nothing to propose there
        return None


def parse(content: bytes) -> ast.Module | None:
    """The module, or None when the content is no UTF-8 or no Python this interpreter understands."""
    try:
        content.decode()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are none of our business
            module = ast.parse(content)
            compile(module, "module", "exec", dont_inherit=True)  # finds what the grammar lets through
            return module
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # NULs are ValueErrors; depth the others
        return None


def does_differ(before: bytes, after: bytes) -> bool:
    """Whether the interpreter is told to do anything else, annotations and imports aside.

    Where it is not, nothing that takes long enough to be measured can change.
    """
    return _essence(_compiled(before)) != _essence(_compiled(after))


def _compiled(content: bytes) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = ast.fix_missing_locations(_Bare().visit(ast.parse(content)))
        return compile(module, "module", "exec", dont_inherit=True, optimize=0)


class _Bare(ast.NodeTransformer):
    """Takes annotations and imports away."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return node if node.module == "__future__" else None

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            setattr(node, "body", [ast.Pass()])  # noqa: B010 - only blocks get here, which no type says
        if isinstance(node, ast.Try | ast.TryStar) and not (node.handlers or node.finalbody):
            node.finalbody = [ast.Pass()]
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.copy_location(ast.Constant(value=None), node)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)


def _essence(code: CodeType) -> tuple[object, ...]:
    """All of a code object but where its lines stand."""
    constants = tuple(
        _essence(value) if isinstance(value, CodeType) else (type(value).__name__, repr(value))
        for value in code.co_consts
    )
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    arguments = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    return code.co_name, code.co_code, constants, names, arguments, code.co_exceptiontable


def bound_names(nodes: Iterable[ast.AST]) -> set[str]:
    """What statements bind in the scope they are in: a module's own names, when given its body."""
    names, left = set[str](), list(nodes)
    while left:
        node = left.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
                continue
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                continue
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.alias():
                names.add((node.asname or node.name).partition(".")[0])
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                names.add(name)
            case ast.MatchMapping(rest=str(name)):
                names.add(name)
        left.extend(ast.iter_child_nodes(node))
    return names


def without_lines(content: bytes, gone: Iterable[int]) -> bytes:
    """The content without these lines, counted from 1 as `ast` counts them."""
    unwanted = set(gone)
    # Form feeds and the like end no line of Python, and none of bytes either.
    lines = content.splitlines(keepends=True)
    return b"".join(line for number, line in enumerate(lines, 1) if number not in unwanted)


def widest(content: bytes) -> int:
    """Length of the longest line."""
    return max(map(len, content.splitlines()), default=0)


def line_count(content: bytes) -> int:
    """Lines that hold anything."""
    return sum(1 for line in content.splitlines() if line.strip())
