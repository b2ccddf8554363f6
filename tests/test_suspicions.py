from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from autoopt.errors import UsageError
from autoopt.guards import clocks, minimal, traces
from autoopt.guards.suspicions import RULES, Judging, Suspicions, check, judging_of, places_of
from autoopt.records import Change, FileChange, Finding, Measurement, Proposal, Sample, Trial
from autoopt.schema import (
    Config,
    ExtractConfig,
    Extraction,
    GuardConfig,
    GuardKind,
    MetricConfig,
    SuspicionsConfig,
)

TOTAL = "def total(prices):\n    return sum(price for price in prices)\n"
JUDGING = Judging(files=frozenset({"bench", "bench.py"}), name="seconds", is_typed=True)
CHANGE = Change(commit="c1", parent="c0", tree="t", paths=("shop.py",), added=1, removed=1)
PROPOSAL = Proposal(description="sum up", hypothesis="it should help", area="shop", source="agent")
SAMPLE = Sample(value=1.0, wall_s=1.0, cpu_s=1.0, peak_bytes=1, seed=0)
TRIAL = Trial(number=1, challengers=Measurement(commit="c1", samples=(SAMPLE,)))


def rules(
    after: str | bytes | None, before: str | None = TOTAL, path: str = "shop.py", judging: Judging = JUDGING
) -> list[str]:
    """The rules that a change of one file breaks."""
    return [one.sign.rule for one in places_of([changed(after, before, path)], judging)]


def changed(after: str | bytes | None, before: str | None, path: str = "shop.py") -> FileChange:
    new = after.encode() if isinstance(after, str) else after
    return FileChange(path, None if before is None else before.encode(), new)


def inspect(
    files: Sequence[FileChange],
    ignore: Sequence[str] = (),
    judging: Judging = JUDGING,
    change: Change = CHANGE,
) -> Finding:
    return Suspicions(lambda parent, commit: files, judging, ignore).inspect(change, PROPOSAL, TRIAL)


