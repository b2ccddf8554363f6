"""What of a file counts when it runs: without comments, docstrings and the way it is laid out. Pure."""

from __future__ import annotations

import ast
import json
import re
import tomllib
import warnings
from pathlib import PurePosixPath

from autoopt.lines import is_text

_PYTHON = frozenset({".py", ".pyi", ".pyw"})
_PROSE = frozenset({".md", ".rst"})
_COMMENTS = {
    **dict.fromkeys((".sql",), re.compile(r"--[^\n]*|/\*(?!\+).*?\*/", re.DOTALL)),
    **dict.fromkeys(
        (".sh", ".bash", ".cfg", ".ini", ".yaml", ".yml"), re.compile(r"(?m)(^|(?<=\s))#[^\n]*$")
    ),
    **dict.fromkeys(
        (".js", ".ts", ".c", ".h", ".cpp", ".rs", ".go", ".java"), re.compile(r"(?m)^\s*//[^\n]*$")
    ),
}
_INDENTED = frozenset({".yaml", ".yml", ".sh", ".bash"})


def tree(content: bytes | None) -> ast.Module | None:
    """A Python file without docstrings; None where it cannot be parsed. No file is an empty one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the file's invalid escapes
            found = ast.parse((content or b"").decode())
        for node in ast.walk(found):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                _drop_docstring(node)
        ast.unparse(found)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return found


def is_python(path: str) -> bool:
    """Whether a file is Python, by its name."""
    return PurePosixPath(path).suffix in _PYTHON


def is_prose(path: str) -> bool:
    """Whether a file is only read by people, by its name."""
    return PurePosixPath(path).suffix in _PROSE


def of(path: str, content: bytes) -> str | None:
    """A text that two files share when only their layout differs; None where nobody knows."""
    suffix = PurePosixPath(path).suffix
    if suffix in _PYTHON:
        found = tree(content)
        return None if found is None else ast.dump(found)
    if suffix in _PROSE:
        return ""
    if not is_text(content):
        return None
    text = content.decode("utf-8", "replace")
    try:
        if suffix == ".json":
            return json.dumps(json.loads(text))
        if suffix == ".toml":
            return repr(tomllib.loads(text))
    except (ValueError, RecursionError):
        return None
    return _laid_out(text, suffix)


def _laid_out(text: str, suffix: str) -> str | None:
    """Other languages: without whole comments and empty lines; blanks within quotes may count, so all do."""
    if suffix not in _COMMENTS:
        return None
    lines = (line.rstrip() for line in _COMMENTS[suffix].sub("", text).split("\n"))
    return "\n".join(line if suffix in _INDENTED else line.strip() for line in lines if line.strip())


def _drop_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    match node.body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            node.body = rest or ([] if isinstance(node, ast.Module) else [ast.Pass()])
