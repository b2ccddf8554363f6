import os
import shutil
import subprocess
import sys

import pytest

SECONDS = {"mean_s", "median_s", "min_s", "max_s", "stddev_s", "user_s", "system_s", "runs"}
HAS_HYPERFINE = shutil.which("hyperfine") is not None
HAS_VALGRIND = shutil.which("valgrind") is not None


def timing(*words, **environ):
    return subprocess.run(
        [sys.executable, "-P", "-m", "autoopt.instruments.timing", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environ},
    )


def numbers(done):
    assert done.returncode == 0, done.stderr
    pairs = (line.removeprefix("METRIC ").split("=") for line in done.stdout.splitlines())
    return {name: float(value) for name, value in pairs}


def without(folder, *programs):
    """A PATH on which these programs are not."""
    for name in ("bash", "true", "sleep", "cat"):
        (folder / name).symlink_to(shutil.which(name))
    for name in {"hyperfine", "valgrind", "perf"} - set(programs):
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    return str(folder)


@pytest.mark.parametrize(
    "timer",
    [
        "own",
        pytest.param(
            "hyperfine", marks=pytest.mark.skipif(not HAS_HYPERFINE, reason="hyperfine is not installed")
        ),
    ],
)
def test_several_runs_are_summed_up_the_same_way_whoever_times_them(timer):
    found = numbers(timing("runs", "--timer", timer, "--runs", "3", "--command", "sleep 0.05 | cat"))

    assert set(found) == SECONDS
    assert found["runs"] == 3
    assert 0.04 < found["min_s"] <= found["median_s"] <= found["max_s"]
    assert found["user_s"] < 0.05


@pytest.mark.parametrize("timer", ["own", "auto"])
def test_a_run_that_fails_anywhere_in_a_pipe_is_no_quick_run(timer):
    done = timing("runs", "--timer", timer, "--command", "{ echo no such file >&2; exit 3; } | cat")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "autoopt: the command ended with exit code 3: no such file\n"


def test_without_hyperfine_it_times_the_runs_itself_unless_hyperfine_is_asked_for(tmp_path):
    path = without(tmp_path, "hyperfine")
    found = numbers(timing("runs", "--runs", "2", "--command", "true", PATH=path))
    asked = timing("runs", "--timer", "hyperfine", "--command", "true", PATH=path)

    assert set(found) == SECONDS
    assert asked.returncode == 4
    assert asked.stderr.startswith("autoopt: hyperfine is not installed (apt install hyperfine")


@pytest.mark.skipif(not HAS_VALGRIND, reason="valgrind is not installed")
def test_instructions_are_the_same_twice_and_more_for_more_work():
    def count(work):
        command = f"i=0; while (( i < {work} )); do (( ++i )); done"
        return numbers(timing("instructions", "--counter", "valgrind", "--command", command))["instructions"]

    first, more = count(1000), count(3000)

    assert abs(count(1000) - first) / first < 1e-3
    assert more > first * 1.05


def test_where_nothing_counts_both_programs_are_named(tmp_path):
    path = without(tmp_path, "valgrind", "perf")
    done = timing("instructions", "--command", "true", PATH=path)

    assert done.returncode == 4
    assert "perf has no counters" in done.stderr and "valgrind is not installed" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_single_run_has_no_spread_and_is_refused():
    done = timing("runs", "--runs", "1", "--command", "true")

    assert "is no whole number from 2 (options.runs)" in done.stderr
