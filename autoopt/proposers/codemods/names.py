"""Which names a function binds, reads and shares, worked out as the compiler does."""

from __future__ import annotations

import ast
import builtins
import keyword
from collections.abc import Collection, Iterator
from functools import cached_property

from autoopt.proposers.codemods.edits import Insert
from autoopt.proposers.codemods.source import Source

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.While
_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SHARED = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
"""Of each of these the parser makes one node for the whole tree, which so has no one parent."""

_BLIND = frozenset({"locals", "vars", "eval", "exec", "dir"})


class Module:
    """A parsed file and the names at its top."""

    def __init__(self, source: Source, tree: ast.Module) -> None:
        self.source = source
        self.tree = tree
        self.parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self.identifiers = frozenset(_identifiers(tree))

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Every function and method, in the order they are written."""
        return tuple(_functions(self, self.tree.body, "", None))

    @cached_property
    def bindings(self) -> dict[str, list[ast.AST]]:
        """What binds each name of the module, `global` declarations in functions counted as one more."""
        found: dict[str, list[ast.AST]] = {}
        for node in _own(self.tree.body):
            for name in bound_names(node):
                found.setdefault(name, []).append(node)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Global):
                for name in node.names:
                    found.setdefault(name, []).append(node)
        return found

    @cached_property
    def star(self) -> bool:
        """Whether names come from a star import, so that nothing is known of any."""
        return any(
            isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
            for node in ast.walk(self.tree)
        )

    def imported(self, name: str) -> str:
        """What a top-level import alone binds the name to, as in `re` or `collections.deque`; else empty."""
        bound = self.bindings.get(name, [])
        if self.star or len(bound) != 1 or not isinstance(bound[0], ast.alias):
            return ""
        alias, statement = bound[0], self.parents[bound[0]]
        if self.parents.get(statement) is not self.tree:
            return ""
        if isinstance(statement, ast.ImportFrom):
            return "" if statement.level else f"{statement.module}.{alias.name}"
        return alias.name if alias.asname or "." not in alias.name else ""

    def top(self, node: ast.AST) -> ast.stmt:
        """The statement of the module that holds the node."""
        while self.parents[node] is not self.tree:
            node = self.parents[node]
        assert isinstance(node, ast.stmt)
        return node

    def constant(self, name: str) -> ast.expr | None:
        """The value of a module-level name that is bound once, unconditionally, and never again."""
        bound = self.bindings.get(name, [])
        if self.star or len(bound) != 1 or not isinstance(bound[0], ast.Name):
            return None
        statement = self.parents[bound[0]]
        if self.parents.get(statement) is not self.tree:
            return None
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            return statement.value
        return statement.value if isinstance(statement, ast.AnnAssign) else None


class Function:
    """A function or method: the names it binds, where it uses them and who else sees them."""

    def __init__(self, module: Module, node: FunctionNode, qualname: str, outer: Function | None) -> None:
        self.module = module
        self.node = node
        self.qualname = qualname
        self.outer = outer
        self.imports: dict[tuple[str, str], tuple[str, tuple[Insert, ...]]] = {}
        self._taken: set[str] = set()

    @cached_property
    def own(self) -> tuple[ast.AST, ...]:
        """Every node of the body, without the bodies of functions, lambdas and classes in it."""
        return tuple(_own(self.node.body))

    @cached_property
    def globals(self) -> frozenset[str]:
        """Names declared global or nonlocal."""
        found = (node.names for node in self.own if isinstance(node, (ast.Global, ast.Nonlocal)))
        return frozenset(name for names in found for name in names)

    @cached_property
    def arguments(self) -> dict[str, ast.arg]:
        """The parameters by name."""
        spec = self.node.args
        every = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
        return {argument.arg: argument for argument in every if argument is not None}

    @cached_property
    def bindings(self) -> dict[str, list[ast.AST]]:
        """What binds each local name, parameters included."""
        found: dict[str, list[ast.AST]] = {name: [node] for name, node in self.arguments.items()}
        for node in self.own:
            if not (isinstance(node, ast.Name) and self.inner(node)):
                for name in bound_names(node):
                    found.setdefault(name, []).append(node)
        return found

    @cached_property
    def uses(self) -> dict[str, list[ast.Name]]:
        """Where each name stands, read, bound or deleted; variables of comprehensions are left out."""
        found: dict[str, list[ast.Name]] = {}
        for node in self.own:
            if isinstance(node, ast.Name) and not self.inner(node):
                found.setdefault(node.id, []).append(node)
        return found

    @cached_property
    def captured(self) -> frozenset[str]:
        """Names that functions, lambdas and classes inside mention."""
        scopes = (node for node in self.own if isinstance(node, _SCOPES))
        inside = (node for scope in scopes for node in ast.walk(scope))
        return frozenset(name for node in inside for name in _mentioned(node))

    @cached_property
    def opaque(self) -> bool:
        """Whether something in it looks at variables by name, so that none may be added or dropped."""
        return any(isinstance(node, ast.Name) and node.id in _BLIND for node in ast.walk(self.node))

    @cached_property
    def yields(self) -> bool:
        """Whether it stops and goes on: a generator or a coroutine."""
        return isinstance(self.node, ast.AsyncFunctionDef) or any(
            isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await)) for node in self.own
        )

    def private(self, name: str) -> bool:
        """Whether the name is a local variable that nobody else sees and that is never deleted."""
        if name not in self.bindings or name in self.globals or name in self.captured:
            return False
        return not any(isinstance(node.ctx, ast.Del) for node in self.uses.get(name, []))

    def builtin(self, name: str) -> bool:
        """Whether the name means the builtin here."""
        return not (name in self.module.bindings or self.module.star or self.hidden(name))

    def meaning(self, node: ast.expr) -> str:
        """What a name or attribute is of an imported module, as in `math.sqrt`; empty when not known."""
        if isinstance(node, ast.Name):
            return "" if self.hidden(node.id) or self.inner(node) else self.module.imported(node.id)
        if isinstance(node, ast.Attribute) and (before := self.meaning(node.value)):
            return f"{before}.{node.attr}"
        return ""

    def inner(self, name: ast.Name) -> bool:
        """Whether the name is a comprehension's own variable."""
        below: ast.AST = name
        node: ast.AST = name
        for parent in self.above(name):
            if isinstance(parent, COMPREHENSIONS) and name.id in targets_of(parent):
                first = parent.generators[0]  # its iterable is evaluated outside
                if not (node is first and below is first.iter) and not _is_walrus(name, self.module):
                    return True
            below, node = node, parent
        return False

    def fresh(self, name: str) -> str:
        """A name that means nothing in the file yet, made from this one."""
        wanted, number = name, 1
        while wanted in self.module.identifiers or wanted in self._taken or _reserved(wanted):
            number += 1
            wanted = f"{name}_{number}"
        self._taken.add(wanted)
        return wanted

    def parent(self, node: ast.AST) -> ast.AST:
        """The node this one is part of."""
        return self.module.parents[node]

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around this one, up to the function."""
        while node is not self.node:
            node = self.module.parents[node]
            if node is not self.node:
                yield node

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement the node is part of."""
        while not isinstance(node, ast.stmt):
            node = self.module.parents[node]
        return node

    def loops(self, node: ast.AST) -> list[Loop]:
        """The loops whose bodies repeat the node, the outermost first."""
        found: list[Loop] = []
        below = node
        for parent in self.above(node):
            repeats = isinstance(parent, ast.While) or (
                isinstance(parent, ast.For) and below is not parent.iter
            )
            if repeats and isinstance(parent, (ast.For, ast.While)) and below not in parent.orelse:
                found.append(parent)
            below = parent
        return found[::-1]

    def within(self, node: ast.AST, around: ast.AST) -> bool:
        """Whether a node is another or part of it."""
        return node is around or any(parent is around for parent in self.above(node))

    def in_one_block(self, statement: ast.stmt, others: Collection[ast.AST]) -> bool:
        """Whether a statement stands in one block with any of the others."""
        blocks = [block for _, block in ast.iter_fields(self.parent(statement)) if isinstance(block, list)]
        return any(statement in block and other in block for block in blocks for other in others)

    def hidden(self, name: str) -> bool:
        """Whether the function or one around it binds the name, so that it means nothing of the module."""
        scope: Function | None = self
        while scope is not None:
            if name in scope.bindings:
                return True
            scope = scope.outer
        return False


