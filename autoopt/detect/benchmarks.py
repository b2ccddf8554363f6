"""What of a Python project is worth timing, where nobody has said it."""

from __future__ import annotations

import ast
import re
import shlex
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from autoopt.detect import files, programs, project
from autoopt.detect.place import Place
from autoopt.errors import UsageError

SUITE_FILE = ".benchmarks.json"
"""What a suite writes, in the checkout."""
MISSING = (
    "nothing to time was found (bench*.py, benchmarks/*.py, a `__main__` in the scope, a "
    "console script, tests); give it, as in metric.command='python report.py', or options.module=NAME."
)
MISSING_SUITE = (
    "no test with pytest-benchmark's fixture `benchmark` was found; give the command that "
    f"writes {SUITE_FILE}, as in metric.command='python -m pytest bench --benchmark-json={SUITE_FILE}'."
)

_NAMES = ("bench.py", "benchmark.py", "benchmarks.py")
_PATTERNS = ("bench*.py", "*_bench.py", "*_benchmark.py")
_FOLDERS = frozenset({"bench", "benches", "benchmark", "benchmarks"})
_FIRST = ("__main__.py", "main.py", "run.py", "run_*.py", "*bench*.py", "*")
_NAMED = 3
"""Benchmarks that a refusal names."""
_PROGRAMS = ("__main__.py", "main.py", "run.py", "cli.py", "app.py")
_IS_PROGRAM = re.compile(
    r"""^if\s+(?:__name__\s*==\s*["']__main__["']|["']__main__["']\s*==)""", re.MULTILINE
)
_CALIBRATES = re.compile(
    r"^\s*(?:import|from)\s+(?:pyperf|asv_runner|pytest_benchmark|pytest)\b", re.MULTILINE
)
_USES_FIXTURE = re.compile(r"^\s*(?:async\s+)?def\s+test\w*\([^)]*\bbenchmark\b", re.MULTILINE)
_DEFINING = (
    *(ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    *(ast.Assign, ast.AnnAssign),
)
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


def command(place: Place) -> str | None:
    """The shell command to time: what is given, a benchmark, a program of the scope, else the tests.

    Raises:
        UsageError: `options.module` is no module's name, or there are several benchmarks.
    """
    if given := place.options.get("command"):
        return str(given)
    if module := place.options.get("module"):
        return _module(place, str(module))
    return _benchmark(place) or _program(place) or programs.entry_point(place) or _tests(place)


def suite(place: Place) -> str | None:
    """The command that runs the tests with pytest-benchmark's fixture and writes `SUITE_FILE`, if any."""
    found = [path for path in _python_files(place) if _measures(place, path)]
    if not found:
        return None
    words = " ".join(map(shlex.quote, found))
    options = f"-q -p no:cacheprovider --benchmark-only --benchmark-json={SUITE_FILE}"
    return f"{programs.importing(place)}{place.interpreter} -m pytest {options} {words}"


def _python_files(place: Place) -> list[str]:
    return [path for path in files.below(place.root) if path.endswith(".py")]


def _measures(place: Place, path: str) -> bool:
    named = project.is_test(path) or path.rpartition("/")[2].startswith("bench")
    return named and _USES_FIXTURE.search(files.text(place.root, path) or "") is not None


def _module(place: Place, name: str) -> str:
    if not _MODULE.fullmatch(name):
        raise UsageError(
            f"options.module is {name!r}; give a module's name, as in options.module=package.module."
        )
    return programs.module(place, name)


def _benchmark(place: Place) -> str | None:
    """The benchmark script with the most telling name; of several it is the one where a benchmark belongs.

    Raises:
        UsageError: there are several, and none of them is more likely than the others.
    """
    paths = [PurePosixPath(path) for path in _python_files(place)]
    for name in _NAMES:
        if found := _matching(place, paths, name):
            top = min(len(path.parts) for path in found)
            return _only(place, [path for path in found if len(path.parts) == top])
    if found := _matching(place, paths, *_PATTERNS):
        return _only(place, found)
    kept = [path for path in paths if path.parent.name in _FOLDERS]
    housed = (_matching(place, kept, pattern) for pattern in _FIRST)
    return next((_only(place, found) for found in housed if found), None)


def _matching(place: Place, paths: list[PurePosixPath], *patterns: str) -> list[PurePosixPath]:
    named = [path for path in paths if any(fnmatchcase(path.name, pattern) for pattern in patterns)]
    return [path for path in named if _is_benchmark(place, path)]


def _only(place: Place, found: list[PurePosixPath]) -> str:
    """The command of the only one, or of the only one in a benchmarks' directory, or in the scope."""
    kept = [path for path in found if path.parent.name in _FOLDERS]
    scoped = [path for path in found if place.has_in_scope(str(path))]
    for likely in (found, kept, scoped):
        if len(likely) == 1:
            return programs.script(place, likely[0])
    names = ", ".join(map(str, found[:_NAMED])) + (", ..." if len(found) > _NAMED else "")
    command = programs.script(place, found[0])
    raise UsageError(
        f"there are {len(found)} benchmarks ({names}); choose one, as with "
        f"options.command={shlex.quote(command)}."
    )


def _is_benchmark(place: Place, path: PurePosixPath) -> bool:
    """Whether running it does a fixed piece of work: tools that calibrate always take the same time."""
    if project.is_test(str(path)):
        return False
    text = files.text(place.root, str(path)) or ""
    return _does_something(text) and not _CALIBRATES.search(text)


def _does_something(text: str) -> bool:
    """Whether running the file is more than defining things."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return False
    return any(map(_acts, body))


def _acts(node: ast.stmt) -> bool:
    """Whether a statement does more than define: what stands under an `if` or a `try` may only do so too."""
    if isinstance(node, ast.If):
        return any(map(_acts, [*node.body, *node.orelse]))
    if isinstance(node, ast.Try):
        handled = [inner for handler in node.handlers for inner in handler.body]
        return any(map(_acts, [*node.body, *handled, *node.orelse, *node.finalbody]))
    return not isinstance(node, (*_DEFINING, ast.Pass)) and not _is_text(node)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _program(place: Place) -> str | None:
    """The program in the scope: one with a program's name, else the only one, else a lone script."""
    found = [path for path in _python_files(place) if place.has_in_scope(path)]
    paths = [PurePosixPath(path) for path in found if _is_program(place, path)]
    named = [path for name in _PROGRAMS for path in paths if path.name == name]
    if len(paths) == 1 or named:
        return programs.script(place, (named or paths)[0])
    alone = len(found) == 1 and not found[0].endswith("__init__.py") and not project.is_test(found[0])
    if alone and _does_something(files.text(place.root, found[0]) or ""):
        return programs.script(place, PurePosixPath(found[0]))
    return None


def _is_program(place: Place, path: str) -> bool:
    if project.is_test(path):
        return False
    return path.endswith("__main__.py") or bool(_IS_PROGRAM.search(files.text(place.root, path) or ""))


def _tests(place: Place) -> str | None:
    """The tests, each benchmark among them once: left alone, pytest-benchmark takes the same time always."""
    found = project.found_tests(place)
    if found and "pytest" in found and any(_measures(place, path) for path in _python_files(place)):
        return f"{found} --benchmark-disable"
    return found
