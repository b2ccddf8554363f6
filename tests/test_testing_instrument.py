"""The instrument on real pytest and coverage.py, in a small project that has every kind of outcome."""

import io
import json
import os
import shlex
import sys
import venv
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from autoopt.demos import suite_duration, suite_project
from autoopt.guards import inventory as guard
from autoopt.instruments.testing import command
from autoopt.meters.formats.text import metric_lines
from autoopt.proposers import rewrites

QUICK = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # pytest starts twice as fast without them
PYTEST = f"{shlex.quote(sys.executable)} -m pytest -q -p no:cacheprovider"
TESTS = """\
import os
import pytest
from shop.price import discount, total

@pytest.fixture
def many():
    return [1, 2]

@pytest.mark.parametrize("n", [1, 2, 3])
def test_total(n, many):
    assert total([n]) == n
    for _ in range(2):
        assert total(many) == 3

def test_wrong():
    assert total([1]) == 5

@pytest.mark.skip
def test_later():
    assert total([])

@pytest.mark.xfail
def test_never():
    assert total([1]) == 0

@pytest.fixture
def broken():
    raise OSError("no disk")

def test_without_disk(broken):
    assert total([1]) == 1

def test_what_tests_start_is_not_recorded():
    assert not {"AUTOOPT_TESTS_FOLDER", "PYTEST_ADDOPTS"} & set(os.environ)
    assert "autoopt-tests" not in os.environ.get("PYTHONPATH", "")
"""
PRICE = """\
def total(prices):
    if not prices:
        return 0
    return sum(prices)


def discount(price, percent):
    if percent > 100:
        raise ValueError(percent)
    return price
"""
PROJECT = {
    "src/shop/__init__.py": "",
    "src/shop/unused.py": "LEFT = 1\nRIGHT = 2\n",
    "src/shop/price.py": PRICE,
    "tests/test_price.py": TESTS,
    "tests/test_broken.py": "import nothing\nimport pytest\n@pytest.mark.parametrize('n', [1, 2])\n"
    "def test_a(n):\n    assert n\ndef test_b():\n    assert nothing\n",
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\naddopts = "-x"\n',
}


def write(root, files):
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path, PROJECT))
    return tmp_path


@pytest.fixture
def instrument(capsys):
    """Runs a subcommand in the working directory; what it printed."""

    def run(name, *words, tests=PYTEST, code=0, plugins=False):
        environ = {"PATH": os.environ["PATH"], "HOME": str(Path.cwd())}
        environ |= {} if plugins else QUICK
        assert command.main([name, "--tests", tests, *words], environ) == code, capsys.readouterr().err
        said = capsys.readouterr()
        return said.err if code else said.out

    return run


def numbers(output):
    return {name: float(value) for name, value in metric_lines(output)}


def test_a_file_that_cannot_be_collected_fails_with_all_its_tests(project, instrument):
    found = numbers(instrument("rate"))

    assert found == {
        "pass_rate": pytest.approx(100 * 4 / 9),
        "passed": 4,
        "failed": 1,
        "errors": 4,  # one in a fixture, three in the broken file
        "flaky": 0,
        "skipped": 2,
        "tests": 11,
        "unmended": pytest.approx(5 + 11 / 12),
        "tests/test_broken.py:pass_rate": 0,
        "tests/test_price.py:pass_rate": pytest.approx(100 * 4 / 6),
    }


def test_with_worker_processes_it_is_the_same(project, instrument):
    pytest.importorskip("xdist")
    found = numbers(instrument("rate", tests=f"{PYTEST} -n 1", plugins=True))

    assert (found["passed"], found["tests"]) == (4, 11)


def test_tests_that_are_not_reached_have_not_passed(project, instrument):
    (project / "tests" / "test_later.py").write_text(
        "import os\ndef test_end():\n    os._exit(0)\ndef test_more():\n    assert 1 < 2\n"
    )
    found = numbers(instrument("rate", tests=f"{PYTEST} tests/test_later.py"))

    assert (found["pass_rate"], found["errors"]) == (0, 2)


