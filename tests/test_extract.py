from __future__ import annotations

import json
import math
import re
import signal
import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoopt.errors import UsageError
from autoopt.meters.extract import Output, check, details, extract
from autoopt.records import Failure
from autoopt.schema import ExtractConfig, Extraction, Stream

NAMED = ExtractConfig(kind=Extraction.named, pattern="ms")
LAST = ExtractConfig(kind=Extraction.line, pattern="-1")


def output(stdout: str = "", **changes: Any) -> Output:
    values: dict[str, Any] = {
        "stdout": stdout,
        "stderr": "",
        "file": None,
        "code": 0,
        "wall_s": 1.5,
        "cpu_s": 1.25,
        "peak_bytes": 4096,
    }
    return Output(**(values | changes))


def regex(pattern: str, **changes: Any) -> ExtractConfig:
    return ExtractConfig(kind=Extraction.regex, pattern=pattern, **changes)


def path(pattern: str) -> ExtractConfig:
    return ExtractConfig(kind=Extraction.json, pattern=pattern)


def reason(config: ExtractConfig, found: Output) -> str:
    failure = extract(config, found)
    assert isinstance(failure, Failure)
    return failure.reason


NUMBERS = {
    "0.53": 0.53, "-1": -1.0, "+2.50": 2.5, "1e3": 1000.0, "1.5E-3": 0.0015, ".5": 0.5, "5.": 5.0,
    "\x1b[32m0.53\x1b[0m": 0.53, "0.53\r": 0.53,
}  # fmt: skip


@pytest.mark.parametrize("text", NUMBERS)
def test_plain_numbers_are_read_by_every_kind(text: str) -> None:
    wanted = NUMBERS[text]

    assert extract(LAST, output(f"time\n{text}\n")) == wanted
    assert extract(NAMED, output(f"METRIC ms={text}\n")) == wanted
    assert extract(regex(r"^ms: (\S+)$"), output(f"ms: {text}\n".replace("\r", ""))) == wanted


NO_NUMBERS = {
    "": "not found|no plain number",
    "0,53": "comma",
    "1.234,5": "comma",
    "1_000": "no plain number",
    "１２": "no plain number",
    "٣": "no plain number",
    "0x10": "no plain number",
    "nan": "no finite number",
    "-inf": "no finite number",
    "1e400": "no finite number",
    "12 ms": "no plain number",
    "1 2": "no plain number",
    "--1": "no plain number",
    "x" * 500_000: "x...' is no plain number",
}


@pytest.mark.parametrize("text", NO_NUMBERS, ids=lambda text: text[:10])
def test_anything_else_is_no_number_and_the_reason_says_why(text: str) -> None:

    for config, printed in ((LAST, text), (NAMED, f"METRIC ms={text}"), (regex(r"ms=(.*)"), f"ms={text}")):
        said = reason(config, output(f"{printed}\n"))
        assert re.search(NO_NUMBERS[text], said), said
        assert len(said) < 120


@pytest.mark.parametrize("text", ["0,53", "1_000", "１2", "0x10", "1e5", "12.5", "-5", ".5", "1,234.5"])
def test_a_regex_that_takes_a_piece_of_a_number_gives_none(text: str) -> None:
    for pattern in (r"(\d+)", r"([0-9]+)"):
        assert isinstance(extract(regex(pattern), output(f"took {text} s\n")), Failure)


def test_a_regex_that_says_what_stands_beside_the_number_is_believed() -> None:
    assert extract(regex(r"^([\d.]+),"), output("0.53,0.01\n")) == 0.53
    assert extract(regex(r",([\d.]+)$"), output("1,0.53\n")) == 0.53
    assert extract(regex(r"v(\d+)\."), output("v3.11\n")) == 3.0
    assert extract(regex(r"(\d+) ms"), output("in 10-20 ms, good\n")) == 20.0


def test_one_distinct_number_is_wanted() -> None:
    assert extract(regex(r"t=(\S+)"), output("t=0.5 t=0.50")) == 0.5
    assert "different numbers (0.5 and 0.6)" in reason(regex(r"t=(\S+)"), output("t=0.5 t=0.6"))
    assert "different numbers" in reason(NAMED, output("METRIC ms=1\nMETRIC ms=2"))
    assert extract(NAMED, output("METRIC ms=1\nMETRIC s=2\nMETRIC ms = 1.0")) == 1.0
    assert "was not found" in reason(regex(r"t=(\S+)"), output("nothing"))
    assert "was not found" in reason(NAMED, output("  METRIC ms=1\nMETRICS ms=1\nMETRIC ms"))


