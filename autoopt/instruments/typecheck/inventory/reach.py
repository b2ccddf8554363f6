"""Which statements of a module run: a checker passes over those that never do."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from autoopt.instruments.typecheck.inventory.meanings import Meanings

_NOTHING = (ast.Pass, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Assert)
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FIELDS = ("body", "orelse", "finalbody")
_EXITS = frozenset(
    {"exit", "quit", "sys.exit", "builtins.exit", "builtins.quit", "os._exit", "os.abort", "_thread.exit"}
    | {"typing.assert_never", "typing_extensions.assert_never", "pytest.fail", "pytest.skip", "pytest.exit"}
)
"""What never returns, as far as its last two names tell."""
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, group: item in group,
    ast.NotIn: lambda item, group: item not in group,
}


def reached(module: ast.Module, meanings: Meanings) -> list[ast.stmt]:
    """The statements that do something, but for those behind a return, a constant test and the like."""
    return [one for one in _reached(module.body, meanings) if _does_something(one)]


def unreached(module: ast.Module, meanings: Meanings) -> list[ast.stmt]:
    """The statements that would do something but never run.

    A bare `yield` is none of them: behind a `return` it makes a function a generator.
    """
    running = {id(one) for one in _reached(module.body, meanings)}
    others = (one for one in ast.walk(module) if isinstance(one, ast.stmt) and id(one) not in running)
    return [one for one in others if _does_something(one) and not _is_bare_yield(one)]


def constant(test: ast.expr) -> bool | None:
    """What the test always is; None when it depends. Code for type checkers alone never runs."""
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return False
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            known = constant(operand)
            return None if known is None else not known
        case ast.BoolOp(op=op, values=values):
            known_values, decisive = {constant(value) for value in values}, isinstance(op, ast.Or)
            return decisive if decisive in known_values else None if None in known_values else not decisive
        case _:
            return _computed(test)


def _computed(test: ast.expr) -> bool | None:
    """What literals and comparisons of them come to."""
    try:
        if not isinstance(test, ast.Compare):
            return bool(ast.literal_eval(test))
        values = [ast.literal_eval(value) for value in (test.left, *test.comparators)]
        steps = zip(test.ops, values, values[1:], strict=False)
        return all(_COMPARISONS[type(op)](left, right) for op, left, right in steps)
    except (ValueError, TypeError):  # no literals, or none that can be compared
        return None


def _reached(block: Sequence[ast.stmt], meanings: Meanings) -> Iterator[ast.stmt]:
    """The statements of the block and below, up to where it ends."""
    for statement in block:
        yield statement
        for inner in _reached_blocks(statement):
            yield from _reached(inner, meanings)
        if _ends(statement, meanings):
            break


def _reached_blocks(statement: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    dead = ""
    if isinstance(statement, ast.If | ast.While) and (known := constant(statement.test)) is not None:
        dead = "orelse" if known else "body"
    return _blocks(statement, [field for field in _FIELDS if field != dead])


def _blocks(statement: ast.stmt, fields: Sequence[str]) -> Iterator[Sequence[ast.stmt]]:
    for holder in (statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        for field in fields:
            if isinstance(block := getattr(holder, field, None), list):
                yield block


def _does_something(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.AnnAssign(value=None):
            return False
        case _:
            return not isinstance(statement, _NOTHING)


def _is_bare_yield(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Yield(value=None | ast.Constant())):
            return True
        case _:
            return False


def _ends(statement: ast.stmt, meanings: Meanings) -> bool:
    """Whether what follows in the same block never runs."""

    def some(block: Sequence[ast.stmt]) -> bool:
        return any(_ends(one, meanings) for one in block)

    match statement:
        case ast.Assert(test=test):
            return constant(test) is False
        case ast.If(test=test, body=body, orelse=orelse):
            known = constant(test)
            return (known is False or some(body)) and (known is True or some(orelse))
        case ast.While(test=test, body=body):
            return constant(test) is True and not _breaks(body)
        case (
            ast.Try(body=body, orelse=orelse, handlers=handlers, finalbody=final)
            | ast.TryStar(body=body, orelse=orelse, handlers=handlers, finalbody=final)
        ):
            return some(final) or (some([*body, *orelse]) and all(some(one.body) for one in handlers))
        case ast.Match(cases=[*_, ast.match_case(pattern=ast.MatchAs(pattern=None), guard=None)] as cases):
            return all(some(case.body) for case in cases)
        case ast.Expr(value=value) | ast.Assign(value=value) | ast.AnnAssign(value=value):
            return isinstance(value, ast.Call) and _is_exit(value, meanings)
        case _:
            return isinstance(statement, _ENDS)


def _is_exit(call: ast.Call, meanings: Meanings) -> bool:
    return any(".".join(dotted.split(".")[-2:]) in _EXITS for dotted in meanings.of(call.func))


def _breaks(block: Sequence[ast.stmt]) -> bool:
    """Whether the block leaves the loop whose body it is."""
    for statement in block:
        if isinstance(statement, ast.Break):
            return True
        fields = ["orelse"] if isinstance(statement, _LOOPS) else _FIELDS
        if not isinstance(statement, _SCOPES) and any(map(_breaks, _blocks(statement, fields))):
            return True
    return False
