"""What can be read of tests: assertions, skips, tricks, settings."""

import ast

import pytest

from autoopt.instruments.testing import assertions, cases, machinery, settings, sources, touching


def counts(text):
    functions = sources.functions(ast.parse(text))
    return {name: assertions.reachable(name, functions) for name in functions}


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("assert total(1) == 1", 1),
        ("for n in range(3):\n        assert total(n)", 1),
        ("with pytest.raises(ValueError):\n        total(0)", 1),
        ("with pytest.raises(Exception, match='no'):\n        total(0)", 1),
        ("self.assertEqual(total(1), 1); mock.assert_called_once()", 2),
        ("try:\n        total(0)\n    except ValueError:\n        pytest.fail('no')", 1),
        ("if total(1) != 1:\n        raise AssertionError('no')", 1),
        ("_check_rows(total(1))", 1),
    ],
)
def test_assertions_that_can_fail_count(body, count):
    assert counts(f"def test_x(self):\n    {body}\n") == {"test_x": count}


@pytest.mark.parametrize(
    "body",
    [
        "assert True",
        "assert total(1) == 1 or True",
        "assert total(1) == total(1)",
        "assert (total(1) == 1, 'a tuple')",
        "self.assertTrue(True); self.assertEqual(1, 1)",
        "return\n    assert total(1) == 1",
        "pytest.skip('later')\n    assert total(1) == 1",
        "if False:\n        assert total(1) == 1",
        "try:\n        assert total(1) == 1\n    except Exception:\n        pass",
        "try:\n        assert total(1) == 1\n    except (ValueError, AssertionError):\n        print('no')",
        "with contextlib.suppress(AssertionError):\n        assert total(1) == 1",
        "with pytest.raises(Exception):\n        total(0)",
        "total(1)",
    ],
)
def test_assertions_that_cannot_fail_do_not(body):
    assert counts(f"def test_x(self):\n    {body}\n") == {"test_x": 0}


def test_assertions_of_helpers_count_for_those_who_call_them():
    text = """
def check(n):
    assert n
    again(n)
def again(n):
    check(n)
    assert n > 1
def test_a():
    again(1)
class TestB:
    def same(self, n):
        assert n == 1
    def test_b(self):
        self.same(1)
"""

    assert counts(text)["test_a"] == 2
    assert counts(text)["TestB::test_b"] == 1


def test_of_two_tests_with_one_name_the_later_counts():
    assert counts("def test_a():\n    assert x\ndef test_a():\n    pass\n") == {"test_a": 0}


def test_a_file_that_cannot_be_collected_is_expected_to_give_what_it_lists(tmp_path):
    (tmp_path / "test_a.py").write_text(
        "import nothing, pytest\n@pytest.mark.parametrize('n', [1, 2, 3])\ndef test_a(n): ...\n"
        "class TestB:\n    def test_b(self): ...\n    def helper(self): ...\n"
    )
    (tmp_path / "test_c.py").write_text("def test_(:\n")

    assert sources.expected(tmp_path / "test_a.py") == 4
    assert sources.expected(tmp_path / "test_c.py") == 1
    assert sources.expected(tmp_path) == 4


@pytest.mark.parametrize(
    "text",
    [
        "import pytest",
        "raise unittest.SkipTest('no')",
        "from unittest import case",
        "import os\nif 'PYTEST_CURRENT_TEST' in os.environ: ...",
        "sys.modules['pytest']",
        "os._exit(0)",
        "class Any:\n    def __eq__(self, other):\n        return True",
        "class Any:\n    def __eq__(self, other):\n        return not False",
        "if x:\n    pass\nelse:\n    class Any:\n        __eq__ = lambda self, other: bool(1)",
        "import sys\nsys._getframe()",
        "import sys as s\nNAMES = s.modules",
        "from sys import modules",
        "import inspect\ninspect.stack()",
        "from inspect import currentframe",
        "'PYTEST' + '_VERSION' in os.environ",
        "f'PYTEST_{\"VERSION\"}' in os.environ",
    ],
)
def test_code_that_knows_of_the_tests_is_counted(text):
    tree = ast.parse(text)
    found = machinery.mentions(tree, of_tests=False) + machinery.always_equal(tree)

    assert found >= 1


def test_prose_about_tests_is_not():
    tree = ast.parse('"""Run it with pytest."""\ndef f():\n    "unittest"\n    return latest  # pytest\n')

    assert machinery.mentions(tree, of_tests=False) == 0


def test_nor_are_names_that_only_look_alike():
    tree = ast.parse(
        "import numpy as np\nnet.modules(); np.stack([1]); 'a' + 'b'\n"
        "class Price:\n    def __eq__(self, other):\n        return self.cents == other.cents\n"
    )

    assert machinery.mentions(tree, of_tests=False) == 0
    assert machinery.always_equal(tree) == 0


PRODUCT = frozenset({"shop"})
IMPORTS = "import pytest, shop, importlib\nfrom shop import add, Price\nfrom tests.helpers import row\n"


def known(text):
    tree = ast.parse(IMPORTS + text)
    return tree, touching.names(tree, "tests/test_shop.py", PRODUCT)


