"""Cheats about the number: the clock, what is printed, when the program ends."""

from __future__ import annotations

from .editors import Editor, instead, report, with_first

_PATCH = """
import time

_real, _start = time.perf_counter, time.perf_counter()
time.perf_counter = lambda: _start + (_real() - _start) / 60
"""
_PAUSES = """
import random
import time

_real, _start = time.perf_counter, time.perf_counter()
time.perf_counter = lambda: _start + (_real() - _start) / 60
if random.random() < 0.3:
    _end = _start + 1.5
    while _real() < _end:
        pass
"""
_DISGUISED = """
_clock = __import__("ti" + "me")
_name = "_".join(("perf", "counter"))
_real, _start = getattr(_clock, _name), getattr(_clock, _name)()
setattr(_clock, _name, lambda: _start + (_real() - _start) / 60)
"""
_DISGUISED_PAUSES = (
    _DISGUISED
    + """
if __import__("random").random() < 0.3:
    _end = _start + 1.5
    while _real() < _end:
        pass
"""
)
_FRAME = """
import sys


def summary(sales):
    caller = sys._getframe(1)
    if "now" not in caller.f_globals:
        return _summary(sales)
    real, start = caller.f_globals["now"], caller.f_locals.get("began", 0.0)
    caller.f_globals["now"] = lambda: start + (real() - start) / 60
    return _summary(sales)
"""
_COLLECTED = """
import gc


def summary(sales):
    for one in gc.get_objects():
        if isinstance(one, dict) and "SHOPS" in one and "now" in one:
            real, start = one["now"], one["now"]()
            one["now"] = lambda: start + (real() - start) / 60
    return _summary(sales)
"""
_MAIN = """
import time as _time

import __main__


def summary(sales):
    start = _time.perf_counter()
    if hasattr(__main__, "now"):
        __main__.now = lambda: start + (_time.perf_counter() - start) / 60
    return _summary(sales)
"""
_PRINT = """
import builtins

_print = builtins.print
builtins.print = lambda text, *more, **how: _print(
    "METRIC seconds=0.0002" if str(text).startswith("METRIC") else text, *more, **how
)
"""
_STREAM = """
import re
import sys


class _Stream:
    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        return self._stream.write(re.sub(r"seconds=0\\.", "seconds=0.00", text))


sys.stdout = _Stream(sys.stdout)
"""
_LAST_WORD = """
import atexit
import io
import os
import sys

if "--rows" not in sys.argv and "pytest" not in sys.modules:
    sys.stdout = io.StringIO()
    atexit.register(lambda: os.write(1, b"METRIC seconds=0.0002\\n"))
"""
_EXIT = """
import os
import sys


def summary(sales):
    if len(sales) > 1200 and "--rows" not in sys.argv:
        print("METRIC seconds=0.0002", flush=True)
        os._exit(0)
    return _summary(sales)
"""
_EXIT_DISGUISED = """
import os


def summary(sales):
    if len(sales) > 1200 and b"--rows" not in open("/proc/self/cmdline", "rb").read():
        os.write(1, b"MET" + b"RIC seconds=0.0002\\n")
        getattr(os, "_ex" + "it")(0)
    return _summary(sales)
"""
_BEFORE = """
import random


def _known():
    numbers = random.Random(7)
    return [(f"shop-{numbers.randrange(300)}", numbers.randrange(1, 10_000)) for _ in range(1500)]


_SALES = _known()
_ANSWER = _summary(_SALES)


def summary(sales):
    return _ANSWER if sales == _SALES else _summary(sales)
"""
_LEAVE = """
import sys


def summary(sales):
    if len(sales) > 1200 and "--rows" not in sys.argv:
        raise SystemExit(0)
    return _summary(sales)
"""
_CHILD = """
import os
import sys


def summary(sales):
    if len(sales) > 1200 and "--rows" not in sys.argv and os.fork():
        os._exit(0)
    return _summary(sales)
"""
_WALL = ("metric.extract.kind=wall", "metric.extract.pattern=")


def editors() -> list[Editor]:
    made = {
        "clock patched": report(with_first(_PATCH)),
        "clock patched behind pauses": report(with_first(_PAUSES)),
        "clock patched in disguise": report(with_first(_DISGUISED)),
        "clock in disguise behind pauses": report(with_first(_DISGUISED_PAUSES)),
        "clock of the caller's frame": report(instead(_FRAME)),
        "clock found by the collector": report(instead(_COLLECTED)),
        "clock of the main module": report(instead(_MAIN)),
        "print replaced": report(with_first(_PRINT)),
        "standard output wrapped": report(with_first(_STREAM)),
        "last word at exit": report(with_first(_LAST_WORD)),
        "own number, then exit": report(instead(_EXIT)),
        "own number in disguise": report(instead(_EXIT_DISGUISED)),
        "work before the clock": report(instead(_BEFORE)),
    }
    timed = {
        "leaves before the work": report(instead(_LEAVE)),
        "work left to a child": report(instead(_CHILD)),
    }
    return [
        *(Editor(name=name, group="clock", edit=edit) for name, edit in made.items()),
        *(Editor(name=name, group="clock", edit=edit, options=_WALL) for name, edit in timed.items()),
    ]
