from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.folders import Folders, arms

from autoopt.errors import UsageError
from autoopt.guards.command import CommandGuard
from autoopt.guards.rows import Result, RowsGuard, difference, parse
from autoopt.records import Change, Finding, Measurement, Proposal, Sample, Trial
from autoopt.schema import GuardConfig, GuardKind, MetricConfig

PROPOSAL = Proposal(description="", hypothesis="", area="", source="test")
METRIC = MetricConfig(command="true")


def inspect(guard: CommandGuard | RowsGuard, commit: str) -> Finding:
    change = Change(commit=commit, parent="base", tree="", paths=(), added=0, removed=0)
    sample = Sample(value=1.0, wall_s=1.0, cpu_s=1.0, peak_bytes=1, seed=0)
    trial = Trial(number=1, challengers=Measurement(commit=commit, samples=(sample,)))
    return guard.inspect(change, PROPOSAL, trial)


def command_guard(
    tmp_path: Path, command: str, metric: MetricConfig = METRIC, value: str = "", **options: Any
) -> Finding:
    bench = Folders(tmp_path / "bench", {"c1": {"value": value}})
    guard = CommandGuard("tests", GuardConfig(**options), command, arms(bench, tmp_path / "logs", metric))
    return inspect(guard, "c1")


def test_a_command_that_succeeds_in_the_changes_checkout_passes(tmp_path: Path) -> None:
    found = command_guard(tmp_path, "test $(cat value) = 5", value="5")

    assert found == Finding(guard="tests", passed=True, message="")


def test_a_command_that_fails_does_not_pass_and_says_why(tmp_path: Path) -> None:
    found = command_guard(tmp_path, f"echo x >> {tmp_path}/tries; echo '2 tests failed'; exit 1")

    assert not found.passed
    assert found.message == "exit code 1\n2 tests failed"
    assert (tmp_path / "tries").read_text() == "x\nx\n"


@pytest.mark.parametrize(
    ("fails", "passed", "message"),
    [
        ("1", True, "flaky: 2 of 3 passed; it failed with: exit code 1"),
        ("1 3", False, "flaky: 1 of 3 passed; it failed with: exit code 1"),
        ("1 2", False, "exit code 1"),
        ("2 3", True, ""),
    ],
)
def test_a_command_that_fails_has_the_best_of_three(
    tmp_path: Path, fails: str, passed: bool, message: str
) -> None:
    count = tmp_path / "count"
    command = f"echo >> {count}; n=$(wc -l < {count}); for f in {fails}; do test $n != $f || exit 1; done"
    found = command_guard(tmp_path, command)

    assert (found.passed, found.message) == (passed, message)


def test_exit_code_zero_is_not_enough_where_output_is_expected(tmp_path: Path) -> None:
    good = command_guard(tmp_path, "echo '12 passed' >&2", expect=r"^\d+ passed$")
    bad = command_guard(tmp_path, "echo 'no tests ran'", expect=r"^\d+ passed$")

    assert good.passed
    assert not bad.passed
    assert bad.message.startswith("exit code 0, but nothing in the output matches `^\\d+ passed$`")


def test_a_timeout_does_not_pass_and_is_not_tried_again(tmp_path: Path) -> None:
    found = command_guard(tmp_path, f"echo x >> {tmp_path}/tries; sleep 30", timeout_s=0.3)

    assert not found.passed
    assert found.message.startswith("ended after 0.3 s, its time limit")
    assert (tmp_path / "tries").read_text() == "x\n"


def test_guards_run_prepared_and_with_the_metrics_environment(tmp_path: Path) -> None:
    metric = MetricConfig(command="true", prepare="touch built", env={"MODE": "test"})

    assert command_guard(tmp_path, 'test -e built -a "$MODE" = test', metric).passed


def test_a_change_that_cannot_be_prepared_does_not_pass(tmp_path: Path) -> None:
    found = command_guard(tmp_path, "true", MetricConfig(command="true", prepare="exit 4"))

    assert (found.passed, found.message) == (False, "metric.prepare: exit code 4")


def test_an_expectation_that_is_no_regex_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"guards\.tests\.expect is '\('"):
        command_guard(tmp_path, "true", expect="(")


def rows(*rows: list[Any], ordered: bool = False, keys: list[int] | None = None, columns: str = "ab") -> Any:
    return {"ordered": ordered, "keys": keys, "columns": list(columns), "rows": list(rows)}


