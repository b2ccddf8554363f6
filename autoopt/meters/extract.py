"""Reads the metric from what a command left behind: exactly one plain, finite number, or a reason why not."""

from __future__ import annotations

import json
import math
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from autoopt.errors import UsageError
from autoopt.processes import plain
from autoopt.records import Failure
from autoopt.schema import ExtractConfig, Extraction, Stream

SEARCH_S = 1.0
"""CPU seconds a regex may search."""
PARSE_S = 20.0
"""CPU seconds that reading JSON may take; 64 MB of it take two."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_METRIC_LINE = re.compile(r"^METRIC[ \t]([^\n]*)", re.MULTILINE)
_NUMBER_GOES_ON = re.compile(r"[.,_]?\d[\d.,_]*|[eE][+-]?\d+|[xX][\dA-Fa-f]+")
_NUMBER_BEFORE = re.compile(r"(?:\d[.,_]?|(?<![\w.])-?\.|(?<![\w)\]])-)\Z")
_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[(-?[0-9]+)\]")
_DOCUMENT = re.compile(r"^[ \t]*[\[{]", re.MULTILINE)
_WITHOUT_PATTERN = {
    Extraction.hyperfine,
    Extraction.exit_code,
    Extraction.wall,
    Extraction.cpu,
    Extraction.peak_memory,
}
_WITHOUT_TEXT = _WITHOUT_PATTERN - {Extraction.hyperfine}


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What one execution left behind.

    Attributes:
        stdout, stderr: Its output; long ones may lack their middle.
        file: Content of `metric.extract.file`, None when it was not written.
        code: Exit code.
        wall_s, cpu_s, peak_bytes: As measured from outside.
    """

    stdout: str
    stderr: str
    file: str | None
    code: int
    wall_s: float
    cpu_s: float
    peak_bytes: int


class _NoNumberError(Exception):
    """Why there is no number; does not leave this module."""


def check(config: ExtractConfig) -> None:
    """See that the configuration can give a number at all.

    Raises:
        UsageError: it cannot.
    """
    option, kind, pattern = "metric.extract.pattern", config.kind, config.pattern
    if kind in _WITHOUT_PATTERN and pattern:
        raise UsageError(
            f"{option} is {pattern!r}, but kind={kind.name} looks for nothing; remove it or set "
            "metric.extract.kind to regex, line, json or named."
        )
    if kind in _WITHOUT_TEXT and config.file is not None:
        raise UsageError(
            f"metric.extract.file has no effect with metric.extract.kind={kind.name}; remove it."
        )
    if config.file is not None and not _inside(config.file):
        raise UsageError(
            f"metric.extract.file is {config.file!r}; it must be relative to the checkout, without `..`."
        )
    if kind is Extraction.regex:
        _check_regex(option, pattern)
    elif kind is Extraction.line and (not _integer(pattern) or int(pattern) == 0):
        raise UsageError(
            f"{option} is {pattern!r}; kind=line wants a line number: 1 is the first, -1 the last."
        )
    elif kind is Extraction.json and not _steps(pattern):
        raise UsageError(f"{option} is {pattern!r}; kind=json wants a path such as `a.b[0].c`.")
    elif kind is Extraction.named and not re.fullmatch(r"[^\s=]+", pattern):
        raise UsageError(f"{option} is {pattern!r}; kind=named wants the NAME of a `METRIC NAME=value` line.")


def extract(config: ExtractConfig, output: Output) -> float | Failure:
    """The number, read as the checked configuration says, or why there is none.

    Any exit code but 0 is a failure, except where the exit code is the number.
    """
    try:
        if output.code != 0 and config.kind is not Extraction.exit_code:
            raise _NoNumberError(f"exit code {output.code}")
        return _READERS[config.kind](config, output)
    except _NoNumberError as reason:
        return Failure(reason=str(reason))


