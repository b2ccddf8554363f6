"""Every kind of site reads its value, and writing changes that value and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import Site, site
from autoopt.proposers.search.sites.plain import same
from autoopt.schema import ParameterConfig

YAML = """\
# settings
defaults: &d {lr: 0.1}   # shared
model:
    layers:
    -   width: 64      # the first
        act: 'relu'
    -   {width: 128, act: "tanh", on: True}
    rate: &rate 1e-3
    copy: *rate
    empty: ~
    tagged: !!float 2
    doc: |
      text
    word: yes   
"""  # noqa: W291 - trailing blanks must survive
TOML = """\
# settings
title = 'plain'   # kept
a.b = 1_000
[x]
list = [1, 2,
  3] # three
inline = {k = 1.5, on = true}
[[t]]
n = 1
[[t]]
n = 2   
"""  # noqa: W291
JSON = '{\r\n\t"a": {"b": [1, 2.50, {"c": "x\\"}]"}]},\r\n  "on" : true, "none": null }\r\n'
INI = """\
top = 1
[s]
; cache = 5
cache = 64   ; megabytes
path: "a b"
[s.t]
cache=on
"""
PYTHON = """\
import os  # é
LIMIT = 10  # ten
NAME: str = 'single'
RAW = r"a\\d"
EXPR = 60 * 60
T: float = (0.5)

@dataclass(frozen=True)
class Config:
    batch: int = 32
    rate = -1.5e-3

    def fit(self, epochs=3, *, tol=None):
        self.depth = 4
        return pd.read_csv(path, chunksize=1_000, header=None)


def main(epochs=5, verbose=False):
    load(chunksize=7)
    tune(load(chunksize=8))
