from hypothesis import given
from hypothesis import strategies as st

from autoopt.fingerprint import fingerprint


def of(before, after, path="src/a.py"):
    return fingerprint([(path, before, after)])


def text(lines):
    return "".join(f"{line}\n" for line in lines).encode()


def test_it_is_a_hash_and_empty_where_nothing_changes():
    assert len(of(b"a\n", b"b\n")) == 64
    assert of(b"a\n", b"a\n") == ""
    assert of(None, None) == ""
    assert fingerprint([]) == ""


@st.composite
def edits_apart(draw):
    """A file, an edit in it, and the same with an unrelated edit at least one line away."""
    lines = [f"line {number}" for number in range(draw(st.integers(8, 40)))]
    here = draw(st.integers(0, len(lines) - 1))
    there = draw(st.integers(0, len(lines) - 1).filter(lambda n: abs(n - here) > 1))
    kinds = st.sampled_from(["insert", "replace", "delete"])
    first, second = draw(kinds), draw(kinds)

    def made(*edits):
        result = list(lines)
        for at, kind, word in sorted(edits, reverse=True):
            result[at : at + (kind != "insert")] = [] if kind == "delete" else [word]
        return text(result)

    edit, other = (here, first, "the edit"), (there, second, "somebody else's")
    return (text(lines), made(edit)), (made(other), made(edit, other))


@given(edits_apart())
def test_an_edit_elsewhere_leaves_it_as_it_is(files):
    (before, after), (moved_before, moved_after) = files

    assert of(before, after) == of(moved_before, moved_after)


@given(st.lists(st.sampled_from(["", "  ", "\t", " \r"]), min_size=4, max_size=4), st.booleans())
def test_space_does_not_count(space, empty_line):
    plain = of(b"a = 1\nb = 2\n", b"a = 1\nb = 3\n")
    one, two, three, four = (s.encode() for s in space)
    gap = two + b"\n" if empty_line else b""
    spaced = of(
        b"a = 1\n" + gap + b"b = 2\n",
        b"a=1" + two + b"\n" + gap + b"b" + three + b"=" + one + b"3" + four + b"\n",
    )

    assert spaced == plain


def test_indentation_counts():
    loop = b"for x in xs:\n    f(x)\n"
    inside, behind = loop + b"    h()\n", loop + b"h()\n"

    assert of(loop, inside) != of(loop, behind)


def test_where_only_space_changes_it_counts_after_all():
    inside = b"for x in xs:\n    total += x\n    log()\n"
    outside = b"for x in xs:\n    total += x\nlog()\n"
    further = b"for x in xs:\n    total += x\n        log()\n"

    assert of(inside, outside)
    assert of(inside, outside) != of(inside, further)


def test_the_same_words_in_another_place_are_another_edit():
    slow, fast = b"    return sorted(x)[0]\n", b"    return min(x)\n"
    file = b"def f(x):\n%sdef g(x):\n%s"

    assert of(file % (slow, slow), file % (fast, slow)) != of(file % (slow, slow), file % (slow, fast))


def test_the_file_and_the_direction_count():
    assert of(b"a\n", b"b\n") != of(b"a\n", b"b\n", "src/b.py")
    assert of(b"a\n", b"b\n") != of(b"b\n", b"a\n")


def test_the_order_in_which_files_are_named_does_not_count():
    changes = [("a", b"1", b"2"), ("b", b"1", b"3"), ("c", None, b"4")]

    assert fingerprint(changes) == fingerprint(reversed(changes))


def test_making_emptying_and_removing_a_file_differ():
    assert len({of(None, b""), of(b"", None), of(b"a\n", b""), of(b"a\n", None), of(None, b"a\n"), ""}) == 6


def test_binary_files_count_by_their_whole_content():
    assert of(b"\0 a", b"\0a") not in ("", of(b"\0 a", b"\0b"))
    assert of(b"\0 a", b"\0a") == of(b"\0 a", b"\0a")


def test_a_name_that_is_no_text_is_no_obstacle():
    assert of(b"a", b"b", "src/\udcff.py")


def test_space_in_quotes_counts():
    assert of(b"x\n", b"x = ' '.join(y)\n") != of(b"x\n", b"x = ''.join(y)\n")
    assert of(b"x\n", b'x = f("a b")\n') != of(b"x\n", b'x = f("ab")\n')
    assert of(b"x\n", b'x = f("a b" )\n') == of(b"x\n", b'x=f( "a b")\n')
