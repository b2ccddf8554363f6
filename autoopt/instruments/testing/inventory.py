"""What must not get worse while a number gets better: the tests themselves, and what they are held to.

Numbers are by test function, without its parameters, because these may have names that differ in every run.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoopt.instruments.testing import (
    assertions,
    cases,
    covering,
    machinery,
    results,
    settings,
    sources,
    touching,
)

_WIDTH = 90


@dataclass
class Inventory:
    """What is held against the base: the groups of an inventory guard."""

    no_more: Counter[str] = field(default_factory=Counter)
    no_fewer: Counter[str] = field(default_factory=Counter)
    same: dict[str, Any] = field(default_factory=dict)


def of_sessions(sessions: Sequence[results.Session]) -> Inventory:
    """The tests as they ran: which there are, which pass, which are skipped, and what held in them.

    Args:
        sessions: The same tests, run several times: what passes once passes, as a flake is no change's fault.
    """
    first, *_ = sessions
    passing = {test.name for one in sessions for test in one.having(results.PASSED)}
    held: dict[str, set[str]] = {}
    for test in first.having(results.PASSED):
        held.setdefault(test.function, set()).update(filter(_can_fail, test.assertions))
    by_function = {test.name: test.function for test in first.tests.values()}
    return Inventory(
        no_more=Counter(
            [f"skipped {test.function}" for test in first.having(results.SKIPPED)]
            + [f"expected to fail {test.function}" for test in first.having(results.XFAILED)]
        ),
        no_fewer=Counter(
            [f"cases of {test.function}" for test in first.tests.values()]
            + [f"passing {by_function[name]}" for name in passing if name in by_function]
        )
        + Counter({f"assertions that held in {name}": len(texts) for name, texts in held.items()}),
    )


def of_order(session: results.Session | None) -> Inventory:
    """The tests that pass in reverse order: those that share something must not depend on who comes first."""
    passing = session.having(results.PASSED) if session is not None else []
    return Inventory(no_fewer=Counter(f"passing in reverse order {test.function}" for test in passing))


def of_files(root: Path, session: results.Session, *, same_assertions: bool) -> Inventory:
    """The files as they read: assertions of each test, skips, hooks, settings, exclusions."""
    found = Inventory(same={f"setting {name}": value for name, value in settings.settings(root).items()})
    product = touching.modules(root)
    for path in sources.python_files(root):
        content, tree = (root / path).read_bytes(), sources.parsed(root / path)
        found.no_more[f"coverage pragmas in {path}"] += machinery.pragmas(content)
        if tree is None:
            continue
        of_tests, functions = sources.is_of_tests(path), sources.functions(tree)
        tricks = machinery.mentions(tree, of_tests=of_tests) + machinery.always_equal(tree)
        found.no_more[f"tricks with the test machinery in {path}"] += tricks
        found.same |= {f"hook {name} in {path}": text for name, text in machinery.hooks(functions).items()}
        if of_tests:
            found.no_more.update(f"autouse fixture {name} in {path}" for name in machinery.autouse(functions))
            found.no_more[f"skips and expected failures in {path}"] += machinery.skips(tree)
            _add_tests(found, path, functions, session)
            known = touching.names(tree, path, product)
            found.no_more[f"replacements of the product in {path}"] += touching.replacements(tree, known)
            if same_assertions:
                _add_texts(found, path, tree)
    return found


def _add_texts(found: Inventory, path: str, tree: ast.Module) -> None:
    """What a file asserts and the cases it lists, word by word."""
    for node in sources.functions(tree).values():
        found.no_fewer.update(f"{path} asserts {_shown(text)}" for text in assertions.of(node.body))
    for owner, text in cases.listed(tree):
        found.no_fewer[f"{path}::{owner} has the case {_shown(text)}"] += 1


def of_loading(root: Path) -> Inventory:
    """Calls of the product that the files of the tests make when they are imported: no test checks them."""
    found, product = Inventory(), touching.modules(root)
    for path in filter(sources.is_of_tests, sources.python_files(root)):
        tree = sources.parsed(root / path)
        if tree is not None:
            calls = touching.called_while_loading(tree, touching.names(tree, path, product))
            found.no_more[f"calls of the product while {path} is imported"] += calls
    return found


def _add_tests(
    found: Inventory, path: str, functions: Mapping[str, sources.Function], session: results.Session
) -> None:
    """What each test asserts; of a file that cannot be collected also what shows once it can be."""
    held = {test.function for test in session.tests.values() if any(map(_can_fail, test.assertions))}
    run = {test.function for test in session.tests.values()}
    for name, node in functions.items():
        test, hidden = f"{path}::{name}", path in session.broken and sources.is_test(name)
        if test in run or hidden:
            count = assertions.reachable(name, functions)
            found.no_fewer[f"assertions in {test}"] += count
            found.no_more[f"asserts nothing: {test}"] += count == 0 and test not in held
        if hidden and machinery.is_marked(node):
            found.no_more.update(
                {f"{what} {test}": sources.cases(node) for what in ("skipped", "expected to fail")}
            )


def of_coverage(files: Iterable[covering.File], *, missing: bool) -> Inventory:
    """The product's statements: none go away or are excluded; where it says so, none stop being run."""
    found = Inventory()
    for file in files:
        found.no_fewer[f"statements of {file.path}"] += file.counts["num_statements"]
        found.no_more[f"lines of {file.path} kept out of coverage"] += file.counts["excluded_lines"]
        if missing:
            found.no_more[f"statements of {file.path} that no test runs"] += len(file.missing)
    return found


def joined(parts: Iterable[Inventory]) -> Mapping[str, Mapping[str, Any]]:
    """All of it, without the zeros that say nothing."""
    every = list(parts)
    return {
        "no_more": {name: count for part in every for name, count in _some(part.no_more)},
        "no_fewer": {name: count for part in every for name, count in _some(part.no_fewer)},
        "same": {name: value for part in every for name, value in part.same.items()},
    }


def _some(counts: Counter[str]) -> Iterator[tuple[str, int]]:
    return ((name, int(count)) for name, count in counts.items() if count)


def _can_fail(text: str) -> bool:
    """Whether an assertion that held could have failed."""
    try:
        body = ast.parse(f"assert ({text}\n)").body
    except (SyntaxError, ValueError, RecursionError):
        return True
    return any(assertions.of(body))


def _shown(text: str) -> str:
    """The text on one line; of a long one the begin, with a mark of the whole, as any part may be changed."""
    line = " ".join(text.split())
    if len(line) <= _WIDTH:
        return line
    return f"{line[: _WIDTH - 16]} ... ({hashlib.sha256(line.encode()).hexdigest()[:8]})"
