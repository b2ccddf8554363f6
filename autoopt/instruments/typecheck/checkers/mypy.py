"""Runs mypy and reads its JSON lines."""

from __future__ import annotations

import configparser
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from autoopt.instruments.typecheck.checkers import program
from autoopt.instruments.typecheck.checkers.program import Asked
from autoopt.instruments.typecheck.diagnostics import Diagnostic

SETTINGS = ("mypy.ini", ".mypy.ini", "pyproject.toml", "setup.cfg")
"""Where mypy looks for its settings, in its order."""
_TARGETS = frozenset({"files", "packages", "modules"})
_WRONG_SETTINGS = re.compile(r"^\S*(?:mypy\.ini|pyproject\.toml|setup\.cfg): .*$", re.MULTILINE)
_DUPLICATE = "Duplicate module"


def check(asked: Asked) -> list[Diagnostic]:
    """What mypy complains about, in what its settings name, else in everything.

    Raises:
        CheckerError: it did not check.
    """
    python = ["--python-executable", asked.python] if asked.python else []
    cache = str(asked.cache) if asked.cache else os.devnull
    paths = asked.paths or (() if _names_targets(asked.directory) else (".",))
    words = ["--output", "json", "--no-error-summary", "--cache-dir", cache, *python, *paths]
    try:
        ran = program.run("mypy", words, asked)
    except program.CheckerError as error:
        if _DUPLICATE in str(error):
            raise program.CheckerError(f"{error} Name what to check, as in options.check='[src]'.") from error
        raise
    if wrong := _WRONG_SETTINGS.search(ran.stderr):
        raise program.broken("mypy", wrong[0])
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    try:
        entries = [json.loads(line) for line in lines]
    except ValueError as error:
        raise program.broken("mypy", f"its report is no JSON ({error}): {program.said(ran)}") from error
    if ran.code and not entries:
        raise program.broken("mypy", program.said(ran) or "it reports errors and names none")
    return [_diagnostic(entry, asked) for entry in entries if entry["severity"] == "error"]


def _diagnostic(entry: dict[str, Any], asked: Asked) -> Diagnostic:
    return Diagnostic(
        path=program.relative(entry["file"], asked.directory),
        line=entry["line"],
        rule=entry["code"] or "general",
        message=" ".join(entry["message"].split()),
        is_error=True,
    )


def _names_targets(directory: Path) -> bool:
    """Whether the settings say what is to be checked."""
    for name in SETTINGS:
        table = settings(directory / name)
        if table is not None:
            return bool(_TARGETS & table.keys())
    return False


def settings(path: Path) -> dict[str, Any] | None:
    """The table for mypy in one of its settings files; None when it has none there."""
    try:
        text = path.read_text("utf-8")
        if path.suffix == ".toml":
            table = tomllib.loads(text).get("tool", {}).get("mypy")
            return table if isinstance(table, dict) else None
        parser = configparser.RawConfigParser()
        parser.read_string(text)
    except (OSError, ValueError, configparser.Error):  # mypy itself complains of what it cannot read
        return None
    return dict(parser["mypy"]) if "mypy" in parser else None
