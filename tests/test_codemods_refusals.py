"""What a codemod cannot prove harmless, it leaves alone."""

import pytest
from support.rewriting import rewritten

MEMBERSHIP = {
    "the value may not hash": """
        def f(x):
            return x in ["a", "b", "c", "d"]
        """,
    "bytes may be a bytearray": """
        def f(x: bytes):
            return x in [b"a", b"b", b"c", b"d"]
        """,
    "a default that is of another kind": """
        def f(x: str = []):
            return x in ["a", "b", "c", "d"]
        """,
    "str is another str": """
        str = list

        def f(x):
            return str(x) in ["a", "b", "c", "d"]
        """,
    "names come from a star import": """
        from other import *

        def f(x):
            return str(x) in ["a", "b", "c", "d"]
        """,
    "the variable is bound to something else too": """
        def f(x: str, y):
            if y:
                x = y
            return x in ["a", "b", "c", "d"]
        """,
    "a function inside rebinds it": """
        def f(x: str, y):
            def g():
                nonlocal x
                x = y
            g()
            return x in ["a", "b", "c", "d"]
        """,
    "the list is also gone through, and a set has no order": """
        def f(words: list[str]):
            seen = []
            for w in words:
                if w not in seen:
                    seen.append(w)
            return [s for s in seen]
        """,
    "the list is returned": """
        def f(words: list[str]):
            seen = []
            for w in words:
                if w not in seen:
                    seen.append(w)
            return seen
        """,
    "what goes in may not hash": """
        def f(words):
            seen = []
            for w in words:
                if w not in seen:
                    seen.append(w)
        """,
    "the list has another name too": """
        def f(words: list[str]):
            seen = other = []
            for w in words:
                if w not in seen:
                    seen.append(w)
            return other
        """,
    "another function sees the list": """
        def f(words: list[str]):
            seen = []
            for w in words:
                if w not in seen:
                    seen.append(w)
            return lambda: seen
        """,
    "a variable is looked up by name": """
        def f(words: list[str]):
            seen = []
            for w in words:
                if w not in seen:
                    seen.append(w)
            return locals()
        """,
    "the parameter is added to in the loop": """
        def f(words: list[str], stop: list[str]):
            for w in words:
                if w not in stop:
                    stop.append(w)
        """,
    "the parameter may be the list that the loop adds to": """
        def f(words: list[str], stop: list[str], out: list[str]):
            for w in words:
                if w not in stop:
                    out.append(w)
        """,
    "foreign code in the loop could change the parameter": """
        def f(words: list[str], stop: list[str], report):
            for w in words:
                if w in stop:
                    report(w)
        """,
    "a key function is foreign code": """
        def f(words: list[str], stop: list[str], key):
            for w in words:
                if w in stop:
                    words = sorted(words, key=key)
        """,
    "the generator's user could change the parameter": """
        def f(words: list[str], stop: list[str]):
            for w in words:
                if w in stop:
                    yield w
        """,
    "the module's list is public": """
        STOP = ["a", "b", "c", "d"]

        def f(x: str):
            return x in STOP
        """,
    "the module adds to its list": """
        _STOP = ["a", "b", "c", "d"]
        _STOP.append("e")

        def f(x: str):
            return x in _STOP
        """,
    "a function sets the constant": """
        STOP = ("a", "b", "c", "d")

        def g():
            global STOP
            STOP = ()

        def f(x: str):
            return x in STOP
        """,
    "the constant comes later": """
        def f(x: str):
            return x in STOP

        STOP = ("a", "b", "c", "d")
        """,
    "what the list held was changed through another name": """
        def f(x):
            a = b = ["x"]
            b.append(x)
            for y in a:
                if y in ["a", "b", "c", "d"]:
                    return y
        """,
}

