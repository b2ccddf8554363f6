"""Samples for the codemods: what becomes of a piece of code, and whether it still does the same."""

from __future__ import annotations

import copy
from textwrap import dedent
from typing import Any

from autoopt.proposers.codemods.finding import CODEMODS, Files


def rewritten(code: str, codemod: str, function: str | None = None) -> str | None:
    """The code after one codemod in the first function it finds something in; None where it finds nothing."""
    content = dedent(code).encode()
    files = Files()
    for found in files.look(content):
        fits = function is None or found.function == function
        if fits and CODEMODS[found.rank].find.__module__.endswith(f".{codemod}"):
            written = files.write(content, found)
            return None if written is None else written.decode()
    return None


def outcome(code: str, function: str, arguments: list[Any]) -> tuple[str, ...]:
    """What a call gives or raises, and what it leaves in its arguments; all told apart by type."""
    namespace: dict[str, Any] = {}
    exec(compile(dedent(code), "sample.py", "exec"), namespace)
    given = copy.deepcopy(arguments)
    try:
        result = namespace[function](*given)
        result = list(result) if hasattr(result, "__next__") else result
        return "gives", _shown(result), _shown(given)
    except Exception as error:  # noqa: BLE001 - whatever it raises is its outcome
        return "raises", type(error).__name__, _shown(given)


def _shown(value: Any) -> str:
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__}{sorted(map(repr, value))}"
    return f"{type(value).__name__}:{value!r}"
