"""Ideas from a real ruff on real files: which, in which order, and what they leave alone."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ruff import find_ruff_bin

from autoopt.errors import UsageError
from autoopt.proposers.candidates import Candidates, mark_of
from autoopt.proposers.linting.ruff import RuffFixes
from autoopt.proposers.linting.ruff_tool import repository_flags
from autoopt.records import Experiment, Proposal, Status
from autoopt.schema import RuffConfig
from autoopt.testing.proposer_suite import ProposerSuite, apply, brief, judged

LOOP = """\
def doubled(numbers):
    found = []
    for number in numbers:
        found.append(number * 2)
    return found
"""
COMPREHENSION = """\
def doubled(numbers):
    return [number * 2 for number in numbers]
"""
WIDE = ("--config", "line-length=99")
LOWEST = "def lowest(numbers):\n    return sorted(numbers)[0]\n"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    path = tmp_path / "desk"
    path.mkdir()
    return path


def put(desk: Path, **files: str | bytes) -> None:
    for name, content in files.items():
        path = desk / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def finder(desk: Path, *select: str, unsafe: bool = True, path: str | None = None) -> RuffFixes:
    config = RuffConfig(select=list(select), unsafe=unsafe) if select else RuffConfig(unsafe=unsafe)
    environ = dict(os.environ) if path is None else {"PATH": path}
    return RuffFixes(config, desk.parent / "scratch", environ)


def found(desk: Path, *select: str, profile: str = "", unsafe: bool = True) -> list[Proposal]:
    return list(finder(desk, *select, unsafe=unsafe)(replace(brief(desk), profile=profile)))


def said(proposals: list[Proposal]) -> list[str]:
    return [proposal.description for proposal in proposals]


def test_a_known_finding_gives_exactly_the_expected_file(desk: Path) -> None:
    put(desk, a_py=LOWEST)
    (proposal,) = found(desk, "FURB192")

    assert proposal.edits[0].path == "a.py"
    assert proposal.edits[0].content == b"def lowest(numbers):\n    return min(numbers)\n"
    assert proposal.description == "FURB192 in a.py: replace with `min`"
    assert proposal.hypothesis == (
        "Applying sorted-min-max to a.py should improve the metric because the smallest or largest element "
        "is found in one pass, without sorting."
    )
    assert (proposal.source, proposal.area, proposal.simplifies) == ("ruff", "a.py", False)


def test_an_append_loop_becomes_a_comprehension(desk: Path) -> None:
    put(desk, a_py=LOOP)
    (proposal,) = found(desk, "PERF")
    content = proposal.edits[0].content

    assert content is not None
    assert b"found = [number * 2 for number in numbers]" in content
    assert b"append" not in content


def test_every_fix_of_a_rule_in_a_file_is_one_idea(desk: Path) -> None:
    put(desk, a_py=LOWEST + "\n\n" + LOWEST.replace("lowest", "first"), b_py=LOWEST)

    assert said(found(desk, "FURB192")) == [
        "FURB192 in a.py: 2 × replace with `min`",
        "FURB192 in b.py: replace with `min`",
    ]


def test_order_is_the_selections_then_the_hottest_file_then_the_most_findings(desk: Path) -> None:
    several = LOWEST + "\n\ndef any_zero(numbers):\n    return any([n == 0 for n in numbers])\n"
    put(desk, cold_py=several, hot_py=several + "\n\n" + LOWEST.replace("lowest", "again"))
    profile = "  1.2 s  hot.py:3(lowest)\n  0.1 s  cold.py:2(lowest)\n"

    assert [line.split(":")[0] for line in said(found(desk, "C4", "FURB", profile=profile))] == [
        "C419 in hot.py",
        "C419 in cold.py",
        "FURB192 in hot.py",
        "FURB192 in cold.py",
    ]
    assert said(found(desk, "FURB", "C4", profile=profile))[0] == "FURB192 in hot.py: 2 × replace with `min`"


def test_in_one_file_the_rule_with_more_findings_comes_first(desk: Path) -> None:
    put(desk, a_py="a = set([x.y for x in z])\nb = list([1])\nc = list([2])\n")

    assert [line[:4] for line in said(found(desk, "C4"))] == ["C410", "C403"]


def test_unsafe_fixes_are_left_out_when_not_wanted(desk: Path) -> None:
    put(
        desk,
        a_py=LOWEST + "\n\ndef sign(x):\n    if x < 0:\n        return -1\n    else:\n        return 1\n",
    )

    assert [line.split()[0] for line in said(found(desk, "FURB192", "RET505", unsafe=False))] == ["RET505"]
    assert [line.split()[0] for line in said(found(desk, "FURB192", "RET505"))] == ["FURB192", "RET505"]


def test_rules_for_readers_are_judged_as_simplifications_only_when_lines_go(desk: Path) -> None:
    fewer = "def sign(x):\n    if x < 0:\n        return -1\n    else:\n        return 1\n"
    put(desk, a_py=fewer, b_py="def has(d, key):\n    return key in d.keys()\n")
    proposals = {proposal.area: proposal for proposal in found(desk, "RET505", "SIM118")}

    assert proposals["a.py"].simplifies
    assert "should hold the metric in 1 line less because" in proposals["a.py"].hypothesis
    assert not proposals["b.py"].simplifies


def test_what_changes_nothing_for_the_interpreter_is_no_idea(desk: Path) -> None:
    """Annotations, imports and names of the same constant: nothing to measure, no line less."""
    put(
        desk,
        a_py="from typing import List\nimport re\ndef f(x: List[int]):\n    return re.compile('a', re.M)\n",
    )

    assert found(desk, "UP006", "UP035", "FURB167") == []


def test_a_fix_that_is_done_is_not_found_again_and_the_next_is(desk: Path) -> None:
    put(desk, a_py=LOWEST + "\n\ndef any_zero(numbers):\n    return any([n == 0 for n in numbers])\n")
    proposer, history = Candidates(finder(desk, "FURB", "C4")), list[Experiment]()
    for number, status in ((1, Status.keep), (2, Status.discard)):
        proposal = proposer.ask(brief(desk, tuple(history)))
        assert proposal is not None
        decided = judged(proposal, number, 0.0, status)
        history.append(replace(decided, fingerprint=mark_of(proposal, desk)))
        if status is Status.keep:
            apply(proposal, desk)

    assert [e.description[:7] for e in history] == ["FURB192", "C419 in"]
    assert proposer.ask(brief(desk, tuple(history))) is None


def test_line_ends_and_a_byte_order_mark_stay(desk: Path) -> None:
    put(desk, a_py=LOWEST.replace("\n", "\r\n"), b_py=b"\xef\xbb\xbf" + LOWEST.encode(), c_py=LOWEST.rstrip())
    after = {proposal.area: proposal.edits[0].content for proposal in found(desk, "FURB192")}

    assert after == {
        "a.py": b"def lowest(numbers):\r\n    return min(numbers)\r\n",
        "b.py": b"\xef\xbb\xbfdef lowest(numbers):\n    return min(numbers)\n",
        "c.py": b"def lowest(numbers):\n    return min(numbers)",
    }


def test_only_python_files_in_scope_that_can_be_read_are_touched(desk: Path) -> None:
    put(
        desk,
        good_py=LOWEST,
        latin_py=b"# -*- coding: latin-1 -*-\nx = '\xe9'\n" + LOWEST.encode(),
        broken_py=LOWEST + "def f(:\n",
        nul_py=LOWEST.encode() + b"\0",
        huge_py=LOWEST + "#" * (1 << 20),
        empty_py="",
    )
    (desk / "stub.pyi").write_text(LOWEST)
    (desk / "book.ipynb").write_text('{"cells": [{"cell_type": "code", "source": ["sorted(x)[0]"]}]}')
    (desk / "link.py").symlink_to("good.py")
    outside = replace(brief(desk), scope=tuple(path for path in brief(desk).scope if path != "good.py"))

    assert said(found(desk, "FURB192")) == ["FURB192 in good.py: replace with `min`"]
    assert list(finder(desk, "FURB192")(outside)) == []


def test_the_repositorys_settings_neither_hide_files_nor_choose_rules(desk: Path) -> None:
    put(desk, build__a_py=LOWEST)
    (desk / "build" / "ruff.toml").write_text('exclude = ["*"]\n[lint]\nignore = ["FURB192"]\n')
    (desk / "pyproject.toml").write_text('[tool.ruff]\nexclude = ["build"]\n')
    (desk / ".gitignore").write_text("build\n")

    assert said(found(desk, "FURB192")) == ["FURB192 in build/a.py: replace with `min`"]


def test_a_finding_its_author_has_waived_stays(desk: Path) -> None:
    put(desk, a_py="def lowest(numbers):\n    return sorted(numbers)[0]  # noqa: FURB192\n")

    assert found(desk, "FURB192") == []


def test_fixes_fit_the_oldest_python_the_repository_supports(desk: Path) -> None:
    source = "def bare(text):\n    if text.startswith('a'):\n        text = text[1:]\n    return text\n"
    put(desk, a_py=source)
    (desk / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.8"\n')
    old = found(desk, "FURB188")
    (desk / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.9"\n')

    assert old == []
    assert len(found(desk, "FURB188")) == 1


@pytest.mark.parametrize(
    ("files", "flags"),
    [
        ({}, ()),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.9.2,<4"'}, ("--target-version", "py39")),
        ({"pyproject.toml": '[project]\nrequires-python = "~=3.12"'}, ("--target-version", "py312")),
        ({"pyproject.toml": '[project]\nrequires-python = ">=2.7"'}, ("--target-version", "py37")),
        ({"pyproject.toml": '[project]\nrequires-python = "banana"'}, ()),
        ({"pyproject.toml": "not toml ["}, ()),
        ({"pyproject.toml": '[tool]\nruff = 3'}, ()),
        ({"ruff.toml": 'target-version = "py311"\nline-length = 99'}, ("--target-version", "py311", *WIDE)),
        ({"pyproject.toml": '[tool.ruff]\nline-length = "x"\ntarget-version = "py3x"'}, ()),
    ],
)  # fmt: skip
def test_the_repository_says_its_python_and_its_line_length(
    files: dict[str, str], flags: tuple[str, ...], desk: Path
) -> None:
    for name, content in files.items():
        (desk / name).write_text(content)

    assert repository_flags(desk) == flags


def test_looking_writes_nothing_in_the_desk_and_names_may_be_strange(desk: Path) -> None:
    for name in ("-a b.py", "ü'\".py", "build/$(touch x).py", "test[1].py"):
        (desk / name).parent.mkdir(exist_ok=True)
        (desk / name).write_text(LOWEST)
    before = sorted((path, path.stat().st_mtime_ns) for path in desk.rglob("*"))
    proposals = found(desk, "FURB192")

    assert sorted((path, path.stat().st_mtime_ns) for path in desk.rglob("*")) == before
    assert {proposal.area for proposal in proposals} == {
        "-a b.py",
        "ü'\".py",
        "build/$(touch x).py",
        "test[1].py",
    }
    after = LOWEST.replace("sorted(numbers)[0]", "min(numbers)").encode()
    assert all(proposal.edits[0].content == after for proposal in proposals)


def test_a_second_look_runs_nothing(desk: Path) -> None:
    put(desk, a_py=LOWEST, b_py=LOOP)
    find = finder(desk)
    first = list(find(brief(desk)))
    log = desk.parent / "scratch" / "logs" / "stdout"
    before = log.stat().st_mtime_ns
    again = list(find(brief(desk)))

    assert again == first
    assert log.stat().st_mtime_ns == before


def test_check_passes_where_ruff_is_there_and_the_rules_are_known(desk: Path) -> None:
    finder(desk).check()


def test_an_unknown_rule_is_refused_by_name(desk: Path) -> None:
    with pytest.raises(UsageError, match=r"propose\.ruff\.select: .*BANANA") as refused:
        finder(desk, "BANANA").check()

    assert "\n" not in str(refused.value)


def test_without_ruff_the_extra_is_named(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ruff", None)  # as if the wheel were not installed
    with pytest.raises(UsageError, match=r"propose\.use: .*autoopt\[codemods\]") as refused:
        finder(desk, path=str(desk)).check()

    assert "\n" not in str(refused.value)


def test_a_ruff_on_the_path_will_do(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = desk.parent / "tools"
    tools.mkdir()
    (tools / "ruff").symlink_to(find_ruff_bin())
    monkeypatch.setitem(sys.modules, "ruff", None)
    put(desk, a_py=LOWEST)
    find = finder(desk, "FURB192", path=f"{tools}:{os.defpath}")
    find.check()

    assert said(list(find(brief(desk)))) == ["FURB192 in a.py: replace with `min`"]


def test_a_file_with_a_line_end_in_its_name_is_left_alone(desk: Path) -> None:
    (desk / "a\nb.py").write_text(LOWEST)
    (desk / os.fsdecode(b"\xff.py")).write_text(LOWEST)

    assert found(desk, "FURB192") == []


class TestRuffFixes(ProposerSuite):
    """The promises of every proposer."""

    def proposer(self, state: Path) -> Candidates:
        return Candidates(RuffFixes(RuffConfig(), state / "ruff", os.environ))

    def fill(self, desk: Path) -> None:
        put(desk, a_py=LOWEST, b_py=LOOP, c_py="a = set([x for x in y])\n")
