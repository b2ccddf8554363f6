"""Where the errors are: files from worst to best, each with its rules and examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from autoopt.instruments.typecheck.diagnostics import Diagnostic, Split, ranked

EXAMPLES = 3
"""Of one rule in one file."""
_WIDTH = 160


def lines(parted: Split, root: Path, checker: str) -> Iterator[str]:
    """The profile; each file's paragraph begins with its path."""
    inside, outside = parted.inside, parted.outside
    files = len({one.path for one in inside})
    total = f"{_counted(len(inside), 'error')} in {_counted(files, 'file')} in scope"
    yield f"{checker}: {total}; {len(outside)} outside it"
    if inside:
        yield f"rules: {_listed(one.rule for one in inside)}"
    for path, count in ranked(one.path for one in inside):
        own = [one for one in inside if one.path == path]
        yield f"{path}: {_counted(count, 'error')} ({_listed(one.rule for one in own)})"
        yield from _examples(own, _text(root / path))


def _examples(own: Sequence[Diagnostic], text: Sequence[str]) -> Iterator[str]:
    """The first few of each rule, with the line they are about."""
    for rule, count in ranked(one.rule for one in own):
        alike = [one for one in own if one.rule == rule]
        for one in alike[:EXAMPLES]:
            yield f"  {one.line}: {rule}: {one.message}"[:_WIDTH]
            if 0 < one.line <= len(text):
                yield f"      {text[one.line - 1].strip()}"[:_WIDTH]
        if count > EXAMPLES:
            yield f"  {rule}: {count - EXAMPLES} more, on lines {_places(alike[EXAMPLES:])}"


def _places(alike: Sequence[Diagnostic]) -> str:
    return ", ".join(str(one.line) for one in alike[:12]) + (", ..." if len(alike) > 12 else "")


def _text(path: Path) -> Sequence[str]:
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in ranked(names))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
