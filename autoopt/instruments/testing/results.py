"""What one session of tests did, put together from the lines its recorder wrote."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Line = Mapping[str, Any]
PASSED, FAILED, ERROR, SKIPPED, XFAILED = "passed", "failed", "error", "skipped", "xfailed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One case of a test function.

    Attributes:
        name: pytest's name, its path relative to the working directory: `tests/test_a.py::test_x[1]`.
        line: Where the function stands, from 1; 0 when that is not known.
        outcome: One of the words above; a test that was collected and never ran is an error.
        seconds: How long each of `setup`, `call` and `teardown` took.
        text, said: The failure with its traceback, and its message.
        assertions: Those that held, as they are written; only where they were asked for.
    """

    name: str
    line: int
    outcome: str
    seconds: Mapping[str, float]
    text: str = ""
    said: str = ""
    assertions: frozenset[str] = frozenset()

    @property
    def file(self) -> str:
        """Its file."""
        return self.name.partition("::")[0]

    @property
    def function(self) -> str:
        """Its name without the parameters."""
        file, sep, rest = self.name.partition("::")
        return file + sep + rest.partition("[")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Every test of a suite.

    Attributes:
        tests: By name.
        broken: Files that could not be collected, with the reason.
        lines: All that was recorded.
    """

    tests: Mapping[str, Test]
    broken: Mapping[str, str]
    lines: Sequence[Line] = field(default=(), repr=False)

    def having(self, *outcomes: str) -> list[Test]:
        """The tests with one of the outcomes, in order."""
        return [test for test in self.tests.values() if test.outcome in outcomes]

    @property
    def counts(self) -> Counter[str]:
        """How many tests have each outcome."""
        return Counter(test.outcome for test in self.tests.values())


def read(folder: Path, root: Path) -> Session:
    """What the sessions that were recorded in `folder` did; paths become relative to `root`."""
    tests: dict[str, Test] = {}
    broken: dict[str, str] = {}
    everything: list[Line] = []
    for file in sorted(folder.glob("session-*.jsonl")):
        lines = list(_lines(file))
        prefix = _prefix(lines, root)
        tests |= {test.name: test for test in _tests(lines, prefix)}
        failed = (line for line in lines if "uncollected" in line and line["failed"])
        broken |= {prefix + line["uncollected"]: line["text"] for line in failed}
        everything += lines
    return Session(tests=tests, broken=broken, lines=everything)


def _lines(file: Path) -> Iterator[Line]:
    """The whole lines: the last one of a session that was ended may be torn."""
    for text in file.read_text("utf-8").split("\n")[:-1]:
        yield json.loads(text)


def _prefix(lines: Iterable[Line], root: Path) -> str:
    """What stands before the names of a session whose own root is below the working directory."""
    for line in lines:
        if "root" in line:
            relative = os.path.relpath(os.path.realpath(line["root"]), os.path.realpath(root))
            return "" if relative == "." else f"{relative}/"
    return ""


def _tests(lines: Sequence[Line], prefix: str) -> Iterator[Test]:
    places = {name: line for entry in lines for name, line in entry.get("collected", ())}
    phases: dict[str, list[Line]] = {name: [] for name in places}
    checked: dict[str, list[str]] = {}
    for line in lines:
        if "test" in line:
            phases.setdefault(line["test"], []).append(line)
        elif "checked" in line:
            checked[line["checked"]] = line["assertions"]
    for name, reports in phases.items():
        failed = [line for line in reports if line["outcome"] == "failed"]
        yield Test(
            name=prefix + name,
            line=(places.get(name) or -1) + 1,
            outcome=_outcome(reports),
            seconds={line["when"]: line["seconds"] for line in reports},
            text=failed[0]["text"] if failed else "" if reports else "it was collected and never ran",
            said=failed[0]["said"] if failed else "",
            assertions=frozenset(checked.get(name, ())),
        )


def _outcome(reports: Sequence[Line]) -> str:
    """The outcome that all phases make together; a phase that was run again has its failures taken back."""
    failed = {line["when"] for line in reports if line["outcome"] == "failed"}
    if failed:
        return FAILED if failed == {"call"} else ERROR
    for line in reports:
        if line["outcome"] == "skipped":
            return XFAILED if line["expected"] else SKIPPED
    return PASSED if any(line["when"] == "call" for line in reports) else ERROR
