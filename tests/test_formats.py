"""Readers of benchmark tools, on what the tools themselves have written."""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from autoopt.meters.formats import NoNumberError
from autoopt.meters.formats.benchmarks import asv, hyperfine, pyperf, pytest_benchmark

# Written by asv 0.6.6: parameters, one of which failed and one was skipped, and three kinds of benchmarks.
ASV = """{"commit_hash": "337f", "env_name": "existing", "result_columns": ["result", "params", "version",
"started_at", "duration", "stats_ci_99_a", "stats_ci_99_b", "stats_q_25", "stats_q_75", "stats_number",
"stats_repeat", "samples", "profile"], "results": {
"b.Sort.time_sort": [[3.0e-06, null, 12.0e-06, NaN], [["10", "100"], ["'a'", "'b'"]], "ed4a", 1795416433156,
 0.4, [-Infinity, null, -Infinity, -Infinity], [Infinity, null, Infinity, Infinity]],
"b.time_one": [[2.0e-06, 8.0e-06], [["1", "2"]], "75ac", 1795416433657, 0.09],
"b.peakmem_list": [[27308032], [], "6538", 1795416433560, 0.096185],
"b.time_sum": [[2.64e-06], [], "75ac", 1795416433657, 0.098225, [-Infinity], [Infinity]],
"b.track_size": [[42], [], "71b9", 1795416433755, 0.094289]},
"durations": {"<build>": 7.1e-05}, "version": 2}"""


def reason(read, text, pattern=""):
    with pytest.raises(NoNumberError) as caught:
        read(text, pattern)
    return str(caught.value)


@pytest.fixture(scope="module")
def pyperf_file(tmp_path_factory):
    pytest.importorskip("pyperf")
    folder = tmp_path_factory.mktemp("pyperf")
    (folder / "bench.py").write_text(
        "import pyperf\n"
        "runner = pyperf.Runner(processes=2, values=2, warmups=0, loops=50)\n"
        'runner.timeit("short", "sorted(range(10))")\n'
        'runner.timeit("long", "sorted(range(1000))")\n'
    )
    words = [sys.executable, "bench.py", "--quiet", "-o", "times.json"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return folder / "times.json"


def test_pyperf_gives_the_mean_that_pyperf_itself_computes(pyperf_file):
    import pyperf as tool

    suite = tool.BenchmarkSuite.load(str(pyperf_file))
    text = pyperf_file.read_text()
    means = {each.get_name(): each.mean() for each in suite.get_benchmarks()}

    assert pyperf(text, "short") == pytest.approx(means["short"])
    assert pyperf(text, "*") == pytest.approx(statistics.geometric_mean(means.values()))


def test_a_suite_without_a_pattern_is_refused_with_the_names(pyperf_file):
    text = pyperf_file.read_text()

    assert reason(pyperf, text) == (
        "pyperf measured 2 benchmarks (long, short); name one in metric.extract.pattern, or several by a "
        "glob such as '*' for their geometric mean"
    )
    assert reason(pyperf, text, "middle") == (
        "no benchmark of pyperf is called 'middle'; there are long, short"
    )
    assert reason(pyperf, "nothing") == "there are no results of pyperf in the output"


def test_a_single_pyperf_benchmark_needs_no_name(tmp_path):
    pytest.importorskip("pyperf")
    words = [sys.executable, "-m", "pyperf", "timeit", "--quiet", "-p1", "-n2", "-w0", "--loops=10", "pass"]
    subprocess.run([*words, "-o", "one.json"], cwd=tmp_path, check=True, capture_output=True)

    assert 0 < pyperf((tmp_path / "one.json").read_text(), "") < 1e-3


def test_pytest_benchmark_gives_medians_by_name_with_parameters(tmp_path):
    pytest.importorskip("pytest_benchmark")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        '@pytest.mark.parametrize("n", [10, 1000])\n'
        "def test_sort(benchmark, n):\n"
        "    benchmark.pedantic(sorted, args=(range(n),), rounds=5)\n"
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--benchmark-json=out.json"]
    # Under xdist, as this test may be, pytest-benchmark measures nothing.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    subprocess.run([*words, "test_it.py"], cwd=tmp_path, check=True, capture_output=True, env=env)
    text = (tmp_path / "out.json").read_text()
    medians = {each["name"]: each["stats"]["median"] for each in json.loads(text)["benchmarks"]}

    assert pytest_benchmark(text, "test_sort[10]") == medians["test_sort[10]"]
    assert pytest_benchmark(text, "test_*") == pytest.approx(statistics.geometric_mean(medians.values()))


def test_benchmarks_of_one_name_in_two_files_are_told_apart():
    each = [
        {"name": "test_a", "fullname": f"{file}::test_a", "stats": {"median": median}}
        for file, median in (("x.py", 1.0), ("y.py", 4.0))
    ]
    text = json.dumps({"benchmarks": each})

    assert pytest_benchmark(text, "y.py::test_a") == 4.0
    assert pytest_benchmark(text, "*") == pytest.approx(2.0)


def test_asv_results_are_read_by_name_by_parameters_and_by_glob():
    assert asv(ASV, "b.time_sum") == 2.64e-06
    assert asv(ASV, "b.Sort.time_sort(100, 'a')") == 12.0e-06
    assert asv(ASV, "b.time_one") == pytest.approx(4.0e-06)
    assert asv(ASV, "b.track_size") == 42.0
    assert math.isclose(asv(ASV, "b.time_*"), (2e-6 * 8e-6 * 2.64e-6) ** (1 / 3))


def test_asv_benchmarks_that_failed_or_cannot_be_averaged_give_no_number():
    assert reason(asv, ASV, "b.Sort.time_sort") == "b.Sort.time_sort(10, 'b') failed"
    assert "of several kinds (peakmem, time, track)" in reason(asv, ASV, "b.[!S]*")
    assert "no benchmark of asv is called 'b.Sort.time_sort(100, 'b')'" in reason(
        asv, ASV, "b.Sort.time_sort(100, 'b')"
    ).replace('"', "'")


@pytest.mark.skipif(shutil.which("hyperfine") is None, reason="hyperfine is not installed")
def test_hyperfines_own_export_is_read_from_its_file_and_from_among_its_output(tmp_path: Path):
    command = 'hyperfine --warmup 1 --runs 3 --export-json {} "true"'
    for target in ("out.json", "/dev/stdout"):
        done = subprocess.run(
            command.format(target), shell=True, cwd=tmp_path, check=True, capture_output=True, text=True
        )
    times = json.loads((tmp_path / "out.json").read_text())["results"][0]["times"]

    assert hyperfine((tmp_path / "out.json").read_text(), "") == pytest.approx(statistics.fmean(times))
    assert 0 <= hyperfine(done.stdout, "") < 1