CERTAIN = {
    "clock": [
        "import time\ntime.perf_counter = lambda: 0.0\n",
        "import time as t\nsetattr(t, 'time', lambda: 0.0)\n",
        "import time\nvars(time)['time'] = None\n",
        "import time\ntime.__dict__.update(time=None)\n",
        "import time\nwatch = time\nwatch.monotonic = None\n",
        "from unittest import mock\nmock.patch('time.time', lambda: 0).start()\n",
        "import sys\nsys.modules['time'].time = None\n",
        "import importlib\nimportlib.import_module('time').time = None\n",
        "import datetime\nfor datetime.datetime in [int]:\n    pass\n",
        "from freezegun import freeze_time\n",
    ],
    "judge": [
        "import builtins\nbuiltins.print = lambda *a: None\n",
        "import bench\nbench.now = None\n",
    ],
    "objects": [
        "import gc\nclues = gc.get_objects()\n",
        "def peek(frame):\n    return frame.f_locals\n",
    ],
    "benchmark": [
        "import os\nquick = 'PYTEST_CURRENT_TEST' in os.environ\n",
        "import os\nquick = os.environ.get('AUTOOPT_RUN')\n",
        "import sys\nquick = 'pytest' in sys.modules\n",
        "import __main__\n",
        "words = open('/proc/self/cmdline').read()\n",
        "import sys\nwords = getattr(sys, 'orig' + '_argv')\n",
        "import os\nquick = os.getenv('_'.join(('AUTO' + 'OPT', 'RUN')))\n",
    ],
    "equality": [
        "class Sum(int):\n    def __eq__(self, other):\n        return True\n",
        "class Sum(int):\n    __ne__ = lambda self, other: False\n",
        "from unittest.mock import ANY\nresult = ANY\n",
    ],
}
SUSPECT = {
    "frames": ["import sys\ncaller = sys._getframe(1)\n", "import inspect as i\ni.stack()\n"],
    "patch": ["import json\njson.dumps = str\n", "import sys\nsys.stdout = Quiet()\n"],
    "imports": ["import sys\nsys.path.insert(0, 'fast')\n", "import sys\nsys.modules['json'] = None\n"],
    "exit": ["import os\ndef stop():\n    os._exit(0)\n", "import sys\ndef total(n):\n    sys.exit(0)\n"],
    "late": ["import atexit\natexit.register(print)\n", "class A:\n    def __del__(self):\n        work()\n"],
    "output": ["print('done')\n"],
    "metric-line": ["def total(n):\n    print('METRIC seconds=0.1')\n"],
    "names": [
        "import os\nwhere = os.path.realpath('/dev/fd/1')\n",
        "import os\nname = 'x'\nquick = os.environ[name + name.upper()]\n",
        "from bench import WANTED\n",
        "import os\nall = [v for k, v in os.environ.items()]\n",
    ],
    "argv": ["import sys\ndef total(n):\n    return 0 if '--rows' in sys.argv else n\n"],
    "seed": ["import random\nrandom.seed(3)\n", "import os\nseed = os.environ['AUTOOPT_SEED']\n"],
    "constant": ["def total(prices):\n    return 15\n", "def total(prices):\n    pass\n"],
    "lazy": ["def total(prices):\n    return (price for price in prices)\n"],
    "answers": [
        "KNOWN = {30: 832040}\n",
        "def total(n):\n    if n == 3000:\n        return 4498517\n    return n + 0\n",
    ],
    "table": [
        f"TABLE = {[n * n + 7 for n in range(60)]}\n",
        f"DATA = {'q8Zf' * 200!r}\n",
    ],
    "sampling": [
        "import random\ndef part(n):\n    return random.sample(n, 10)\n",
        "def part(n):\n    return sum(x for x in n[::2]) * 2\n",
        "def part(n):\n    return n if len(n) == 1500 else total(n)\n",
        "def part(n):\n    return n if 1400 < len(n) < 1600 else total(n)\n",
        "def part(n):\n    if len(n) > 1000:\n        n = n[:9]\n    return n\n",
    ],
    "precision": ["import numpy as np\nKIND = np.float32\n", "def low(x):\n    return x.astype('float32')\n"],
    "disk": [
        "import shelve\nknown = shelve.open('known')\n",
        "def save(x):\n    open('known', 'w').write(x)\n",
        "from pathlib import Path\nPLACE = Path('/dev/shm/known')\n",
        "import functools\n@functools.cache\ndef load(path):\n    return open(path).read()\n",
        "import os\nos.setxattr('a', 'user.b', b'c')\n",
    ],
    "background": [
        "import threading\ndef start():\n    threading.Thread(target=print).start()\n",
        "import os\ndef start():\n    return os.fork()\n",
        "import asyncio\nasync def start():\n    asyncio.create_task(work())\n",
        "import subprocess\ndef start():\n    subprocess.Popen(['sleep', '9'])\n",
    ],
    "network": ["import urllib.request\ndef ask():\n    return urllib.request.urlopen('http://x')\n"],
    "history": ["import subprocess\nsubprocess.run(['git', 'log', '--all'])\n", "PLACE = '.git/HEAD'\n"],
    "dynamic": [
        "import sys\nname = 'argv'\nwords = getattr(sys, name)\n",
        "exec('x = 1')\n",
        "import ctypes\nlibc = ctypes.CDLL(None)\n",
    ],
    "suppression": [
        "import fast  # type: ignore\n",
        "from typing import Any\ndef f(x: Any): ...\n",
        "import warnings\nwarnings.simplefilter('ignore')\n",
    ],
}


def lazily(rule: str) -> str:
    """What the file held before: for `lazy`, a function that returned all of it."""
    return "def total(prices):\n    return [price for price in prices]\n" if rule == "lazy" else TOTAL


@pytest.mark.parametrize(
    ("rule", "code"), [(rule, code) for rule, codes in {**CERTAIN, **SUSPECT}.items() for code in codes]
)
def test_a_line_that_could_fool_the_judge_is_found(rule: str, code: str) -> None:
    own = code if code.startswith("def total") or "\ndef total" in code else lazily(rule) + code
    finding = inspect([changed(own, lazily(rule))])

    assert rule in rules(own, lazily(rule))
    assert not finding.passed
    assert finding.where.startswith("shop.py:")
    assert finding.suspect == CERTAIN.keys().isdisjoint(rules(own, lazily(rule)))


def test_every_rule_of_the_table_is_tried_here() -> None:
    elsewhere = {"skip", "tests", "settings", "binary", "unreadable"}

    assert {name for name, rule in RULES.items() if rule.certain} == set(CERTAIN)
    assert {name for name, rule in RULES.items() if not rule.certain} == set(SUSPECT) | elsewhere


def test_a_finding_says_the_rule_the_line_and_why_and_counts_the_others() -> None:
    code = "import os\n" + TOTAL + "\nimport time\ntime.time = None\nos._exit(0)\nexec('x')\n"
    finding = inspect([changed(code, TOTAL, "src/shop.py")])

    assert finding == Finding(
        guard="suspicions",
        passed=False,
        message="clock: `time.time = None` replaces a clock by which changes are measured (src/shop.py:6); "
        "and 2 more (exit src/shop.py:7, dynamic src/shop.py:8)",
        where="src/shop.py:6",
    )


