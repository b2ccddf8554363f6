"""What files of the tests do to the product besides testing it: replace parts, call it while they load."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autoopt.instruments.testing import sources

_NAMESPACES = ("sys.modules", "globals()", "vars(")
_BUILT_IN = ("setattr", "delattr")
_PATCHING = ("setitem", "patch", "patch.object", "patch.dict", "patch.multiple")
_IMPORTING = ("__import__", "import_module")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a file calls the product.

    Attributes:
        imported: Names that its imports bind.
        reached: Those, and further names that it gives them.
        replaced: How many of its imports put something else in the place of one of them.
    """

    imported: frozenset[str]
    reached: frozenset[str]
    replaced: int


def modules(root: Path) -> frozenset[str]:
    """Names by which the product's packages and modules are imported."""
    found: set[str] = set()
    for path in sources.product(root, []):
        at = PurePosixPath(path)
        packages = [one for one in reversed(at.parents) if (root / one / "__init__.py").is_file()]
        top = packages[0] if packages else at.with_suffix("")
        found.update(top.parts)  # directories too, which need not have an __init__.py
    return frozenset(found - sys.stdlib_module_names)


def names(tree: ast.Module, path: str, product: frozenset[str]) -> Names:
    """What the file calls the product: what it imports of it, and the other names it gives that."""
    imports = [(name, _is_product(module, product)) for name, module in _imports(tree, path)]
    imported = frozenset(name for name, of_product in imports if of_product)
    aliases = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_alias(node.value, imported, product)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    replaced = sum(1 for name, of_product in imports if name in imported and not of_product)
    return Names(imported=imported, reached=imported | aliases, replaced=replaced)


def _imports(tree: ast.Module, path: str) -> Iterator[tuple[str, str]]:
    """The names that imports bind, each with the module it is from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((one.asname or one.name.partition(".")[0], one.name) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = PurePosixPath(path).parts[: -node.level] if node.level else ()
            module = ".".join((*base, *filter(None, [node.module])))
            for one in node.names:
                yield one.asname or one.name, module or one.name


def _is_product(module: str, product: frozenset[str]) -> bool:
    """Whether a module is the product's, and no helper of the tests."""
    helper = sources.is_of_tests(f"{module.replace('.', '/')}.py")
    return module.partition(".")[0] in product and not helper


def _is_alias(value: ast.expr, imported: frozenset[str], product: frozenset[str]) -> bool:
    match value:
        case ast.Name(id=name):
            return name in imported
        case ast.Call(args=[ast.Constant(value=str(module)), *_]):
            return ast.unparse(value.func).endswith(_IMPORTING) and _is_product(module, product)
    return False


def replacements(tree: ast.Module, known: Names) -> int:
    """How often a file puts something of its own in the place of a part of the product.

    What a test patches for its own time (monkeypatch, mock) is none; the same done while the file loads is.
    """
    loading = sum(1 for call in loading_calls(tree) if _patches(call.func))
    members = set(_members(tree))
    return (
        known.replaced
        + loading
        + sum(1 for node in ast.walk(tree) if id(node) not in members and _replaces(node, known))
    )


def _replaces(node: ast.AST, known: Names) -> bool:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return name in known.imported
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name in known.imported
        case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
            return _is_of(node.value, known.reached) or ast.unparse(node).startswith(_NAMESPACES)
        case ast.Call(func=ast.Name(id=name), args=[target, *_]) if name in _BUILT_IN:
            return _is_of(target, known.reached) or ast.unparse(target).startswith(_NAMESPACES)
    return False


def _members(tree: ast.Module) -> Iterator[int]:
    """What stands directly in a class, whose names hide none of the file's."""
    for owner in ast.walk(tree):
        if isinstance(owner, ast.ClassDef):
            for node in owner.body:
                yield id(node)
                targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
                yield from (id(one) for one in targets if isinstance(one, ast.Name))


def called_while_loading(tree: ast.Module, known: Names) -> int:
    """How often a file calls the product, itself or by a function of its own, when it is merely imported."""
    helpers = {
        name.partition("::")[0]  # a class, whose methods may be called
        for name, node in sources.functions(tree).items()
        if any(isinstance(inner, ast.Name) and inner.id in known.reached for inner in ast.walk(node))
    }
    reached = known.reached | helpers
    return sum(1 for call in loading_calls(tree) if _is_given(call, reached))


def _is_given(call: ast.Call, reached: frozenset[str]) -> bool:
    """Whether a call is of one of the names, or hands one to somebody who may call it."""
    if _is_of(call.func, frozenset({"pytest"})):
        return False
    handed = (*call.args, *(one.value for one in call.keywords))
    return any(_is_of(one, reached) for one in (call.func, *handed))


def loading_calls(tree: ast.Module) -> Iterator[ast.Call]:
    """The calls that are made when a file is imported; those of decorators are pytest's to make."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                waiting += [*node.args.defaults, *filter(None, node.args.kw_defaults)]
            case ast.ClassDef():
                waiting += [*node.bases, *node.body]
            case ast.If(test=test) if ast.unparse(test) == "__name__ == '__main__'":
                waiting += node.orelse
            case _:
                if isinstance(node, ast.Call):
                    yield node
                waiting += ast.iter_child_nodes(node)


def _patches(function: ast.expr) -> bool:
    """Whether a function patches; the built-in ones are told apart by what they change."""
    text = ast.unparse(function)
    return text.endswith(tuple(f".{one}" for one in (*_BUILT_IN, *_PATCHING))) or text in _PATCHING


def _is_of(node: ast.expr, roots: frozenset[str]) -> bool:
    """Whether an expression is one of the names, or something reached through it."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and node.id in roots
