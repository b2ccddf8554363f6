"""Coverage of the product's files, from coverage.py's reports on a run."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from autoopt.errors import UsageError
from autoopt.instruments.testing import sources

_COUNTS = ("num_statements", "covered_lines", "excluded_lines", "num_branches", "covered_branches")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What ran of one file.

    Attributes:
        path: Relative to the working directory.
        counts: coverage.py's numbers: `num_statements`, `covered_lines`, `num_branches`, ...
        missing: Lines that never ran.
        branches: Jumps that were never made, as (from, to); a negative line is the end of a function.
    """

    path: str
    counts: Mapping[str, int]
    missing: tuple[int, ...] = ()
    branches: tuple[tuple[int, int], ...] = ()

    @property
    def percent(self) -> float:
        """Lines and branches that ran."""
        return percent([self])


def percent(files: Iterable[File]) -> float:
    """Lines and branches that ran, of all files together, as coverage.py adds them up; 100 of nothing."""
    total = totals(files)
    there = total["num_statements"] + total["num_branches"]
    return 100.0 * (total["covered_lines"] + total["covered_branches"]) / there if there else 100.0


def options(root: Path, paths: Sequence[str], *, branch: bool) -> dict[str, Any]:
    """What coverage.py is told: the directories to look in, for it to see files too that nothing imports."""
    files = sources.product(root, paths)
    if not files:
        named = f"below {', '.join(paths)}" if paths else "beside the tests"
        raise UsageError(
            f"there is no Python file {named} whose coverage could be measured; name directories, as in "
            "options.source=src."
        )
    folders = {str(PurePosixPath(path).parent) for path in files}
    return {"branch": branch, "source": sorted(str((root / one).resolve()) for one in folders)}


def files(reports: Sequence[Mapping[str, Any]], root: Path, paths: Sequence[str]) -> list[File]:
    """The product's files that have statements; where several processes ran tests, each file's best of them.

    Raises:
        UsageError: none of them was measured.
    """
    wanted = frozenset(sources.product(root, paths))
    found: dict[str, File] = {}
    for report in reports:
        for file in _files(report, root):
            if file.path in wanted and (file.path not in found or file.percent > found[file.path].percent):
                found[file.path] = file
    if not found:
        raise UsageError(
            "the tests ran no file of options.source: they import an installed copy, or something else (an "
            "editable install or PYTHONPATH in metric.env helps)."
        )
    return [found[path] for path in sorted(found)]


def _files(report: Mapping[str, Any], root: Path) -> Iterator[File]:
    for name, data in report["files"].items():
        relative = os.path.relpath(os.path.realpath(root / name), os.path.realpath(root))
        summary = data["summary"]
        yield File(
            path=PurePosixPath(relative).as_posix(),
            counts={key: int(summary.get(key, 0)) for key in _COUNTS},
            missing=tuple(data["missing_lines"]),
            branches=tuple((start, end) for start, end in data.get("missing_branches", ())),
        )


def totals(files: Iterable[File]) -> Counter[str]:
    """Counts of all files together."""
    total: Counter[str] = Counter()
    for file in files:
        total.update(file.counts)
    return total
