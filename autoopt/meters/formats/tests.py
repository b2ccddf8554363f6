"""Numbers of test suites: JUnit XML as every runner writes it, and coverage.py's JSON or Cobertura's XML.

XML that declares entities is refused before any is expanded, and nothing outside the text is ever read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from autoopt.meters.formats import NoNumberError
from autoopt.meters.formats.documents import documents, finite
from autoopt.meters.formats.limits import PARSE_S, limited
from autoopt.meters.formats.numbers import number

_OUTCOMES = {"failure": "failures", "error": "errors", "skipped": "skipped"}
_JUNIT = ("pass_rate", "passed", "tests", "failures", "errors", "skipped", "time")


def junit(text: str, pattern: str) -> float:
    """The number of a JUnit report, over all of its suites.

    Args:
        text: The report; other output may stand before and after it.
        pattern: `pass_rate` (of the tests that were not skipped, in percent; the default), `passed`,
            `failures`, `errors`, `tests`, `skipped`, or `time` (s).
    """
    name = pattern or "pass_rate"
    if name not in _JUNIT:
        raise NoNumberError(f"JUnit reports have no {name!r}; choose {', '.join(_JUNIT)}")
    report = _Report()
    _parse(text, ("testsuites", "testsuite"), report, "JUnit XML")
    if name == "time":
        return report.seconds()
    found = report.outcomes
    if name in found or name != "pass_rate":
        return float(found[name])
    if not (ran := found["tests"] - found["skipped"]):
        raise NoNumberError("the JUnit report has no test that was not skipped")
    return 100.0 * found["passed"] / ran


@dataclass
class _Report:
    """Counts the cases, because the suites' own totals count nested ones twice or not at all."""

    outcomes: Counter[str] = field(default_factory=Counter)
    _depth: int = 0
    _times: dict[str, list[float]] = field(default_factory=lambda: {"suites": [], "suite": [], "case": []})
    _case: str | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if tag == "testcase":
            self._case = "passed"
        elif self._case == "passed" and tag in _OUTCOMES:
            self._case = _OUTCOMES[tag]
        level = tag.removeprefix("test")
        if (level == "case" or (level in self._times and self._depth <= 2)) and "time" in attributes:
            self._times[level].append(number(attributes["time"]))

    def end(self, tag: str) -> None:
        self._depth -= 1
        if tag == "testcase" and self._case is not None:
            self.outcomes.update((self._case, "tests"))
            self._case = None

    def seconds(self) -> float:
        """As the outermost element that knows it says."""
        found = next((times for times in self._times.values() if times), None)
        if found is None:
            raise NoNumberError("the JUnit report has no time")
        return sum(found)


def coverage(text: str, pattern: str) -> float:
    """The number of a coverage report: coverage.py's `coverage json`, or XML as Cobertura has it.

    Args:
        text: The report; other output may stand before and after it.
        pattern: Nothing for the percentage of all, a file's path for its percentage, or the name of a number
            (`covered_lines`, `missing_branches` ...), alone for all files or behind `PATH:` for one.
    """
    if "<coverage" in text:
        return _cobertura(text, pattern)
    with limited(PARSE_S):
        reports = [one for one in documents(text) if isinstance(one, dict) and "totals" in one]
    if len(reports) != 1:
        raise NoNumberError(
            f"there are {len(reports)} coverage reports in JSON (`coverage json -o -`), not one"
        )
    return finite(_of_json(reports[0], pattern))


def _of_json(report: Mapping[str, Any], pattern: str) -> Any:
    files = report.get("files")
    files = files if isinstance(files, dict) else {}
    path, colon, name = pattern.rpartition(":")
    if pattern in files:
        path, name = pattern, ""
    summary = files[path].get("summary", {}) if path in files else None if colon else report["totals"]
    if not isinstance(summary, dict):
        raise NoNumberError(f"the coverage report has no file {path!r}")
    return _chosen(summary, name or "percent_covered")


def _chosen(summary: Mapping[str, Any], name: str) -> Any:
    if name in summary:
        return summary[name]
    numbers = ", ".join(key for key, value in summary.items() if isinstance(value, int | float))
    raise NoNumberError(f"the coverage report has no file and no number {name!r}; it has {numbers}")


def _cobertura(text: str, pattern: str) -> float:
    report = _Cobertura(pattern)
    _parse(text, ("coverage",), report, "Cobertura XML")
    if not report.rates:
        raise NoNumberError(f"the coverage report has no file {pattern!r}")
    if len(set(report.rates)) > 1:
        raise NoNumberError(f"the coverage report has {pattern!r} several times, with different rates")
    return report.rates[0]


class _Cobertura:
    """Finds the rate of everything, or of one file."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.rates: list[float] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        wanted = ("class", self._pattern) if self._pattern else ("coverage", None)
        if (tag, attributes.get("filename")) == wanted:
            self.rates.append(_percent(attributes))

    def end(self, tag: str) -> None:
        pass  # what is wanted stands in attributes


def _percent(attributes: Mapping[str, str]) -> float:
    """Of lines and branches together where they are counted, as coverage.py's own total is; else of lines."""
    counts = [
        (number(attributes[f"{kind}-covered"]), number(attributes[f"{kind}-valid"]))
        for kind in ("lines", "branches")
        if f"{kind}-covered" in attributes and f"{kind}-valid" in attributes
    ]
    if valid := sum(of for _, of in counts):
        return 100.0 * sum(covered for covered, _ in counts) / valid
    return 100.0 * number(attributes.get("line-rate", ""))


def _parse(text: str, roots: tuple[str, ...], into: _Report | _Cobertura, what: str) -> None:
    """Read the one document whose root is among `roots`."""
    begins = sorted((at, root) for root in roots if (at := _opening(text, root)) >= 0)
    if not begins:
        raise NoNumberError(f"the output has no {what}")
    begin, root = begins[0]
    closing = text.rfind(f"</{root}>")
    end = text.index(">", closing if closing > begin else begin) + 1 if ">" in text[begin:] else len(text)
    parser = expat.ParserCreate()
    parser.StartElementHandler = into.start
    parser.EndElementHandler = into.end
    parser.EntityDeclHandler = _refuse_entities
    head = text[:begin]
    declared = head[head.rfind("<!DOCTYPE") :] if "<!DOCTYPE" in head else ""
    try:
        with limited(PARSE_S):
            parser.Parse(declared + text[begin:end], True)
    except expat.ExpatError as error:
        raise NoNumberError(f"the {what} cannot be read: {error}") from error


def _opening(text: str, tag: str) -> int:
    """Where the first element of that name begins; -1 when there is none."""
    found = [at for after in (" ", ">", "\n", "\t", "/") if (at := text.find(f"<{tag}{after}")) >= 0]
    return min(found, default=-1)


def _refuse_entities(*_: object) -> None:
    raise NoNumberError("the XML declares entities, which no report needs; it was not read")
