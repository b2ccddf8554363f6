# ruff: noqa: E501 - a line for each case
import pytest

from autoopt.detect import benchmarks
from autoopt.detect.place import Place
from autoopt.errors import UsageError

MAIN = 'def main(): ...\nif __name__ == "__main__":\n    main()\n'
SUITE = "def test_speed(benchmark):\n    benchmark(sorted, [3, 1])\n"


def place(root, files, scope=("src",), **options):
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return Place(root=root, scope=scope, options=options, python="py")


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"bench.py": "import shop\nshop.work()\n", "src/shop/__init__.py": ""}, "PYTHONPATH=src:$PYTHONPATH py bench.py"),
        ({"benchmarks/run_all.py": MAIN, "benchmarks/data.py": "A = 1\n"}, "PYTHONPATH=.:$PYTHONPATH py benchmarks/run_all.py"),
        ({"benchmarks/__init__.py": "", "benchmarks/__main__.py": "print(1)\n"}, "py -m benchmarks"),
        ({"tools/bench_io.py": MAIN, "src/x.py": MAIN}, "PYTHONPATH=src:.:$PYTHONPATH py tools/bench_io.py"),
        ({"src/shop/__init__.py": "", "src/shop/report.py": MAIN}, "PYTHONPATH=src:$PYTHONPATH py -m shop.report"),
        ({"src/shop/__init__.py": "", "src/shop/__main__.py": "print(1)\n"}, "PYTHONPATH=src:$PYTHONPATH py -m shop"),
        ({"src/a.py": MAIN, "src/main.py": MAIN}, "PYTHONPATH=src:.:$PYTHONPATH py src/main.py"),
        ({"pyproject.toml": '[project.scripts]\nshop = "shop.cli:main"\n'}, "py -c 'import sys; from shop.cli import main; sys.exit(main())'"),
        ({"tests/test_a.py": "def test_a(): pass\n"}, "py -m pytest -q -p no:cacheprovider"),
        ({"tests/test_a.py": SUITE}, "py -m pytest -q -p no:cacheprovider --benchmark-disable"),
        ({"src/a.py": "X = 1\n"}, None),
        ({"src/etl.py": "import json\nfor n in range(9):\n    print(n)\n"}, "PYTHONPATH=src:.:$PYTHONPATH py src/etl.py"),
        ({"src/a.py": "try:\n    import re\nexcept ImportError:\n    re = None\n"}, None),
        ({"src/a.py": "print(1)\n", "src/b.py": "print(2)\n"}, None),
        ({"bench.py": MAIN, "tools/bench.py": MAIN, "bench_a.py": MAIN}, "py bench.py"),
        ({"bench_a.py": MAIN, "benchmarks/bench_b.py": MAIN}, "PYTHONPATH=.:$PYTHONPATH py benchmarks/bench_b.py"),
        ({"bench_a.py": MAIN, "src/bench_b.py": MAIN}, "PYTHONPATH=src:.:$PYTHONPATH py src/bench_b.py"),
    ],
)  # fmt: skip
def test_what_is_timed_is_found_in_the_order_in_which_a_person_would_look(tmp_path, files, wanted):
    assert benchmarks.command(place(tmp_path, files)) == wanted


@pytest.mark.parametrize(
    "files",
    [
        {"bench.py": "import pyperf\nrunner = pyperf.Runner()\nrunner.timeit('a', 'pass')\n"},
        {"benchmarks/b.py": "def time_sum():\n    sum(range(9))\n"},
        {"test_bench.py": MAIN},
        {"build/bench.py": MAIN},
        {"bench.py": "def broken(:\n"},
    ],
)
def test_what_calibrates_itself_or_only_defines_things_is_not_timed_as_a_program(tmp_path, files):
    found = benchmarks.command(place(tmp_path, files)) or ""

    assert "bench.py" not in found and "b.py" not in found


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("bench_a.py", "bench_b.py"), "2 benchmarks (bench_a.py, bench_b.py)"),
        (("benchmarks/x.py", "benchmarks/y.py"), "2 benchmarks (benchmarks/x.py, benchmarks/y.py)"),
        (tuple(f"bench_{n}.py" for n in range(5)), "5 benchmarks (bench_0.py, bench_1.py, bench_2.py, ...)"),
    ],
)
def test_among_several_benchmarks_nobody_guesses(tmp_path, files, said):
    here = place(tmp_path, dict.fromkeys(files, MAIN))

    with pytest.raises(UsageError) as refused:
        benchmarks.command(here)
    assert said in str(refused.value) and "options.command=" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_given_comes_before_anything_found(tmp_path):
    files = {"bench.py": MAIN, "src/shop/__init__.py": ""}

    assert benchmarks.command(place(tmp_path, files, command="make bench")) == "make bench"
    assert benchmarks.command(place(tmp_path, files, module="shop.report")) == (
        "PYTHONPATH=src:$PYTHONPATH py -m shop.report"
    )
    with pytest.raises(UsageError, match=r"options\.module is 'a b'"):
        benchmarks.command(place(tmp_path, files, module="a b"))


def test_several_programs_without_a_telling_name_are_not_guessed_among(tmp_path):
    assert benchmarks.command(place(tmp_path, {"src/a.py": MAIN, "src/b.py": MAIN})) is None


def test_only_programs_that_a_run_would_take_to_be_in_scope_are_timed(tmp_path):
    files = {"tool.py": MAIN, "deep/main.py": MAIN}

    assert benchmarks.command(place(tmp_path, files, scope=("*.py",))) == "py tool.py"


def test_settings_that_no_parser_survives_hold_no_console_script(tmp_path):
    assert benchmarks.command(place(tmp_path, {"pyproject.toml": "a = " + "[" * 3000})) is None


def test_a_suite_is_the_files_that_use_the_fixture(tmp_path):
    found = benchmarks.suite(
        place(tmp_path, {"tests/test_speed.py": SUITE, "tests/test_a.py": "def test_a(): pass\n"})
    )

    assert found == (
        "py -m pytest -q -p no:cacheprovider --benchmark-only --benchmark-json=.benchmarks.json tests/test_speed.py"
    )
    assert benchmarks.suite(place(tmp_path / "other", {"test_a.py": "def test_a(): pass\n"})) is None
