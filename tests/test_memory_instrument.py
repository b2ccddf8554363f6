import subprocess
import sys

import pytest

HOLDS = """\
import sys

def rows(n):
    return [str(i) * 10 for i in range(n)]

def main():
    kept = rows(int(sys.argv[1]))
    del kept
    print("done")

main()
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hold.py").write_text(HOLDS)
    return tmp_path


def memory(*words):
    words = [sys.executable, "-P", "-m", "autoopt.instruments.memory", *words]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def peak(command):
    done = memory("peak", "--command", command)
    assert done.returncode == 0, done.stderr
    return {
        name: float(value)
        for name, value in (line.removeprefix("METRIC ").split("=") for line in done.stdout.splitlines())
    }


def test_the_peak_is_what_was_held_at_one_time_and_the_same_twice(project):
    small, large = (peak(f"{sys.executable} hold.py {n}")["peak_bytes"] for n in (10_000, 50_000))

    assert large > 4 * small
    assert abs(peak(f"{sys.executable} hold.py 10000")["peak_bytes"] - small) < 0.001 * small


def test_of_several_processes_the_largest_counts(project):
    alone = peak(f"{sys.executable} hold.py 30000")
    both = peak(f"{sys.executable} hold.py 30000 && {sys.executable} hold.py 100 | cat")

    assert both["processes"] == 2
    assert both["peak_bytes"] == pytest.approx(alone["peak_bytes"], rel=0.01)


@pytest.mark.parametrize("profiler", ["memray", "tracemalloc"])
def test_the_profile_names_the_line_that_holds_the_most(project, profiler):
    if profiler == "memray":
        pytest.importorskip("memray")
    done = memory(
        "profile", "--profiler", profiler, "--command", f"{sys.executable} hold.py 60000", "hold.py"
    )
    lines = done.stdout.splitlines()

    assert done.returncode == 0, done.stderr
    assert f"as {profiler} saw it" in lines[0]
    assert "hold.py:4 return [str(i) * 10 for i in range(n)]" in lines[2]
    assert float(lines[2].split("%")[0]) > 50
    assert sorted(path.name for path in project.iterdir()) == ["hold.py"]


def test_a_program_without_memray_is_told_what_to_install(project):
    (project / "memray.py").write_text("raise ImportError\n")
    command = f"PYTHONPATH=$PYTHONPATH:. {sys.executable} hold.py 100"
    asked = memory("profile", "--profiler", "memray", "--command", command)
    found = memory("profile", "--command", command, "hold.py")

    assert (asked.returncode, asked.stdout) == (2, "")
    assert asked.stderr.startswith("autoopt: the command's Python has no memray: pip install memray there")
    assert "as tracemalloc saw it" in found.stdout
