"""Which proposer finds which of the inefficiencies planted in `known_wins`; the answers stay the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autoopt.proposers.candidates import Candidates
from autoopt.proposers.codemods import Codemods
from autoopt.proposers.linting.deadcode import DeadCode
from autoopt.proposers.linting.ruff import RuffFixes
from autoopt.protocols import Proposer
from autoopt.records import Brief, Proposal, Task
from autoopt.schema import RuffConfig
from autoopt.testing.proposer_suite import apply

PROJECT = Path(__file__).with_name("known_wins")

RUFF = [
    "PERF401 in shop/orders.py: replace for loop with list comprehension",
    "PERF403 in shop/orders.py: replace for loop with dict comprehension",
    "PERF102 in shop/orders.py: replace `.items()` with `.values()`",
    "FURB192 in shop/figures.py: 2 × sorted min max",
    "FURB113 in shop/search.py: replace with `waiting.extend((number + served, number))`",
    "PERF401 in shop/search.py: replace for loop with list comprehension",
    "C413 in shop/figures.py: remove unnecessary `reversed()` call",
    "C417 in shop/figures.py: replace `map()` with a list comprehension",
    "C419 in shop/figures.py: remove unnecessary comprehension",
    "C403 in shop/orders.py: rewrite as a set comprehension",
    "SIM118 in shop/words.py: remove `.keys()`",
    "SIM114 in shop/export.py: combine `if` branches",
    "RET505 in shop/export.py: remove unnecessary `elif`",
]
CODEMODS = [
    "results of the pure function ways() are remembered (lru_cache) (shop/routes.py)",
    "results of the pure function queue() are remembered (lru_cache) (shop/search.py)",
    "the list seen that unique() only searches becomes a set (shop/search.py)",
    "the list blocked searched in a loop of allowed() is made a set before it (shop/search.py)",
    "the list waiting used as a queue in queue() becomes a deque (shop/search.py)",
    "text in page() is joined once instead of growing by += in a loop (shop/search.py)",
    "the loop that fills found in distances() becomes a list comprehension (shop/figures.py)",
    "the loop that fills numbers in large() becomes a list comprehension (shop/orders.py)",
    "the loop that fills found in index() becomes a dict comprehension (shop/orders.py)",
    "the loop that fills found in allowed() becomes a list comprehension (shop/search.py)",
    "math.sqrt is looked up once before a loop of length() (shop/routes.py)",
    "a constant pattern of slug() is compiled once for the module (shop/words.py)",
]
DEADCODE = [
    "Remove 3 unused imports from shop/export.py",
    "Remove unused _INDENT, _old_rows from shop/export.py",
    "Remove 1 unreachable line from shop/export.py",
    "Remove 1 unused variable from shop/export.py",
    "Remove 1 needless else from shop/export.py",
    "Remove 1 duplicate branch from shop/export.py",
    "Remove 2 lines of commented-out code from shop/export.py",
]


WINS = {"codemods": CODEMODS, "ruff": RUFF, "deadcode": DEADCODE}


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT, tmp_path / "desk", ignore=shutil.ignore_patterns("__pycache__")))


def found(proposer: Proposer, desk: Path) -> list[Proposal]:
    """Everything it has to propose for these files: whoever is asked again has had the last one declined."""
    scope = tuple(sorted(path.relative_to(desk).as_posix() for path in desk.glob("shop/*.py")))
    task = Task(goal="less time")
    brief = Brief(number=1, incumbent="0" * 40, desk=desk, scope=scope, task=task, history=(), advice="")
    return list(iter(lambda: proposer.ask(brief), None))


def proposer(name: str, scratch: Path) -> Proposer:
    if name == "codemods":
        return Candidates(Codemods())
    return Candidates(
        RuffFixes(RuffConfig(), scratch, os.environ) if name == "ruff" else DeadCode(scratch, os.environ)
    )


def checked(project: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", "-m", "unittest", "-q", "checks"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", WINS)
def test_each_finds_what_it_is_for(name: str, desk: Path, tmp_path: Path) -> None:
    proposals = found(proposer(name, tmp_path / "scratch"), desk)

    assert sorted(proposal.description for proposal in proposals) == sorted(WINS[name])


@pytest.mark.parametrize("name", WINS)
def test_every_change_alone_keeps_the_tests_of_the_project(name: str, desk: Path, tmp_path: Path) -> None:
    for number, proposal in enumerate(found(proposer(name, tmp_path / "scratch"), desk)):
        changed = tmp_path / f"changed{number}"
        shutil.copytree(desk, changed)
        apply(proposal, changed)
        done = checked(changed)

        assert done.returncode == 0, f"{proposal.description}\n{done.stderr}"


def test_the_changes_of_all_go_together(desk: Path, tmp_path: Path) -> None:
    """Each kept change is the ground for the next search, until nothing is left to find."""
    for name in WINS:
        for _ in range(30):
            if not (proposals := found(proposer(name, tmp_path / name), desk)):
                break
            apply(proposals[0], desk)
        assert not proposals
    done = checked(desk)

    assert done.returncode == 0, done.stderr
