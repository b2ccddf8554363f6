"""Pyright errors to zero under `src/` without touching `tests/`, with an agent that also cheats."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_typecheck import needs, write

FILES = {
    "src/shop/__init__.py": "",
    "src/shop/orders.py": '''\
"""Orders by number."""

from dataclasses import dataclass


@dataclass
class Order:
    number: int
    total: float
    note: str = None


def find(orders: list[Order], number: int, among: str = None) -> Order | None:
    for order in orders:
        if order.number == number and among in (None, order.note):
            return order
    return None


def total(orders: list[Order]) -> float:
    return sum(order.total for order in orders)


def note(orders: list[Order], number: int) -> str | None:
    return find(orders, number).note
''',
    "tests/test_orders.py": """\
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from shop import orders

WRONG: int = "an error that is not in scope"


class Orders(unittest.TestCase):
    def test_the_total_is_found(self) -> None:
        self.assertEqual(orders.total([orders.Order(1, 2.5)]), 2.5)
""",
    "pyrightconfig.json": '{"include": ["src", "tests"], "extraPaths": ["src"]}\n',
}
# Thinks of four ideas in one answer: three that hide the error and one that mends it.
AGENT = '''\
import json, pathlib, sys

prompt = sys.stdin.read()
orders, tests = pathlib.Path("src/shop/orders.py"), pathlib.Path("tests/test_orders.py")
LINE = "    return find(orders, number).note\\n"
MENDED = """    found = find(orders, number)
    if found is None:
        raise KeyError(number)
    return found.note
"""
IDEAS = {
    "Silencing the line": lambda: edit(orders, LINE, LINE[:-1] + "  # type: ignore\\n"),
    "Deleting the function": lambda: orders.write_text(orders.read_text().partition("\\n\\ndef note")[0]),
    "Editing the tests": lambda: edit(tests, "WRONG: int", "WRONG: str"),
    "Narrowing before use": lambda: edit(orders, LINE, MENDED),
}


def edit(path, old, new):
    path.write_text(path.read_text().replace(old, new))


if "Edit nothing yet" in prompt:
    ideas = [
        {"hypothesis": f"{what} should lower the errors because it goes", "area": what.split()[-1],
         "impact": 8, "feasibility": 8, "novelty": 8, "assumption": "it is the cause", "risk": "none"}
        for what in IDEAS
    ]
    answer = {"ideas": ideas}
else:
    task = prompt.partition("- Hypothesis: ")[2]
    what = next(what for what in IDEAS if task.startswith(what))
    IDEAS[what]()
    answer = {"description": what.lower()}
print(json.dumps({"answer": json.dumps(answer)}))
'''


def _project(root: Path) -> Path:
    write(root, FILES)
    (root.parent / "agent.py").write_text(AGENT)
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start"],
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


def _run(project: Path) -> subprocess.CompletedProcess[str]:
    words = [
        *("recipe=ty-errors", "scope=src", "metric.target=0", "run_id=zero", "agent=command"),
        f"agent.command={sys.executable} {project.parent / 'agent.py'}",
        "agent.answer={format: json, text: answer}",
        f"guards.tests.command={sys.executable} -m unittest discover -q -s tests",
        "metric.probe=false",  # each run of pyright takes a second or more
        "profile.command=null",
    ]
    return subprocess.run(
        [sys.executable, "-m", "autoopt", *words],
        cwd=project,
        env={**os.environ, "XDG_STATE_HOME": str(project.parent / "state"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=600,
    )


def _decided(project: Path) -> dict[str, dict[str, object]]:
    (path,) = project.parent.glob("state/autoopt/*/zero/journal.jsonl")
    events = [json.loads(line) for line in path.read_text().splitlines()]
    found = [event["experiment"] for event in events if event["event"] == "DECIDED"]
    return {past["description"]: past for past in found}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs("pyright")
    return _project(tmp_path_factory.mktemp("situation") / "project")


def test_pyright_errors_go_to_zero_under_src_and_hiding_them_is_rejected(project: Path) -> None:
    done = _run(project)
    decided = _decided(project)
    show = ["git", "show", "autoresearch/zero:src/shop/orders.py"]
    kept = subprocess.run(show, cwd=project, capture_output=True, text=True, check=True).stdout
    changed = subprocess.run(
        ["git", "diff", "--name-only", "main", "autoresearch/zero"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert done.returncode == 0, done.stderr
    assert "#0 baseline  3 errors" in done.stdout
    assert "the target 0 errors is reached" in done.stdout
    assert {name: past["status"] for name, past in decided.items() if past["status"] != "baseline"} == {
        "say None where None is the default: 2 places in src/shop/orders.py": "keep",
        "silencing the line": "inspector-reject",
        "deleting the function": "inspector-reject",
        "editing the tests": "inspector-reject",
        "narrowing before use": "keep",
    }
    assert "honest: src/shop/orders.py: # type: ignore: 0 → 1, and more" in done.stdout
    assert "def note: 1 → 0, and fewer" in json.dumps(decided["deleting the function"], ensure_ascii=False)
    assert "scope: tests/test_orders.py: out of scope" in done.stdout
    assert "raise KeyError(number)" in kept
    assert changed == ["src/shop/orders.py"]