INVARIANTS = {
    "an attribute may be the same list, and is extended in place": """
        def f(xs: list[int], p):
            n = 0
            for i in range(3):
                p.ys += [1]
                n += sum(xs)
            return n
        """,
    "a local dict may hold the same list, which is extended in place": """
        def f(xs: list[int]):
            d = {0: xs}
            n = 0
            for i in range(3):
                d[0] += [1]
                n += sum(xs)
            return n
        """,
    "the loop goes through a generator that changes the list": """
        def f(xs: list[int]):
            n = 0
            it = (xs.append(i) for i in range(3))
            for x in it:
                n += sum(xs)
            return n
        """,
    "the loop goes through a map of a method that changes the list": """
        def f(xs: list[int]):
            n = 0
            it = map(xs.append, range(3))
            for x in it:
                n += sum(xs)
            return n
        """,
    "the smaller of two lists is one of them": """
        def f(xs: list[int], ys: list[int]):
            n = 0
            for i in range(3):
                n += len(sorted(xs)) + sum(xs)
                biggest = max(xs, ys)
                biggest.append(3)
            return n
        """,
    "the list grows in the loop": """
        def f(values: list[int], others: list[int]):
            for o in others:
                values.append(o)
                if o in set(values):
                    return o
        """,
    "the name is bound in the loop": """
        def f(values: list[int], others: list[int]):
            for o in others:
                if o in set(values):
                    values = values[1:]
        """,
    "the result is changed": """
        def f(values: list[int], others: list[int]):
            for o in others:
                rest = sorted(values)
                rest.append(o)
        """,
    "an iterator is used up": """
        from typing import Iterator

        def f(values: Iterator[int], others: list[int]):
            for o in others:
                if o in set(values):
                    return o
        """,
    "elements may not compare": """
        def f(values: list, others: list[int]):
            for o in others:
                if o in sorted(values):
                    return o
        """,
    "max of nothing fails": """
        def f(values: list[int], others: list[int]):
            for o in others:
                if o > max(values):
                    return o
        """,
    "the list is bound in one branch only": """
        def f(flag, others: list[int]):
            if flag:
                values = [1, 2]
            for o in others:
                if o in set(values):
                    return o
        """,
}

QUEUES = {
    "the queue is sliced": """
        def f(start):
            todo = [start]
            while todo:
                node = todo.pop(0)
                todo = todo[1:]
        """,
    "the queue is given away": """
        def f(start, step):
            todo = [start]
            while todo:
                step(todo.pop(0), todo)
        """,
    "the queue is returned": """
        def f(start):
            todo = [start]
            while todo:
                if todo.pop(0):
                    return todo
        """,
    "the middle is read": """
        def f(start):
            todo = [start]
            while todo:
                todo.pop(0)
                print(todo[1])
        """,
    "it is gone through while it changes": """
        def f(start):
            todo = [start]
            for x in todo:
                todo.append(todo.pop(0))
        """,
    "a parameter": """
        def f(todo: list[int]):
            while todo:
                todo.pop(0)
        """,
    "the global": """
        def f(start):
            global todo
            todo = [start]
            while todo:
                todo.pop(0)
        """,
}

GROWING = {
    "the larger of two lists is kept as it was": """
        def f(n: int):
            r = [0]
            k = None
            for i in range(n):
                k = max(r, [-1])
                r = r + [i]
            return k
        """,
    "what is added may be no text": """
        def f(rows):
            s = ""
            for row in rows:
                s += row
            return s
        """,
    "the text is read in the loop": """
        def f(rows: list[str]):
            s = ""
            for row in rows:
                s += row
                if len(s) > 5:
                    break
            return s
        """,
    "the half is seen after an error": """
        def f(rows: list[str]):
            s = ""
            try:
                for row in rows:
                    s += row + str(1 // len(row))
            except ZeroDivisionError:
                pass
            return s
        """,
    "a context swallows the error": """
        def f(rows: list[str], swallow):
            s = ""
            with swallow():
                for row in rows:
                    s += row
            return s
        """,
    "a function inside sees it": """
        def f(rows: list[str]):
            s = ""
            for row in rows:
                s += row
                g = lambda: s
            return g
        """,
    "it may not be bound before": """
        def f(rows: list[str], flag):
            if flag:
                s = ""
            for row in rows:
                s += row
        """,
    "somebody kept the list as it was": """
        def f(words):
            out, kept = [], []
            for w in words:
                kept.append(out)
                out = out + [w]
            return kept
        """,
    "the list is gone through as it was": """
        def f(words):
            out = [1]
            for w in words:
                for x in out:
                    out = out + [w]
            return out
        """,
    "a generator holds the list": """
        def f(words):
            out = [1]
            for w in words:
                g = (x for x in out)
                out = out + [w]
            return list(g)
        """,
    "the list is a parameter": """
        def f(words, out: list):
            for w in words:
                out = out + [w]
            return out
        """,
    "each state is yielded": """
        def f(words):
            out = []
            for w in words:
                out = out + [w]
                yield out
        """,
    "a line with two statements": """
        def f(words):
            out = []
            for w in words:
                out = out + [w]; print(w)
            return out
        """,
}