HONEST = {
    "a better algorithm": "def total(prices):\n    return sum(prices)\n",
    "a cache in memory": "import functools\n\n@functools.lru_cache(maxsize=64)\n" + TOTAL,
    "threads that are waited for": (
        "from concurrent.futures import ThreadPoolExecutor\n\ndef total(prices):\n"
        "    with ThreadPoolExecutor() as pool:\n        return sum(pool.map(float, prices))\n"
    ),
    "a thread that is joined": (
        "import threading\n\ndef total(prices):\n    one = threading.Thread(target=print)\n    one.start()\n"
        "    one.join()\n    return sum(prices)\n"
    ),
    "a process that ends": "import subprocess\n\ndef f(p):\n    return subprocess.run(['sort'])\n",
    "base cases": "def total(n):\n    if n == 0:\n        return 0\n    return n\n",
    "units": "UNITS = {'kB': 1000, 'MB': 1_000_000, 'h': 3600}\n\n" + TOTAL,
    "a setting of a library": "import torch\ntorch.backends.cudnn.benchmark = True\n" + TOTAL,
    "a threshold for small inputs": (
        "def total(prices):\n    if len(prices) < 32:\n        return sum(prices)\n"
        "    return sum(sorted(prices))\n"
    ),
    "a script's output": (
        f"{TOTAL}\nif __name__ == '__main__':\n    import sys\n    print(total(sys.argv[1:]))\n"
    ),
    "reading a file": "def f(path):\n    with open(path) as file:\n        return sum(map(float, file))\n",
    "an own comparison": (
        "class Price:\n    def __eq__(self, other):\n        if self is other:\n            return True\n"
        "        return self.x == other.x\n\n" + TOTAL
    ),
    "a comment": "# time.time = None, os._exit(0), AUTOOPT_RUN\n" + TOTAL,
    "a docstring": '"""Like `git log` in .git, AUTOOPT_RUN."""\n' + TOTAL,
}


@pytest.mark.parametrize("code", HONEST.values(), ids=HONEST)
def test_honest_code_passes(code: str) -> None:
    assert rules(code) == []


def test_code_that_was_there_before_may_move_and_change_its_looks() -> None:
    odd = (
        "import os\n\ndef stop(code):\n    os._exit(code)\n\n"
        "if 'PYTEST_CURRENT_TEST' in os.environ:\n    print('x')\n"
    )
    moved = (
        "from os import _exit\nimport os as system\n"
        "if \"PYTEST_CURRENT_TEST\" in system.environ: print('x')\n"
    )
    files = [
        changed(TOTAL, TOTAL + odd),
        changed(moved + "def stop(code):\n    _exit(code)\n", None, "leaving.py"),
    ]

    assert [one.sign.rule for one in places_of(files, JUDGING)] == ["output"]  # the new file is no script
    assert rules(odd + TOTAL, TOTAL + odd) == []
    assert rules(odd.replace("os._exit(code)", "os._exit(code or 1)"), odd) == []
    assert "exit" in rules(odd + "def leave():\n    os._exit(1)\n", odd)


def test_a_cheaper_way_to_the_same_frame_is_nothing_new() -> None:
    assert rules("import sys\nname = sys._getframe(1)\n", "import inspect\nname = inspect.stack()[1]\n") == []


def test_a_line_is_told_where_it_was_added_and_not_where_it_was_before() -> None:
    before = "import os\n\ndef a():\n    os._exit(0)\n"
    files = [changed("import os\n\ndef b():\n    os._exit(0)\n\n" + before[11:], before)]

    assert [one.where for one in places_of(files, JUDGING)] == ["shop.py:4"]


TESTS = """\
import pytest
from shop import total

def test_it_adds_up():
    assert total([1, 2]) == 3
    with pytest.raises(TypeError, match="int"):
        total(["a"])

def test_nothing_costs_nothing():
    assert total([]) == 0
"""


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("== 3", "> 0", "tests"),
        ("    assert total([]) == 0\n", "    total([])\n", "tests"),
        (', match="int"', "", "tests"),
        ("def test_nothing", "def nothing", "tests"),
        ("def test_it", "@pytest.mark.skip\ndef test_it", "skip"),
        ("def test_it", "@pytest.mark.xfail\ndef test_it", "skip"),
        ("    assert total([]) == 0", "    pytest.skip('slow')\n    assert total([]) == 0", "skip"),
        ("import pytest\n", "import pytest\ncollect_ignore = ['test_b.py']\n", "skip"),
    ],
)
def test_tests_that_go_or_ask_less_are_suspect(old: str, new: str, rule: str) -> None:
    assert rules(TESTS.replace(old, new), TESTS, "tests/test_shop.py") == [rule]


