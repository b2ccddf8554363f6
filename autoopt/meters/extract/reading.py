"""The number itself, by the kind of extraction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autoopt.meters.extract.output import Output
from autoopt.meters.formats import NoNumberError, benchmarks, documents, numbers, tests, text
from autoopt.processes import plain
from autoopt.records import Failure
from autoopt.schema import ExtractConfig, Extraction, Stream

TEXT_READERS: Mapping[Extraction, Callable[[str, str], float]] = {
    Extraction.regex: text.regex,
    Extraction.line: text.line,
    Extraction.json: documents.path,
    Extraction.named: text.named,
    Extraction.hyperfine: benchmarks.hyperfine,
    Extraction.pyperf: benchmarks.pyperf,
    Extraction.pytest_benchmark: benchmarks.pytest_benchmark,
    Extraction.asv: benchmarks.asv,
    Extraction.junit: tests.junit,
    Extraction.coverage: tests.coverage,
}
"""What reads the number from the output or from `metric.extract.file`: text and pattern in, number out."""

_MEASURED: Mapping[Extraction, Callable[[Output], float]] = {
    Extraction.exit_code: lambda output: _exit_code(output),
    Extraction.wall: lambda output: output.wall_s,
    Extraction.cpu: lambda output: output.cpu_s,
    Extraction.peak_memory: lambda output: float(output.peak_bytes),
}


def extract(config: ExtractConfig, output: Output) -> float | Failure:
    """The number, read as the checked configuration says, or why there is none.

    Any exit code but 0 is a failure, except where the exit code is the number.
    """
    try:
        if output.code != 0 and config.kind is not Extraction.exit_code:
            raise NoNumberError(f"exit code {output.code}")
        if config.kind in TEXT_READERS:
            return TEXT_READERS[config.kind](_text(config, output), config.pattern)
        return _MEASURED[config.kind](output)
    except NoNumberError as reason:
        return Failure(reason=str(reason))


def details(output: Output) -> dict[str, float]:
    """Every `METRIC name=value` line, on either stream, whose value is a number and not contradicted."""
    found: dict[str, set[float]] = {}
    for said in (output.stdout, output.stderr, output.file or ""):
        for name, value in text.metric_lines(plain(said)):
            if (number := numbers.parse(value)) is not None:
                found.setdefault(name, set()).add(number)
    return {name: values.pop() for name, values in found.items() if len(values) == 1}


def _text(config: ExtractConfig, output: Output) -> str:
    if config.file is not None:
        if output.file is None:
            raise NoNumberError(f"the command did not write {config.file} (metric.extract.file)")
        return plain(output.file)
    streams = {
        Stream.stdout: output.stdout,
        Stream.stderr: output.stderr,
        Stream.both: f"{output.stdout}\n{output.stderr}",
    }
    return plain(streams[config.stream])


def _exit_code(output: Output) -> float:
    if output.code < 0:
        raise NoNumberError(f"killed by signal {-output.code}")
    return float(output.code)