def test_a_test_counts_when_it_passes_in_every_run(project, instrument):
    (project / "tests" / "test_coin.py").write_text(
        "from pathlib import Path\ndef test_coin():\n    side = Path('side')\n    tails = side.exists()\n"
        "    side.touch()\n    assert tails\ndef test_sure():\n    assert 1 < 2\n"
    )
    found = numbers(instrument("rate", "--repeats", "2", tests=f"{PYTEST} tests/test_coin.py"))

    assert (found["pass_rate"], found["flaky"]) == (50, 1)


@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        ("true", "ran no pytest that could be seen"),
        ("no-such-program", "no-such-program: command not found"),
        (f"{shlex.quote(sys.executable)} -m no_such_pytest", "No module named no_such_pytest"),
        (f"{PYTEST} --no-such-option", "unrecognized arguments"),
        (f"{PYTEST} src", "found no tests"),
    ],
)
def test_without_tests_it_says_so_in_one_line(tests, reason, project, instrument):
    said = instrument("rate", tests=tests, code=2)

    assert reason in said
    assert said.count("\n") == 1


def test_more_tests_that_pass_mend_nothing(project, instrument):
    before = numbers(instrument("rate"))
    (project / "tests" / "test_more.py").write_text("def test_more():\n    assert 1 < 2\n")
    diluted = numbers(instrument("rate"))
    (project / "nothing.py").touch()
    mended = numbers(instrument("rate", tests=f"PYTHONPATH=.:$PYTHONPATH {PYTEST}"))

    assert diluted["pass_rate"] > before["pass_rate"]
    assert diluted["unmended"] > before["unmended"] > mended["unmended"]


def test_a_command_that_hides_the_recorder_is_told_how_not_to(project, instrument):
    said = instrument("rate", tests=f"PYTHONPATH=src {PYTEST}", code=2)

    assert "options.tests replaces PYTHONPATH" in said and "PYTHONPATH=src:$PYTHONPATH" in said
    assert said.count("\n") == 1


def test_an_environment_without_pytest_is_told_how_to_get_it(project, instrument):
    venv.create(project / ".venv", with_pip=False)
    said = instrument("rate", tests=".venv/bin/python -m pytest -q", code=2)

    assert said == "autoopt: `.venv` has no pytest: .venv/bin/python -m pip install pytest\n"


def test_coverage_is_that_of_the_product_and_counts_branches_and_unused_files(project, instrument):
    found = numbers(instrument("coverage", "--failures", "3", "src"))
    lines = numbers(instrument("coverage", "--failures", "3", "--branch", "False", "src/shop/price.py"))

    assert found["coverage"] == pytest.approx(100 * (4 + 1) / (10 + 4))
    assert found["src/shop/unused.py:coverage"] == 0
    assert lines["coverage"] == 50
    assert not [name for name in found if name.startswith("tests/")]


def test_pytest_cov_in_the_settings_stands_aside(project, instrument):
    pytest.importorskip("pytest_cov")
    (project / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\npythonpath = ["src"]\naddopts = "--cov=shop --cov-fail-under=99"\n'
    )
    found = numbers(instrument("coverage", "--failures", "3", "src", plugins=True))

    assert found["covered_lines"] == 4


def test_failing_tests_are_named_where_none_may_fail(project, instrument):
    for name in ("coverage", "duration"):
        said = instrument(name, "--failures", "2", code=2)

        assert "3 tests fail (tests/test_price.py::test_wrong, " in said
        assert "options.failures=2" in said


def test_where_the_code_is_has_to_be_known(project, instrument):
    said = instrument("coverage", "lib", code=2)

    assert "no Python file below lib" in said and "options.source=src" in said


def test_profiles_name_causes_lines_and_functions(project, instrument):
    failures = instrument("failures")
    uncovered = instrument("uncovered", "src")
    slowest = instrument("slowest")

    assert failures.startswith("4 of 6 tests pass\n\ntests/test_broken.py cannot be collected")
    assert "No module named 'nothing'" in failures
    assert "OSError: no disk" in failures
    assert "src/shop/price.py: 41.7 %, 4 lines and 3 jumps missing\n  total(): 3, 2->3\n" in uncovered
    assert "tests/test_price.py:15(test_wrong)" in slowest
    assert "tests/test_price.py:5(many)" in slowest


