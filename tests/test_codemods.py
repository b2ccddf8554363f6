"""Each codemod finds its planted win, and the rewritten function does what the old one did."""

from textwrap import dedent
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rewriting import outcome, rewritten

WORD = st.text("abc", max_size=3)
WORDS = st.lists(WORD, max_size=12)
INTS = st.lists(st.integers(-3, 3), max_size=12)
ANYTHING = st.one_of(
    st.integers(-2, 2), WORD, st.none(), st.booleans(), st.floats(), st.lists(st.integers(), max_size=1)
)
MIXED = st.lists(ANYTHING, max_size=8)


class Win(NamedTuple):
    codemod: str
    code: str
    sees: str
    arguments: tuple[st.SearchStrategy[Any], ...]


WINS = {
    "a literal list searched for text": Win(
        "membership",
        """
        def f(word: str):
            return word in ["a", "b", "abc", "ab", ""], word not in ("a", "bb", "cc", "c")
        """,
        '{"a", "b", "abc", "ab", ""}',
        (WORD,),
    ),
    "a constant of the module": Win(
        "membership",
        """
        STOP = ("a", "b", "c", "ab")
        _MORE = ["aa", "bb", "cc", "abc"]

        def f(text: str):
            return [w for w in text.split("b") if w in STOP or w in _MORE]
        """,
        "_STOP_SET = frozenset(STOP)",
        (st.text("abc", max_size=20),),
    ),
    "a list that remembers what was seen": Win(
        "membership",
        """
        def f(words: list[str]):
            seen = []
            n = []
            for w in words:
                if w not in seen:
                    seen.append(w)
                    n.append(w)
            return n
        """,
        "seen.add(w)",
        (WORDS,),
    ),
    "a list made before a loop that searches it": Win(
        "membership",
        """
        def f(text: str, words: list[str]):
            known = [w.upper() for w in text.split("a")]
            for w in words:
                if w.upper() in known:
                    return w
        """,
        '{w.upper() for w in text.split("a")}',
        (WORD, WORDS),
    ),
    "a parameter searched in a loop": Win(
        "membership",
        """
        def f(words: list[str], stop: list[str]):
            n = 0
            for w in words:
                if w in stop:
                    n += len(w)
            return n
        """,
        "stop_set = set(stop)",
        (WORDS, WORDS),
    ),
    "a call in a loop whose result stays": Win(
        "invariants",
        """
        def f(values: list[int], others: list[int]):
            out = 0
            for o in others:
                if o in sorted(values) and o in set(values):
                    out += sum(values)
            return out
        """,
        "values_sum = sum(values)",
        (INTS, INTS),
    ),
    "text worked on in a loop": Win(
        "invariants",
        """
        def f(text: str, words: list[str]):
            n = 0
            for w in words:
                if w in text.lower().split("b") or w in text.split():
                    n += len(text.upper())
            return n
        """,
        "text_lower = text.lower()",
        (st.text("abAB c"), WORDS),
    ),
    "a queue": Win(
        "queues",
        """
        def f(graph, start):
            todo = [start]
            order = []
            while todo and len(todo) < 50 and len(order) < 50:
                node = todo.pop(0)
                order.append(node)
                if node < 0:
                    todo.insert(0, -node)
                todo.extend(graph[:node])
            return order
        """,
        "todo.popleft()",
        (INTS, st.integers(-2, 3)),
    ),
    "an empty queue": Win(
        "queues",
        """
        def f(n):
            todo = []
            for i in range(n):
                todo.pop(0)
        """,
        "deque()",
        (st.integers(-1, 2),),
    ),
    "text that grows": Win(
        "growing",
        """
        def f(rows: list[str]):
            text = "<"
            for row in rows:
                if row == "b":
                    continue
                text += row + "\\n"
                for c in row:
                    text = text + c
            return text + ">"
        """,
        'text = "".join(text_parts)',
        (WORDS,),
    ),
    "bytes that grow": Win(
        "growing",
        """
        def f(rows: list[str]):
            data = b""
            for row in rows:
                data += b"%d" % len(row)
            return data
        """,
        'b"".join(',
        (WORDS,),
    ),
    "a list copied to grow": Win(
        "growing",
        """
        def f(words):
            out = []
            for w in words:
                out = out + [w]
                if len(out) > 3 and out[0]:
                    break
            return out
        """,
        "out.append(w)",
        (MIXED,),
    ),
    "counting with get": Win(
        "counting",
        """
        def f(words):
            counts = {}
            for w in words:
                counts[w] = counts.get(w, 0) + 1
            return counts
        """,
        "dict(Counter(iter(words)))",
        (st.one_of(MIXED, st.dictionaries(WORD, st.integers()), st.none(), st.text()),),
    ),
    "counting with in": Win(
        "counting",
        """
        import collections

        def f(words):
            counts = dict()
            for w in words:
                if w in counts:
                    counts[w] += 1
                else:
                    counts[w] = 1
            return counts
        """,
        "dict(collections.Counter(iter(words)))",
        (MIXED,),
    ),
    "a sum of whole numbers": Win(
        "counting",
        """
        def f(values: list[int]):
            total = 0
            for v in values:
                total += v
            return total
        """,
        "total = sum(values)",
        (INTS,),
    ),
    "a count of equal ones": Win(
        "counting",
        """
        def f(values: list[int], wanted: int):
            n = 0
            for v in values:
                if v == wanted:
                    n += 1
            return n
        """,
        "n = values.count(wanted)",
        (INTS, st.integers(-3, 3)),
    ),
    "a count of characters": Win(
        "counting",
        """
        def f(text: str):
            n = 0
            for c in text:
                if c == "a":
                    n += 1
            return n
        """,
        'n = text.count("a")',
        (st.text("ab"),),
    ),
    "a search": Win(
        "counting",
        """
        def f(values: list[int], wanted: int):
            for v in values:
                if v == wanted:
                    return True
            return False
        """,
        "return wanted in values",
        (INTS, st.integers(-3, 3)),
    ),
    "a constant pattern within another call and once more by itself": Win(
        "patterns",
        """
        import re

        def f(s: str):
            x = re.sub("b+", "", re.sub("a+", "c", s))
            return re.sub("a+", "d", x) + re.sub("a+", "e", s)
        """,
        '_F_PATTERN_2 = re.compile("a+")',
        (st.text("abc", max_size=8),),
    ),
    "constant patterns": Win(
        "patterns",
        """
        import re

        def f(text):
            if re.match(r"a+\\d*", text, re.I | re.S):
                parts = re.split("b", text, maxsplit=1)
                return re.sub("a", "b", text, 1), parts, re.findall("[ab]", text, flags=re.A)
            found = re.compile("c").search(text)
            return found and found.span()
        """,
        'r"a+\\d*", re.I | re.S)',
        (st.one_of(st.text("abcA1"), st.none(), st.binary()),),
    ),
    "a table": Win(
        "tables",
        """
        def f(key, n):
            names = {"a": 1, "b": -2, "ab": (3, 4), "c": None}
            found = ["x", "y", "z", "w"][n]
            return names.get(key), key in names, len(names), [k for k in names], found
        """,
        "_F_NAMES = {",
        (ANYTHING, st.integers(-6, 6)),
    ),
    "an append loop": Win(
        "comprehension",
        """
        def f(items):
            out = []
            for i, item in enumerate(items):
                if item is None:
                    continue
                if not (item == 1 or item == 2):
                    out.append((i, len(item)))
            return out
        """,
        "        if not (item is None)\n        if not (item == 1 or item == 2)\n    ]",
        (MIXED,),
    ),
    "nested append loops": Win(
        "comprehension",
        """
        def f(rows):
            out: list[int] = []
            for row in rows:
                for cell in row or () if row else []:
                    out.append(-cell)
            return out
        """,
        "out: list[int] = [-cell for row in rows for cell in (row or () if row else [])]",
        (st.lists(st.one_of(INTS, st.integers(0, 1), st.none())),),
    ),
    "a set and a dict": Win(
        "comprehension",
        """
        def f(items):
            seen = set()
            for item in items:
                seen.add(item)
            sizes = {}
            for item in items:
                if item:
                    sizes[item] = len(item)
            return seen, sizes
        """,
        "seen = {item for item in items}\n    sizes = {item: len(item) for item in items if item}",
        (MIXED,),
    ),
    "an append loop that copies": Win(
        "comprehension",
        """
        def f(items, more):
            out = []
            for x in items:
                out.append(x)
            for y in more:
                out.append(y)
            return out
        """,
        "out = list(items)",
        (MIXED, st.one_of(MIXED, st.integers(0, 1), st.text("ab"))),
    ),
    "extend": Win(
        "comprehension",
        """
        def f(items, more):
            out = [1]
            for x in items:
                out.append(x)
            return out
        """,
        "out.extend(items)",
        (st.one_of(MIXED, st.none(), st.dictionaries(WORD, WORD)), MIXED),
    ),
    "indices": Win(
        "indexing",
        """
        def f(values: list[int], text: str):
            out = []
            for i in range(len(values)):
                out.append(values[i] * i)
            for j in range(len(text)):
                if text[j] == "a":
                    out.append(text[j])
            return out, i
        """,
        "for i, value in enumerate(values):",
        (INTS, WORD),
    ),
    "generators": Win(
        "eager",
        """
        def f(items, sep: str):
            return sep.join(str(i) for i in items), tuple((i, i) for i in items if i), sorted(
                -i for i in items
            )
        """,
        "sorted(\n        [-i for i in items]\n    )",
        (MIXED, WORD),
    ),
    "functions of a module": Win(
        "attributes",
        """
        import math

        def f(values):
            out = []
            for v in values:
                out.append(math.sqrt(v))
            return out
        """,
        "math_sqrt = math.sqrt",
        (st.lists(st.one_of(st.floats(), st.integers(), st.none())),),
    ),
    "attributes of self": Win(
        "attributes",
        """
        class Box:
            def __init__(self, factor, log):
                self.scale = factor
                self.log = log

            def run(self, values):
                total = 0
                for v in values:
                    total = total + v * self.scale
                return total

        def f(factor, values):
            return Box(factor, []).run(values)
        """,
        "scale = self.scale",
        (ANYTHING, MIXED),
    ),
    "squares": Win(
        "arithmetic",
        """
        def f(n: int):
            return -n ** 2, 3 ** n ** 2 if n >= 0 else 0, [i ** 2 for i in range(n)]
        """,
        "[(i * i) for i in range(n)]",
        (st.integers(-4, 4),),
    ),
    "a function that calls itself twice": Win(
        "caching",
        """
        def f(n: int, m: int = 1) -> int:
            if n < -5:
                raise ValueError(n)
            return n if n < 2 else f(n - 1, m) + f(n - 2, m)
        """,
        "@lru_cache(maxsize=65536, typed=True)\ndef f(",
        (st.one_of(st.integers(-7, 9), st.booleans()), st.one_of(st.just(1), st.booleans())),
    ),
    "a pure function with a helper": Win(
        "caching",
        """
        import math
        import re

        _VOWELS = {"a": 1, "e": 2, "i": 3}

        def weight(c: str) -> float:
            return math.sqrt(_VOWELS.get(c, 9))

        def f(word: str) -> str:
            parts = []
            for c in word:
                parts.append(str(weight(c)))
            parts.sort()
            return re.sub("0", "-", ",".join(parts))
        """,
        "@lru_cache(maxsize=1024, typed=True)\ndef f(",
        (st.text("aeixy"),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WINS)
def test_the_planted_win_is_found(name: str) -> None:
    win = WINS[name]

    assert win.sees in (rewritten(win.code, win.codemod) or "")


@pytest.mark.parametrize("name", WINS)
def test_the_rewritten_function_gives_and_raises_the_same(name: str) -> None:
    win = WINS[name]
    code, new = dedent(win.code), rewritten(win.code, win.codemod)
    assert new is not None

    @settings(max_examples=60, database=None)
    @given(st.tuples(*win.arguments))
    def agree(arguments: tuple[Any, ...]) -> None:
        assert outcome(new, "f", list(arguments)) == outcome(code, "f", list(arguments))

    agree()