def targets_of(node: ast.AST) -> set[str]:
    """The names a comprehension binds."""
    generators: list[ast.comprehension] = getattr(node, "generators", [])
    return {name.id for part in generators for name in ast.walk(part.target) if isinstance(name, ast.Name)}


def bound_names(node: ast.AST) -> list[str]:
    """The names this very node binds or deletes."""
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            return [node.id]
        case ast.alias():
            return [node.asname or node.name.partition(".")[0]]
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
    return []


def _own(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Every node that runs in one scope, in the order they are written."""
    for statement in body:
        yield from _below(statement)


def _below(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, _SHARED):
        return
    yield node
    for child in _outside(node) if isinstance(node, _SCOPES) else ast.iter_child_nodes(node):
        yield from _below(child)


def _outside(node: _Scope) -> list[ast.AST]:
    """What of a function or class is evaluated where it stands."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(argument.value for argument in node.keywords)]
    defaults: list[ast.AST] = [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
    if isinstance(node, ast.Lambda):
        return defaults
    return [*node.decorator_list, *defaults]


def _mentioned(node: ast.AST) -> list[str]:
    match node:
        case ast.Name():
            return [node.id]
        case ast.Nonlocal() | ast.Global():
            return node.names
    return bound_names(node)


def _identifiers(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        yield from _mentioned(node)
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from node.value.split() if len(node.value) < 200 else ()


def _functions(
    module: Module, body: list[ast.stmt], prefix: str, outer: Function | None
) -> Iterator[Function]:
    for node in _own(body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            function = Function(module, node, prefix + node.name, outer)
            yield function
            yield from _functions(module, node.body, f"{function.qualname}.", function)
        elif isinstance(node, ast.ClassDef):
            yield from _functions(module, node.body, f"{prefix}{node.name}.", outer)


def _is_walrus(name: ast.Name, module: Module) -> bool:
    parent = module.parents[name]
    return isinstance(parent, ast.NamedExpr) and parent.target is name


def _reserved(name: str) -> bool:
    return keyword.iskeyword(name) or hasattr(builtins, name)
