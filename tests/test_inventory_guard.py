"""Counts held against the base commit's, in real checkouts of a fake bench."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.folders import Folders, arms

from autoopt.errors import UsageError
from autoopt.guards.inventory import InventoryGuard, objections, parse
from autoopt.records import Change, Finding, Measurement, Proposal, Sample, Trial
from autoopt.schema import GuardConfig, GuardKind

BASE = {"no_more": {"ignores in a.py": 2}, "no_fewer": {"tests": 10}, "same": {"schema": "id int"}}


def inspect(tmp_path: Path, base: Any, found: Any, command: str = "cat out.json") -> Finding:
    commits = {name: {"out.json": json.dumps(said)} for name, said in (("base", base), ("c1", found))}
    ready = arms(Folders(tmp_path / "bench", commits), tmp_path / "logs")
    guard = InventoryGuard("counts", GuardConfig(kind=GuardKind.inventory), command, ready, "base")
    change = Change(commit="c1", parent="base", tree="", paths=(), added=0, removed=0)
    sample = Sample(value=1.0, wall_s=1.0, cpu_s=1.0, peak_bytes=1, seed=0)
    trial = Trial(number=1, challengers=Measurement(commit="c1", samples=(sample,)))
    return guard.inspect(change, Proposal(description="", hypothesis="", area="", source=""), trial)


def test_the_same_counts_pass(tmp_path: Path) -> None:
    assert inspect(tmp_path, BASE, BASE) == Finding(guard="counts", passed=True, message="")


@pytest.mark.parametrize(
    ("change", "objection"),
    [
        ({"no_more": {"ignores in a.py": 3}}, "ignores in a.py: 2 → 3, and more are not allowed"),
        ({"no_more": {"ignores in b.py": 1}}, "ignores in b.py: 0 → 1, and more are not allowed"),
        ({"no_fewer": {"tests": 9}}, "tests: 10 → 9, and fewer are not allowed"),
        ({"no_fewer": {}}, "tests: 10 → 0, and fewer are not allowed"),
        ({"same": {"schema": "id text"}}, "schema: id int → id text"),
        ({"same": {}}, "schema: is gone"),
        ({"same": {"schema": "id int", "extra": [1]}}, "extra: is new, [1]"),
    ],
)
def test_what_is_worse_than_at_the_base_is_named_with_both_numbers(
    tmp_path: Path, change: dict[str, Any], objection: str
) -> None:
    assert inspect(tmp_path, BASE, {**BASE, **change}).message == objection


@pytest.mark.parametrize(
    "change",
    [{"no_more": {}}, {"no_more": {"ignores in a.py": 0}}, {"no_fewer": {"tests": 11, "more tests": 1}}],
)
def test_what_is_better_than_at_the_base_passes(tmp_path: Path, change: dict[str, Any]) -> None:
    assert inspect(tmp_path, BASE, {**BASE, **change}).passed


@pytest.mark.parametrize(
    ("base", "found", "wanted"),
    [
        ({"stays": {"a": 1}}, {"stays": {"a": 2}}, ["a: 1 → 2"]),
        ({"stays": {"a": 1}}, {"stays": {}}, ["a: 1 → something else"]),
        ({"stays": {}}, {"stays": {"a": 1}}, []),
        ({"same": {"a": 0}, "stays": {"a": 1}}, {"same": {"a": 5}, "stays": {"a": 2}}, ["a: 0 → 5"]),
    ],
)
def test_what_stays_is_only_what_the_base_has_and_is_told_once(base, found, wanted) -> None:
    said = [parse(json.dumps(one).encode()) for one in (base, found)]

    assert list(objections(*said)) == wanted


def test_many_objections_are_counted() -> None:
    base, found = parse(b'{"same": {}}'), {"no_more": {f"n{number}": 1 for number in range(8)}}

    assert len(list(objections(base, parse(json.dumps(found).encode())))) == 8


def test_what_a_kept_change_added_must_stay_from_then_on() -> None:
    base, incumbent, found = (
        parse(json.dumps({"no_fewer": counts}).encode())
        for counts in ({"old": 5}, {"old": 9, "new": 3}, {"old": 6, "new": 2})
    )

    assert list(objections(base, found, incumbent)) == ["new: 3 → 2, and fewer are not allowed"]


def test_only_the_first_of_many_objections_are_spelled_out(tmp_path: Path) -> None:
    found = inspect(tmp_path, BASE, {**BASE, "no_more": {f"n{number}": 1 for number in range(8)}})

    assert found.message.count("→") == 5
    assert found.message.endswith("; and 3 more")


@pytest.mark.parametrize(
    "printed",
    ["", "[]", "{}", '{"more": {}}', '{"no_more": 1}', '{"no_more": {"a": "1"}}', '{"no_more": {"a": NaN}}'],
)
def test_a_base_without_an_inventory_is_refused(tmp_path: Path, printed: str) -> None:
    with pytest.raises(UsageError, match=r"guards\.counts\.command must work at the base commit"):
        inspect(tmp_path, BASE, BASE, f"echo '{printed}'")


def test_a_change_at_which_the_command_fails_does_not_pass(tmp_path: Path) -> None:
    command = "grep -q '\"tests\": 10' out.json && cat out.json || { echo no tests >&2; exit 3; }"

    found = inspect(tmp_path, BASE, {"no_fewer": {"tests": 1}}, command)

    assert found.message == "exit code 3\nno tests"
