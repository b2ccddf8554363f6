"""What the deadcode proposer takes away, exactly, and what it leaves because somebody may need it."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest

from autoopt.proposers.candidates import Candidates
from autoopt.proposers.linting import mentions
from autoopt.proposers.linting.deadcode import DeadCode
from autoopt.records import Proposal
from autoopt.testing.proposer_suite import ProposerSuite, apply, brief

USED = "def used():\n    return 1\n"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    path = tmp_path / "desk"
    path.mkdir()
    return path


def put(desk: Path, **files: str) -> None:
    for name, content in files.items():
        path = desk / name.replace("__", "/", 1).replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(content))


def found(desk: Path) -> list[Proposal]:
    return list(DeadCode(desk.parent / "scratch", os.environ)(brief(desk)))


def said(desk: Path) -> list[str]:
    return [proposal.description for proposal in found(desk)]


def after(desk: Path, description: str) -> str:
    (proposal,) = [proposal for proposal in found(desk) if proposal.description == description]
    content = proposal.edits[0].content
    assert content is not None
    return content.decode()


def test_a_removal_is_a_simplification_that_says_why_nobody_will_miss_it(desk: Path) -> None:
    put(desk, a_py="import os\nimport sys\n\nprint(sys.path)\n")
    (proposal,) = found(desk)

    assert proposal.description == "Remove 1 unused import from a.py"
    assert proposal.hypothesis == (
        "Removing 1 unused import should hold the metric with 1 line less because nothing reads them."
    )
    assert (proposal.source, proposal.area, proposal.simplifies) == ("deadcode", "a.py", True)
    assert proposal.edits[0].content == b"import sys\n\nprint(sys.path)\n"


def test_each_kind_and_each_file_is_an_idea_of_its_own_surest_kinds_and_most_lines_first(desk: Path) -> None:
    put(
        desk,
        a_py="""\
            import os
            def f(x):
                unused = x
                # y = f(x)
                if x:
                    return 1
                else:
                    return 2
            """,
        b_py="import os\nimport sys\nx = 1\n",
    )

    assert said(desk) == [
        "Remove 2 unused imports from b.py",
        "Remove 1 unused import from a.py",
        "Remove 1 unused variable from a.py",
        "Remove 1 needless else from a.py",
        "Remove 1 line of commented-out code from a.py",
    ]


@pytest.mark.parametrize(
    "other",
    [
        "from pkg.a import os\n",
        "from .a import (\n    os,\n)\n",
        "from pkg.a import *\n",
        "import pkg.a\nprint(pkg.a.os)\n",
        "import pkg.a as short\nprint(short.os)\n",
        "from pkg import a as short\nprint(short.os)\n",
        "from unittest import mock\nmock.patch('pkg.a.os.getcwd')\n",
        "import pkg.a\nmonkeypatch.setattr(pkg.a, 'os', None)\n",
    ],
)
def test_an_import_that_others_get_from_here_stays(other: str, desk: Path) -> None:
    put(desk, pkg__a_py="import os\nimport sys\n")
    (desk / "other.py").write_text(other)
    proposals = {proposal.area: proposal for proposal in found(desk)}

    if "import *" in other:
        assert "pkg/a.py" not in proposals
    else:
        assert proposals["pkg/a.py"].description == "Remove 1 unused import from pkg/a.py"
        assert proposals["pkg/a.py"].edits[0].content == b"import os\n"


def test_a_package_init_and_names_in_all_keep_their_imports(desk: Path) -> None:
    (desk / "pkg").mkdir()
    (desk / "pkg" / "__init__.py").write_text("import os\n")
    (desk / "pkg" / "listed.py").write_text("from os import path\n__all__ = ['path']\n")
    (desk / "pkg" / "again.py").write_text("from os import path as path\n")

    assert said(desk) == []


def test_private_definitions_that_nothing_mentions_go_with_their_comments(desk: Path) -> None:
    put(
        desk,
        a_py='''\
            """Text."""

            _LIMIT = 5


            # Says hello.
            # In English.
            def _hello(name="you"):
                return name


            class Greeter:
                def greet(self):
                    return 1

                @staticmethod
                def _bow():
                    return 2


            class _Old(ValueError):
                pass
            ''',
    )

    content = after(desk, "Remove unused _LIMIT, _hello, _Old and 1 more from a.py")
    assert " ".join(content.split()) == '"""Text.""" class Greeter: def greet(self): return 1'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("other.py", "from a import _helper\nprint(_helper)\n"),
        ("README.md", "Call `_helper` when in doubt.\n"),
        ("setup.cfg", "hook = a:_helper\n"),
        ("data.bin", "\0\1_helper\0"),
        ("other.py", "getattr(a, '_help' + 'er')\nx = f'_{kind}'\n"),
        ("other.py", "getattr(a, '_' + name)\n"),
    ],
)
def test_what_is_mentioned_or_could_be_put_together_anywhere_stays(
    name: str, content: str, desk: Path
) -> None:
    put(desk, a_py="def _helper():\n    return 1\n\n\nx = 1\n")
    assert said(desk) == ["Remove unused _helper from a.py"]
    (desk / name).write_text(content)

    assert said(desk) == []


@pytest.mark.parametrize(
    "text",
    ["getattr(self, '_visit_' + kind)", 'getattr(self, f"_visit_{kind}")', "getattr(self, kind + '_name')"],
)
def test_a_name_that_text_begins_or_ends_like_stays(text: str, desk: Path) -> None:
    put(desk, a_py="def _visit_name():\n    return 1\n\n\nx = 1\n", b_py=text + "\n")

    assert said(desk) == []


@pytest.mark.parametrize(
    "source",
    [
        "@register\ndef _f():\n    return 1\nx = 1\n",
        "def _f(x=start()):\n    return 1\nx = 1\n",
        "class _C(Base):\n    pass\nx = 1\n",
        "class _C(metaclass=M):\n    pass\nx = 1\n",
        "class _C:\n    x = start()\nx = 1\n",
        "_x = start()\nx = 1\n",
        "class C(Base):\n    x = 1\n    def _hook(self):\n        return 1\n",
        "@register\nclass C:\n    x = 1\n    def _hook(self):\n        return 1\n",
        "class C:\n    x = 1\n    def __len__(self): return 1\n    def _missing_(self): return 2\n",
        "class C:\n    @property\n    def _p(self): return 1\n    @_p.setter\n    def _p(self, v): pass\n",
        "def public():\n    return 1\n",
        "def _jupyter_labextension_paths():\n    return []\nx = 1\n",
        "def _f():\n    return _f()\nx = _f\n",
        "if x:\n    def _f(): return 1\n",
    ],
)
def test_a_definition_that_may_do_something_by_itself_stays(source: str, desk: Path) -> None:
    put(desk, a_py=source)

    assert [line for line in said(desk) if "unused _" in line or "C." in line] == []


def test_a_method_of_a_class_whose_bases_are_all_here_goes(desk: Path) -> None:
    put(
        desk,
        a_py="class A:\n    x = 1\n\n\nclass B(A):\n    y = 1\n\n    def __mangled(self):\n        pass\n",
    )

    assert (
        after(desk, "Remove unused B.__mangled from a.py")
        == "class A:\n    x = 1\n\n\nclass B(A):\n    y = 1\n"
    )


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("return 1\nprint(2)\nprint(3)", "return 1"),
        ("raise ValueError\nreturn 1  # why", "raise ValueError"),
        ("for y in x:\n    continue\n    print(y)", "for y in x:\n    continue"),
        ("if x:\n    return 1\nelse:\n    raise E\nprint(2)", "if x:\n    return 1\nelse:\n    raise E"),
        ("while True:\n    print(1)\nprint(2)", "while True:\n    print(1)"),
        ("try:\n    return 1\n    print(2)\nexcept E:\n    pass", "try:\n    return 1\nexcept E:\n    pass"),
        ("return 1\ny = 2", "return 1"),
    ],
)  # fmt: skip
def test_lines_behind_the_end_of_a_block_go(body: str, left: str, desk: Path) -> None:
    put(desk, a_py="def f(x):\n" + textwrap.indent(body, "    ") + "\n")
    (proposal,) = [proposal for proposal in found(desk) if "unreachable" in proposal.description]

    assert proposal.edits[0].content == ("def f(x):\n" + textwrap.indent(left, "    ") + "\n").encode()


@pytest.mark.parametrize(
    "body",
    [
        "return\nyield",
        "print(y)\nreturn 1\ny = 2",
        "while True:\n    if x:\n        break\nprint(2)",
        "while x:\n    print(1)\nprint(2)",
        "if x:\n    return 1\nprint(2)",
        "try:\n    return 1\nfinally:\n    print(2)\n",
        "return 1; print(2)",
    ],
)
def test_lines_that_run_or_whose_presence_counts_stay(body: str, desk: Path) -> None:
    put(desk, a_py="def f(x):\n" + textwrap.indent(body, "    ") + "\n")

    assert [line for line in said(desk) if "unreachable" in line] == []


def test_comments_are_code_only_from_beginning_to_end(desk: Path) -> None:
    code = "# x = 1\n# print(x)\n"
    put(
        desk,
        a_py=code + "y = 1\n",
        b_py="# As it was before:\n" + code + "y = 1\n",
        c_py="# fragment (optional)\ny = 1\n",
    )

    assert said(desk) == ["Remove 2 lines of commented-out code from a.py"]
    assert after(desk, "Remove 2 lines of commented-out code from a.py") == "y = 1\n"


def test_branches_and_statements_that_say_nothing_go(desk: Path) -> None:
    put(
        desk,
        a_py="""\
            def f(a, b):
                if a:
                    x = 1
                elif b:
                    x = 1
                else:
                    x = 2
                return x
            """,
        b_py='class C:\n    """Text."""\n\n    pass\n',
        c_py="def f(x):\n    y = x + 1\n    return y\n",
        d_py="def f(x):\n    print(x)\n    return None\n",
    )

    assert said(desk) == [
        "Remove 1 duplicate branch from a.py",
        "Remove 1 needless assignment from c.py",
        "Remove 1 needless pass from b.py",
        "Remove 1 needless return from d.py",
    ]
    assert "if a or b:" in after(desk, "Remove 1 duplicate branch from a.py")


def test_scope_encodings_and_what_is_no_python_are_respected(desk: Path) -> None:
    (desk / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nimport os\nx = '\xe9'\n")
    (desk / "broken.py").write_text("import os\ndef f(:\n")
    (desk / "stub.pyi").write_text("import os\n")
    (desk / "crlf.py").write_bytes(b"import os\r\nimport sys\r\nprint(sys)\r\n")
    (desk / "bom.py").write_bytes(b"\xef\xbb\xbfx = 1\nimport os\n")
    contents = {proposal.area: proposal.edits[0].content for proposal in found(desk)}

    assert contents == {"crlf.py": b"import sys\r\nprint(sys)\r\n", "bom.py": b"\xef\xbb\xbfx = 1\n"}


def test_taking_everything_away_leaves_nothing_to_find(desk: Path) -> None:
    put(desk, a_py="import os\n_a = 1\ndef _b():\n    return _a\ndef f(x):\n    return x\n    print(x)\n")
    kinds = []
    while proposals := found(desk):
        kinds.append(proposals[0].description)
        apply(proposals[0], desk)

    assert kinds == [
        "Remove 1 unused import from a.py",
        "Remove unused _b from a.py",
        "Remove unused _a from a.py",
        "Remove 1 unreachable line from a.py",
    ]
    assert (desk / "a.py").read_text() == "def f(x):\n    return x\n"


def test_a_change_anywhere_in_the_repository_is_noticed(desk: Path) -> None:
    put(desk, a_py="_x = 1\ny = 2\n")
    find = DeadCode(desk.parent / "scratch", os.environ)
    first = [proposal.description for proposal in find(brief(desk))]
    (desk / "notes.txt").write_text("see _x")

    assert first == ["Remove unused _x from a.py"]
    assert list(find(brief(desk))) == []


def test_where_a_file_is_too_long_to_read_nothing_is_proven(desk: Path) -> None:
    put(desk, a_py="import os\n_x = 1\ny = 2\n")
    with (desk / "dump.sql").open("wb") as file:
        file.truncate(mentions.LARGEST + 1)

    assert said(desk) == []


def test_check_passes_where_ruff_knows_the_rules(desk: Path) -> None:
    DeadCode(desk.parent / "scratch", os.environ).check()


class TestDeadCode(ProposerSuite):
    """The promises of every proposer."""

    def proposer(self, state: Path) -> Candidates:
        return Candidates(DeadCode(state / "deadcode", os.environ))

    def fill(self, desk: Path) -> None:
        put(desk, a_py="import os\nx = 1\n", b_py="import sys\n_unused = 1\nx = 2\n")
