"""Times of benchmark tools: hyperfine, pyperf, pytest-benchmark and asv, from the JSON they write.

A pattern names a benchmark, or is a glob for several, whose geometric mean is taken: a change of 10 % then
counts the same in each of them, however long it takes. No pattern stands for the only benchmark there is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from autoopt.meters.formats import NoNumberError
from autoopt.meters.formats.documents import at, documents, finite, follow, mean
from autoopt.meters.formats.limits import PARSE_S, limited

_SHOWN = 6
_ASV_KINDS = {"timeraw": "time"}


def hyperfine(text: str, pattern: str) -> float:
    """The mean of the times that `hyperfine --export-json` tells of; it has no names to choose from."""
    said = "hyperfine gave no times: export JSON with the times of each run"
    return at(text, "results[0].times", lambda times: mean(times, said))


def pyperf(text: str, pattern: str) -> float:
    """The mean of the values that pyperf's `-o FILE` (or `--stdout`) tells of."""
    return _chosen(text, pattern, "pyperf", _of_pyperf)


def pytest_benchmark(text: str, pattern: str) -> float:
    """The median that `pytest --benchmark-json=FILE` tells of, in seconds; outliers do not move it."""
    return _chosen(text, pattern, "pytest-benchmark", _of_pytest)


def asv(text: str, pattern: str) -> float:
    """The result in a file of `asv run`; every combination of parameters is a benchmark of its own."""
    return _chosen(text, pattern, "asv", _of_asv)


def _chosen(text: str, pattern: str, tool: str, read: Callable[[Any], Iterator[tuple[str, float]]]) -> float:
    """The number of the benchmarks that the pattern stands for."""
    with limited(PARSE_S):
        found = _unique(tool, (each for document in documents(text) for each in read(document)))
    if not found:
        raise NoNumberError(f"there are no results of {tool} in the output")
    if not pattern and len(found) > 1:
        raise NoNumberError(
            f"{tool} measured {len(found)} benchmarks ({_names(found)}); name one in metric.extract.pattern, "
            "or several by a glob such as '*' for their geometric mean"
        )
    chosen = _matching(found, pattern)
    if not chosen:
        raise NoNumberError(f"no benchmark of {tool} is called {pattern!r}; there are {_names(found)}")
    for name, value in chosen.items():
        if math.isnan(value):
            raise NoNumberError(f"{name} failed")
    if tool == "asv":
        _of_one_kind(chosen)
    return _geometric_mean(chosen)


def _unique(tool: str, results: Iterator[tuple[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in results:
        if not (found.setdefault(name, value) == value or math.isnan(value)):
            raise NoNumberError(f"{tool} has different results for {name}; it must give one")
    return found


def _names(found: Mapping[str, float]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(sorted(found)[:_SHOWN]) + more


def _matching(found: Mapping[str, float], pattern: str) -> dict[str, float]:
    """The benchmark of that very name, else those that fit the glob, or have that name before `(`."""
    if pattern in found:
        return {pattern: found[pattern]}
    return {
        name: value
        for name, value in found.items()
        if not pattern or fnmatchcase(name, pattern) or name.partition("(")[0] == pattern
    }


def _geometric_mean(chosen: Mapping[str, float]) -> float:
    if len(chosen) == 1:
        return next(iter(chosen.values()))
    for name, value in chosen.items():
        if value <= 0:
            raise NoNumberError(f"{name} has the value {value:g}, of which there is no geometric mean")
    return math.exp(math.fsum(map(math.log, chosen.values())) / len(chosen))


def _of_pyperf(document: Any) -> Iterator[tuple[str, float]]:
    """Name and mean of each benchmark; what all have in common is written once, at the top."""
    for benchmark in _list(document, "benchmarks"):
        runs = _list(benchmark, "runs")
        values = [value for run in runs for value in _list(run, "values")]
        names = [*follow(benchmark, "metadata.name"), *follow(document, "metadata.name")]
        if runs and values:
            name = str(names[0]) if names else ""
            yield name, mean(values, "")


def _of_pytest(document: Any) -> Iterator[tuple[str, float]]:
    """Name and median of each benchmark; those of one name in different files are told apart by file."""
    benchmarks = [each for each in _list(document, "benchmarks") if follow(each, "stats.median")]
    names = [str(each.get("name")) for each in benchmarks]
    for each, name in zip(benchmarks, names, strict=True):
        known = name if names.count(name) == 1 else str(each.get("fullname", name))
        yield known, finite(each["stats"]["median"])


def _of_asv(document: Any) -> Iterator[tuple[str, float]]:
    """Name with parameters, and result, of each benchmark that was not skipped; NaN where it failed."""
    columns = _list(document, "result_columns")
    results = document.get("results") if columns else None
    for name, row in (results if isinstance(results, dict) else {}).items():
        # A row without parameters may be the bare list of results, and columns at its end may be missing.
        fields = dict(zip(columns, row, strict=False)) if isinstance(row, list) else {"result": [row]}
        values, params = fields.get("result") or [], fields.get("params") or []
        labels = [f"({', '.join(map(str, each))})" for each in product(*params)] if params else [""]
        for label, value in zip(labels, values, strict=False):
            if not (isinstance(value, float) and math.isnan(value)):  # which says that it was skipped
                yield f"{name}{label}", math.nan if value is None else finite(value)


def _of_one_kind(chosen: Mapping[str, float]) -> None:
    """Seconds and bytes have no mean."""
    prefixes = {name.partition("(")[0].rpartition(".")[2].partition("_")[0] for name in chosen}
    kinds = {_ASV_KINDS.get(prefix, prefix) for prefix in prefixes}
    if len(kinds) > 1:
        raise NoNumberError(
            f"the pattern fits asv benchmarks of several kinds ({', '.join(sorted(kinds))}); name one "
            "kind, as in '*.time_*'"
        )


def _list(document: Any, key: str) -> list[Any]:
    """The list under a key of an object; an empty one when that is not what is there."""
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, list) else []
