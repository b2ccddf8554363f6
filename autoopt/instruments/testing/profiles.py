"""What a person would look at first: why tests fail, what none of them runs, where they spend their time."""

from __future__ import annotations

import ast
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from autoopt.instruments.testing import covering, results, sources

_TRACEBACK = 14  # lines of a failure; the last ones say what went wrong
_LIKE_IT = 6  # names of further tests that fail with the same message


def failures(session: results.Session) -> Iterator[str]:
    """The tests that do not pass, those with one message together, the most frequent message first."""
    counts = session.counts
    ran = len(session.tests) - counts[results.SKIPPED] - counts[results.XFAILED]
    yield f"{counts[results.PASSED]} of {ran} tests pass"
    for file, text in session.broken.items():
        yield f"\n{file} cannot be collected, so none of its tests is run:"
        yield from _end(text)
    groups: dict[str, list[results.Test]] = defaultdict(list)
    for test in session.having(results.FAILED, results.ERROR):
        groups[test.said.partition("\n")[0] or test.name].append(test)
    for first, *others in sorted(groups.values(), key=len, reverse=True):
        yield f"\n{first.name} ({first.outcome})"
        yield from _end(first.text)
        if others:
            more = f" and {len(others) - _LIKE_IT} more" if len(others) > _LIKE_IT else ""
            yield f"  likewise: {', '.join(test.name for test in others[:_LIKE_IT])}{more}"


def _end(text: str) -> Iterator[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    yield from (f"  {line}" for line in lines[-_TRACEBACK:])


def uncovered(files: Sequence[covering.File], root: Path) -> Iterator[str]:
    """What no test runs, the file with most of it first: lines, jumps, and the functions they are in."""
    yield f"{covering.percent(files):.2f} % of {len(files)} files"
    for file in sorted(files, key=lambda one: -len(one.missing) - len(one.branches)):
        if not file.missing and not file.branches:
            continue
        missing = f"{len(file.missing)} lines and {len(file.branches)} jumps missing"
        yield f"\n{file.path}: {file.percent:.1f} %, {missing}"
        yield from _missing(file, sources.parsed(root / file.path))


def _missing(file: covering.File, tree: ast.Module | None) -> Iterator[str]:
    functions = {} if tree is None else sources.functions(tree)
    missing = set(file.missing)
    for name, node in functions.items():
        inside = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        lines = [line for line in inside if line in missing]
        missing -= set(lines)
        jumps = [f"{start}->{'exit' if end < 0 else end}" for start, end in file.branches if start in inside]
        if lines or jumps:
            yield f"  {name.replace('::', '.')}(): {', '.join([*_ranges(lines), *jumps])}"
    if missing:
        yield f"  outside functions: {', '.join(_ranges(sorted(missing)))}"


def _ranges(lines: Sequence[int]) -> list[str]:
    """Neighbouring lines together, as in `3-5`."""
    found: list[list[int]] = []
    for line in lines:
        if found and line == found[-1][-1] + 1:
            found[-1].append(line)
        else:
            found.append([line])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in found]


def slowest(session: results.Session, root: Path, wall_s: float, top: int = 20) -> Iterator[str]:
    """Where the time goes: imports of modules, making of fixtures, tests, and the functions they call."""
    tests = sorted(session.tests.values(), key=lambda test: -sum(test.seconds.values()))
    inside = sum(sum(test.seconds.values()) for test in tests)
    yield f"{wall_s:.2f} s under the profiler, {inside:.2f} s of it in {len(tests)} tests"
    yield "\nslowest tests (setup, call, teardown in s)"
    for test in tests[:top]:
        phases = " ".join(f"{test.seconds.get(when, 0.0):7.3f}" for when in ("setup", "call", "teardown"))
        yield f"{phases}  {test.file}:{test.line}({test.name.rpartition('::')[2].partition('[')[0]})"
    yield "\nfixtures (s in all, how often made, scope)"
    yield from _fixtures(session, root, top)
    yield "\nimports of test modules (s)"
    imports = [line for line in session.lines if "imported" in line]
    for line in sorted(imports, key=lambda line: -line["seconds"])[: top // 2]:
        yield f"{line['seconds']:7.3f}  {line['imported']}"
    yield "\nfunctions of the project (own s, with what they call, calls)"
    yield from _functions(session, root, top)


def _fixtures(session: results.Session, root: Path, top: int) -> Iterator[str]:
    spent: dict[tuple[str, str, int, str], list[float]] = defaultdict(list)
    for line in session.lines:
        if "fixture" in line:
            file, number = line["place"]
            spent[line["fixture"], file, number, line["scope"]].append(line["seconds"])
    for (name, file, number, scope), seconds in sorted(spent.items(), key=lambda item: -sum(item[1]))[:top]:
        yield f"{sum(seconds):7.3f} {len(seconds):5}  {scope:8} {_relative(file, root)}:{number}({name})"


def _functions(session: results.Session, root: Path, top: int) -> Iterator[str]:
    lines = [line for line in session.lines if "function" in line]
    mine = [line for line in lines if not _relative(line["function"][0], root).startswith(("/", ".."))]
    for line in sorted(mine, key=lambda line: -line["own"])[:top]:
        file, number, name = line["function"]
        place = f"{_relative(file, root)}:{number}({name})"
        yield f"{line['own']:7.3f} {line['whole']:7.3f} {line['calls']:8}  {place}"


def _relative(file: str, root: Path) -> str:
    inside = os.path.relpath(os.path.realpath(file), os.path.realpath(root)) if file.startswith("/") else file
    return file if inside.startswith("..") else inside