def test_an_optional_group_that_is_absent_is_no_number() -> None:
    assert "was not found" in reason(regex(r"t=(\d+)?$"), output("t="))


@pytest.mark.parametrize(("line", "value"), [("1", 1.0), ("2", 2.0), ("-1", 3.0), ("-3", 1.0)])
def test_lines_count_from_either_end_and_blank_ends_do_not(line: str, value: float) -> None:
    config = ExtractConfig(kind=Extraction.line, pattern=line)

    assert extract(config, output("1\n 2 \n3\n\n")) == value


@pytest.mark.parametrize("line", ["4", "-4"])
def test_a_line_that_is_not_there_is_no_number(line: str) -> None:
    config = ExtractConfig(kind=Extraction.line, pattern=line)

    assert reason(config, output("1\n2\n3\n")) == f"there is no line {line}; the output has 3"


def test_only_the_named_stream_is_searched() -> None:
    found = output("1", stderr="2", file="3")

    assert extract(regex("(.+)"), found) == 1
    assert extract(regex("(.+)", stream=Stream.stderr), found) == 2
    assert "different" in reason(regex("(.+)", stream=Stream.both), found)
    assert extract(regex("(.+)", file="out.txt"), found) == 3
    assert "did not write out.txt" in reason(regex("(.+)", file="out.txt"), output("1"))


@pytest.mark.parametrize(
    ("document", "where", "value"),
    [
        ({"a": {"b": [{"c": 2}]}}, "a.b[0].c", 2.0),
        ([1, 2.5], "[-1]", 2.5),
        ({"a b": "0.5"}, "a b", 0.5),
        ({"a": [[1], [2]]}, "a[1][0]", 2.0),
    ],
)
def test_json_paths_lead_to_numbers(document: Any, where: str, value: float) -> None:
    check(path(where))

    for indent in (None, 2):
        assert extract(path(where), output(json.dumps(document, indent=indent))) == value


def test_json_is_found_among_other_output() -> None:
    text = '[INFO] starting {\n{broken\n{"t": 1}\ndone\n{"t":\n 1.0}\n{"other": 2}\n'

    assert extract(path("t"), output(text)) == 1.0
    assert "different numbers" in reason(path("t"), output(text + '{"t": 2}'))