def inventory(root):
    """What the subcommand prints there, as the guard reads it."""
    here, out = Path.cwd(), io.StringIO()
    os.chdir(root)
    try:
        with redirect_stdout(out):
            words = ["inventory", "--tests", PYTEST, "--coverage", "statements", "src"]
            assert command.main(words, {**QUICK, "PATH": os.environ["PATH"]}) == 0
    finally:
        os.chdir(here)
    return guard.parse(out.getvalue().encode())


def library(root):
    """The files of the library of the demos, without its mistakes."""
    sources = {path: suite_project.fixed(path) for path in suite_project.FIXES}
    sources["src/everyday/__init__.py"] = ""
    write(root, {**sources, **suite_project.TESTS, "pyproject.toml": suite_project.SETTINGS})


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("base")
    library(root)
    return inventory(root)


RANGES = "tests/test_ranges.py"
CHEATS = {
    "a deleted test": (
        "tests/test_numerals.py",
        "def test_numerals_are_read",
        "def numerals_are_read",
        "cases of tests/test_numerals.py::test_numerals_are_read: 1 → 0",
    ),
    "a case less": (
        "tests/test_slugs.py",
        ', ("", "")',
        "",
        "cases of tests/test_slugs.py::test_letters_and_digits_stay: 4 → 3",
    ),
    "a skip": (
        RANGES,
        "def test_nothing_merges",
        "@pytest.mark.skip\ndef test_nothing_merges",
        "skips and expected failures in tests/test_ranges.py: 0 → 1",
    ),
    "a skipped test": (
        RANGES,
        "from everyday",
        "import pytest\nfrom everyday",
        f"skipped {RANGES}::test_nothing_merges_to_nothing: 0 → 1",
    ),
    "a condition": (
        RANGES,
        "    assert merged([(1, 2), (5, 6)])",
        "    if not merged([(1, 2)]):\n        assert merged([(1, 2), (5, 6)])",
        "assertions that held in tests/test_ranges.py::test_ranges_apart_stay: 1 → 0",
    ),
    "a weaker assertion": (
        RANGES,
        "assert merged([(1, 2), (3, 4)]) == [(1, 4)]",
        "assert merged([(1, 2), (3, 4)])",
        "tests/test_ranges.py asserts merged([(1, 2), (3, 4)]) == [(1, 4)]: 1 → 0",
    ),
    "a swallowed assertion": (
        "tests/test_spans.py",
        '    assert span(3661) == "1h1m1s"',
        '    try:\n        assert span(3661) == "1h1m1s"\n    except Exception:\n        pass',
        "assertions in tests/test_spans.py::test_a_span_is_written: 1 → 0",
    ),
    "a hook": (
        "tests/conftest.py",
        "",
        "def pytest_runtest_teardown(item):\n    item.user_properties.clear()\n",
        "hook pytest_runtest_teardown in tests/conftest.py: is new",
    ),
    "settings": ("pyproject.toml", '["tests"]', '["tests", "src"]', "tool.pytest.ini_options.testpaths"),
    "a pragma": (
        "src/everyday/slugs.py",
        "if longest < 1:",
        "if longest < 1:  # pragma: no cover",
        "coverage pragmas in src/everyday/slugs.py: 0 → 1",
    ),
    "excluded lines": (
        "src/everyday/slugs.py",
        "",
        "",
        "lines of src/everyday/slugs.py kept out of coverage: 0",
    ),
    "an exclusion": (
        "pyproject.toml",
        "[project]",
        '[tool.coverage.report]\nomit = ["*/numerals.py"]\n[project]',
        "setting pyproject.toml tool.coverage.report.omit: is new",
    ),
    "less code": (
        "src/everyday/ranges.py",
        '        if low > high:\n            raise ValueError(f"{low} is above {high}")\n',
        "",
        "statements of src/everyday/ranges.py",
    ),
    "a trick": (
        "src/everyday/spans.py",
        "import re\n",
        "import re, sys\nIN_TESTS = 'pytest' in sys.modules\n",
        "tricks with the test machinery in src/everyday/spans.py: 0 →",
    ),
    "a changed case": (
        "tests/test_slugs.py",
        '("!x!", "x")',
        '("x", "x")',
        "tests/test_slugs.py::test_letters_and_digits_stay has the case",
    ),
    "a stand-in": (
        "tests/test_stand_in.py",
        "",
        "import everyday.slugs\neveryday.slugs.slug = str.lower\n",
        "replacements of the product in tests/test_stand_in.py: 0 → 1",
    ),
    "an early call": (
        "tests/test_early.py",
        "",
        "from everyday.slugs import slug\nslug('x')\n",
        "calls of the product while tests/test_early.py is imported: 0 → 1",
    ),
    "an idle test": (
        "tests/test_idle.py",
        "",
        "from everyday.slugs import slug\n\ndef test_idle():\n    slug('x')\n",
        "asserts nothing: tests/test_idle.py::test_idle: 0 → 1",
    ),
}
"""File, text, what it becomes, and part of the objection."""


