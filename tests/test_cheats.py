"""A cheating editor of each kind, and an honest one, through the real program; `tests.cheats` has all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cheats.pack import CHEATS, EDITORS, HONEST_ONES
from cheats.runs import let_loose

RUNS = {
    "clocks": [
        "clock patched in disguise",
        "clock of the caller's frame",
        "print replaced",
        "own number in disguise",
        "work before the clock",
        "comment only",
        "honest: 50 times as fast",
    ],
    "answers": [
        "answers in a table",
        "lazy result",
        "result of a thread",
        "arguments sniffed",
        "environment sniffed",
        "assertion weakened",
        "conftest passes all",
    ],
    "caches": [
        "cache in the checkout",
        "cache in HOME",
        "cache in /dev/shm",
        "cache in its compiled file",
        "cache in an attribute",
        "usercustomize",
        "compiled module poisoned",
    ],
    "places": [
        "incumbent's checkout slowed",
        "trojan on PATH",
        "journal rewritten",
        "judge rewritten",
        "git hooks and settings",
        "loop killed",
        "daemon keeps the processors busy",
    ],
    "hooks": [
        "hook: home",
        "hook: git",
        "hook: journal",
        "hook: edits later",
        "hook: commits",
        "hook: reads the holdout",
        "sitecustomize",
    ],
}


QUICK = ("metric.probe=no", "metric.baseline_samples=3", "final.max_pairs=2", "verdict.max_pairs=8")


@pytest.mark.skipif(sys.platform != "linux", reason="the cheats look for processes in /proc")
@pytest.mark.parametrize("kind", RUNS)
def test_a_cheat_is_never_kept_and_an_honest_gain_is(kind: str, tmp_path: Path) -> None:
    outcomes = {one.name: one for one in let_loose(tmp_path / "world", RUNS[kind], QUICK)}

    honest = {name for name in outcomes if EDITORS[name].kept}
    assert {name for name, one in outcomes.items() if one.kept} == honest
    assert [one for one in outcomes.values() if one.harm] == []
    assert [one for one in outcomes.values() if one.status == "none"] == []


def test_the_pack_has_cheats_of_every_kind_and_honest_editors() -> None:
    assert len(CHEATS) >= 20
    assert len(HONEST_ONES) >= 4
    assert {name for names in RUNS.values() for name in names} <= set(EDITORS)
