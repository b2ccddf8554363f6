"""The Python files of the checkout, those of the tests and the others, and which tests a file defines."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path, PurePosixPath

_SKIPPED = frozenset(
    {"venv", "node_modules", "__pycache__", "build", "dist", "site-packages", "htmlcov", "env"}
)
_FOLDERS = frozenset({"tests", "test", "testing"})
_BESIDES = frozenset({"setup.py", "noxfile.py", "conftest.py"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(root: Path) -> Iterator[str]:
    """Relative paths of all Python files, in order; not of environments, builds and hidden directories."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _SKIPPED
            and not name.startswith(".")
            and not Path(folder, name, "pyvenv.cfg").exists()
        )
        for name in sorted(names):
            if name.endswith(".py"):
                yield Path(folder, name).relative_to(root).as_posix()


def is_of_tests(path: str) -> bool:
    """Whether a file belongs to the tests: by its name or by that of a directory it is in."""
    at = PurePosixPath(path)
    named = at.name.startswith("test_") or at.name.endswith("_test.py") or at.name == "conftest.py"
    return named or not _FOLDERS.isdisjoint(at.parts[:-1])


def product(root: Path, paths: Sequence[str]) -> list[str]:
    """Files that tests are for: below `paths`, or anywhere when there are none, and not the tests' own."""
    wanted = [path.removeprefix("./").rstrip("/") or "." for path in paths]
    return [
        path
        for path in python_files(root)
        if not is_of_tests(path)
        and PurePosixPath(path).name not in _BESIDES
        and (not wanted or any(_is_below(path, place) for place in wanted))
    ]


def _is_below(path: str, place: str) -> bool:
    return place == "." or path == place or path.startswith(f"{place}/")


def parsed(path: Path) -> ast.Module | None:
    """The file's tree; None when it is no Python."""
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, OSError):
        return None


def functions(tree: ast.Module) -> dict[str, Function]:
    """Functions and methods by name, as in `Class::method`; of two with one name the later counts."""
    return dict(_functions(tree.body, ""))


def _functions(body: Sequence[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, Function):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}::")
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _functions(node.body, prefix)


def is_test(name: str) -> bool:
    """Whether pytest takes a function of that name for a test."""
    *classes, function = name.split("::")
    return function.startswith("test") and all("test" in one.lower() for one in classes)


def expected(path: Path) -> int:
    """How many tests a file or package that cannot be collected would give, as it reads; at least one."""
    files = [path / name for name in python_files(path) if is_of_tests(name)] if path.is_dir() else [path]
    trees = filter(None, map(parsed, files))
    found = (cases(node) for tree in trees for name, node in functions(tree).items() if is_test(name))
    return max(1, sum(found))


def cases(node: Function) -> int:
    """How often a test is run, as far as its decorators list the cases."""
    return prod(_listed(one) for one in node.decorator_list)


def _listed(decorator: ast.expr) -> int:
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("mark.parametrize"):
        values = decorator.args[1] if len(decorator.args) > 1 else None
        if isinstance(values, ast.List | ast.Tuple) and values.elts:
            return len(values.elts)
    return 1
