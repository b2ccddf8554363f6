"""The names of files by which the tools that judge a project are told how: tests, coverage, types, lint."""

from __future__ import annotations

import fnmatch

_NAMES = """
    pyproject.toml setup.cfg tox.ini pytest.ini .pytest.ini pytest.toml .pytest.toml .coveragerc
    mypy.ini .mypy.ini pyrightconfig.json pyrefly.toml ty.toml .ty.toml
    ruff.toml .ruff.toml .flake8 .pylintrc pylintrc
    jest.config.* vitest.config.* .mocharc.* karma.conf.* playwright.config.* .nycrc* .eslintrc* tsconfig.json
"""
_GLOBS = tuple(_NAMES.split())


def are_settings(name: str) -> bool:
    """Whether a file of this name, wherever it lies, says how such a tool judges."""
    return any(fnmatch.fnmatchcase(name, glob) for glob in _GLOBS)