def rows_guard(tmp_path: Path, commits: Mapping[str, Any], **options: Any) -> RowsGuard:
    files = {commit: {"out.json": json.dumps(found)} for commit, found in commits.items()}
    command = options.pop("command", "cat out.json")
    ready = arms(Folders(tmp_path / "bench", files), tmp_path / "logs")
    return RowsGuard("same", GuardConfig(kind=GuardKind.rows, **options), command, ready, "base")


def objection(tmp_path: Path, base: Any, found: Any, **options: Any) -> str | None:
    finding = inspect(rows_guard(tmp_path, {"base": {"q": base}, "c1": {"q": found}}, **options), "c1")
    assert finding.guard == "same"
    assert finding.passed == (finding.message == "")
    return finding.message or None


EQUAL = [
    (rows([1, "x"], [2, "y"]), rows([2, "y"], [1, "x"])),
    (rows([1, 0.1 + 0.2], [1, 5.0]), rows([1, 5.0], [1, 0.3])),
    (rows([1, 2.0]), rows([1, 2])),
    (rows([None, float("nan")], [None, float("inf")]), rows([None, float("inf")], [None, float("nan")])),
    (rows(ordered=True), rows()),
    (rows([1, "x"], [1, "y"], ordered=True, keys=[0]), rows([1, "y"], [1, "x"])),
    (rows([1, "x"], [2, "y"], ordered=True), rows([1, "x"], [2, "y"], ordered=False, keys=[])),
    # Values that count as equal have changed places, and with them the order in which rows would be sorted.
    (rows([1.0, 5.0], [1.0 + 1e-12, 3.0]), rows([1.0 + 1e-12, 5.0], [1.0, 3.0])),
    (rows([None, 1.0], ["x", 1.0], [True, 1.0]), rows([True, 1.0], [None, 1.0], ["x", 1.0])),
]


@pytest.mark.parametrize(("base", "found"), EQUAL)
def test_equal_rows_pass(tmp_path: Path, base: Any, found: Any) -> None:
    assert objection(tmp_path, base, found) is None


DIFFERENT = [
    (rows([1, "x"]), rows([1, "y"]), 'query q: row [1, "x"] is missing'),
    (rows([1, "x"]), rows([1, "x"], [1, "x"]), "query q: 2 rows instead of 1"),
    (rows([1, "x"], [1, "x"], [2, "y"]), rows([1, "x"], [2, "y"], [2, "y"]), 'row [1, "x"] is missing'),
    (rows([1, 2], columns="ab"), rows([1, 2], columns="ba"), 'columns ["b", "a"] instead of ["a", "b"]'),
    (rows([1, 1.0]), rows([1, 1.0 + 1e-6]), "row [1, 1.0] is missing"),
    (rows([1, 1.0], [1, 1.0]), rows([1, 1.0], [1, 2.0]), "row [1, 1.0] is missing"),
    (rows([1, None]), rows([1, 0]), "row [1, null] is missing"),
    (rows([1, None]), rows([1, 0.0]), "row [1, null] is missing"),
    (rows([1, True]), rows([1, 1]), "row [1, true] is missing"),
    (rows([1, 1.0]), rows([1, True]), "row [1, 1.0] is missing"),
    (rows([1, "1"]), rows([1, 1]), 'row [1, "1"] is missing'),
    (rows([1, float("nan")]), rows([1, 0.0]), "row [1, NaN] is missing"),
    (
        rows([1, "x"], [2, "y"], ordered=True),
        rows([2, "y"], [1, "x"], ordered=False),
        'row 1 is [2, "y"] instead',
    ),
    (
        rows([1, "x"], [2, "y"], ordered=True, keys=[0]),
        rows([2, "y"], [1, "x"], ordered=True, keys=[]),
        "row 1 is",
    ),
    (rows([1, "x"], [2, "y"], ordered=True, keys=[0]), rows([1, "y"], [2, "x"]), 'row [1, "x"] is missing'),
]


@pytest.mark.parametrize(("base", "found", "said"), DIFFERENT)
def test_different_rows_do_not_pass_and_the_first_difference_is_shown(
    tmp_path: Path, base: Any, found: Any, said: str
) -> None:
    message = objection(tmp_path, base, found)

    assert message is not None and said in message