"""
SQL = """\
-- SET work_mem = '1MB';
SET work_mem = '64MB';  -- per sort
set session enable_nestloop TO off;
PRAGMA cache_size=-2000;
PRAGMA mmap_size(0);
/* PRAGMA page_size = 1; */
SELECT /*+ parallel(4) coalesce('x') */ a FROM t WHERE b = 'SET x = 1';
"""
ENV = "# threads\nexport THREADS=4\nMODE=\"fast\"\nEMPTY=\nOTHER='a b'"

READS: list[tuple[str, str, dict[str, Any], Any, Any]] = [
    ("a.yaml", YAML, {"key": "model.layers[0].width"}, 64, 256),
    ("a.yaml", YAML, {"key": "model.layers[0].act"}, "relu", "it's"),
    ("a.yaml", YAML, {"key": "model.layers[1].act"}, "tanh", 'a"b'),
    ("a.yaml", YAML, {"key": "model.layers[1].on"}, True, False),
    ("a.yaml", YAML, {"key": "model.rate"}, 0.001, 1e-5),
    ("a.yaml", YAML, {"key": "model.empty"}, None, 3),
    ("a.yaml", YAML, {"key": "model.tagged"}, 2, 3),
    ("a.yaml", YAML, {"key": "model.word"}, True, False),
    ("a.yaml", YAML, {"key": "defaults.lr"}, 0.1, 3),
    ("a.toml", TOML, {"key": "title"}, "plain", "it's"),
    ("a.toml", TOML, {"key": "a.b"}, 1000, 5),
    ("a.toml", TOML, {"key": "x.list[2]"}, 3, 9),
    ("a.toml", TOML, {"key": "x.inline.k"}, 1.5, 2),
    ("a.toml", TOML, {"key": "x.inline.on"}, True, False),
    ("a.toml", TOML, {"key": "t[1].n"}, 2, 7),
    ("a.json", JSON, {"key": "a.b[1]"}, 2.5, 3),
    ("a.json", JSON, {"key": "a.b[2].c"}, 'x"}]', "é"),
    ("a.json", JSON, {"key": "on"}, True, False),
    ("a.json", JSON, {"key": "none"}, None, 1),
    ("a.ini", INI, {"key": "top"}, 1, 2),
    ("a.ini", INI, {"key": "s.cache"}, 64, 128),
    ("a.ini", INI, {"key": "s.path"}, "a b", "c"),
    ("a.cfg", INI, {"key": "s.t.cache"}, True, False),
    ("a.py", PYTHON, {"python": "LIMIT"}, 10, 20),
    ("a.py", PYTHON, {"python": "NAME"}, "single", "a\"b'c\\"),
    ("a.py", PYTHON, {"python": "RAW"}, r"a\d", r"b\w"),
    ("a.py", PYTHON, {"python": "T"}, 0.5, 1),
    ("a.py", PYTHON, {"python": "Config.batch"}, 32, 64),
    ("a.py", PYTHON, {"python": "Config.rate"}, -0.0015, 2.0),
    ("a.py", PYTHON, {"python": "main(epochs)"}, 5, 6),
    ("a.py", PYTHON, {"python": "Config.fit(epochs)"}, 3, 6),
    ("a.py", PYTHON, {"python": "fit(tol)"}, None, 0.1),
    ("a.py", PYTHON, {"python": "fit.self.depth"}, 4, 5),
    ("a.py", PYTHON, {"python": "read_csv(chunksize=)"}, 1000, 5),
    ("a.py", PYTHON, {"python": "main(verbose)"}, False, True),
    ("a.sql", SQL, {"sql": "SET work_mem"}, "64MB", "1GB"),
    ("a.sql", SQL, {"sql": "work_mem"}, "64MB", "1GB"),
    ("a.sql", SQL, {"sql": "SET enable_nestloop"}, False, True),
    ("a.sql", SQL, {"sql": "PRAGMA cache_size"}, -2000, -65536),
    ("a.sql", SQL, {"sql": "pragma mmap_size"}, 0, 1 << 30),
    ("a.sql", SQL, {"sql": "parallel"}, 4, 8),
    ("a.sql", SQL, {"sql": "coalesce"}, "x", "it's"),
    (".env", ENV, {"env": "THREADS"}, 4, 8),
    (".env", ENV, {"env": "MODE"}, "fast", "slow"),
    (".env", ENV, {"env": "EMPTY"}, "", "x"),
    (".env", ENV, {"env": "OTHER"}, "a b", "c d"),
    ("Makefile", "CFLAGS = -O2 -g\n", {"regex": r"-O(\d)"}, 2, 3),
]


def make(file: str, options: dict[str, Any], **more: Any) -> Site:
    env_file = file if "env" in options else None
    given = options | more if "env" in options else {"file": file} | options | more
    return site("p", ParameterConfig(**given), env_file)


def changed_lines(old: str, new: str) -> int:
    return sum(a != b for a, b in zip(old.splitlines(True), new.splitlines(True), strict=True))


@pytest.mark.parametrize(("file", "text", "options", "present", "other"), READS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_write_changes_the_value_and_one_line(
    file: str, text: str, options: dict[str, Any], present: Any, other: Any, newline: str
) -> None:
    text = text.replace("\r\n", "\n").replace("\n", newline)
    place = make(file, options)
    written = place.write(text, other)

    assert same(place.read(text), present)
    assert same(place.read(written), other)
    assert changed_lines(text, written) == 1
    assert place.write(text, present) == text
    assert same(place.read(place.write(written, present)), present)


@pytest.mark.parametrize(
    ("file", "text", "options", "value", "expected"),
    [
        ("a.yaml", "a: 1.5 # c\n", {"key": "a"}, 3, "a: 3.0 # c\n"),
        ("a.yaml", "a: 1.5\n", {"key": "a"}, 1e-5, "a: 1.0e-5\n"),
        ("a.yaml", "a: x\n", {"key": "a"}, "yes", 'a: "yes"\n'),
        ("a.yaml", "a: x\n", {"key": "a"}, "12", 'a: "12"\n'),
        ("a.yaml", "a: On\n", {"key": "a"}, False, "a: Off\n"),
        ("a.yaml", "a: &x 5 # c\nb: *x\n", {"key": "a"}, 6, "a: &x 6 # c\nb: *x\n"),
        ("a.yaml", "\ufeffa: 5\n", {"key": "a"}, 6, "\ufeffa: 6\n"),
        ("a.yaml", "a: 1\n---\nb: 2\n", {"key": "b"}, 6, "a: 1\n---\nb: 6\n"),
        ("a.json", '{"a": 1.0}', {"key": "a"}, 2, '{"a": 2.0}'),
        ("a.json", '{"x.y": {"a": 1}}', {"key": '"x.y".a'}, 2, '{"x.y": {"a": 2}}'),
        ("a.toml", "a = 'b'\n", {"key": "a"}, "c", "a = 'c'\n"),
        ("a.toml", "a = 1e-3\n", {"key": "a"}, 1e-7, "a = 1e-7\n"),
        ("a.py", "A = 'x'\n", {"python": "A"}, "y", "A = 'y'\n"),
        ("a.py", "A = True\n", {"python": "A"}, False, "A = False\n"),
        ("a.sql", "PRAGMA a(on)\n", {"sql": "a"}, False, "PRAGMA a(off)\n"),
        ("a.sql", "SET a TO 'x';", {"sql": "SET a"}, "y", "SET a TO 'y';"),
        (".env", "export A=1 \n", {"env": "A"}, 2, "export A=2 \n"),
        ("f.txt", "a\nb", {"line": "b"}, False, "a"),
        ("f.txt", "b  \na\n", {"line": "b"}, False, "a\n"),
        ("f.txt", "a\r\n", {"line": "b"}, True, "a\r\nb\r\n"),
    ],
)
def test_values_are_spelled_the_way_the_file_spells_them(
    file: str, text: str, options: dict[str, Any], value: Any, expected: str
) -> None:
    assert make(file, options).write(text, value) == expected


@pytest.mark.parametrize(
    ("file", "text", "options", "value", "expected"),
    [
        ("a.sql", "", {"sql": "PRAGMA cache_size"}, 5, "PRAGMA cache_size = 5;\n"),
        ("a.sql", "SET a TO 1;\nSELECT 1", {"sql": "SET b"}, "1GB", "SET a TO 1;\nSET b TO '1GB';\nSELECT 1"),
        ("a.sql", "-- c\n\nSELECT 1;\n", {"sql": "SET b"}, True, "-- c\n\nSET b = true;\nSELECT 1;\n"),
        ("a.sql", "PRAGMA a=1", {"sql": "PRAGMA b"}, "wal", "PRAGMA a=1\nPRAGMA b=wal;"),
        ("a.sql", "-- only this", {"sql": "PRAGMA b"}, 1, "-- only this\nPRAGMA b = 1;"),
        (".env", "", {"env": "A"}, 0.5, "A=0.5\n"),
        (".env", "B=1", {"env": "A"}, "x", "B=1\nA=x"),
        (".env", "B=1\r\n", {"env": "A"}, 2, "B=1\r\nA=2\r\n"),
        ("f.txt", "", {"line": "x y"}, True, "x y\n"),
        ("f.txt", "a", {"line": "x"}, True, "a\nx"),
    ],
)
def test_an_absent_line_is_added_and_removed_again_without_a_trace(
    file: str, text: str, options: dict[str, Any], value: Any, expected: str
) -> None:
    place = make(file, options)
    absent = False if "line" in options else None

    assert place.optional
    assert place.read(text) is absent
    assert place.write(text, value) == expected
    assert place.write(expected, absent) == text


def test_a_statement_that_shares_its_line_is_not_removed() -> None:
    with pytest.raises(UsageError, match="shares its line"):
        make("a.sql", {"sql": "SET a"}).write("SET a = 1; SET b = 2;\n", None)


@pytest.mark.parametrize(
    ("text", "choices", "expected"),
    [("1", [True, False], True), ("1", [1, 2], 1), ("1", ["1", "2"], "1"), ("on", ["on", "auto"], "on"),
     ("on", [True, False], True), ("64MB", ["64MB"], "64MB"), ("1e3", [10.0], 1000.0), ("007", [7], "007")],
)  # fmt: skip
def test_choices_decide_what_text_means(text: str, choices: list[Any], expected: Any) -> None:
    for file, options, whole in [
        (".env", {"env": "A"}, f"A={text}\n"),
        ("a.ini", {"key": "a"}, f"a = {text}\n"),
        ("a.txt", {"regex": "a (.*)$"}, f"a {text}\n"),
        ("a.sql", {"sql": "SET a"}, f"SET a = {text};\n"),
    ]:
        value = make(file, options, choices=choices).read(whole)

        assert value == expected
        assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("file", "text", "options", "message"),
    [
        ("a.yaml", YAML, {"key": "model.none"}, "params.p.key: `model.none` is not there in a.yaml"),
        ("a.yaml", YAML, {"key": "model.copy"}, "alias"),
        ("a.yaml", YAML, {"key": "model.doc"}, "not a value on one line"),
        ("a.yaml", YAML, {"key": "model"}, "not a value on one line"),
        ("a.yaml", "a: [", {"key": "a"}, "not valid YAML"),
        ("a.yaml", "a: 1\n---\na: 2\n", {"key": "a"}, "more than one document"),
        ("a.toml", TOML, {"key": "x.y.z"}, "not there"),
        ("a.toml", TOML, {"key": "x.list"}, "not a plain value"),
        ("a.toml", "a = ", {"key": "a"}, "not valid TOML"),
        ("a.json", JSON, {"key": "a.b[9]"}, "not there"),
        ("a.json", JSON, {"key": "a.b"}, "not a plain value"),
        ("a.json", "{", {"key": "a"}, "not valid JSON"),
        ("a.ini", "a=1\na=2\n", {"key": "a"}, "there 2 times"),
        ("a.py", PYTHON, {"python": "MISSING"}, "not there"),
        ("a.py", PYTHON, {"python": "EXPR"}, "is an expression"),
        ("a.py", PYTHON, {"python": "load(chunksize=)"}, "there 2 times in a.py; use `regex`"),
        ("a.py", "class A:\n x=1\nclass B:\n x=1\n", {"python": "x"}, "name one of A.x, B.x"),
        ("a.py", "A = (", {"python": "A"}, "not valid Python"),
        ("a.py", "A = 1\n\x0cB = 2\n", {"python": "A"}, "has form feeds"),
        ("a.sql", SQL, {"sql": "page_size"}, "write `PRAGMA page_size` or `SET page_size`"),
        ("a.sql", "SET a = 1;\nSET a = 2;\n", {"sql": "SET a"}, "there 2 times"),
        (".env", "A=1\nA=2\n", {"env": "A"}, "set 2 times"),
        ("f", "x\nx\n", {"line": "x"}, "2 times"),
        ("f", "aa", {"regex": "(a)"}, "matches 2 times"),
    ],
)
def test_a_place_that_is_not_one_plain_value_is_refused(
    file: str, text: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        make(file, options).read(text)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"file": "a"}, "params.p: needs exactly one of"),
        ({"file": "a.yaml", "key": "a", "regex": "(a)"}, "found key and regex"),
        ({"key": "a"}, "params.p.file"),
        ({"file": "../a.yaml", "key": "a"}, "params.p.file: ../a.yaml must be relative"),
        ({"env": "A"}, "params.p.env: set metric.env_file"),
        ({"env": "A-B"}, "params.p.env"),
        ({"file": "a.txt", "key": "a"}, "params.p.key: a.txt is none of .yaml"),
        ({"file": "a.yaml", "key": "a..b"}, "no key path"),
        ({"file": "a.py", "python": "a b(c"}, "params.p.python"),
        ({"file": "a.sql", "sql": "DROP x"}, "params.p.sql"),
        ({"file": "a", "regex": "a"}, "0 groups"),
        ({"file": "a", "regex": "("}, "not a regular expression"),
        ({"file": "a", "line": "a\nb"}, "params.p.line"),
        ({"file": "a", "line": " "}, "params.p.line: is empty"),
        ({"file": "a", "line": "a", "choices": [1]}, "params.p.line"),
        ({"file": "a", "line": "a", "low": 1, "high": 2}, "params.p.low"),
        ({"file": "a.toml", "key": "a", "choices": [None, 1]}, "TOML has no null"),
        ({"low": 2, "high": 1}, "params.p.low: 2 is above high"),
        ({"low": 0, "high": 1, "log": True}, "params.p.log: needs low > 0"),
        ({"low": 1}, "params.p.high: missing"),
        ({"low": 1, "high": float("inf")}, "params.p.high"),
        ({"low": 1, "high": 2, "step": 0}, "params.p.step"),
        ({"low": 1, "high": 2, "step": 1, "log": True}, "params.p.step: cannot go with `log`"),
        ({"low": 1, "high": 2.5, "integer": True}, "params.p.integer"),
        ({"choices": []}, "params.p.choices: is empty"),
        ({"choices": [1, 1.0]}, "listed twice"),
        ({"choices": [[1]]}, "not a plain value"),
        ({"choices": ["a\nb"]}, "more than one line"),
        ({"choices": [1], "low": 1}, "params.p.low: cannot go with `choices`"),
        ({"choices": [1, 2], "first": [3]}, "params.p.first: 3 is not among"),
        ({"low": 1, "high": 2, "first": [True]}, "params.p.first"),
        ({"log": True}, "params.p.log: only means something"),
    ],
)
def test_contradicting_options_are_refused_with_their_full_path(
    options: dict[str, Any], message: str
) -> None:
    if not {"file", "key", "env"} & options.keys():
        options = {"file": "a.yaml", "key": "a"} | options
    env_file = ".env" if options.get("env") == "A-B" else None
    for option in ("low", "high", "step"):
        if option in options:
            options = options | {option: float(options[option])}

    with pytest.raises(UsageError) as caught:
        site("p", ParameterConfig(**options), env_file)

    assert message in str(caught.value)


NUMBERS = st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=12)
STRUCTURED = [
    row for row in READS if row[0] in {"a.yaml", "a.toml", "a.json", "a.py"} and "tagged" not in str(row[2])
]


@given(row=st.sampled_from(STRUCTURED), value=NUMBERS | TEXT | st.booleans())
def test_any_plain_value_survives_a_structured_file(row: Any, value: Any) -> None:
    file, text, options, _, _ = row
    place = make(file, options)
    written = place.write(text, value)

    assert same(place.read(written), value)
    assert changed_lines(text, written) <= 1
    assert place.write(written, value) == written


TEXTUAL = [row for row in READS if row not in STRUCTURED and row[3] != "" and row[0] != "Makefile"]


@given(row=st.sampled_from(TEXTUAL), value=NUMBERS)
def test_any_number_survives_a_text_file(row: Any, value: Any) -> None:
    file, text, options, present, _ = row
    if isinstance(present, (str, bool)):
        return
    place = make(file, options)
    written = place.write(text, value)

    assert same(place.read(written), value)
    assert changed_lines(text, written) <= 1


@given(
    row=st.sampled_from(TEXTUAL),
    value=st.from_regex(r"[A-Za-z0-9_.][A-Za-z0-9_. /-]{0,8}[a-z]", fullmatch=True),
)
def test_any_listed_word_survives_a_text_file(row: Any, value: str) -> None:
    file, text, options, _, _ = row
    place = make(file, options, choices=[value, "otherwise"])

    assert place.read(place.write(text, value)) == value


@given(
    kind=st.sampled_from([{"sql": "PRAGMA p"}, {"sql": "SET p"}, {"env": "p"}, {"line": "p"}]),
    body=st.lists(st.sampled_from(["", "a=1", "-- c", "PRAGMA a = 1;", "SET a TO 2;", "SELECT 1;"])),
    newline=st.sampled_from(["\n", "\r\n"]),
    closed=st.booleans(),
)
def test_adding_and_removing_a_line_leaves_every_file_as_it_was(
    kind: dict[str, Any], body: list[str], newline: str, closed: bool
) -> None:
    text = newline.join(body) + (newline if closed and body else "")
    place = make("f", kind)
    absent, there = (False, True) if "line" in kind else (None, 3)
    written = place.write(text, there)

    assert same(place.read(written), there)
    assert place.write(written, absent) == text
