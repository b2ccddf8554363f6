"""Files as they are written, and the order in which changes are proposed."""

from pathlib import Path

import pytest

from autoopt.proposers.candidates import Candidates, mark_of
from autoopt.proposers.codemods import Codemods
from autoopt.proposers.codemods.finding import Files
from autoopt.records import Brief, Experiment, Proposal, Status, Task

APPEND = "def f(items):\n    out = []\n    for x in items:\n        out.append(x + 1)\n    return out\n"
JOIN = "def g(items):\n    return ','.join(str(i) for i in items)\n"


def brief(desk: Path, number: int = 1, profile: str = "", history: tuple[Experiment, ...] = ()) -> Brief:
    scope = tuple(sorted(str(p.relative_to(desk)) for p in desk.rglob("*") if p.is_file()))
    return Brief(
        number=number,
        incumbent="c",
        desk=desk,
        scope=scope,
        task=Task(goal="faster"),
        history=history,
        advice="",
        profile=profile,
    )


def proposals(desk: Path, profile: str = "") -> list[Proposal]:
    codemods, found, number = Candidates(Codemods()), [], 1
    while (proposal := codemods.ask(brief(desk, number, profile))) is not None:
        found.append(proposal)
        codemods.ask(brief(desk, number, profile))  # asked again for its number: declined
        number += 1
    return found


def first(content: bytes) -> bytes:
    files = Files()
    written = files.write(content, files.look(content)[0])
    assert written is not None
    return written