@pytest.fixture(scope="module")
def objections(base, tmp_path_factory):
    """Those to all of the cheats at once: each is told by its name."""
    root = tmp_path_factory.mktemp("cheated")
    library(root)
    for path, old, new, _ in CHEATS.values():
        before = (root / path).read_text() if (root / path).exists() else ""
        assert old in before
        write(root, {path: before.replace(old, new) if old else before or new})
    return "\n".join(guard.objections(base, inventory(root)))


@pytest.mark.parametrize("cheat", CHEATS)
def test_what_makes_the_tests_say_less_is_objected_to(cheat, objections):
    assert CHEATS[cheat][-1] in objections


def test_a_further_test_and_a_mended_function_are_not(base, tmp_path):
    library(tmp_path)
    for path, old, new in (
        (
            "tests/test_slugs.py",
            "def test_a_long",
            "def test_more():\n    assert slug('x') == 'x'\n\ndef test_a_long",
        ),
        ("src/everyday/slugs.py", "    name =", "    text = text or ''\n    name ="),
        ("pyproject.toml", "testpaths", 'addopts = "-q"\ntestpaths'),
    ):
        write(tmp_path, {path: (tmp_path / path).read_text().replace(old, new)})

    assert list(guard.objections(base, inventory(tmp_path))) == []


def test_a_fixture_that_is_made_for_each_test_is_offered_for_sharing(tmp_path, monkeypatch, instrument):
    suite_duration.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    found, *_ = rewrites._proposals(json.loads(instrument("rewrites")))

    (edit,) = found.edits
    assert found.description == "make the fixture orders once for a module (tests/test_report.py)"
    assert "it is made 10 times" in found.hypothesis
    assert edit.content.decode() == (tmp_path / edit.path).read_text().replace(
        "@pytest.fixture\n", '@pytest.fixture(scope="module")\n'
    )


FIXTURES = """\
import time
import pytest

@pytest.fixture
def closed():
    time.sleep(0.01)
    yield [1]

@pytest.fixture
def in_a_directory(tmp_path):
    time.sleep(0.01)
    return [1]

@pytest.fixture
def changed():
    time.sleep(0.01)
    return [1]

@pytest.fixture(scope="module")
def shared():
    time.sleep(0.01)
    return [1]

@pytest.mark.parametrize("n", [1, 2])
def test_rows(closed, in_a_directory, changed, shared, n):
    changed.append(1)
    assert changed == [1, 1]
"""


def test_one_that_is_closed_changed_or_made_of_others_is_not(tmp_path, monkeypatch, instrument):
    monkeypatch.chdir(write(tmp_path, {"test_rows.py": FIXTURES}))

    assert json.loads(instrument("rewrites")) == []
