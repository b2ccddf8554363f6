from __future__ import annotations

from collections.abc import Sequence

import pytest

from autoopt.guards import essence
from autoopt.guards.minimal import Minimal
from autoopt.guards.simplicity import Simplicity, Weight, added
from autoopt.records import (
    Change,
    Edit,
    FileChange,
    Finding,
    Measurement,
    Outcome,
    Proposal,
    Sample,
    Trial,
    Verdict,
)

CHANGE = Change(commit="c1", parent="c0", tree="t", paths=("shop.py",), added=1, removed=1)
SAMPLE = Sample(value=2.0, wall_s=1.0, cpu_s=1.0, peak_bytes=1, seed=0)
SLOW = """\
def total(prices):
    found = 0
    for price in prices:
        if price:
            found += price
    return found
"""
FAST = "def total(prices):\n    return sum(prices)\n"


def trial(
    effect: float, outcome: Outcome = Outcome.better, *, is_ratio: bool = True, noise: float = 0.01
) -> Trial:
    verdict = Verdict(
        outcome=outcome,
        effect=effect,
        low=effect,
        high=effect,
        probability=0.99,
        pairs=4,
        is_ratio=is_ratio,
        sentence="",
        noise=noise,
    )
    measured = Measurement(commit="c1", samples=(SAMPLE,))
    return Trial(number=1, challengers=measured, incumbents=(SAMPLE,), verdict=verdict)


def proposal(*edits: Edit) -> Proposal:
    return Proposal(description="sum up", hypothesis="", area="", source="agent", edits=edits)


def changed(after: str | None, before: str | None = SLOW, path: str = "shop.py") -> FileChange:
    return FileChange(
        path, None if before is None else before.encode(), None if after is None else after.encode()
    )


def weighed(files: Sequence[FileChange], on: Trial, line_gain: float = 0.0002, *edits: Edit) -> Finding:
    return Simplicity(lambda parent, commit: files, line_gain).inspect(CHANGE, proposal(*edits), on)


def minimal(files: Sequence[FileChange], on: Trial, *, is_run: bool = True, suspects: bool = True) -> Finding:
    guard = Minimal(lambda parent, commit: files, is_run=is_run, suspects=suspects)
    return guard.inspect(CHANGE, proposal(), on)


LONG = SLOW + "".join(
    f"\ndef case{n}(a):\n    if a > {n}:\n        return a\n    return {n}\n" for n in range(20)
)


def test_a_gain_has_to_be_worth_its_lines() -> None:
    small, large = weighed([changed(LONG)], trial(0.01)), weighed([changed(LONG)], trial(0.05))

    assert small == Finding(
        guard="simplicity",
        passed=False,
        message="80 more lines and 20 more branches for a gain of 1.00%; that much code has to bring 2.00% "
        "(line_gain=0.0002)",
    )
    assert large.passed
    assert weighed([changed(LONG)], trial(0.01), 0.0).passed
    assert weighed([changed(FAST)], trial(0.001)).passed


def test_a_gain_that_is_a_difference_is_weighed_against_the_level() -> None:
    assert not weighed([changed(LONG)], trial(0.03, is_ratio=False)).passed  # 1.5 % of 2.0
    assert weighed([changed(LONG)], trial(0.05, is_ratio=False)).passed


def test_what_only_holds_the_metric_must_be_simpler() -> None:
    holds = trial(-0.001, Outcome.holds)
    golfed = SLOW.replace("if price:\n            found", "if price: found")

    assert weighed([changed(FAST)], holds).passed
    assert weighed([changed(golfed)], holds).message == (
        "it holds the metric and is no simpler: as many lines and branches"
    )
    assert not weighed([changed(LONG)], holds).passed
    assert weighed([changed(f"# found = 1\n{SLOW}", SLOW)], holds, 0.0002, Edit(path="a", content=b"")).passed


def test_weight_is_what_a_reader_pays_and_not_how_it_is_laid_out() -> None:
    wrapped = SLOW.replace("total(prices)", "total(\n    prices,\n)").replace(
        "found = 0", "found = (\n  0\n)"
    )
    documented = SLOW.replace(
        "    found = 0", '    """Adds up.\n\n    All of it.\n    """\n    found = 0  # none'
    )
    nested = "def f(a):\n    for b in a:\n        if b:\n            while b:\n                b -= 1\n"
    chained = "if a == 1:\n    x = 1\nelif a == 2:\n    x = 2\nelif a == 3:\n    x = 3\n"

    assert added([changed(wrapped)]) == added([changed(documented)]) == Weight()
    assert added([changed(nested, "")]).branches == 1 + 2 + 3
    assert added([changed(chained, "")]).branches == 3
    assert added([changed(None)]).lines == -6
    assert added([changed("x = [" + "1, " * 200 + "]\n", "")]).lines == 7
    assert added([changed("a\n\nb c\n", "", "query.sql")]) == Weight(lines=2, size=3)
    assert added([changed(LONG, "", "tests/test_shop.py"), changed("x\n" * 50, "", "README.md")]) == Weight()


