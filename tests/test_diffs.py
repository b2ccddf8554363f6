import difflib
import random

import pytest

from autoopt.diffs import count, unified


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"", b"a\nb\n", (2, 0)),
        (b"a\nb\n", b"", (0, 2)),
        (b"a\nb\nc\n", b"a\nx\nc\n", (1, 1)),
        (b"a\n", b"a", (1, 1)),
        (b"a\na\na\n", b"a\na\n", (0, 1)),
        (b"a\n", b"a\n", (0, 0)),
        (b"\0binary", b"text\n", (0, 0)),
    ],
)
def test_lines_are_counted_as_a_diff_does(old, new, expected):
    assert count(old, new) == expected


def test_counts_agree_with_a_unified_diff_on_random_files():
    chance = random.Random(1)
    for _ in range(200):
        old, new = (
            b"".join(b"%d\n" % chance.randrange(4) for _ in range(chance.randrange(12))) for _ in "ab"
        )
        body = list(difflib.ndiff(old.decode().splitlines(), new.decode().splitlines()))
        added, removed = count(old, new)

        assert added - removed == sum(line[0] == "+" for line in body) - sum(line[0] == "-" for line in body)
        assert added <= len(new.splitlines())
        assert removed <= len(old.splitlines())


def test_a_long_file_changed_throughout_is_counted_quickly():
    old = b"".join(b"%d\n" % number for number in range(50_000))
    new = b"".join(b"%d\n" % number for number in range(1, 100_000, 2))

    assert count(old, new) == (25_000, 25_000)


def test_binary_files_are_only_said_to_differ():
    assert "Binary files a/x and b/x differ" in unified("x", b"\0a", b"\0b")
