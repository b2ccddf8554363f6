"""Names that new files may not have: those by which a file takes another's place, or tells tools what to do.

A scope says which code may become better. A new file beside that code, under a name that programs look for by
themselves, changes what runs elsewhere: the tests, the benchmark, the tools that judge.
"""

from __future__ import annotations

import fnmatch
import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from autoopt.detect.settings import are_settings
from autoopt.errors import OutOfScopeError
from autoopt.scope import Scope
from autoopt.workspaces.rules import Rules
from autoopt.workspaces.store import EXECUTABLE, FILE, Files, Store

_STARTED = ("sitecustomize", "usercustomize")
_COMPILED = (".so", ".pyd", ".dylib", ".dll", ".pyc", ".pyo", ".node", ".egg", ".whl")
_VENDORED = frozenset({"node_modules", "site-packages", "dist-packages", "__pypackages__"})
_MAKEFILES = frozenset({"GNUmakefile", "makefile", "Makefile"})
_FOUND = """
    noxfile.py .env .envrc .npmrc .python-version .tool-versions .psqlrc .sqliterc .duckdbrc
    spark-defaults.conf
"""
_SETTINGS = frozenset(_FOUND.split())
"""What tells other programs what to do; those that judge have theirs besides."""
_KNOWN = """
    pytest _pytest pluggy iniconfig xdist pytest_benchmark pytest_cov coverage hypothesis mypy pyright ruff ty
    pyperf memray pyinstrument psutil numpy scipy pandas sklearn torch tensorflow xgboost lightgbm mlflow
    optuna pyspark duckdb sqlglot sqlalchemy psycopg psycopg2 autoopt pip setuptools pkg_resources
"""
_TOOLS = frozenset(_KNOWN.split())
_UNUSED = frozenset({"test", "this", "antigravity", "idlelib", "turtledemo", "lib2to3"})
"""Modules of the standard library that no program misses."""
_MOST_FILES = 5000
_TEST = re.compile(r"test_.*\.py|.*_test\.py|tests?\.py")


@dataclass(frozen=True, slots=True)
class Names:
    """Looks at the names of one proposal's new files."""

    scope: Scope
    rules: Rules
    store: Store
    expected: Files

    def check(self, new: Collection[str]) -> None:
        """Refuse the first name that no new file may have, unless the scope has it literally.

        Raises:
            OutOfScopeError: naming the file and what it would do.
        """
        for path in sorted(new):
            if path not in self.scope.patterns and not self._is_allowed(path):
                for objection in self._objections(path, new):
                    raise OutOfScopeError(
                        f"{path}: {objection}; use another name, or have it allowed by workspace.allow_new.",
                        guard="names",
                        where=path,
                    )

    def _is_allowed(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        return any(
            fnmatch.fnmatchcase(path, glob) or fnmatch.fnmatchcase(name, glob)
            for glob in self.rules.allow_new
        )

    def _objections(self, path: str, new: Collection[str]) -> Iterator[str]:
        folder, _, name = path.rpartition("/")
        if not _VENDORED.isdisjoint(path.split("/")):
            yield "new, where packages are loaded from"
        if name.endswith(".pth") or _module(path)[1] in _STARTED:
            yield "new, and run by every Python that finds it"
        if name.endswith(_COMPILED):
            yield "new compiled code, which nobody can read and imports prefer"
        if name == "conftest.py" and not self._has_tests(folder):
            yield "new, and the tests that run it are out of scope"
        if name in _SETTINGS or are_settings(name):
            yield "new settings of a tool that may be judging"
        if name in _MAKEFILES and any(self._at(folder, other) in self.expected for other in _MAKEFILES):
            yield "new, and make would take it for the makefile that is there"
        if name.endswith(".py"):
            yield from self._shadows(path, new)

    def _has_tests(self, folder: str) -> bool:
        """Whether tests below the folder may be edited anyway."""
        tests = (p for p in self.expected if _TEST.fullmatch(p.rpartition("/")[2]))
        return any(self.scope.contains(p) for p in tests if not folder or p.startswith(f"{folder}/"))

    def _shadows(self, path: str, new: Collection[str]) -> Iterator[str]:
        """What a new Python module takes the place of."""
        folder, module = _module(path)
        if (other := self._twin(path, folder, module)) is not None:
            yield f"new, and imports would take it for {other}, which is out of scope"
        in_package = any(self._at(folder, "__init__.py") in known for known in (self.expected, new))
        if in_package and not self._has_scripts(folder):
            return  # its full name has the package's in it
        if module in sys.stdlib_module_names - _UNUSED:
            yield f"new, and imports would take it for Python's own {module}"
        elif module in _TOOLS or self._is_imported(module):
            yield f"new, and imports would take it for the installed {module}"

    def _has_scripts(self, folder: str) -> bool:
        """Whether code in the folder may not be edited; run as a script, it imports from there."""
        return any(
            path.endswith(".py") and not path.endswith("__init__.py") and not self.scope.contains(path)
            for path in self.expected
            if path.rpartition("/")[0] == folder
        )

    def _twin(self, path: str, folder: str, module: str) -> str | None:
        """A module of the same name in the same place that may not be edited."""
        file, package = self._at(folder, f"{module}.py"), self._at(folder, f"{module}/__init__.py")
        for other in (file, package):
            if other != path and other in self.expected and not self.scope.contains(other):
                return other
        return None

    def _is_imported(self, module: str) -> bool:
        """Whether code of the commit imports a module of this name that it does not have itself."""
        own = re.compile(rf"(?:.*/)?{re.escape(module)}(?:\.py|/.*\.py)")
        sources = [path for path in self.expected if path.endswith(".py")][:_MOST_FILES]
        if any(own.fullmatch(path) for path in sources):
            return False
        imported = re.compile(
            rb"^\s*(?:from\s+|import\s+(?:[\w. ]+,\s*)*)%s\b" % re.escape(module.encode()), re.MULTILINE
        )
        return any(imported.search(self._source(path)) for path in sources)

    def _source(self, path: str) -> bytes:
        entry = self.expected[path]
        return self.store.blob(entry.sha) if entry.mode in (FILE, EXECUTABLE) else b""

    def _at(self, folder: str, name: str) -> str:
        return f"{folder}/{name}" if folder else name


def _module(path: str) -> tuple[str, str]:
    """Where a Python module is found, and by which name."""
    folder, _, name = path.rpartition("/")
    if name == "__init__.py":
        above, _, package = folder.rpartition("/")
        return above, package
    return folder, name.partition(".")[0]