def details(output: Output) -> dict[str, float]:
    """Every `METRIC name=value` line, on either stream, whose value is a number and not contradicted."""
    found: dict[str, set[float]] = {}
    for text in (output.stdout, output.stderr, output.file or ""):
        for name, value in _metric_lines(plain(text)):
            if (number := _parse(value)) is not None:
                found.setdefault(name, set()).add(number)
    return {name: numbers.pop() for name, numbers in found.items() if len(numbers) == 1}


def _metric_lines(text: str) -> Iterator[tuple[str, str]]:
    for line in _METRIC_LINE.findall(text):
        name, equals, value = line.partition("=")
        if equals:
            yield name.strip(), value.strip()


def _inside(path: str) -> bool:
    return bool(path) and not path.startswith(("/", "~")) and ".." not in PurePosixPath(path).parts


def _integer(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]{1,9}", text) is not None


def _check_regex(option: str, pattern: str) -> None:
    try:
        groups = re.compile(pattern, re.MULTILINE).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"{option} is {pattern!r}, which is no regex: {error}.") from error
    if groups != 1:
        raise UsageError(
            f"{option} is {pattern!r}, which has {groups} groups; it must have exactly one, around the "
            "number (write `(?:...)` for the others)."
        )


def _parse(text: str) -> float | None:
    """The number, if the text is one: ASCII digits, decimal point, finite."""
    if _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def _number(text: str) -> float:
    """The number; raises with a reason that says what is wrong with it."""
    number = _parse(text)
    if number is not None:
        return number
    shown = repr(text if len(text) <= 40 else f"{text[:37]}...")
    if re.fullmatch(r"[+-]?[\d.]*,\d[\d.,]*", text):
        raise _NoNumberError(f"{shown} has a comma; print numbers with a decimal point only")
    if text.strip().lower().lstrip("+-") in {"nan", "inf", "infinity"} or _NUMBER.fullmatch(text):
        raise _NoNumberError(f"{shown} is no finite number")
    raise _NoNumberError(f"{shown} is no plain number (digits, decimal point, exponent)")


def _one(numbers: Iterable[float], what: str) -> float:
    """The only distinct one of the numbers."""
    distinct: set[float] = set()
    for number in numbers:
        distinct.add(number)
        if len(distinct) > 1:
            shown = " and ".join(f"{each:g}" for each in sorted(distinct))
            raise _NoNumberError(f"{what} gives different numbers ({shown}); it must give one")
    if not distinct:
        raise _NoNumberError(f"{what} was not found in the output")
    return distinct.pop()


def _text(config: ExtractConfig, output: Output) -> str:
    if config.file is not None:
        if output.file is None:
            raise _NoNumberError(f"the command did not write {config.file} (metric.extract.file)")
        return plain(output.file)
    streams = {
        Stream.stdout: output.stdout,
        Stream.stderr: output.stderr,
        Stream.both: f"{output.stdout}\n{output.stderr}",
    }
    return plain(streams[config.stream])


def _by_regex(config: ExtractConfig, output: Output) -> float:
    text = _text(config, output)
    with _limited(SEARCH_S):
        matches = re.compile(config.pattern, re.MULTILINE).finditer(text)
        numbers = (_captured(match) for match in matches if match[1] is not None)
        return _one(numbers, f"the regex `{config.pattern}`")


def _captured(match: re.Match[str]) -> float:
    r"""The number in the group, unless the regex begins or ends in the middle of one.

    `(\d+)` on `0,53`, `1_000` or `-5` finds 0, 1 and 5: numbers, but not the ones that were printed. Where
    the regex itself says what stands beside the group, it is taken to know.
    """
    start, end = match.span(1)
    text = match.string
    before = _NUMBER_BEFORE.search(text[max(0, start - 3) : start]) if start == match.start() else None
    after = _NUMBER_GOES_ON.match(text, end) if end == match.end() and match[1].strip() else None
    whole = f"{before[0] if before else ''}{match[1]}{after[0] if after else ''}".strip()
    number = _number(whole)
    if before or after:
        raise _NoNumberError(f"the regex takes only {match[1]!r} of {whole!r}")
    return number


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise after this much CPU time, which a catastrophic regex would exceed by ages.

    The regex engine asks for signals now and then, so a timer interrupts it. It counts CPU time, because a
    busy machine is no fault of the regex. Signals reach only the main thread; other threads are not limited.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(*_: object) -> None:
        raise _NoNumberError(f"finding the number took more than {seconds:g} s; make metric.extract simpler")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _by_line(config: ExtractConfig, output: Output) -> float:
    lines = _text(config, output).rstrip().split("\n")
    position = int(config.pattern)
    if not -len(lines) <= position <= len(lines):
        raise _NoNumberError(f"there is no line {position}; the output has {len(lines)}")
    return _number(lines[position - 1 if position > 0 else position].strip())