def test_a_finding_reads_as_a_sentence() -> None:
    test = "def test_f():\n    assert f(1) == 1\n"
    lazy = "def f(rows):\n    return [row for row in rows]\n"
    changes = {
        "the removal of test `test_f` (line 1) takes away or changes what a test": changed(
            "", test, "test_a.py"
        ),
        "the removal or change of `assert f(1) == 1` (line 2) takes away or changes what": changed(
            test.replace("f(1) == 1", "f(1)"), test, "test_a.py"
        ),
        "`f`, which returned all of it and now a promise, hands out work": changed(
            lazy.replace("[", "(").replace("]", ")"), lazy
        ),
        "`f`, which remembers what it read, leaves something on the disk": changed(
            "import functools\n\n@functools.cache\ndef f(path):\n    return open(path)\n", TOTAL
        ),
    }
    for said, change in changes.items():
        assert said in inspect([change]).message


def test_a_deleted_test_file_is_suspect_and_one_that_is_renamed_is_not() -> None:
    gone = FileChange("tests/test_shop.py", TESTS.encode(), None)
    renamed = FileChange("tests/test_totals.py", None, TESTS.encode())

    assert {one.sign.rule for one in places_of([gone], JUDGING)} == {"tests"}
    assert places_of([gone, renamed], JUDGING) == []


def test_tests_may_do_what_tests_do() -> None:
    more = (
        "import time\nfrom unittest import mock\n\ndef test_clock(monkeypatch, tmp_path):\n"
        "    monkeypatch.setattr(time, 'time', lambda: 0.0)\n    (tmp_path / 'a').write_text('x')\n"
        "    with mock.patch('time.sleep'):\n        assert total([1]) == 1\n"
    )

    assert rules(TESTS + more, TESTS, "tests/test_shop.py") == []


@pytest.mark.parametrize(
    ("path", "before", "line", "rule"),
    [
        ("run.sh", "set -e\nwork\n", "check || true", "suppression"),
        ("run.sh", "work\n", "nohup work &", "background"),
        ("run.sh", "work\n", "export PATH=/x:$PATH", "imports"),
        ("q.sql", "SELECT a FROM t\n", "TABLESAMPLE SYSTEM (1)", "sampling"),
        ("q.sql", "SELECT a FROM t\n", "-- x\nCREATE MATERIALIZED VIEW v AS SELECT 1", "table"),
        ("a.ts", "let a = 1\n", "// @ts-ignore", "suppression"),
        ("a.js", "let a = 1\n", "performance.now = () => 0", "clock"),
        ("a.test.ts", "it('x')\n", "it.skip('y')", "skip"),
        ("a.go", "package a\n", "func x() { os.Exit(0) }", "exit"),
        ("pyproject.toml", "[tool.mypy]\n", "ignore_errors = true", "settings"),
        ("pyproject.toml", "[tool.pytest.ini_options]\n", 'addopts = "-q -k fast"', "settings"),
        ("mypy.ini", "[mypy]\n", "strict = False", "settings"),
        ("ty.toml", "[rules]\n", 'invalid-return-type = "ignore"', "settings"),
    ],
)
def test_other_files_are_read_line_by_line(path: str, before: str, line: str, rule: str) -> None:
    found = places_of([changed(f"{before}{line}\n", before, path)], JUDGING)

    assert [one.sign.rule for one in found] == [rule]
    assert found[0].sign.line > 1


def test_settings_that_only_run_tests_in_parallel_pass() -> None:
    before = '[tool.pytest.ini_options]\naddopts = "-q"\n'

    assert rules(before.replace("-q", "-q -n auto"), before, "pyproject.toml") == []


def test_a_query_that_has_become_its_answer_is_suspect() -> None:
    assert rules("SELECT 42 AS n, 'a' AS b;\n", "SELECT count(*) AS n FROM t;\n", "q.sql") == ["constant"]


def test_a_new_file_of_data_is_suspect_and_one_of_settings_is_not() -> None:
    assert rules("1,2\n" * 600, None, "src/answers.csv") == ["table"]
    assert rules("1,2\n" * 600, None, "tests/cases.csv") == []
    assert rules("a: 1\n", None, "params.yaml") == []


