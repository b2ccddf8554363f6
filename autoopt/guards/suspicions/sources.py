"""Files as they are searched: Python as a tree whose names are followed to where they were imported from."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

LONGEST = 1_000_000
"""Bytes of a file that are searched; nobody writes a longer one by hand."""

_TESTS = re.compile(
    r"(^|/)(tests?|testing|specs?|__tests__)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$|\.(test|spec)\.\w+$"
)
_SHOWN = 90
_IMPORTERS = frozenset({"__import__", "importlib.import_module"})

_SHARED = (
    ast.expr_context,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
)  # one object stands in many places

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = Function | ast.Lambda


@dataclass(frozen=True, slots=True)
class Sign:
    """One suspicious place in one file.

    Attributes:
        rule: Name of the rule.
        subject: What it is about; a place that was there before and moved has the same.
        line: From 1; 0 where it is the whole file.
        saw: The code, or what was found in words.
    """

    rule: str
    subject: str
    line: int
    saw: str


@dataclass(frozen=True)
class Source:
    """A Python file that could be parsed."""

    path: str
    text: str
    tree: ast.Module = field(repr=False)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node, outermost first."""
        return [self.tree, *self.parents]

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node that each one stands in, in the order of `nodes`."""
        found: dict[ast.AST, ast.AST] = {}
        waiting: list[ast.AST] = [self.tree]
        for node in waiting:
            children = [one for one in ast.iter_child_nodes(node) if not isinstance(one, _SHARED)]
            found.update(dict.fromkeys(children, node))
            waiting += children
        return found

    @cached_property
    def is_test(self) -> bool:
        """Whether it holds tests or what they need."""
        return is_test(self.path)

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Where names come from: `pc` is `time.perf_counter` after `from time import perf_counter as pc`."""
        found: dict[str, str] = {}
        for node in self.nodes:
            match node:
                case ast.Import(names=names):
                    for one in names:
                        found[one.asname or one.name.partition(".")[0]] = (
                            one.name if one.asname else one.name.partition(".")[0]
                        )
                case ast.ImportFrom(module=module, names=names, level=level):
                    origin = "." * level + (module or "")
                    found.update({one.asname or one.name: f"{origin}.{one.name}" for one in names})
        self._follow(found)
        return found

    def _follow(self, found: dict[str, str]) -> None:
        """Add the names that stand for imported things by assignment, as in `clock = time`."""
        for node in self.nodes:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.NamedExpr(target=ast.Name(id=name), value=value)
                ) if name not in found:
                    if not isinstance(value, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
                        continue
                    origin = _origin(value, found)
                    if origin is not None and not hasattr(builtins, origin):
                        found[name] = origin

    def origin(self, node: ast.AST) -> str | None:
        """The dotted name of an imported or built-in thing; None for anything else."""
        return _origin(node, self.aliases)

    @cached_property
    def literals(self) -> list[tuple[ast.expr, str]]:
        """The texts in the code, also those put together from others; no docstrings."""
        found = (
            (node, text_of(node))
            for node in self.nodes
            if isinstance(node, ast.Constant | ast.BinOp | ast.Call)
            and not isinstance(self.parents.get(node), ast.Expr)
        )
        return [(node, text) for node, text in found if text is not None]

    @cached_property
    def functions(self) -> dict[str, Function]:
        """Its functions and methods by their qualified names."""
        return dict(_functions(self.tree, ""))

    @cached_property
    def imported(self) -> list[ast.AST]:
        """The nodes that run when the file is imported, what only a script does left out."""
        return list(_imported(self.tree))

    def around(self, node: ast.AST) -> ast.AST:
        """The innermost function around a node, else the file."""
        above = self.parents.get(node)
        while above is not None and not isinstance(above, Scope):
            above = self.parents.get(above)
        return self.tree if above is None else above

    def statement(self, node: ast.AST) -> ast.AST:
        """The statement a node stands in."""
        while not isinstance(node, ast.stmt) and node in self.parents:
            node = self.parents[node]
        return node

    def sign(self, rule: str, node: ast.AST, subject: str, saw: str | None = None) -> Sign:
        """A sign at this node, shown as its first line."""
        shown = shortened(ast.unparse(node)) if saw is None else saw
        return Sign(rule, subject, getattr(node, "lineno", 0), shown)


def python(path: str, text: str) -> Source | None:
    """The file parsed; None where it is no Python that can be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the file's invalid escapes
            return Source(path, text, ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_test(path: str) -> bool:
    """Whether a file is of the tests, by its place or name."""
    return _TESTS.search(path) is not None


def text_of(node: ast.AST) -> str | None:
    """The text that an expression is, where it is written out, be it in pieces."""
    between, pieces = "", list[ast.expr]()
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            pieces = [left, right]
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(joint)), attr="join"),
            args=[ast.List(elts=listed) | ast.Tuple(elts=listed)],
        ):
            between, pieces = joint, listed
        case _:
            return None
    texts = [found for one in pieces if (found := text_of(one)) is not None]
    return between.join(texts) if len(texts) == len(pieces) else None


def shortened(text: str) -> str:
    """The first line in backquotes, as much of it as can be read at a glance."""
    line = text.strip().partition("\n")[0]
    return f"`{line if len(line) <= _SHOWN else line[: _SHOWN - 3] + '...'}`"


def _origin(node: ast.AST, aliases: dict[str, str]) -> str | None:
    match node:
        case ast.Name(id=name):
            return aliases.get(name) or (name if hasattr(builtins, name) else None)
        case ast.Attribute(value=value, attr=attribute):
            return _member(_origin(value, aliases), attribute)
        case ast.Call(func=ast.Name(id="getattr"), args=[value, name, *_]):
            return _member(_origin(value, aliases), text_of(name))
        case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[name, *_]) if (
            _origin(table, aliases) == "sys.modules"
        ):
            return text_of(name)
        case ast.Call(func=function, args=[name, *_]) if module := text_of(name):
            return module if _origin(function, aliases) in _IMPORTERS else None
        case ast.Subscript(value=value, slice=name) if module := text_of(name):
            return module if _origin(value, aliases) == "sys.modules" else None
    return None


def _member(origin: str | None, attribute: str | None) -> str | None:
    return None if origin is None or attribute is None else f"{origin}.{attribute}"


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield prefix + child.name, child
                yield from _functions(child, f"{prefix}{child.name}.")
            case ast.ClassDef():
                yield from _functions(child, f"{prefix}{child.name}.")
            case ast.stmt():
                yield from _functions(child, prefix)


def _imported(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Scope) or (isinstance(child, ast.If) and _is_of_a_script(child.test)):
            continue
        yield child
        yield from _imported(child)


def _is_of_a_script(test: ast.expr) -> bool:
    match test:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()]):
            return True
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
    return False