def _by_name(config: ExtractConfig, output: Output) -> float:
    lines = _metric_lines(_text(config, output))
    numbers = (_number(value) for name, value in lines if name == config.pattern)
    return _one(numbers, f"the line `METRIC {config.pattern}=`")


def _steps(path: str) -> list[str | int]:
    """The keys and indexes of a JSON path; none when it is not one."""
    steps: list[str | int] = []
    position = 0
    while match := _STEP.match(path, position):
        steps.append(match[1] if match[1] is not None else int(match[2]))
        position = match.end()
    return steps if position == len(path) else []


def _documents(text: str) -> Iterator[Any]:
    """The JSON values in the text: all of it, or what starts on lines of its own among other output."""
    decoder = json.JSONDecoder(parse_int=float, object_pairs_hook=_object)
    position = 0
    while match := _DOCUMENT.search(text, position):
        try:
            document, position = decoder.raw_decode(text, match.end() - 1)
        except (ValueError, RecursionError):
            position = match.end()
        else:
            yield document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NoNumberError("the JSON has an object with the same key twice")
    return found


def _follow(document: Any, path: str) -> list[Any]:
    """The value at the path, in a list; an empty list when there is none."""
    for step in _steps(path):
        match document, step:
            case dict(), str() if step in document:
                document = document[step]
            case list(), int() if -len(document) <= step < len(document):
                document = document[step]
            case _:
                return []
    return [document]


def _json_number(value: Any) -> float:
    if isinstance(value, str):
        return _number(value)
    if isinstance(value, bool) or not isinstance(value, float) or not math.isfinite(value):
        raise _NoNumberError(f"the JSON has {str(value)[:40]} where a finite number is wanted")
    return value


def _by_path(config: ExtractConfig, output: Output) -> float:
    return _one_in_json(config, output, config.pattern, _json_number)


def _by_hyperfine(config: ExtractConfig, output: Output) -> float:
    return _one_in_json(config, output, "results[0].times", _mean)


def _one_in_json(config: ExtractConfig, output: Output, path: str, read: Callable[[Any], float]) -> float:
    text = _text(config, output)
    with _limited(PARSE_S):
        values = (value for document in _documents(text) for value in _follow(document, path))
        return _one((read(value) for value in values), f"the JSON path `{path}`")


def _mean(times: Any) -> float:
    if not isinstance(times, list) or not times:
        raise _NoNumberError("hyperfine gave no times: export JSON with the times of each run")
    mean = math.fsum(_json_number(each) / len(times) for each in times)
    return _json_number(mean)


def _exit_code(output: Output) -> float:
    if output.code < 0:
        raise _NoNumberError(f"killed by signal {-output.code}")
    return float(output.code)


_READERS: dict[Extraction, Callable[[ExtractConfig, Output], float]] = {
    Extraction.regex: _by_regex,
    Extraction.line: _by_line,
    Extraction.json: _by_path,
    Extraction.named: _by_name,
    Extraction.hyperfine: _by_hyperfine,
    Extraction.exit_code: lambda _, output: _exit_code(output),
    Extraction.wall: lambda _, output: output.wall_s,
    Extraction.cpu: lambda _, output: output.cpu_s,
    Extraction.peak_memory: lambda _, output: float(output.peak_bytes),
}