SAME = {
    "a comment": ("shop.py", SLOW, f"# quick\n{SLOW}"),
    "a docstring": ("shop.py", SLOW, SLOW.replace("    found = 0", '    """Adds."""\n    found = 0')),
    "layout": ("shop.py", SLOW, SLOW.replace("found = 0", "found = (0)")),
    "a key's blanks": ("a.json", '{"a": 1}', '{\n  "a": 1\n}\n'),
    "a TOML comment": ("a.toml", "a = 1\n", "# one\na = 1\n"),
    "a SQL comment": ("q.sql", "SELECT a\nFROM t;\n", "-- quick\nSELECT a /* b */\nFROM t;\n"),
    "a YAML comment": ("a.yaml", "a: 1\n", "# one\na: 1\n"),
    "prose": ("README.md", "a\n", "b\n"),
}
OTHER = {
    "a number": ("shop.py", SLOW, SLOW.replace("0", "1")),
    "a text": ("shop.py", "x = 'a'\n", "x = 'b'\n"),
    "a hint": ("q.sql", "SELECT a FROM t;\n", "SELECT /*+ HASH(t) */ a FROM t;\n"),
    "an indent": ("a.yaml", "a:\nb: 1\n", "a:\n  b: 1\n"),
    "anything unknown": ("a.conf", "# a\nb\n", "# c\nb\n"),
    "what cannot be parsed": ("shop.py", "def (\n", "def ( \n"),
}


@pytest.mark.parametrize(("path", "before", "after"), SAME.values(), ids=SAME)
def test_a_change_of_nothing_that_runs_is_never_a_gain(path: str, before: str, after: str) -> None:
    finding = minimal([changed(after, before, path)], trial(0.05))

    assert not finding.passed
    assert not finding.suspect
    assert finding.message.startswith("only comments")


@pytest.mark.parametrize(("path", "before", "after"), OTHER.values(), ids=OTHER)
def test_a_change_that_may_do_something_passes(path: str, before: str, after: str) -> None:
    assert minimal([changed(after, before, path)], trial(0.05)).passed


def test_comments_may_count_where_the_metric_is_of_the_text() -> None:
    comment = [changed(f"# type: ignore\n{SLOW}")]

    assert minimal(comment, trial(0.05, noise=0.0), is_run=False).passed
    assert not minimal(comment, trial(0.05, noise=0.01), is_run=False).passed
    assert minimal(comment, trial(0.0, Outcome.holds)).passed


def test_layout_beside_a_change_is_suspect_when_it_is_most_of_it() -> None:
    before = SLOW + "".join(f"\ndef case{n}(a):\n    return [a, {n}]\n" for n in range(20))
    churned = before.replace(SLOW, FAST).replace("[a, ", "[ a,").replace("found", "found")
    finding = minimal([changed(churned, before)], trial(0.05))

    assert (finding.passed, finding.suspect, finding.where) == (False, True, "shop.py:5")
    assert finding.message.startswith("40 of 46 changed lines are only laid out anew")
    assert minimal([changed(churned, before)], trial(0.05), suspects=False).passed
    assert minimal([changed(before.replace(SLOW, FAST), before)], trial(0.05)).passed


def test_a_file_that_was_left_behind_is_suspect() -> None:
    finding = minimal([changed(FAST), changed(SLOW, None, "shop.py.orig")], trial(0.05))

    assert (finding.passed, finding.suspect, finding.where) == (False, True, "shop.py.orig")


def test_the_base_passes_without_being_read() -> None:
    base = Change(commit="c0", parent="c0", tree="t", paths=(), added=0, removed=0)
    unread = Trial(number=0, challengers=Measurement(commit="c0", samples=(SAMPLE,)))

    def changes(parent: str, commit: str) -> list[FileChange]:
        raise AssertionError("read")

    assert Simplicity(changes, 1.0).inspect(base, proposal(), unread).passed
    assert Minimal(changes, is_run=True).inspect(base, proposal(), unread).passed


def test_what_cannot_be_parsed_has_no_essence() -> None:
    assert essence.of("a.json", b"{") is None
    assert essence.of("a.py", b"x = " + b"-" * 5000 + b"1") is None
    assert essence.of("a.bin", b"\0") is None
