"""What is known of how changes are judged, which tells what would be a way around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from autoopt.schema import Config, Extraction, GuardConfig

_TAKEN = re.compile(
    r"\b(ns|us|µs|ms|s|sec|seconds|min|minutes|h|cycles|instructions|cost|tps|[kmgt]?i?b|[kmgt]?bytes)\b",
    re.I,
)
_RUN = re.compile(r"\b(ns|us|µs|ms|s|sec|seconds|min|minutes|h|cycles|instructions|tps)\b", re.I)
_SIZE = re.compile(r"[kmgt]?i?(b|bytes)", re.I)
_CLOCKS = frozenset({
    Extraction.hyperfine, Extraction.pyperf, Extraction.pytest_benchmark, Extraction.asv,
    Extraction.wall, Extraction.cpu, Extraction.peak_memory,
})  # fmt: skip
_FILE = re.compile(r"[\w./-]+\.(?:py|sh|sql|js|ts|ipynb)\b")
_TYPED = re.compile(r"\b(mypy|pyright|basedpyright|pyre|pytype|typecheck)\b|\bty check\b")
_CHECKS = re.compile(
    _TYPED.pattern + r"|\b(coverage|ruff|flake8|pylint|bandit|eslint|tsc|clippy|vulture)\b|--cov\b"
)
_TESTS = re.compile(
    r"\b(pytest|unittest|instruments\.(testing|answers|sql|spark|size|training|parameters|memory))\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How a change is judged.

    Attributes:
        files: The files that the commands name and that may not be edited, and their modules' names.
        is_resource: Whether the metric is something spent (time, bytes, cost), so that doing less looks good.
        is_run: Whether the metric is a time or another trace of what runs, which nothing else can change.
        is_size: Whether the metric is a number of bytes, which layout may well change.
        is_typed: Whether a type checker is among the judges.
        is_checked: Whether anything is that comments in the code can silence: checkers, linters, coverage.
        name: The metric's name in `METRIC name=value` lines; empty where it is read in another way.
    """

    files: frozenset[str] = frozenset()
    is_resource: bool = True
    is_run: bool = True
    is_size: bool = False
    is_typed: bool = False
    is_checked: bool = True
    name: str = ""


def judging_of(config: Config, commands: Iterable[str], is_edited: Callable[[str], bool]) -> Judging:
    """What the settings say of it.

    Args:
        commands: The run's shell commands.
        is_edited: Whether a file is in scope.
    """
    words = "\n".join(commands)
    extract = config.metric.extract
    return Judging(
        files=frozenset(_named(words, is_edited)),
        is_resource=extract.kind in _CLOCKS or _TAKEN.search(config.metric.unit or "") is not None,
        is_run=extract.kind in _CLOCKS or _RUN.search(config.metric.unit or "") is not None,
        is_size=_SIZE.fullmatch(config.metric.unit or "") is not None,
        is_typed=_TYPED.search(words) is not None,
        is_checked=_CHECKS.search(words) is not None or any(map(_may_check, config.guards.values())),
        name=(extract.pattern or "") if extract.kind is Extraction.named else "",
    )


def _named(words: str, is_edited: Callable[[str], bool]) -> Iterable[str]:
    for found in _FILE.findall(words):
        path = PurePosixPath(found)
        if not path.is_absolute() and not is_edited(str(path)):
            yield path.name
            yield path.stem


def _may_check(guard: GuardConfig) -> bool:
    """Whether a guard may be more than tests, which no comment silences."""
    return guard.command is not None and _TESTS.search(guard.command) is None