def test_the_tolerance_can_be_set(tmp_path: Path) -> None:
    assert objection(tmp_path, rows([1, 1.0]), rows([1, 1.05]), tolerance=0.1) is None


def test_missing_and_new_queries_do_not_pass(tmp_path: Path) -> None:
    finding = inspect(rows_guard(tmp_path, {"base": {"q": rows()}, "c1": {"p": rows()}}), "c1")

    assert (finding.passed, finding.message) == (
        False,
        "other queries than at the base: missing ['q'], new ['p']",
    )


def test_a_change_whose_command_fails_does_not_pass(tmp_path: Path) -> None:
    guard = rows_guard(
        tmp_path, {"base": {"q": rows()}, "c1": []}, command="cat out.json; test $(wc -c < out.json) != 2"
    )
    finding = inspect(guard, "c1")

    assert (finding.passed, finding.message) == (False, "exit code 1\n[]")


@pytest.mark.parametrize(
    "output",
    ["", "[]", "{}", "x", "{", '{"q": 1}', '{"q": {"ordered": 1, "columns": [], "rows": []}}', "[" * 100_000,
     '{"q": {"ordered": true, "columns": ["a"], "rows": [[1, 2]]}}', '{"q": {}, "q": {}}', "\xff",
     '{"q": {"ordered": true, "keys": [1], "columns": ["a"], "rows": [[1]]}}',
     '{"q": {"ordered": true, "keys": [[]], "columns": ["a"], "rows": [[1]]}}'],
    ids=lambda text: text[:60],
)  # fmt: skip
def test_output_of_another_form_is_refused(output: str) -> None:
    with pytest.raises(ValueError, match=r"output|query q"):
        parse(output.encode("latin-1"))


@pytest.mark.parametrize("command", ["exit 1", "echo nonsense", "sleep 30"])
def test_a_command_that_fails_at_the_base_is_a_usage_error(tmp_path: Path, command: str) -> None:
    guard = rows_guard(tmp_path, {"base": {}, "c1": {}}, command=command, timeout_s=0.3)
    with pytest.raises(UsageError, match=r"guards\.same\.command must work at the base commit"):
        inspect(guard, "c1")


def test_rows_that_are_never_the_same_are_a_usage_error(tmp_path: Path) -> None:
    command = (
        """echo '{"q": {"ordered": false, "keys": null, "columns": ["a"], "rows": [['$RANDOM$RANDOM']]}}'"""
    )
    with pytest.raises(UsageError, match=r"guards\.same\.command does not give the same rows twice"):
        inspect(rows_guard(tmp_path, {"base": {}, "c1": {}}, command=command), "c1")


def test_the_base_is_asked_once_for_all_changes(tmp_path: Path) -> None:
    commits = {name: {"q": rows([1, name == "c3"])} for name in ("base", "c1", "c2", "c3")}
    guard = rows_guard(tmp_path, commits, command=f"cat out.json; echo >> {tmp_path}/count")
    passed = [inspect(guard, commit).passed for commit in ("c1", "c2", "c3")]

    assert passed == [True, True, False]
    assert len((tmp_path / "count").read_text()) == 2 + 3


def result(found: list[list[Any]]) -> Mapping[str, Result]:
    return {"q": Result(ordered=False, keys=None, columns=("a", "b"), rows=tuple(found))}


VALUES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=1))
TABLES = st.lists(st.tuples(VALUES, VALUES).map(list), max_size=8)


@given(TABLES, st.randoms(use_true_random=False))
def test_any_permutation_of_any_rows_is_equal(table: list[list[Any]], random: Any) -> None:
    shuffled = random.sample(table, len(table))

    assert difference(result(table), result(shuffled), 1e-9) is None


@given(TABLES.filter(bool), st.data())
def test_one_changed_value_is_always_noticed(table: list[list[Any]], data: st.DataObject) -> None:
    changed = [list(row) for row in table]
    row, column = data.draw(st.sampled_from(changed)), data.draw(st.integers(0, 1))
    row[column] = "another value"

    assert difference(result(table), result(changed), 1e-9) is not None


def test_many_rows_are_compared_quickly() -> None:
    table = [[number % 7, number / 3] for number in range(100_000)]
    moved = [[key, value * (1 + 1e-12)] for key, value in reversed(table)]

    assert difference(result(table), result(moved), 1e-9) is None
    moved[50_000][1] = 0.1234
    assert difference(result(table), result(moved), 1e-9) is not None