def test_a_proposal_says_what_it_does_where_and_why(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(APPEND)

    proposal = Candidates(Codemods()).ask(brief(tmp_path))

    assert proposal is not None
    assert proposal.description == "the loop that fills out in f() becomes a list comprehension (a.py)"
    assert proposal.hypothesis.startswith("A comprehension should make f() faster because ")
    assert (proposal.area, proposal.source) == ("a.py:f", "codemods")
    assert proposal.edits[0].content == b"def f(items):\n    out = [x + 1 for x in items]\n    return out\n"


def test_one_codemod_and_function_at_a_time_until_none_is_left(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(APPEND + "\n\n" + JOIN)
    (tmp_path / "b.py").write_text(JOIN)

    areas = [(p.area, len(p.edits)) for p in proposals(tmp_path)]

    assert areas == [("a.py:f", 1), ("a.py:g", 1), ("b.py:g", 1)]


def test_what_was_tried_is_not_proposed_again(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(APPEND)
    codemods = Candidates(Codemods())
    proposal = codemods.ask(brief(tmp_path))
    assert proposal is not None
    tried = Experiment(
        number=1,
        status=Status.discard,
        commit="d",
        parent="c",
        description="",
        hypothesis="",
        area="",
        source="agent",
        fingerprint=mark_of(proposal, tmp_path),
    )

    assert codemods.ask(brief(tmp_path, 2, history=(tried,))) is None


@pytest.mark.parametrize(
    "profile",
    [
        "   9  0.9  0.1  0.9  0.1 /somewhere/src/b.py:1(g)\n   1  0.1 /somewhere/a.py:1(f)\n",
        "0.9 <module>  run.py:1\n└─ 0.8 g  src/b.py:2\n   └─ 0.1 f  a.py:3\n",
    ],
    ids=["cProfile", "pyinstrument"],
)
def test_functions_a_profile_names_come_first(tmp_path: Path, profile: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "a.py").write_text(APPEND)
    (tmp_path / "src" / "b.py").write_text(JOIN)

    assert [p.area for p in proposals(tmp_path)] == ["a.py:f", "src/b.py:g"]
    assert [p.area for p in proposals(tmp_path, profile)] == ["src/b.py:g", "a.py:f"]


def test_deeper_loops_come_before_shallow_ones(tmp_path: Path) -> None:
    deep = (
        "def h(rows):\n    for r in rows:\n        for x in r:\n"
        "            print(','.join(str(i) for i in x))\n"
    )
    (tmp_path / "a.py").write_text(JOIN + "\n\n" + APPEND + "\n\n" + deep)

    assert [p.area for p in proposals(tmp_path)] == ["a.py:h", "a.py:f", "a.py:g"]


def test_other_files_and_broken_ones_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(APPEND)
    (tmp_path / "b.py").write_text("def f(:\n")
    (tmp_path / "c.py").write_bytes(b"x = 1\0\n")
    (tmp_path / "d.py").write_bytes(b"# coding: nonsense\n" + APPEND.encode())
    (tmp_path / "e.py").write_bytes(APPEND.encode() + b"# \xff\n")
    (tmp_path / "f.py").symlink_to("nowhere")
    (tmp_path / "g.py").write_text("")

    assert proposals(tmp_path) == []


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("indent", ["    ", "\t"], ids=["spaces", "tabs"])
def test_everything_else_stays_byte_for_byte(end: str, mark: bytes, indent: str) -> None:
    text = (
        "# é\nx  = {  'a':1 }  # kept\n\n\n"
        + APPEND.replace("    ", indent)
        + "\n# the end, without a line end"
    )
    before = mark + text.replace("\n", end).encode()
    loop = f"out = []\n{indent}for x in items:\n{indent * 2}out.append(x + 1)\n".replace("\n", end).encode()

    assert first(before) == before.replace(loop, f"out = [x + 1 for x in items]{end}".encode())


def test_an_encoding_the_file_declares_is_kept() -> None:
    before = ("# coding: latin-1\nname = 'é'\n" + JOIN).encode("latin-1")

    assert first(before) == before.replace(b"(str(i) for i in items)", b"([str(i) for i in items])")


def test_a_form_feed_that_libcst_would_drop_stops_the_change() -> None:
    files, content = Files(), ("x = 1\n\f" + JOIN).encode()

    assert [files.write(content, found) for found in files.look(content)] == [None]


def test_comments_in_a_loop_move_above_what_replaces_it() -> None:
    before = (
        "def f(items):\n    # what goes out\n    out = []  # one\n    for x in items:  # two\n"
        "        # three\n        if x:\n            out.append(x)  # four\n    return out\n"
    )
    after = first(before.encode()).decode()

    assert after == (
        "def f(items):\n    # what goes out\n    # one\n    # two\n    # three\n    # four\n"
        "    out = [x for x in items if x]\n    return out\n"
    )


def test_an_expression_with_a_comment_inside_is_left_alone() -> None:
    content = b"def f(items):\n    return tuple(\n        i  # why\n        for i in items\n    )\n"
    files = Files()

    assert [files.write(content, found) for found in files.look(content)] == [None]


def test_imports_go_below_the_imports_and_constants_above_the_function() -> None:
    before = (
        '"""Doc."""\n\nfrom __future__ import annotations\n\nimport re\n\n# about X\nX = 1\n\n\n'
        "@decorated\ndef f(text):\n    return re.match('a+', text)\n"
    )

    assert first(before.encode()).decode() == before.replace(
        "\n\n@decorated", "_F_PATTERN = re.compile('a+')\n\n\n@decorated"
    ).replace("re.match('a+', text)", "_F_PATTERN.match(text)")


def test_new_names_never_meet_old_ones() -> None:
    before = (
        "import re\n\n_F_PATTERN = 1\n\n\ndef f(text, _F_PATTERN_2):\n"
        "    return re.match('a', text), re.match('b', text)\n"
    )

    after = first(before.encode()).decode()

    assert "_F_PATTERN_3 = re.compile('a')\n_F_PATTERN_4 = re.compile('b')\n" in after


def test_looking_again_at_the_same_content_takes_no_time(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("\n\n".join(JOIN.replace("g(", f"g{n}(") for n in range(200)))
    files = Files()
    content = (tmp_path / "a.py").read_bytes()

    assert files.look(content) is files.look(bytes(bytearray(content)))
    assert files.write(content, files.look(content)[0]) is files.write(content, files.look(content)[0])
