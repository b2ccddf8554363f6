"""The project as a whole: how it is tested."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from autoopt.detect import files, interpreters
from autoopt.detect.place import Place


def python(root: Path) -> str:
    """The interpreter of the project as a shell word, where nobody has given or activated one."""
    return interpreters.of_project(root, {})


def tests(root: Path, interpreter: str = "") -> str | None:
    """The command that runs the project's Python tests; None when it has none.

    With pytest, except where the interpreter certainly lacks it and the tests do without.
    """
    python_word = interpreter or python(root)
    found = [path for path in files.below(root) if is_test(path)]
    if not found:
        return None
    if interpreters.has_package(python_word, root, "pytest") is False and _is_unittest(root, found):
        return f"{python_word} -m unittest discover -q -s {_start(root, found)}"
    return f"{python_word} -m pytest -q -p no:cacheprovider"


def found_tests(place: Place) -> str | None:
    """The same for a place."""
    return tests(place.root, place.interpreter)


def is_test(path: str) -> bool:
    """Whether pytest would collect the file."""
    name = path.rpartition("/")[2]
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def _is_unittest(root: Path, paths: list[str]) -> bool:
    """Whether every one of the first few files is for unittest, by the name that it finds."""
    texts = [files.text(root, path) or "" for path in paths[:20]]
    named = all(PurePosixPath(path).name.startswith("test") for path in paths)
    return named and all("unittest" in text and "import pytest" not in text for text in texts)


def _start(root: Path, paths: list[str]) -> str:
    """Where unittest starts to look; of a package it has to be told the top."""
    folder = PurePosixPath(paths[0]).parts[0] if len({path.partition("/")[0] for path in paths}) == 1 else "."
    folder = "." if folder.endswith(".py") else folder
    return f"{folder} -t ." if (root / folder / "__init__.py").is_file() else folder
