"""Ways to say less to a type checker: whatever they touch is checked no more."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence

from autoopt.instruments.typecheck.inventory.meanings import Meanings, imports, read
from autoopt.instruments.typecheck.inventory.reach import constant, unreached
from autoopt.instruments.typecheck.inventory.substance import arguments, functions

_ANY = frozenset({"Any", "Incomplete", "MaybeNone"})
_NAMES = {
    **dict.fromkeys(_ANY, "Any"),
    "cast": "cast",
    "no_type_check": "no_type_check",
    "no_type_check_decorator": "no_type_check",
    "NoReturn": "NoReturn",
    "Never": "NoReturn",
    "TypeGuard": "TypeGuard",
    "TypeIs": "TypeGuard",
}
"""What the names are counted as. Code behind a call that never returns is not checked."""
_HOOKS = frozenset({"__getattr__", "__getattribute__", "__setattr__"})
_DYNAMIC = _HOOKS.union(
    ("getattr", "setattr", "delattr", "__import__", "import_module"),
    ("attrgetter", "itemgetter", "methodcaller"),
)
_BUILT_IN = frozenset({"eval", "exec", "globals", "locals", "vars"})
"""Too common as names of methods to count wherever they are found."""
_BUILT_IN_OWNERS: Sequence[list[str]] = ([], ["builtins"], ["__builtins__"])
_VALUES = frozenset(
    {"sys.version_info", "sys.platform", "os.name", "sys.modules", "__builtins__"}
    | {"json.load", "json.loads", "json.JSONDecoder", "pickle.load", "pickle.loads", "marshal.loads"}
    | {"ast.literal_eval"}
)
"""What a checker takes for a constant, and what turns anything into Any."""
_GENERICS = frozenset(
    {"list", "dict", "set", "frozenset", "tuple", "type", "List", "Dict", "Set", "FrozenSet", "Tuple", "Type"}
    | {"Callable", "Iterable", "Iterator", "Sequence", "Mapping", "MutableMapping", "Generator", "Awaitable"}
)
_TAKE_OBJECT = frozenset({"__eq__", "__ne__", "__contains__", "__exit__", "__aexit__"})
"""Methods whose parameters are objects by what they override."""
_UNIONS = frozenset({"Optional", "Union", "Annotated"})


def looseness(module: ast.Module) -> Counter[str]:
    """How often each way is used."""
    meanings = read(module)
    found = Counter(_names(module, meanings))
    found += Counter(_others(module))
    found += Counter(_hidden(module))
    found["statements that never run"] = len(unreached(module, meanings))
    found["functions without annotations"] = sum(map(_is_bare, functions(module)))
    found["generics without arguments"] = sum(map(_open_generics, _annotations(module)))
    objects = (_is_object(one, meanings) for one in _annotations(module, spared=_TAKE_OBJECT))
    found["annotations that are object"] = sum(objects)
    return +found


def _names(module: ast.Module, meanings: Meanings) -> Iterator[str]:
    """Uses of the names, by whatever alias, also inside annotations that are text."""
    for tree in (module, *_texts(module)):
        for node in ast.walk(tree):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                yield from sorted(_kinds(meanings.of(node)))


def _kinds(dotted: Iterable[str]) -> set[str]:
    return {kind for kind in map(_kind, dotted) if kind}


def _kind(dotted: str) -> str:
    """What the use of a name is counted as; nothing for most names."""
    *owners, name = dotted.split(".")
    if name in _NAMES and (owners in ([], ["self"]) or owners[0] not in ("", "self")):
        return _NAMES[name]  # also `unittest.mock.Any`: a module gives away what it imported itself
    if name in _DYNAMIC or (name in _BUILT_IN and owners[-1:] in _BUILT_IN_OWNERS):
        return f"{name}()"
    place = ".".join([*owners[-1:], name])
    return f"uses of {place}" if place in _VALUES else ""


def _others(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name in _HOOKS:
            yield f"{node.name} methods"
        elif isinstance(node, ast.Attribute) and node.attr == "__dict__":
            yield "__dict__"
        elif isinstance(node, ast.ImportFrom):
            yield from (f"imports of {dotted}" for name, dotted in imports(node) if _passes_on(name, dotted))


def _passes_on(name: str, dotted: str) -> bool:
    """Whether another module could import it from this one, under the name it has here, and use it unseen."""
    is_checking = dotted.endswith(".TYPE_CHECKING") and name != "TYPE_CHECKING"
    return is_checking or bool(_kinds([dotted]) - _kinds([name]))


def _hidden(module: ast.Module) -> Iterator[str]:
    """Conditions by which a checker passes over code that runs, or sees code that does not."""
    for node in ast.walk(module):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                if node.orelse or not all(isinstance(one, ast.Import | ast.ImportFrom) for one in node.body):
                    yield "code beside TYPE_CHECKING"
            case ast.BoolOp() | ast.UnaryOp() | ast.IfExp() if _mentions_checking(node):
                yield "code beside TYPE_CHECKING"
            case ast.IfExp(test=test) if constant(test) is not None:
                yield "constant choices"
            case ast.BoolOp(values=[*tests, _]) if any(constant(test) is not None for test in tests):
                yield "constant choices"
            case ast.comprehension(ifs=tests) if any(constant(test) is not None for test in tests):
                yield "constant choices"
            case _:
                pass


def _mentions_checking(node: ast.AST) -> bool:
    return any(
        "TYPE_CHECKING" in (getattr(child, "id", None), getattr(child, "attr", None))
        for child in ast.walk(node)
    )


def _is_bare(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it has no annotation at all: mypy does not look into such functions."""
    return function.returns is None and all(one.annotation is None for one in arguments(function))


def _annotations(module: ast.Module, spared: Container[str] = ()) -> Iterator[ast.expr]:
    """All of them, but for those of the parameters of the spared functions."""
    for node in ast.walk(module):
        if isinstance(node, ast.AnnAssign):
            yield node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = [] if node.name in spared else [one.annotation for one in arguments(node)]
            yield from (annotation for annotation in [*given, node.returns] if annotation is not None)


def _is_object(annotation: ast.AST, meanings: Meanings) -> bool:
    """Whether anything at all has this type, as `object` or a union with it."""
    match annotation:
        case ast.Constant(value=str(text)):
            parsed = _parsed(text)
            return parsed is not None and _is_object(parsed.body, meanings)
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _is_object(left, meanings) or _is_object(right, meanings)
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=given) if (
            name in _UNIONS
        ):
            return any(_is_object(one, meanings) for one in getattr(given, "elts", [given]))
        case _:
            return bool(meanings.of(annotation) & {"object", "builtins.object"})


def _parsed(text: str) -> ast.Expression | None:
    try:
        return ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):  # a value of Literal, say
        return None


def _texts(module: ast.Module) -> Iterator[ast.AST]:
    """Annotations that are text, read."""
    for annotation in _annotations(module):
        for node in ast.walk(annotation):
            match node:
                case ast.Constant(value=str(text)) if (parsed := _parsed(text)) is not None:
                    yield parsed
                case _:
                    pass


def _open_generics(annotation: ast.expr) -> int:
    """Generic types in the annotation whose arguments are left open: they are Any."""
    heads = {id(node.value) for node in ast.walk(annotation) if isinstance(node, ast.Subscript)}
    return sum(
        isinstance(node, ast.Name) and node.id in _GENERICS and id(node) not in heads
        for node in ast.walk(annotation)
    )