COUNTING = {
    "the loop variable is read later": """
        def f(words):
            d = {}
            for w in words:
                d[w] = d.get(w, 0) + 1
            return d, w
        """,
    "a sum of floats is rounded otherwise": """
        def f(values: list[float]):
            t = 0
            for v in values:
                t += v
            return t
        """,
    "a sum of who knows what": """
        def f(values):
            t = 0
            for v in values:
                t += v
            return t
        """,
    "sum is another sum": """
        def sum(x):
            return 7

        def f(values: list[int]):
            t = 0
            for v in values:
                t += v
            return t
        """,
    "text is found in text as a part": """
        def f(text: str, part: str):
            for c in text:
                if c == part:
                    return True
            return False
        """,
    "elements may compare in their own way": """
        def f(values: list, wanted):
            for v in values:
                if v == wanted:
                    return True
            return False
        """,
    "a partial count is seen": """
        def f(words):
            d = {}
            try:
                for w in words:
                    d[w] = d.get(w, 0) + 1
            except TypeError:
                return d
            return d
        """,
    "the loop has an else": """
        def f(values: list[int]):
            t = 0
            for v in values:
                t += v
            else:
                t = 5
            return t
        """,
}

COMPREHENSION = {
    "the loop variable is read later": """
        def f(items):
            out = []
            for x in items:
                out.append(x + 1)
            return out, x
        """,
    "the loop variable was a parameter": """
        def f(items, x):
            out = []
            for x in items:
                out.append(x + 1)
            return out
        """,
    "an outer loop reads the variable again": """
        def f(rows):
            for row in rows:
                out = []
                for x in row:
                    out.append(x + 1)
                print(x)
        """,
    "the list is read while it is made": """
        def f(items):
            out = []
            for x in items:
                out.append(len(out))
            return out
        """,
    "a function inside sees the list": """
        def f(items):
            out = []
            for x in items:
                out.append(x + 1)
            return lambda: out
        """,
    "a lambda keeps the variable": """
        def f(items):
            out = []
            for x in items:
                out.append(lambda: x)
            return out
        """,
    "a generator keeps the variable": """
        def f(items):
            out = []
            for x in items:
                out.append(y + x for y in (1, 2))
            return out
        """,
    "the half is seen after an error": """
        def f(items):
            out = []
            try:
                for x in items:
                    out.append(1 / x)
            except ZeroDivisionError:
                pass
            return out
        """,
    "the half is seen by finally": """
        def f(items, log):
            out = []
            try:
                for x in items:
                    out.append(1 / x)
            finally:
                log(out)
        """,
    "a dict's key is evaluated after its value": """
        def f(items, g):
            out = {}
            for x in items:
                out[g(x)] = g(-x)
            return out
        """,
    "yield": """
        def f(items):
            out = []
            for x in items:
                out.append((yield x))
            return out
        """,
    "await": """
        async def f(items):
            out = []
            for x in items:
                out.append(await x)
            return out
        """,
    "async for": """
        async def f(items):
            out = []
            async for x in items:
                out.append(x + 1)
            return out
        """,
    "a walrus": """
        def f(items):
            out = []
            for x in items:
                out.append(y := x + 1)
            return out
        """,
    "super without arguments": """
        class A(list):
            def f(self, items):
                out = []
                for x in items:
                    out.append(super().index(x))
                return out
        """,
    "it calls itself": """
        def f(items):
            out = []
            for x in items:
                out.append(f(x))
            return out
        """,
    "a break": """
        def f(items):
            out = []
            for x in items:
                if x:
                    break
                out.append(x + 1)
            return out
        """,
    "two appends": """
        def f(items):
            out = []
            for x in items:
                out.append(x)
                out.append(-x)
            return out
        """,
    "a global": """
        def f(items):
            global out
            out = []
            for x in items:
                out.append(x + 1)
        """,
    "an attribute as the variable": """
        def f(self, items):
            out = []
            for self.x in items:
                out.append(self.x + 1)
            return out
        """,
    "list is another list": """
        def f(items, list):
            out = list()
            for x in items:
                out.append(x + 1)
            return out
        """,
    "an inner iterable named like a later variable": """
        def f(rows, y):
            out = []
            for x in rows:
                if y:
                    for y in x:
                        out.append(y)
            return out
        """,
    "a name that may be unbound": """
        def f(items, flag):
            if flag:
                n = 1
            out = []
            for x in items:
                out.append(x + n)
            return out
        """,
    "a class body": """
        class A:
            out = []
            for x in (1, 2):
                out.append(x + 1)
        """,
    "extend of a list somebody else holds": """
        def f(items, out: list):
            for x in items:
                out.append(x)
            return out
        """,
    "extend of itself": """
        def f():
            out = [1]
            for x in out:
                out.append(x)
        """,
    "a deleted variable": """
        def f(items):
            out = []
            for x in items:
                out.append(x + 1)
            del x
            return out
        """,
}

