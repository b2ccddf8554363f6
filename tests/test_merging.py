import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoopt.merging import Conflict, carry, clashes, merge
from autoopt.records import Edit, FileChange

BASE = b"one\ntwo\nthree\nfour\nfive\n"


def test_edits_in_different_places_both_stay():
    ours = BASE.replace(b"one", b"ONE")
    theirs = BASE.replace(b"five", b"FIVE")

    assert merge(BASE, ours, theirs) == b"ONE\ntwo\nthree\nfour\nFIVE\n"


def test_the_same_edit_on_both_sides_is_made_once():
    same = BASE.replace(b"three\n", b"")
    more = same.replace(b"one\n", b"zero\none\n")

    assert merge(BASE, same, more) == more


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (BASE.replace(b"two", b"2"), BASE.replace(b"two", b"II")),
        (BASE.replace(b"two", b"2"), BASE.replace(b"two\n", b"")),
        (BASE.replace(b"two", b"2"), BASE.replace(b"three", b"3")),
        (BASE + b"six\n", BASE + b"6\n"),
        (b"2\n" + BASE, b"zero\n" + BASE),
        (BASE[:-1], BASE + b"six\n"),
    ],
    ids=["same line", "edited and deleted", "next to each other", "both append", "both prepend", "newline"],
)
def test_different_edits_of_the_same_lines_are_a_conflict(ours, theirs):
    assert merge(BASE, ours, theirs) is None
    assert merge(BASE, theirs, ours) is None


def test_line_ends_stay_as_they_are():
    base = BASE.replace(b"\n", b"\r\n")
    ours = base.replace(b"one\r", b"ONE\r")
    theirs = base.replace(b"four\r\nfive\r\n", b"four\nfive")

    assert merge(base, ours, theirs) == b"ONE\r\ntwo\r\nthree\r\nfour\nfive"


def test_a_missing_end_of_the_last_line_is_kept():
    base = BASE[:-1]

    assert merge(base, base.replace(b"one", b"ONE"), base) == b"ONE\ntwo\nthree\nfour\nfive"
    assert merge(base, base.replace(b"one", b"ONE"), base + b"\n") == b"ONE\ntwo\nthree\nfour\nfive\n"


def test_a_binary_file_merges_only_when_one_side_left_it_alone():
    assert merge(b"\0a\nb\nc\n", b"\0A\nb\nc\n", b"\0a\nb\nc\n") == b"\0A\nb\nc\n"
    assert merge(b"\0a\nb\nc\n", b"\0a\nb\nc\n", b"\0a\nb\nC\n") == b"\0a\nb\nC\n"
    assert merge(b"\0a\nb\nc\n", b"\0A\nb\nc\n", b"\0a\nb\nC\n") is None


words = st.sampled_from([b"a", b"b", b"c", b"}", b"", b"x = 1", b"\r"])
files = st.builds(
    lambda lines, ended: b"\n".join(lines) + (b"\n" if ended else b""),
    st.lists(words, max_size=12),
    st.booleans(),
)


@st.composite
def edited(draw):
    """A file of distinct lines, and two others made from it with lines of their own."""
    base = [b"line %d\n" % number for number in range(draw(st.integers(1, 15)))]

    def side(mark):
        lines = list(base)
        for at in sorted(draw(st.sets(st.integers(0, len(base) - 1), max_size=4)), reverse=True):
            end = at + draw(st.integers(0, 2))
            lines[at:end] = [b"%s %d %d\n" % (mark, at, n) for n in range(draw(st.integers(0, 2)))]
        return b"".join(lines)

    return b"".join(base), side(b"ours"), side(b"theirs")


def git_merge(folder, base, ours, theirs):
    for name, content in zip(("base", "ours", "theirs"), (base, ours, theirs), strict=True):
        (folder / name).write_bytes(content)
    done = subprocess.run(
        ["git", "merge-file", "-p", "ours", "base", "theirs"], cwd=folder, capture_output=True, check=False
    )
    return done.stdout if done.returncode == 0 else None


