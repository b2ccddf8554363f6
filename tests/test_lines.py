import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoopt.lines import changed, split

few_words = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"}\n", b"\n"]), max_size=30)


def rebuilt(old, new):
    lines, position = [], 0
    for a, b, c, d in changed(old, new):
        lines += [*old[position:a], *new[c:d]]
        position = b
    return lines + old[position:]


@given(few_words, few_words)
def test_the_blocks_lead_from_one_side_to_the_other(old, new):
    assert rebuilt(old, new) == new


@given(few_words, few_words)
def test_something_stays_between_two_blocks(old, new):
    blocks = changed(old, new)

    assert all(left[1] < right[0] and left[3] < right[2] for left, right in pairwise(blocks))
    assert all(a < b or c < d for a, b, c, d in blocks)


@given(st.binary(max_size=60))
def test_lines_add_up_to_the_file_whatever_it_holds(data):
    assert b"".join(split(data)) == data
    assert all(line.endswith(b"\n") for line in split(data)[:-1])


def test_only_a_line_feed_ends_a_line():
    assert split(b"a\r\nb\rc\x0bd") == [b"a\r\n", b"b\rc\x0bd"]


@pytest.mark.parametrize("words", [2, 200, 10**9])
def test_long_files_are_compared_in_bounded_time(words):
    chance = random.Random(1)
    old = [b"%d\n" % chance.randrange(words) for _ in range(50_000)]
    new = list(old)
    for _ in range(5000):
        new[chance.randrange(len(new))] = b"%d\n" % chance.randrange(words)

    assert rebuilt(old, new) == new  # with a quadratic comparison this takes minutes, not a moment


def test_two_edits_far_apart_in_a_long_file_stay_two():
    old = [b"%d\n" % number for number in range(20_000)]

    assert changed(old, [b"first\n", *old, b"last\n"]) == [(0, 0, 0, 1), (20_000, 20_000, 20_001, 20_002)]
