"""Tests that go, that are kept from running, or that no longer assert what they did."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from autoopt.guards.suspicions.judging import Judging
from autoopt.guards.suspicions.sources import Sign, Source, shortened

_SKIPS = (
    "pytest.skip", "pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail", "pytest.xfail",
    "pytest.exit", "pytest.importorskip",
    "unittest.skip", "unittest.skipIf", "unittest.skipUnless",
    "unittest.expectedFailure", "unittest.SkipTest",
)  # fmt: skip
_HOOKS = ("collect_ignore", "collect_ignore_glob", "__test__")
_Reader = Callable[[Source], Iterator[tuple[str, ast.stmt]]]
_ASSERTING = ("assert", "raises", "warns", "check_", "expect", "fail")


def signs(source: Source, judging: Judging) -> Iterator[Sign]:
    """Marks and hooks by which a test does not run, or may fail."""
    for node in source.nodes:
        match node:
            case ast.Attribute() | ast.Name(ctx=ast.Load()):
                origin = source.origin(node)
                if origin in _SKIPS or (isinstance(node, ast.Attribute) and node.attr == "skipTest"):
                    yield source.sign("skip", node, "skip")
            case ast.Assign(targets=[ast.Name(id=name)]) if name in _HOOKS:
                yield source.sign("skip", node, name)
            case ast.FunctionDef(name=name) if name.startswith("pytest_") and source.path.endswith(".py"):
                yield source.sign("skip", node, name, f"`def {name}`")


def lost(before: Sequence[Source], after: Sequence[Source]) -> Iterator[tuple[str, Sign]]:
    """Tests and assertions that files had before the change and have nowhere now; each with its path."""
    gone = _count(_tests, before) - _count(_tests, after)
    for source in before:
        for name, node in _tests(source):
            if gone[name] > 0:
                gone[name] -= 1
                yield (
                    source.path,
                    Sign("tests", name, 0, f"the removal of test `{name}` (line {node.lineno})"),
                )
    missing = _count(_assertions, before) - _count(_assertions, after)
    for source in before:
        for text, node in _assertions(source):
            if missing[text] > 0:
                missing[text] -= 1
                yield (
                    source.path,
                    Sign(
                        "tests", text, 0, f"the removal or change of {shortened(text)} (line {node.lineno})"
                    ),
                )


def _count(of: _Reader, sources: Sequence[Source]) -> Counter[str]:
    return Counter(text for source in sources for text, _ in of(source))


def _tests(source: Source) -> Iterator[tuple[str, ast.stmt]]:
    if source.is_test:
        for name, node in source.functions.items():
            if node.name.startswith("test"):
                yield name, node


def _assertions(source: Source) -> Iterator[tuple[str, ast.stmt]]:
    if not source.is_test:
        return
    for node in source.nodes:
        match node:
            case ast.Assert():
                yield ast.unparse(node), node
            case ast.Expr(value=ast.Call(func=function)) if _asserts(function):
                yield ast.unparse(node), node
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    call = item.context_expr
                    if isinstance(call, ast.Call) and _asserts(call.func):
                        yield f"with {ast.unparse(call)}", node


def _asserts(function: ast.expr) -> bool:
    return ast.unparse(function).rpartition(".")[2].lstrip("_").startswith(_ASSERTING)
