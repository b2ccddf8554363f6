"""Results that are not computed, or not yet, or from a part of the data: what a function hands out."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autoopt.guards.suspicions.judging import Judging
from autoopt.guards.suspicions.sources import Function, Sign, Source, shortened

_TRUE = {"__eq__": True, "__ne__": False, "__instancecheck__": True, "__subclasscheck__": True}
_ALWAYS = frozenset({"__le__", "__lt__", "__ge__", "__gt__"})
_ANY = ("unittest.mock.ANY", "mock.ANY")
_EAGER = frozenset({"list", "sorted", "set", "dict", "tuple", "frozenset"})
_LAZY = frozenset({"map", "filter", "iter", "zip", "functools.partial", "weakref.proxy"})
_MOST = 100  # a part this large is meant as "all of them" often enough, or as "enough of them"
_SAMPLERS = frozenset({"random.sample", "random.choices", "numpy.random.choice"})
_PARTIAL = frozenset({"nrows", "frac", "skiprows", "max_rows", "n_rows"})
_LOW = frozenset({
    "numpy.float32", "numpy.float16", "numpy.half", "numpy.single",
    "torch.float16", "torch.bfloat16", "torch.half",
    "torch.set_float32_matmul_precision", "torch.autocast", "torch.amp.autocast", "torch.cuda.amp.autocast",
    "decimal.getcontext().prec", "jax.numpy.float32", "jax.numpy.bfloat16", "tensorflow.float16",
})  # fmt: skip
_LOW_TEXTS = frozenset({"float32", "float16", "bfloat16", "half", "f4", "f2", "<f4", "<f2", ">f4", "Float32"})
_LOW_METHODS = frozenset({"half", "bfloat16"})
_DTYPES = ("dtype", "astype", "cast", "as_type", "to")


def signs(source: Source, judging: Judging) -> Iterator[Sign]:
    """What can be seen without knowing what was there before."""
    for node in source.nodes:
        match node:
            case ast.FunctionDef(name=name) if isinstance(source.parents[node], ast.ClassDef):
                yield from _equal(source, node, name)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda(body=ast.Constant(value=value))):
                if name in _TRUE and value is _TRUE[name]:
                    yield source.sign("equality", node, name)
            case ast.Attribute() | ast.Name() if source.origin(node) in _ANY and not source.is_test:
                yield source.sign("equality", node, "ANY")
        if judging.is_resource and not source.is_test:
            yield from _part(source, node)
            yield from _rounded(source, node)


def compared(before: Source, after: Source, judging: Judging) -> Iterator[Sign]:
    """What became of the functions that were there before."""
    if after.is_test:
        return
    for name, new in after.functions.items():
        old = before.functions.get(name)
        if old is None:
            continue
        if _computes(old) and (constant := _constant(new)) is not None:
            yield Sign("constant", name, constant.lineno, shortened(ast.unparse(constant)))
        is_private = any(part.startswith("_") for part in name.split("."))
        if judging.is_resource and not is_private and _is_eager(before, old) and _is_lazy(after, new):
            yield Sign("lazy", name, new.lineno, f"`{name}`, which returned all of it and now a promise,")


def _equal(source: Source, node: ast.FunctionDef, name: str) -> Iterator[Sign]:
    """A comparison whose only answer is yes."""
    returned = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
    values = {one.value if isinstance(one, ast.Constant) else ... for one in returned}
    if (name in _TRUE and values == {_TRUE[name]}) or (name in _ALWAYS and values == {True}):
        yield source.sign("equality", node, name, f"`def {name}`")


def _computes(function: Function) -> bool:
    """Whether it does something with what it is given."""
    names = {one.arg for one in ast.walk(function.args) if isinstance(one, ast.arg)} - {"self", "cls"}
    used = {node.id for body in function.body for node in ast.walk(body) if isinstance(node, ast.Name)}
    return bool(names & used) and _constant(function) is None


def _constant(function: Function) -> ast.stmt | None:
    """The one statement of a body that does nothing but return what is written there."""
    body = [one for one in function.body if not (isinstance(one, ast.Expr) and _is_text(one.value))]
    match body:
        case [ast.Return(value=None) | ast.Pass() as only]:
            return only
        case [ast.Return(value=ast.expr() as value) as only] if _is_literal(value):
            return only
    return None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def _is_literal(node: ast.expr) -> bool:
    """Whether a value is written out: constants, and lists and the like of them."""
    allowed = (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.USub, ast.Load)
    return all(isinstance(one, allowed) for one in ast.walk(node))


def _returned(function: Function) -> Iterator[ast.expr]:
    inner = {
        node
        for one in ast.walk(function)
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and one is not function
        for node in ast.walk(one)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None and node not in inner:
            yield node.value


def _is_eager(source: Source, function: Function) -> bool:
    """Whether every result is a container that is filled when it is returned."""
    results = list(_returned(function))
    filled = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp)
    assigned = {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, filled)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    return bool(results) and all(
        isinstance(one, filled)
        or (isinstance(one, ast.Call) and source.origin(one.func) in _EAGER)
        or (isinstance(one, ast.Name) and one.id in assigned)
        for one in results
    )


def _is_lazy(source: Source, function: Function) -> bool:
    """Whether a result is computed when somebody looks at it."""
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function)):
        return True
    return any(
        isinstance(one, ast.GeneratorExp | ast.Lambda)
        or (isinstance(one, ast.Call) and source.origin(one.func) in _LAZY)
        or _is_of_a_lazy_class(source, one)
        for one in _returned(function)
    )


def _is_of_a_lazy_class(source: Source, node: ast.expr) -> bool:
    """Whether an object is made of a class in the file that fills itself when it is asked."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return False
    name = node.func.id
    classes = (one for one in source.nodes if isinstance(one, ast.ClassDef) and one.name == name)
    asked = {"__getattr__", "__getattribute__", "__iter__", "__getitem__", "__len__", "__missing__"}
    return any(asked & {getattr(one, "name", "") for one in found.body} for found in classes)