@pytest.mark.parametrize(
    "text",
    ['{"t": NaN}', '{"t": 1e400}', '{"t": true}', '{"t": null}', '{"t": []}', '{"t": "1,5"}',
     '{"t": 1, "t": 2}', '{"u": 1}', "[1]", "", "{", "[" * 100_000, '{"t": %s}' % ("9" * 5000),
     '{"t": {"t": 1}}'],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_json_without_the_number_gives_none(text: str) -> None:
    assert isinstance(extract(path("t"), output(text)), Failure)


def test_hyperfine_gives_the_mean_of_the_first_commands_times() -> None:
    document = {"results": [{"mean": 9.0, "times": [0.1, 0.2, 0.6]}, {"times": [5.0]}]}
    config = ExtractConfig(kind=Extraction.hyperfine)

    assert extract(config, output("Benchmark 1: ls\n" + json.dumps(document, indent=2))) == pytest.approx(0.3)
    config.file = "out.json"
    assert extract(config, output(file=json.dumps(document))) == pytest.approx(0.3)


@pytest.mark.parametrize("times", [[], None, [0.1, None], ["x"], {"a": 1}])
def test_hyperfine_without_times_gives_no_number(times: Any) -> None:
    found = output(json.dumps({"results": [{"times": times}]}))

    assert isinstance(extract(ExtractConfig(kind=Extraction.hyperfine), found), Failure)


def test_clocks_memory_and_exit_code_are_numbers_too() -> None:
    values = [
        extract(ExtractConfig(kind=kind), output())
        for kind in (Extraction.wall, Extraction.cpu, Extraction.peak_memory, Extraction.exit_code)
    ]

    assert values == [1.5, 1.25, 4096.0, 0.0]


@pytest.mark.parametrize("kind", [kind for kind in Extraction if kind is not Extraction.exit_code])
def test_a_failed_command_gives_no_number_whatever_it_printed(kind: Extraction) -> None:
    config = ExtractConfig(kind=kind, pattern="1")

    assert reason(config, output("1", code=1)) == "exit code 1"


def test_an_exit_code_is_a_number_but_a_signal_is_none() -> None:
    config = ExtractConfig(kind=Extraction.exit_code)

    assert extract(config, output(code=17)) == 17.0
    assert "killed" in reason(config, output(code=-9))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (regex("t=1"), "pattern is 't=1', which has 0 groups"),
        (regex("(a)(b)"), "which has 2 groups"),
        (regex("(a"), "which is no regex"),
        (regex(""), "0 groups"),
        (ExtractConfig(kind=Extraction.line, pattern=""), "-1 the last"),
        (ExtractConfig(kind=Extraction.line, pattern="0"), "1 is the first"),
        (ExtractConfig(kind=Extraction.line, pattern="1.5"), "line number"),
        (path(""), "a.b[0].c"),
        (path("a..b"), "a.b[0].c"),
        (path("a[x]"), "a.b[0].c"),
        (ExtractConfig(kind=Extraction.named, pattern="a b"), "NAME"),
        (ExtractConfig(kind=Extraction.named), "NAME"),
        (ExtractConfig(pattern=r"t=(\d+)"), "kind=wall looks for nothing"),
        (ExtractConfig(kind=Extraction.cpu, file="x"), "metric.extract.file has no effect"),
        (regex("(a)", file="/tmp/x"), "metric.extract.file is '/tmp/x'"),
        (regex("(a)", file="a/../../x"), "without `..`"),
    ],
)
def test_a_configuration_that_cannot_give_a_number_is_refused(config: ExtractConfig, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(config)

    assert said in str(caught.value)
    assert "metric.extract." in str(caught.value)


def test_a_catastrophic_regex_ends_after_a_second() -> None:
    started = time.process_time()
    said = reason(regex(r"^(a+)+$"), output("a" * 40 + "b"))

    assert said == "finding the number took more than 1 s; make metric.extract simpler"
    assert time.process_time() - started < 3
    assert signal.getsignal(signal.SIGVTALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_other_threads_can_extract_too() -> None:
    found: list[float | Failure] = []
    thread = threading.Thread(target=lambda: found.append(extract(regex(r"t=(\S+)"), output("t=1"))))
    thread.start()
    thread.join()

    assert found == [1.0]


def test_long_lines_take_no_long_time() -> None:
    started = time.process_time()
    for text in (
        "METRIC ms=" + " " * 1_000_000 + "x",
        " " * 1_000_000 + "{",
        "\x1b]" * 500_000,
        "METRIC " * 150_000,
    ):
        extract(NAMED, output(text))
        extract(path("t"), output(text))
        details(output(text))

    assert time.process_time() - started < 5


def test_details_are_all_metric_lines_that_do_not_contradict_each_other() -> None:
    lines = ("q1=1", "q2=2e1", "q2=20", "bad=nan", "two=1", "two=2")
    text = "".join(f"METRIC {line}\n" for line in lines)
    found = details(output(f"{text}not METRIC x=1\n", stderr="METRIC err=3\n"))

    assert found == {"q1": 1.0, "q2": 20.0, "err": 3.0}


CONFIGS = [
    regex(r"(.*)"), regex(r"t=(\d+)?"), regex(r"([-+\d.eE,_]+)"), NAMED, LAST, path("a[0]"), path("results"),
    ExtractConfig(kind=Extraction.hyperfine),
]  # fmt: skip
PIECES = st.sampled_from(
    ["METRIC ms=", "\n", "{", "[", "]", "}", '"a":', '{"results": [{"times": [', "1", "e", ".", ",", "-",
     "\x1b[", "\r", "t=", "nan", "9" * 400, "\x00", "\ud7ff", " "]
)  # fmt: skip


@settings(max_examples=300)
@given(st.sampled_from(CONFIGS), st.one_of(st.text(), st.lists(PIECES).map("".join)), st.integers(-64, 255))
def test_no_output_whatever_makes_it_raise_or_give_something_infinite(
    config: ExtractConfig, text: str, code: int
) -> None:
    check(config)
    value = extract(config, output(text, code=code))

    assert isinstance(value, Failure) or math.isfinite(value)
    assert all(map(math.isfinite, details(output(text)).values()))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_that_python_prints_is_read_back(number: float) -> None:
    assert extract(LAST, output(f"{number!r}\n")) == number
    assert extract(path("t"), output(json.dumps({"t": number}))) == number
