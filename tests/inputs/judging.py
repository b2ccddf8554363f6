"""What is wrong with an answer to a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from inputs.place import Answer
from inputs.rows import Row


def faults(row: Row, answer: Answer, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Every promise that the answer breaks."""
    return [*_said(row, answer), *_written(before, after)]


def _said(row: Row, answer: Answer) -> Iterator[str]:
    lines = answer.err.splitlines()
    if answer.code != row.code:
        yield f"exit code {answer.code} instead of {row.code}"
    if "Traceback" in answer.err + answer.out:
        yield f"a traceback: {answer.err.splitlines()[-1]}"
    if not lines or not lines[0].startswith("autoopt: "):
        yield f"does not begin with `autoopt: `: {answer.err[:100]!r}"
    elif row.says not in lines[0]:
        yield f"does not say {row.says!r}: {lines[0]}"
    if len(lines) > row.lines:
        yield f"{len(lines)} lines: {answer.err[-200:]!r}"


def _written(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    if changed:
        yield f"written: {', '.join(changed[:5])}{' ...' if len(changed) > 5 else ''}"