def _own(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions within."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


def _part(source: Source, node: ast.AST) -> Iterator[Sign]:
    """Loops over every k-th or the first n, and samples drawn."""
    match node:
        case ast.For(iter=ast.Subscript(slice=ast.Slice() as cut) as things):
            if _is_a_part(cut):
                yield source.sign("sampling", things, "slice")
        case ast.comprehension(iter=ast.Subscript(slice=ast.Slice() as cut) as things):
            if _is_a_part(cut):
                yield source.sign("sampling", things, "slice")
        case ast.Call(func=ast.Attribute(attr="sample")) if any(
            one.arg in ("n", "frac", "fraction") for one in node.keywords
        ):
            yield source.sign("sampling", node, "sample")
        case ast.Call() if source.origin(node.func) in _SAMPLERS:
            yield source.sign("sampling", node, "sample")
        case ast.Call() if any(
            one.arg in _PARTIAL and isinstance(one.value, ast.Constant) for one in node.keywords
        ):
            yield source.sign("sampling", node, "rows")
        case ast.If(test=ast.Compare() as test) if (name := _sized(test)) is not None:
            if any(isinstance(one, ast.Name) and one.id == name for one in _stored(node)):
                yield source.sign("sampling", test, "size")
        case ast.Compare() if _is_of_one_size(node):
            yield source.sign("sampling", node, "size")
        case ast.Call(args=[_, ast.Constant(value=int(most))]) if most >= _MOST:
            if source.origin(node.func) == "itertools.islice":
                yield source.sign("sampling", node, "islice")


def _sized(test: ast.Compare) -> str | None:
    """The name of a collection that a condition asks for being as large as the benchmark's may be."""
    match test:
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)]),
            ops=[ast.Gt() | ast.GtE()],
            comparators=[ast.Constant(value=int(size))],
        ) if size >= _MOST:
            return name
    return None


def _is_of_one_size(test: ast.Compare) -> bool:
    """Whether a condition holds for a collection of just one size, or of about one."""
    match test:
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="len")),
            ops=[ast.Eq() | ast.NotEq()],
            comparators=[ast.Constant(value=int(size))],
        ):
            return size >= _MOST
        case ast.Compare(
            left=ast.Constant(value=int(size)),
            comparators=[ast.Call(func=ast.Name(id="len")), ast.Constant(value=int(most))],
        ):
            return min(size, most) >= _MOST
    return False


def _stored(node: ast.If) -> Iterator[ast.AST]:
    """What the statements of a condition assign to."""
    for statement in node.body:
        for one in ast.walk(statement):
            if isinstance(getattr(one, "ctx", None), ast.Store):
                yield one


def _is_a_part(cut: ast.Slice) -> bool:
    match cut:
        case ast.Slice(step=ast.Constant(value=int(step))) if step > 1:
            return True
        case ast.Slice(lower=None, upper=ast.Constant(value=int(most)), step=None):
            return most >= _MOST
        case ast.Slice(lower=None, upper=ast.BinOp(op=ast.FloorDiv() | ast.Div()), step=None):
            return True
    return False


def _rounded(source: Source, node: ast.AST) -> Iterator[Sign]:
    """Numbers of fewer bits."""
    match node:
        case ast.Attribute(ctx=ast.Load()) if source.origin(node) in _LOW:
            yield source.sign("precision", node, "low")
        case ast.Call(func=ast.Attribute(attr=name), args=[]) if name in _LOW_METHODS:
            yield source.sign("precision", node, "low")
        case ast.Call():
            named = isinstance(node.func, ast.Attribute) and node.func.attr in _DTYPES
            given = [one.value for one in node.keywords if one.arg in _DTYPES] + (node.args if named else [])
            low = [one for one in given if isinstance(one, ast.Constant) and one.value in _LOW_TEXTS]
            if low or (source.origin(node.func) == "array.array" and _is_f(node.args)):
                yield source.sign("precision", node, "low")


def _is_f(arguments: list[ast.expr]) -> bool:
    return bool(arguments) and isinstance(arguments[0], ast.Constant) and arguments[0].value == "f"