@settings(max_examples=150)
@given(edited())
def test_git_agrees_where_lines_are_distinct(tmp_path_factory, sides):
    base, ours, theirs = sides
    merged = merge(base, ours, theirs)

    if merged is not None:  # git goes further and resolves parts of what is a conflict here
        assert merged == git_merge(tmp_path_factory.mktemp("merge"), base, ours, theirs)


@given(files, files, files)
def test_the_sides_are_alike_and_one_changed_side_wins(base, ours, theirs):
    assert merge(base, ours, theirs) == merge(base, theirs, ours)
    assert merge(base, ours, base) == ours
    assert merge(base, base, theirs) == theirs
    assert merge(base, ours, ours) == ours


def carried(changes, **now):
    return carry([FileChange(*change) for change in changes], now.get)


def test_changes_become_edits_of_the_files_as_they_are():
    changes = [("a", BASE, BASE.replace(b"one", b"ONE")), ("b", None, b"new\n"), ("c", b"old\n", None)]

    assert carried(changes, a=BASE + b"six\n", c=b"old\n") == (
        Edit(path="a", content=BASE.replace(b"one", b"ONE") + b"six\n"),
        Edit(path="b", content=b"new\n"),
        Edit(path="c", content=None),
    )


def test_what_is_there_already_needs_no_edit():
    changes = [("a", BASE, BASE + b"six\n"), ("b", None, b"new\n"), ("c", b"old\n", None)]

    assert carried(changes, a=BASE + b"six\n", b=b"new\n") == ()


@pytest.mark.parametrize(
    ("change", "now", "reason"),
    [
        (("a", None, b"mine\n"), b"yours\n", "is there already, with other content"),
        (("a", b"old\n", None), b"newer\n", "was changed since, and would be deleted"),
        (("a", b"old\n", b"mine\n"), None, "is gone"),
        (("a", b"old\n", b"mine\n"), b"yours\n", "the same lines were changed since"),
        (("a", b"\0old\n", b"\0mine\n"), b"\0yours\n", "was changed since, and is no text"),
    ],
)
def test_a_conflict_names_the_file_and_carries_nothing_over(change, now, reason):
    fine = ("b", None, b"fine\n")

    assert carried([fine, change], a=now) == Conflict("a", reason)


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        (BASE.replace(b"two", b"2"), BASE.replace(b"two", b"II"), [(2, 2)]),
        (BASE.replace(b"two", b"2\n2b"), BASE.replace(b"two\n", b""), [(2, 3)]),
        (BASE.replace(b"two\n", b""), BASE.replace(b"two", b"II"), [(2, 2)]),
        (b"zero\n" + BASE.replace(b"four", b"4"), BASE.replace(b"four", b"IV"), [(5, 5)]),
        (BASE.replace(b"one", b"1").replace(b"five", b"5"), BASE.replace(b"five", b"V"), [(5, 5)]),
        (BASE.replace(b"one", b"1"), BASE.replace(b"one", b"1").replace(b"five", b"V"), []),
        (b"\0a\n", b"\0b\n", []),
    ],
)
def test_clashing_lines_are_told_as_our_side_counts_them(ours, theirs, found):
    assert list(clashes(BASE, ours, theirs)) == found


def test_a_conflict_names_its_lines():
    assert str(Conflict("a", "changed", ((2, 2),))) == "a: changed (line 2)"
    assert str(Conflict("a", "changed", ((2, 4), (7, 7)))) == "a: changed (lines 2–4, 7)"
    assert str(Conflict("a", "is gone")) == "a: is gone"


@given(st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n"]), max_size=6), st.data())
@settings(max_examples=200, deadline=None)
def test_lines_clash_exactly_where_a_merge_finds_no_answer(base, data):
    side = st.lists(st.sampled_from([b"a\n", b"b\n", b"d\n"]), max_size=6)
    ours, theirs = b"".join(data.draw(side)), b"".join(data.draw(side))

    assert bool(clashes(b"".join(base), ours, theirs)) == (merge(b"".join(base), ours, theirs) is None)