INDEXING = {
    "who knows what it is": """
        def f(values):
            for i in range(len(values)):
                print(values[i])
        """,
    "the list is changed": """
        def f(values: list[int]):
            for i in range(len(values)):
                values[i] = values[i] + 1
        """,
    "the list is shortened": """
        def f(values: list[int]):
            for i in range(len(values)):
                if values[i]:
                    values.pop()
        """,
    "foreign code could change it": """
        def f(values: list[int], g):
            for i in range(len(values)):
                g(values[i])
        """,
    "the index is bound again": """
        def f(values: tuple[int, ...]):
            for i in range(len(values)):
                i = 0
                print(values[i])
        """,
    "a dict": """
        def f(values: dict[int, int]):
            for i in range(len(values)):
                print(values[i])
        """,
}

PATTERNS = {
    "the pattern is no constant": """
        import re

        def f(text, pattern):
            return re.match(pattern, text)
        """,
    "the pattern is wrong": """
        import re

        def f(text):
            return re.match("(", text)
        """,
    "the flags are no constants": """
        import re

        def f(text, flags):
            return re.match("a", text, flags)
        """,
    "printing flags": """
        import re

        def f(text):
            return re.match("a", text, re.DEBUG)
        """,
    "re is another re": """
        import re
        import regex as re

        def f(text):
            return re.match("a", text)
        """,
    "re is a parameter": """
        import re

        def f(text, re):
            return re.match("a", text)
        """,
    "re may be missing": """
        try:
            import re
        except ImportError:
            re = None

        def f(text):
            return re.match("a", text)
        """,
    "re is imported later": """
        def f(text):
            return re.match("a", text)

        import re
        """,
}

TABLES = {
    "the larger of two lists is changed": """
        def f(n: int):
            grid = [1, 2, 3, 4]
            row = max(grid, [0])
            row.append(n)
            return len(grid)
        """,
    "the table is changed": """
        def f(key):
            t = {"a": 1, "b": 2, "c": 3, "d": 4}
            t[key] = 1
            return t[key]
        """,
    "the table is returned": """
        def f(key):
            t = {"a": 1, "b": 2, "c": 3, "d": 4}
            return t
        """,
    "the table is returned inside something": """
        def f(key):
            t = {"a": 1, "b": 2, "c": 3, "d": 4}
            return key, [t]
        """,
    "the table is given away": """
        def f(key, g):
            t = {"a": 1, "b": 2, "c": 3, "d": 4}
            return g(t)
        """,
    "a function inside sees the table": """
        def f(key):
            t = {"a": 1, "b": 2, "c": 3, "d": 4}
            return lambda: t.pop(key)
        """,
    "the table holds what is worked out": """
        def f(key, x):
            t = {"a": 1, "b": 2, "c": 3, "d": x}
            return t[key]
        """,
    "the list is added to": """
        def f(key):
            t = [1, 2, 3, 4]
            t += [key]
            return t[0]
        """,
}

EAGER = {
    "who knows what join does": """
        def f(sep, items):
            return sep.join(str(i) for i in items)
        """,
    "any stops early": """
        def f(items):
            return any(str(i) for i in items)
        """,
    "StopIteration is another error in a generator": """
        def f(items):
            return tuple(next(i) for i in items)
        """,
    "tuple is another tuple": """
        def f(items, tuple):
            return tuple(i for i in items)
        """,
    "an asynchronous generator": """
        async def f(items):
            return tuple(i async for i in items)
        """,
}

ATTRIBUTES = {
    "a generator of the object sets it while the loop runs": """
        class Lexer:
            def __init__(self, text):
                self.text = text
                self.pos = 0

            def tokens(self):
                while self.pos < len(self.text):
                    self.pos += 1
                    yield self.text[self.pos - 1]

            def run(self):
                out = []
                tokens = self.tokens()
                for token in tokens:
                    out.append((token, self.pos))
                return out
        """,
    "an operator of the object sets it": """
        class Count:
            def __init__(self):
                self.k = 1

            def __getitem__(self, item):
                self.k += 1
                return item

            def go(self):
                t = 0
                for x in range(3):
                    t += self[x] * self.k
                return t
        """,
    "the object is still being made": """
        class Box:
            def __init__(self, values):
                n = 0
                for value in values:
                    n += len(self.items) if n else 0
                self.items = [n]
        """,
    "the loop sets the attribute": """
        class A:
            def __init__(self):
                self.n = 0

            def f(self, items):
                for x in items:
                    self.n = self.n + 1
        """,
    "foreign code could set the attribute": """
        class A:
            def __init__(self):
                self.n = 0

            def f(self, items):
                for x in items:
                    x.push(self.n)
        """,
    "a property": """
        class A:
            def __init__(self):
                self.n = 0

            @property
            def n(self):
                return 1

            def f(self, items):
                t = 0
                for x in items:
                    t = t + self.n
        """,
    "a base class may have a property": """
        class A(B):
            def __init__(self):
                self.n = 0

            def f(self, items):
                t = 0
                for x in items:
                    t = t + self.n
        """,
    "an attribute that may not be there": """
        class A:
            def f(self, items):
                t = 0
                for x in items:
                    t = t + self.n
        """,
    "a function that is patched in tests": """
        import time

        def f(items):
            for x in items:
                print(time.time())
        """,
    "math is a parameter": """
        import math

        def f(items, math):
            for x in items:
                print(math.sqrt(x))
        """,
}

