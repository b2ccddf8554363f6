import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autoopt.think import hottest_first

HOT = """
import sys
sys.path.insert(0, "src")

def hot(n):
    total = 0
    for i in range(n):
        total += i * i
    return total

def cold():
    return sorted([3, 1, 2])

if __name__ == "__main__":
    assert __file__.endswith("hot.py") or True
    hot(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
    cold()
    print("done")
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "hot.py").write_text(HOT)
    (tmp_path / "src" / "other.py").write_text("def idle():\n    return 1\nidle()\n")
    (tmp_path / "run.py").write_text(
        "import runpy, subprocess, sys\n"
        "subprocess.run([sys.executable, 'src/hot.py', '400000'], check=True)\n"
        "runpy.run_path('src/other.py')\n"
    )
    (tmp_path / "test_it.py").write_text(
        "import sys\nsys.path.insert(0, 'src')\nimport hot\ndef test_it():\n    assert hot.hot(300_000)\n"
    )
    return tmp_path


def profile(command, *paths, env=None):
    words = [sys.executable, "-P", "-m", "autoopt.instruments.profile", "--command", command, *paths]
    return subprocess.run(words, capture_output=True, text=True, check=False, env=env)


@pytest.mark.parametrize(
    "command",
    [
        "{python} src/hot.py 500000",
        "{python} -m hot",
        "{python} -m pytest -q test_it.py",
        "{python} run.py",
        "true && {python} src/hot.py | cat > /dev/null",
        '{python} -c \'import runpy; runpy.run_path("src/hot.py", run_name="__main__")\'',
    ],
)
def test_the_hottest_function_comes_first_however_the_program_is_started(project, command):
    env = {**os.environ, "PYTHONPATH": "src"} if "-m hot" in command else None
    done = profile(command.format(python=sys.executable), "src", env=env)
    assert done.returncode == 0, done.stderr

    first = done.stdout.splitlines()[2]
    assert re.fullmatch(r" *[\d.]+% +[\d.]+% +1  src/hot\.py:5 hot", first)
    assert "done" not in done.stdout


def test_what_a_benchmark_of_pytest_benchmark_calls_is_seen(project, monkeypatch):
    pytest.importorskip("pytest_benchmark")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p pytest_benchmark.plugin")
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)  # benchmarks would be off in a worker of a suite
    (project / "test_speed.py").write_text(
        "import sys\nsys.path.insert(0, 'src')\nimport hot\n"
        "def test_speed(benchmark):\n    assert benchmark.pedantic(hot.hot, (1000,), rounds=30)\n"
    )

    done = profile(f"{sys.executable} -m pytest -q --benchmark-only test_speed.py", "src")

    assert done.returncode == 0, done.stderr
    assert re.search(r"\b30 .*hot\b", done.stdout), done.stdout


def test_a_program_that_watches_itself_still_can(project):
    (project / "src" / "hot.py").write_text(
        "import sys\nseen = []\ndef called(): pass\n"
        "sys.setprofile(lambda *event: seen.append(event))\ncalled()\nsys.setprofile(None)\n"
        "count = len(seen)\ncalled()\nassert 0 < count == len(seen), seen\n"
    )

    assert profile(f"{sys.executable} src/hot.py", "src").returncode == 0


def test_paths_are_those_of_the_repository_so_that_the_hottest_file_is_found(project):
    text = profile(f"{sys.executable} run.py", "src").stdout

    assert hottest_first(("src/other.py", "src/hot.py"), text) == ("src/hot.py", "src/other.py")


def test_only_the_scope_is_in_the_first_part(project):
    text = profile(f"{sys.executable} run.py", "src/*.py").stdout
    mine, rest = text.split("Most of the rest:")

    assert "src/hot.py" in mine and "src/other.py" in mine
    assert "run.py:" not in mine.replace("src/", "")
    assert str(project) not in text
    assert "mostly from" in rest


def test_the_checkout_stays_as_it_was(project):
    before = sorted(project.rglob("*"))
    profile(f"{sys.executable} -m pytest -q test_it.py", "src")

    assert sorted(project.rglob("*")) == before


def test_a_sitecustomize_of_the_project_is_still_loaded(project):
    (project / "site").mkdir()
    (project / "site" / "sitecustomize.py").write_text("import builtins\nbuiltins.MARK = 5\n")
    env = {**os.environ, "PYTHONPATH": str(project / "site")}
    done = profile(f"{sys.executable} -c 'assert MARK == 5'", env=env)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            "echo hi",
            "autoopt: the command ran no Python program that could be watched (one that sets PYTHONPATH "
            "itself must keep what is in it, as in PYTHONPATH=src:$PYTHONPATH).",
        ),
        ("echo broken >&2; exit 3", "autoopt: the command ended with exit code 3: broken"),
        ("false | cat", "autoopt: the command ended with exit code 1: "),
    ],
)
def test_what_cannot_be_profiled_is_said_in_one_line(project, command, said):
    done = profile(command, "src")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == said + "\n"


def test_the_recorder_needs_nothing_but_the_standard_library():
    from autoopt.instruments.profile import recorder

    text = Path(recorder.__file__).read_text()
    assert "autoopt" not in text.partition('"""')[2].partition('"""')[2]


def test_pyinstrument_finds_the_same_hot_function_and_says_so_where_it_is_missing(project):
    pytest.importorskip("pyinstrument")
    words = ["--profiler", "pyinstrument", "src"]
    done = profile(f"{sys.executable} src/hot.py 3000000", *words)
    elsewhere = profile(f"{sys.executable} -S -c 'import site' && {sys.executable} src/hot.py", *words)
    (project / "pyinstrument.py").write_text("raise ImportError\n")
    missing = profile(f"PYTHONPATH=$PYTHONPATH:. {sys.executable} src/hot.py", *words)

    assert "seen by pyinstrument once a millisecond" in done.stdout.splitlines()[0]
    assert re.fullmatch(r" *[\d.]+% +[\d.]+% +src/hot\.py:5 hot", done.stdout.splitlines()[2])
    assert elsewhere.returncode == 0
    assert missing.stderr.startswith("autoopt: the command's Python has no pyinstrument: pip install")
