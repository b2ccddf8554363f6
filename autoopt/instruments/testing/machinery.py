"""What files do to the machinery of tests: hooks, marks, skips, exclusions, mentions where none belong."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator, Mapping

from autoopt.instruments.testing.sources import Function

_OF_UNITTEST = ("expectedFailure", "skipIf", "skipUnless")
_MARKS = ("skip", "skipif", "xfail", "flaky", "timeout", "filterwarnings", *_OF_UNITTEST)
_SKIPPING = ("pytest.skip", "pytest.importorskip", "pytest.xfail", "self.skipTest", "SkipTest")
_PRAGMA = re.compile(rb"#.*?\b(?:pragma:\s*no\s*(?:cover|branch))", re.IGNORECASE)
_NOT_IN_PRODUCT = re.compile(
    r"\b(?:_?pytest|unittest|SkipTest|PYTEST_\w+|autoopt_recorder|settrace|setprofile|_exit"
    r"|_getframe|_current_frames|currentframe|inspect\.stack|inspect\.trace|extract_stack|walk_stack"
    r"|sys\.modules)\b"
)
_NOT_IN_TESTS = re.compile(
    r"\b(?:_pytest|TestReport|pytest_runtest_\w+|pytest_collection_\w+|autoopt_recorder|settrace|_exit)\b"
)


def pragmas(content: bytes) -> int:
    """How many lines are kept out of coverage by a comment."""
    return sum(1 for line in content.split(b"\n") if _PRAGMA.search(line))


def mentions(tree: ast.Module, *, of_tests: bool) -> int:
    """How often a file names what only the test runner or a trick needs; comments and prose do not count."""
    pattern = _NOT_IN_TESTS if of_tests else _NOT_IN_PRODUCT
    return sum(1 for word in _said(tree) if pattern.search(word))


def _said(tree: ast.Module) -> Iterator[str]:
    """The names in a file, and its texts but for those of its documentation."""
    nodes = list(ast.walk(tree))
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    imports = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    aliases = {alias.asname or alias.name: alias.name for alias in imports}
    for node in nodes:
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in aliases:
                yield f"{aliases[owner]}.{name}"
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.ImportFrom(module=str(name)):
                yield from (f"{name}.{alias.name}" for alias in node.names)
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.Constant(value=str(text)) if id(node) not in prose and len(text) < 200:
                yield text
            case ast.BinOp(op=ast.Add()) | ast.JoinedStr():
                yield _joined(node)


def _joined(node: ast.expr) -> str:
    """The text that an expression puts together of constant parts; empty where it has others."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = _joined(left), _joined(right)
            return first + second if first and second else ""
        case ast.FormattedValue(value=value):
            return _joined(value)
        case ast.JoinedStr(values=values):
            return "".join(map(_joined, values))
    return ""


def always_equal(tree: ast.Module) -> int:
    """How many comparisons answer the same whatever they compare."""
    return sum(1 for answer in _answers(tree) if _is_constant(answer))


def _answers(tree: ast.Module) -> Iterator[ast.expr | None]:
    """What comparisons return in the end."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name="__eq__" | "__ne__" | "__bool__", body=[*_, ast.Return(value=value)]):
                yield value
            case ast.Assign(
                targets=[ast.Name(id="__eq__" | "__ne__" | "__bool__")], value=ast.Lambda() as made
            ):
                yield made.body


def _is_constant(value: ast.expr | None) -> bool:
    """Whether an answer depends on nothing: it names no more than what makes a truth value of a constant."""
    if value is None:
        return False
    return all(node.id == "bool" for node in ast.walk(value) if isinstance(node, ast.Name))


def hooks(functions: Mapping[str, Function]) -> dict[str, str]:
    """The hooks of pytest that a file implements, each with a mark of its text."""
    return {
        name: hashlib.sha256(ast.dump(node).encode()).hexdigest()[:8]
        for name, node in functions.items()
        if name.startswith("pytest_")
    }


def autouse(functions: Mapping[str, Function]) -> list[str]:
    """Fixtures that every test gets unasked."""
    decorated = ((name, ast.unparse(one)) for name, node in functions.items() for one in node.decorator_list)
    return [name for name, text in decorated if "fixture" in text and re.search(r"autouse=(?!False)", text)]


def skips(tree: ast.Module) -> int:
    """Places that skip tests or expect them to fail, whatever the condition."""
    return sum(1 for node in ast.walk(tree) if _skips(node))


def is_marked(function: Function) -> bool:
    """Whether a test says of itself that it may be skipped or fail."""
    return any(_skips(node) for one in function.decorator_list for node in ast.walk(one))


def _skips(node: ast.AST) -> bool:
    match node:
        case ast.Call():
            return ast.unparse(node.func).endswith(_SKIPPING)
        case ast.Attribute(value=ast.Attribute(attr="mark"), attr=name):
            return name in _MARKS
        case ast.Attribute(value=ast.Name(id="unittest"), attr=name):
            return name in _MARKS
        case ast.Name(id=name):
            return name in _OF_UNITTEST
    return False
