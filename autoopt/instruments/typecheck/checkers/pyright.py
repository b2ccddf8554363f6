"""Runs pyright and reads its JSON report."""

from __future__ import annotations

import dataclasses
import json
import os
import pwd
from pathlib import Path
from typing import Any

from autoopt.instruments.typecheck.checkers import program
from autoopt.instruments.typecheck.checkers.program import Asked
from autoopt.instruments.typecheck.diagnostics import Diagnostic

_CACHE = "PYRIGHT_PYTHON_CACHE_DIR"


def check(asked: Asked) -> list[Diagnostic]:
    """What pyright complains about.

    Raises:
        CheckerError: it did not check.
    """
    asked = dataclasses.replace(asked, environ=_with_cache(asked.environ))
    python = ["--pythonpath", asked.python] if asked.python else []
    ran = program.run("pyright", ["--outputjson", *python, *asked.paths], asked)
    try:
        report = json.loads(ran.stdout)
    except ValueError as error:
        raise program.broken("pyright", f"its report is no JSON ({error}): {program.said(ran)}") from error
    if not report["summary"]["filesAnalyzed"]:
        raise program.broken("pyright", "it found no Python files")
    return [
        _diagnostic(entry, asked)
        for entry in report["generalDiagnostics"]
        if entry["severity"] in ("error", "warning")
    ]


def _diagnostic(entry: dict[str, Any], asked: Asked) -> Diagnostic:
    return Diagnostic(
        path=program.relative(entry["file"], asked.directory),
        line=entry.get("range", {"start": {"line": 0}})["start"]["line"] + 1,
        rule=entry.get("rule", "general"),
        message=" ".join(entry["message"].split()),
        is_error=entry["severity"] == "error",
    )


def _with_cache(environ: Any) -> dict[str, str]:
    """The environment with the user's own cache: pyright keeps there what it has downloaded.

    Measured commands have a private home directory, where it would be downloaded again for each commit.
    """
    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a container's user without a name
        return dict(environ)
    return {_CACHE: str(Path(home, ".cache")), **environ}
