"""Which proposer finds which of the inefficiencies planted in `known_wins`; the answers stay the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autoopt.proposers.candidates import Finder
from autoopt.proposers.deadcode import DeadCode
from autoopt.proposers.ruff import RuffFixes
from autoopt.records import Brief, Proposal, Task
from autoopt.schema import RuffConfig
from autoopt.testing.proposer_suite import apply

PROJECT = Path(__file__).with_name("known_wins")

RUFF = [
    "PERF401 in shop/orders.py: replace for loop with list comprehension",
    "PERF403 in shop/orders.py: replace for loop with dict comprehension",
    "PERF102 in shop/orders.py: replace `.items()` with `.values()`",
    "FURB192 in shop/figures.py: 2 × sorted min max",
    "C413 in shop/figures.py: remove unnecessary `reversed()` call",
    "C417 in shop/figures.py: replace `map()` with a list comprehension",
    "C419 in shop/figures.py: remove unnecessary comprehension",
    "C403 in shop/orders.py: rewrite as a set comprehension",
    "SIM118 in shop/words.py: remove `.keys()`",
    "SIM114 in shop/export.py: combine `if` branches",
    "RET505 in shop/export.py: remove unnecessary `elif`",
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


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT, tmp_path / "desk", ignore=shutil.ignore_patterns("__pycache__")))


def found(find: Finder, desk: Path) -> list[Proposal]:
    scope = tuple(sorted(path.relative_to(desk).as_posix() for path in desk.glob("shop/*.py")))
    task = Task(goal="less time")
    return list(
        find(Brief(number=1, incumbent="0" * 40, desk=desk, scope=scope, task=task, history=(), advice=""))
    )


def finder(name: str, scratch: Path) -> Finder:
    if name == "ruff":
        return RuffFixes(RuffConfig(), scratch, os.environ)
    return DeadCode(scratch, os.environ)


@pytest.mark.parametrize(("name", "wins"), [("ruff", RUFF), ("deadcode", DEADCODE)])
def test_each_finds_what_it_is_for(name: str, wins: list[str], desk: Path, tmp_path: Path) -> None:
    proposals = found(finder(name, tmp_path / "scratch"), desk)

    assert sorted(proposal.description for proposal in proposals) == sorted(wins)


@pytest.mark.parametrize("name", ["ruff", "deadcode"])
def test_every_change_alone_keeps_the_tests_of_the_project(name: str, desk: Path, tmp_path: Path) -> None:
    for number, proposal in enumerate(found(finder(name, tmp_path / "scratch"), desk)):
        changed = tmp_path / f"changed{number}"
        shutil.copytree(desk, changed)
        apply(proposal, changed)
        done = subprocess.run(
            [sys.executable, "-B", "-m", "unittest", "-q", "checks"],
            cwd=changed,
            capture_output=True,
            text=True,
        )

        assert done.returncode == 0, f"{proposal.description}\n{done.stderr}"


def test_the_changes_of_one_proposer_go_together(desk: Path, tmp_path: Path) -> None:
    """Each kept change is the ground for the next search, until nothing is left to find."""
    for name in ("ruff", "deadcode"):
        find = finder(name, tmp_path / name)
        for _ in range(30):
            if not (proposals := found(find, desk)):
                break
            apply(proposals[0], desk)
    done = subprocess.run(
        [sys.executable, "-B", "-m", "unittest", "-q", "checks"], cwd=desk, capture_output=True, text=True
    )

    assert not found(find, desk)
    assert done.returncode == 0, done.stderr
