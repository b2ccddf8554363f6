"""What tests assert, as far as it can be read: which assertions a function has that can fail at all."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from autoopt.instruments.testing.sources import Function

_ASSERTING = ("assert", "check", "verify", "expect", "ensure", "fail")
_EXPECTING = ("raises", "warns", "deprecated_call", "assertRaises", "assertWarns", "assertLogs")
_BROAD = frozenset({"Exception", "BaseException", "AssertionError"})
_LEAVING = ("pytest.skip", "pytest.exit", "pytest.xfail", "self.skipTest", "sys.exit", "os._exit")


def reachable(name: str, functions: Mapping[str, Function]) -> int:
    """How many assertions a function has, with those of the functions of its file that it calls."""
    return _count(name, functions, frozenset())


def _count(name: str, functions: Mapping[str, Function], above: frozenset[str]) -> int:
    node = functions[name]
    called = [one for one in _called(node, name, functions) if one not in above]
    inner = sum(_count(one, functions, above | {name}) for one in dict.fromkeys(called) if one != name)
    helpers = {*functions, *(f"self.{one.rpartition('::')[2]}" for one in functions)}
    return len(list(of(node.body, helpers))) + inner


def _called(node: Function, name: str, functions: Mapping[str, Function]) -> Iterator[str]:
    """The functions of the file, or methods of the same class, that are called or asked for as fixtures."""
    owner = name.rpartition("::")[0]
    for inner in _live(node.body):
        for call in _calls(inner):
            text = ast.unparse(call.func)
            for candidate in (text, f"{owner}::{text.removeprefix('self.')}" if owner else ""):
                if candidate in functions:
                    yield candidate


def of(body: Sequence[ast.stmt], helpers: Collection[str] = ()) -> Iterator[str]:
    """The assertions in a body as text: those that are reached, may fail, and are not swallowed.

    Args:
        body: The statements of a function or file.
        helpers: Functions that are no assertions, whatever they are called, because they can be read.
    """
    for statement in _live(body):
        if isinstance(statement, ast.Assert):
            if not _is_certain(statement.test):
                yield ast.unparse(statement.test)
        elif isinstance(statement, ast.With | ast.AsyncWith):
            contexts = (item.context_expr for item in statement.items)
            yield from (ast.unparse(one) for one in contexts if _expects(one))
        elif isinstance(statement, ast.Raise) and "AssertionError" in ast.unparse(statement):
            yield ast.unparse(statement)
        else:
            texts = ((ast.unparse(call.func), call) for call in _calls(statement) if _asserts(call))
            yield from (ast.unparse(call) for name, call in texts if name not in helpers)


def _live(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements at any depth that are reached and whose failure is not swallowed, functions within too."""
    for statement in body:
        yield statement
        for inner in _bodies(statement):
            yield from _live(inner)
        if isinstance(statement, ast.Return | ast.Raise | ast.Break | ast.Continue) or _leaves(statement):
            return


def _bodies(statement: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    match statement:
        case ast.If(test=ast.Constant(value=value)):
            yield statement.body if value else statement.orelse
        case ast.While(test=ast.Constant(value=value)) if not value:
            yield statement.orelse
        case ast.Try() | ast.TryStar():
            if not any(_swallows(handler) for handler in statement.handlers):
                yield [*statement.body, *statement.orelse]
            yield from (handler.body for handler in statement.handlers)
            yield statement.finalbody
        case ast.With() if any(_suppresses(item.context_expr) for item in statement.items):
            return
        case ast.Match():
            yield from (case.body for case in statement.cases)
        case _:
            yield from (getattr(statement, name, []) for name in ("body", "orelse"))


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether a failed assertion would end here, unheard."""
    caught = {"BaseException"} if handler.type is None else _names(handler.type)
    heard = any(isinstance(node, ast.Raise) for one in handler.body for node in ast.walk(one))
    heard = heard or any(_asserts(call) for one in handler.body for call in _calls(one))
    return bool(caught & _BROAD) and not heard


def _suppresses(context: ast.expr) -> bool:
    """Whether a failed assertion in the block would be taken for what is expected."""
    if not isinstance(context, ast.Call):
        return False
    name = ast.unparse(context.func).rpartition(".")[2]
    caught = {one for argument in context.args for one in _names(argument)}
    return name == "suppress" and bool(caught & _BROAD)


def _expects(context: ast.expr) -> bool:
    """Whether a `with` asserts something; that anything at all is raised is no assertion."""
    if not isinstance(context, ast.Call) or not ast.unparse(context.func).endswith(_EXPECTING):
        return False
    narrowed = any(keyword.arg == "match" for keyword in context.keywords)
    return narrowed or not {one for argument in context.args for one in _names(argument)} & _BROAD


def _asserts(call: ast.Call) -> bool:
    """Whether a call asserts by its name, as in unittest, mocks, NumPy and people's own helpers."""
    name = ast.unparse(call.func).rpartition(".")[2].lstrip("_")
    if not name.startswith(_ASSERTING):
        return False
    certain = name in ("assertTrue", "assertFalse") and call.args and isinstance(call.args[0], ast.Constant)
    return not certain and not _same_twice(name, call.args)


def _same_twice(name: str, arguments: Sequence[ast.expr]) -> bool:
    return name in ("assertEqual", "assertIs") and len(arguments) > 1 and _alike(*arguments[:2])


def _is_certain(test: ast.expr) -> bool:
    """Whether an assertion holds whatever the code does: a constant, a thing compared with itself."""
    match test:
        case ast.Constant() | ast.Tuple() | ast.List() | ast.Dict() | ast.JoinedStr():
            return True
        case ast.UnaryOp(op=ast.Not(), operand=ast.Constant()):
            return True
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(_is_certain(value) for value in values)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_is_certain(value) for value in values)
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
            return _alike(left, right)
    return False


def _alike(left: ast.expr, right: ast.expr) -> bool:
    return ast.dump(left) == ast.dump(right)


def _leaves(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and any(
        ast.unparse(call.func) in _LEAVING for call in _calls(statement)
    )


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """Calls of a statement itself, not of those within it."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, _BLOCKS)]


_BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)


def _names(node: ast.expr) -> set[str]:
    """The last parts of the names in an expression such as `(ValueError, errors.Mine)`."""
    parts: Iterable[ast.expr] = node.elts if isinstance(node, ast.Tuple) else (node,)
    return {ast.unparse(part).rpartition(".")[2] for part in parts}