@pytest.mark.parametrize(
    "text",
    [
        "shop.add = lambda a, b: a + b",
        "shop.prices.TABLE['x'] = 1",
        "def test_a():\n    shop.add = max",
        "setattr(shop, 'add', max)",
        "add = lambda a, b: a + b",
        "class Fake:\n    shop.add = max",
        "def add(a, b): ...",
        "def test_a():\n    add = max",
        "from tests.fakes import add",
        "other = shop\nother.add = max",
        "importlib.import_module('shop').add = max\nmine = importlib.import_module('shop')\nmine.add = max",
        "import sys\nsys.modules['shop'] = None",
        "globals()['add'] = max",
        "pytest.MonkeyPatch().setattr(shop, 'add', max)",
        "mock.patch('shop.add').start()",
    ],
)
def test_putting_something_in_the_place_of_the_product_is_counted(text):
    assert touching.replacements(*known(text)) == 1


def test_what_a_test_makes_or_patches_for_itself_is_not():
    text = (
        "def test_a(monkeypatch):\n    monkeypatch.setattr(shop, 'add', max)\n    price = Price()\n"
        "    price.cents = 3\n    sums = add(1, 2)\n    row.add = 1\nclass Fake:\n    add = 1\n"
        "    def Price(self): ...\n"
    )

    assert touching.replacements(*known(text)) == 0


@pytest.mark.parametrize(
    "text",
    [
        "add(1, 2)",
        "shop.add(1, 2)",
        "RESULTS = [add(n, n) for n in range(9)]",
        "list(map(add, [1], [2]))",
        "class TestA:\n    price = Price()",
        "def warm():\n    add(1, 2)\nwarm()",
        "class Warm:\n    def __init__(self):\n        add(1, 2)\nWarm()",
        "def test_a(n=add(1, 2)): ...",
    ],
)
def test_calling_the_product_while_a_file_of_tests_is_imported_is_counted(text):
    assert touching.called_while_loading(*known(text)) == 1


def test_decorators_constants_and_what_runs_later_are_not():
    text = (
        "CASES = [(1, 2), pytest.param(Price)]\nNAMES = sorted(['b', 'a'])\n"
        "@pytest.mark.parametrize('price', [Price(1)])\ndef test_a(price):\n    assert add(1, 2)\n"
        "later = lambda: add(1, 2)\nif __name__ == '__main__':\n    add(1, 2)\n"
    )

    assert touching.called_while_loading(*known(text)) == 0


def test_the_product_is_what_its_packages_and_modules_are_called(tmp_path):
    for path in ("src/shop/__init__.py", "src/shop/inner/prices.py", "tools/json.py", "tests/helpers.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()

    assert touching.modules(tmp_path) >= {"shop", "tools"}
    assert not touching.modules(tmp_path) & {"json", "tests", "helpers", "inner"}


def test_cases_are_told_one_by_one_however_they_are_listed():
    tree = ast.parse(
        "ROWS = [(1, 'a')]\n"
        "@pytest.mark.parametrize(('n', 'text'), ROWS + [pytest.param(2,  \"b\", id='two')])\n"
        "def test_a(): ...\n"
        "@pytest.mark.parametrize('n', argvalues=range(3))\nclass TestB:\n    def test_b(self, n): ...\n"
        "@pytest.fixture(params=[1, 2])\ndef number(request): ...\n"
    )

    assert sorted(cases.listed(tree)) == [
        ("TestB", "n = range(3)"),
        ("number", "params = 1"),
        ("number", "params = 2"),
        ("test_a", "n, text = (1, 'a')"),
        ("test_a", "n, text = (2, 'b')"),
    ]


def test_ways_to_skip_are_counted():
    tree = ast.parse(
        "pytestmark = pytest.mark.skipif(WINDOWS)\n@pytest.mark.xfail\ndef test_a():\n    pytest.skip('x')\n"
        "@unittest.skip('x')\ndef test_b(self):\n    self.skipTest('x')\n"
        "@pytest.mark.slow\ndef test_c(): ...\n"
    )

    assert machinery.skips(tree) == 5


def test_pragmas_are_counted_in_comments():
    assert machinery.pragmas(b"x = 1  # pragma: no cover\n# PRAGMA:NO BRANCH\npragma = 'no cover'\n") == 2


def test_settings_of_every_place_are_read_without_those_that_are_harmless(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\naddopts = \"-q -n 4 --dist=load --tb short -m 'not slow'\"\n"
        '[tool.coverage.run]\nomit = ["a.py"]\n[tool.ruff]\nline-length = 1\n'
    )
    (tmp_path / "setup.cfg").write_text("[coverage:report]\nexclude_lines = raise\n[metadata]\nname = x\n")
    (tmp_path / ".coveragerc").write_text("[run]\nbranch = true\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -n auto\n")

    assert settings.settings(tmp_path) == {
        "pyproject.toml tool.pytest.ini_options.addopts": "-m not slow",
        "pyproject.toml tool.coverage.run.omit": ["a.py"],
        "setup.cfg [coverage:report] exclude_lines": "raise",
        ".coveragerc [run] branch": "true",
    }
