"""Runs ty and reads its GitLab report."""

from __future__ import annotations

import json
from typing import Any

from autoopt.instruments.typecheck.checkers import program
from autoopt.instruments.typecheck.checkers.program import Asked
from autoopt.instruments.typecheck.diagnostics import Diagnostic

_NOTHING = "No python files found"
_SEVERITIES = {"major": True, "minor": False}
_BROKEN = frozenset({"io", "panic"})


def check(asked: Asked) -> list[Diagnostic]:
    """What ty complains about.

    Files that git ignores are not left out: a directory far above, such as a home directory that is itself
    under git, may ignore everything, and nothing would be checked.

    Raises:
        CheckerError: it did not check.
    """
    python = ["--python", asked.python] if asked.python else []
    words = [
        "check",
        "--output-format",
        "gitlab",
        "--no-progress",
        "--color",
        "never",
        "--no-respect-ignore-files",
    ]
    ran = program.run("ty", [*words, *python, "--", *asked.paths], asked)
    if _NOTHING in ran.stderr:
        raise program.broken("ty", "it found no Python files")
    try:
        entries = json.loads(ran.stdout)
    except ValueError as error:
        raise program.broken("ty", f"its report is no JSON ({error}): {program.said(ran)}") from error
    return [found for entry in entries if (found := _diagnostic(entry, asked)) is not None]


def _diagnostic(entry: dict[str, Any], asked: Asked) -> Diagnostic | None:
    rule, severity = entry["check_name"], entry["severity"]
    message = entry["description"].removeprefix(f"{rule}: ")
    if rule in _BROKEN or severity in ("critical", "blocker"):
        raise program.broken("ty", message)
    if severity not in _SEVERITIES:
        return None
    return Diagnostic(
        path=program.relative(entry["location"]["path"], asked.directory),
        line=entry["location"]["positions"]["begin"]["line"],
        rule=rule,
        message=" ".join(message.split()),
        is_error=_SEVERITIES[severity],
    )
