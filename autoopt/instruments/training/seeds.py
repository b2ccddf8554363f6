"""Random numbers that a training always starts alike, so that every run of a commit gives the same score."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

VARIABLE = "AUTOOPT_SEED"
_MOST_FILES = 100
_LARGEST = 1 << 20
_NAMES = re.compile(r"(?i)(.*_)?(random_state|random_seed|seed)")
_CALLS = re.compile(
    r"(?i)(seed|(manual_|set_|random_)seed(_all)?|seed_everything|default_rng|RandomState|PRNGKey|Random|SeedSequence)"
)
_SHOWN = 3


def advice(command: str, tree: Path) -> str:
    """What a person should change, in one line; nothing where the training asks for its seed, or has none.

    Args:
        command: The shell command that trains; the Python files it names and what they import of the tree
            are read.
    """
    found: list[str] = []
    for path, text in _sources(command, tree):
        if VARIABLE in text:
            return ""
        found += [f"{path.relative_to(tree)}:{line} {what}" for line, what in fixed(text)]
    if not found:
        return ""
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (
        f"{', '.join(found[:_SHOWN])}{more}: the score is that of one split and one start, and gains "
        f'may be luck; write int(os.environ.get("{VARIABLE}", "0")) instead.'
    )


def fixed(text: str) -> list[tuple[int, str]]:
    """The lines of a Python file that set a seed to a number, and how: `passes random_state=42`."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return []
    return sorted({found for node in ast.walk(tree) for found in _fixed(node)})


def _fixed(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.keyword(arg=str(name), value=ast.Constant(value=int(number))) if _NAMES.fullmatch(name):
            yield node.value.lineno, f"passes {name}={number}"
        case ast.Call(func=function, args=[ast.Constant(value=int(number)), *_]):
            name = ast.unparse(function)
            if _CALLS.fullmatch(name.rpartition(".")[2]):
                yield node.lineno, f"calls {name}({number})"
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int(number))):
            if _NAMES.fullmatch(name):
                yield node.lineno, f"sets {name} = {number}"


def _sources(command: str, tree: Path) -> Iterator[tuple[Path, str]]:
    """The Python files of the tree that the command runs, and those they import, each once."""
    waiting = [tree / word for word in _words(command) if word.endswith(".py")]
    waiting += [found for name in _modules(command) for found in _module(tree, name, tree)]
    seen: set[Path] = set()
    while waiting and len(seen) < _MOST_FILES:
        path = waiting.pop(0)
        if path in seen or not path.is_file() or path.stat().st_size > _LARGEST:
            continue
        if not path.resolve().is_relative_to(tree.resolve()):
            continue
        seen.add(path)
        text = path.read_text("utf-8", "replace")
        yield path, text
        waiting += [found for name in _imports(text) for found in _module(tree, name, path.parent)]


def _words(command: str) -> list[str]:
    """The words of a command, those of a command within it (`bash -c '...'`) as well."""
    try:
        words = shlex.split(command)
    except ValueError:  # an open quote, which bash will complain of
        words = command.split()
    return [one for word in words for one in (_words(word) if len(words) > 1 and " " in word else [word])]


def _modules(command: str) -> Iterator[str]:
    """What `-m` names."""
    words = _words(command)
    yield from (name for flag, name in pairwise(words) if flag == "-m")


def _imports(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield from filter(None, [module, *(f"{module}.{one.name}".strip(".") for one in node.names)])


def _module(tree: Path, name: str, beside: Path) -> Iterator[Path]:
    """Where a module of the tree may be: beside who imports it, at the top or below src."""
    relative = Path(*name.split("."))
    for folder in dict.fromkeys((beside, tree, tree / "src")):
        yield folder / relative.with_suffix(".py")
        yield folder / relative / "__init__.py"
        yield folder / relative / "__main__.py"