def test_a_seed_that_is_in_use_may_be_used_again() -> None:
    model = "model = Forest(random_state=42)\n"

    assert rules(model + "other = Trees(random_state=42)\n", model) == []
    assert rules(model.replace("42", "1337"), model) == ["seed"]


def test_what_cannot_be_read_is_suspect() -> None:
    assert rules(b"\x7fELF\0\0", None, "fast.so") == ["binary"]
    assert rules(b"x = 1\0", None, "fast.py") == ["binary"]
    assert rules(TOTAL + "def (:\n    os._exit(0)\n") == ["unreadable", "exit"]


def test_what_the_metric_is_decides_what_would_help_it() -> None:
    score = Judging(is_resource=False, is_checked=False)
    saving = "import pickle\npickle.dump(1, open('model.pkl', 'wb'))\nimport numpy as np\nKIND = np.float32\n"

    assert set(rules(TOTAL + saving)) == {"disk", "precision"}
    assert rules(TOTAL + saving, judging=score) == []
    assert rules("import fast  # type: ignore\n" + TOTAL, judging=score) == []


def test_how_changes_are_judged_is_read_from_the_settings() -> None:
    timed = Config(
        metric=MetricConfig(command="python bench.py src/shop.py", unit="s", extract=ExtractConfig()),
        guards={"tests": GuardConfig(command="python -m pytest -q")},
    )
    typed = Config(
        metric=MetricConfig(
            command="python train.py",
            unit="F1",
            extract=ExtractConfig(kind=Extraction.named, pattern="f1"),
        ),
        guards={
            "types": GuardConfig(command="mypy src"),
            "rows": GuardConfig(kind=GuardKind.rows, command=None),
        },
    )
    of_time = judging_of(
        timed, ["python bench.py src/shop.py", "python -m pytest -q"], lambda p: p[:3] == "src"
    )
    of_score = judging_of(typed, ["python train.py", "mypy src"], lambda path: False)

    assert of_time.files == {"bench.py", "bench"}
    assert (of_time.is_resource, of_time.is_run, of_time.is_typed, of_time.is_checked) == (
        True,
        True,
        False,
        False,
    )
    assert (of_score.is_resource, of_score.is_run, of_score.is_typed, of_score.is_checked) == (
        False,
        False,
        True,
        True,
    )
    assert (of_time.name, of_score.name) == ("", "f1")


def test_a_rule_can_be_ignored_and_one_that_does_not_exist_cannot() -> None:
    code = TOTAL + "import shelve\nknown = shelve.open('known')\n"

    assert inspect([changed(code, TOTAL)]).suspect
    assert inspect([changed(code, TOTAL)], ignore=["disk"]).passed
    with pytest.raises(UsageError, match=r"suspicions.ignore: 'disc' is no rule; there are clock, "):
        inspect([], ignore=["disc"])
    assert SuspicionsConfig().ignore == []


def test_the_guards_that_only_suspect_can_be_ignored_by_their_names() -> None:
    check([clocks.GUARD, minimal.NAME, traces.GUARD])


def test_settings_of_judges_are_read_under_all_their_names() -> None:
    for name in ("pyproject.toml", ".pytest.ini", "vitest.config.ts", "sub/.ty.toml", "package.json"):
        found = inspect([changed("[tool]\nignore = ['*']\n", "[tool]\n", path=name)])

        assert found.suspect and found.message.startswith("settings: "), name


def test_the_base_passes_without_being_read() -> None:
    base = Change(commit="c0", parent="c0", tree="t", paths=(), added=0, removed=0)

    assert inspect([changed("exec('x')\n", None)], change=base).passed


def test_depth_and_length_do_not_stop_the_search() -> None:
    deep = f"x = {'(' * 90}1{')' * 90}\n" + "y = " + "1 + " * 3000 + "1\n"
    long = "".join(f"def f{n}(a):\n    return a + {n % 7}\n" for n in range(2000))

    assert set(rules(deep)) <= {"unreadable"}
    assert rules(long + "exec('x')\n", long) == ["dynamic"]


def test_fixes_that_tools_propose_pass(tmp_path: Path) -> None:
    from test_known_wins import PROJECT, WINS, found, proposer

    for name in WINS:
        for proposal in found(proposer(name, tmp_path), PROJECT):
            files = [
                FileChange(edit.path, (PROJECT / edit.path).read_bytes(), edit.content)
                for edit in proposal.edits
            ]
            assert inspect(files).passed, proposal.description
