"""Attributes that a loop looks up again each time get a local name before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autoopt.proposers.codemods.building import replaced
from autoopt.proposers.codemods.edits import Change, Insert, Place
from autoopt.proposers.codemods.names import Function, Loop
from autoopt.proposers.codemods.sharing import quiet

_FUNCTIONS = {
    "math": "sqrt sin cos tan asin acos atan atan2 exp log log2 log10 floor ceil fabs hypot pow pi e gcd "
    "radians degrees isnan isinf factorial fsum fmod copysign",
    "operator": "add sub mul itemgetter attrgetter",
    "bisect": "bisect bisect_left bisect_right insort",
    "heapq": "heappush heappop heapify heapreplace heappushpop",
    "os.path": "join basename dirname splitext exists isfile isdir",
    "itertools": "chain islice product combinations permutations repeat",
    "struct": "pack unpack",
    "string": "ascii_letters digits punctuation",
}
"""Functions and constants of the standard library that have long been there and stay what they are."""

_KNOWN = frozenset(f"{module}.{name}" for module, names in _FUNCTIONS.items() for name in names.split())


def find(function: Function) -> Iterator[Place]:
    """Functions of the standard library, and attributes of `self` that nothing in the loop can change."""
    if function.opaque:
        return
    loops = [
        loop for loop in function.own if isinstance(loop, (ast.For, ast.While)) and not function.loops(loop)
    ]
    for loop in loops:
        if not any(isinstance(part, (ast.Yield, ast.YieldFrom, ast.Await)) for part in ast.walk(loop)):
            yield from _hoisted(function, loop)


def _hoisted(function: Function, loop: Loop) -> Iterator[Place]:
    found: dict[str, list[ast.Attribute]] = {}
    for node in function.own:
        if (
            isinstance(node, ast.Attribute)
            and loop in function.loops(node)
            and _unchanging(function, node, loop)
        ):
            found.setdefault(ast.unparse(node), []).append(node)
    for text, nodes in found.items():
        depth = max(len(function.loops(node)) for node in nodes)
        made = function.fresh(text.removeprefix("self.").strip("_").replace(".", "_"))
        changes: list[Change] = [Insert(loop.lineno, f"{made} = {text}")]
        changes += [replaced(function, node, made) for node in nodes]
        yield Place(f"{text} is looked up once before a loop of {{where}}", tuple(changes), depth)


def _unchanging(function: Function, node: ast.Attribute, loop: Loop) -> bool:
    if not isinstance(node.ctx, ast.Load):
        return False
    if function.meaning(node) in _KNOWN:
        return True
    is_self = isinstance(node.value, ast.Name) and node.value.id == _self(function)
    return is_self and quiet(function, loop) and _stays(function, node.attr)


def _self(function: Function) -> str:
    """The name of a plain method's object; empty when it is none or is bound again."""
    parent = function.module.parents[function.node]
    placed = [*function.node.args.posonlyargs, *function.node.args.args]
    if not isinstance(parent, ast.ClassDef) or not placed or function.node.decorator_list or function.outer:
        return ""
    if function.node.name == "__init__":
        return ""  # it is not all there yet
    name = placed[0].arg
    return name if len(function.bindings[name]) == 1 and function.private(name) else ""


def _stays(function: Function, attribute: str) -> bool:
    """Whether `self.attribute` is a plain variable of the object, there from the start and never set anew."""
    owner = function.module.parents[function.node]
    assert isinstance(owner, ast.ClassDef)
    if owner.bases or owner.keywords or owner.decorator_list or not _made_at_start(owner, attribute):
        return False
    for node in ast.walk(owner):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name in (
            attribute, "__getattr__", "__getattribute__", "__setattr__", "__delattr__"
        ):  # fmt: skip
            return False
    named = (ast.Name, ast.AnnAssign)
    if any(isinstance(n, named) and attribute in ast.unparse(n) for s in owner.body for n in _top(s)):
        return False
    return not _set_later(function, attribute)


def _set_later(function: Function, attribute: str) -> bool:
    """Whether more than an `__init__` sets it: the object's operators and generators run in a loop, too."""
    for node in ast.walk(function.module.tree):
        if isinstance(node, ast.Attribute) and node.attr == attribute and not isinstance(node.ctx, ast.Load):
            around = function.module.parents[node]
            while not isinstance(around, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
                around = function.module.parents[around]
            if not (isinstance(around, ast.FunctionDef) and around.name == "__init__"):
                return True
    return False


def _top(statement: ast.stmt) -> list[ast.AST]:
    """What a statement of a class body itself binds."""
    return (
        list(ast.walk(statement))
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.With, ast.For))
        else []
    )


def _made_at_start(owner: ast.ClassDef, attribute: str) -> bool:
    """Whether `__init__` sets the attribute in every case."""
    for method in owner.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__" and method.args.args:
            me = method.args.args[0].arg
            for statement in method.body:
                if isinstance(statement, (ast.Return, ast.Try, ast.If)) and any(
                    isinstance(part, ast.Return) for part in ast.walk(statement)
                ):
                    return False
                targets = statement.targets if isinstance(statement, ast.Assign) else []
                targets = (
                    [statement.target]
                    if isinstance(statement, ast.AnnAssign) and statement.value
                    else targets
                )
                if any(ast.unparse(target) == f"{me}.{attribute}" for target in targets):
                    return True
    return False