ARITHMETIC = {
    "a float overflows": """
        def f(x: float):
            return x ** 2
        """,
    "who knows what a power is": """
        def f(x):
            return x ** 2
        """,
}

CACHING = {
    "what a table of the module holds can be changed": """
        _D = {"a": [1]}

        def f(s: str) -> int:
            n = 0
            for c in s:
                n += len(_D[c])
            return n

        def g():
            v = _D.get("a")
            v.append(3)
        """,
    "it calls itself once either way, and may go deep": """
        def f(a: int, b: int) -> int:
            if b == 0:
                return 0
            if a > b:
                return f(a - 1, b)
            return f(a, b - 1)
        """,
    "a float has two zeros": """
        def f(x: float) -> str:
            return ",".join([str(x) for _ in range(9)])
        """,
    "arguments are not said to hash": """
        def f(x) -> int:
            return sum([i for i in range(x)])
        """,
    "a list would be shared": """
        def f(n: int) -> list[int]:
            return [i for i in range(n)]
        """,
    "a generator": """
        def f(n: int):
            for i in range(n):
                yield i
        """,
    "it prints": """
        def f(n: int) -> int:
            for i in range(n):
                print(i)
            return n
        """,
    "it is random": """
        import random

        def f(n: int) -> int:
            return sum([random.randrange(n) for _ in range(n)])
        """,
    "it reads a global that changes": """
        _seen = []

        def g(x):
            _seen.append(x)

        def f(n: int) -> int:
            return sum([len(_seen) for _ in range(n)])
        """,
    "it counts calls": """
        calls = 0

        def f(n: int) -> int:
            global calls
            calls += 1
            return sum([i for i in range(n)])
        """,
    "it calls something that is not pure": """
        def g(n):
            return open("x").read()

        def f(n: int) -> int:
            return sum([len(g(i)) for i in range(n)])
        """,
    "it calls an unknown method": """
        def f(n: int) -> int:
            return sum([n.step() for _ in range(n)])
        """,
    "it is decorated": """
        @register
        def f(n: int) -> int:
            return sum([i for i in range(n)])
        """,
    "it is looked at as a function": """
        def f(n: int) -> int:
            return sum([i for i in range(n)])

        f.description = "adds up"
        """,
    "it is a method": """
        class A:
            def f(self: int, n: int) -> int:
                return sum([i for i in range(n)])
        """,
    "it is bound twice": """
        def f(n: int) -> int:
            return sum([i for i in range(n)])

        f = print
        """,
    "it goes deep by calling itself once": """
        def f(n: int) -> int:
            return 1 if n < 2 else n * f(n - 1)
        """,
    "nothing is saved": """
        def f(n: int) -> int:
            return n + 1
        """,
    "it stores into an argument": """
        def f(n: int, m: str = "") -> int:
            for i in range(n):
                n.x = i
            return n
        """,
    "it imports": """
        def f(n: int) -> int:
            import os
            return sum([len(os.environ) for _ in range(n)])
        """,
}

REFUSED = {
    (codemod, reason): code
    for codemod, samples in {
        "membership": MEMBERSHIP,
        "invariants": INVARIANTS,
        "queues": QUEUES,
        "growing": GROWING,
        "counting": COUNTING,
        "comprehension": COMPREHENSION,
        "indexing": INDEXING,
        "patterns": PATTERNS,
        "tables": TABLES,
        "eager": EAGER,
        "attributes": ATTRIBUTES,
        "arithmetic": ARITHMETIC,
        "caching": CACHING,
    }.items()
    for reason, code in samples.items()
}


@pytest.mark.parametrize(("codemod", "reason"), REFUSED, ids=lambda part: part.replace(" ", "-"))
def test_it_is_left_alone_when(codemod: str, reason: str) -> None:
    assert rewritten(REFUSED[codemod, reason], codemod) is None
