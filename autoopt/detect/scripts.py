"""Which scripts a shell command runs, as far as its words say."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator

_INTERPRETER = re.compile(
    r"python[\d.]*|pypy[\d.]*|(?:ba|da|z|k|fi)?sh|node|deno|bun|ruby|perl|php|Rscript|julia|lua"
)
_NEW_COMMAND = frozenset(";|&()")
_ASSIGNMENT = re.compile(r"\w+=.*", re.DOTALL)
_PASSED = frozenset({"run", "--"})
_WITH_VALUE = frozenset({"-W", "-X", "-O"})


def scripts(command: str) -> list[str]:
    """The files that the command runs, relative to where it runs; what it reads is not among them.

    Words in quotes are left alone: they are a command for somebody else.
    """
    return list(dict.fromkeys(os.path.normpath(name) for name in _scripts(_words(command))))


def _words(command: str) -> list[str]:
    lexer = shlex.shlex(command.replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # a quote is not closed: the shell will say so
        return []


def _scripts(words: list[str]) -> Iterator[str]:
    folder, begins, interpreted = "", True, False
    for position, word in enumerate(words):
        if not _NEW_COMMAND.isdisjoint(word) and len(word) <= 2:
            begins, interpreted = True, False
        elif _INTERPRETER.fullmatch(word.rpartition("/")[2]):
            begins, interpreted = False, True
        elif interpreted and word == "-m":
            interpreted = False
            yield from _module(folder, words[position + 1 : position + 2])
        elif interpreted and word == "-c":
            interpreted = False
        elif interpreted and (word.startswith("-") or word in _PASSED or words[position - 1] in _WITH_VALUE):
            continue
        elif interpreted or (begins and "/" in word and not _ASSIGNMENT.fullmatch(word)):
            begins = interpreted = False
            yield os.path.join(folder, word)  # noqa: PTH118 - names, whether or not anything is there
        elif begins and word == "cd":
            begins, folder = False, os.path.join(folder, *words[position + 1 : position + 2])  # noqa: PTH118
        elif not _ASSIGNMENT.fullmatch(word):
            begins = False


def _module(folder: str, named: list[str]) -> Iterator[str]:
    for name in named:
        path = name.replace(".", "/")
        for start in ("", "src/"):
            yield from (
                f"{folder}/{start}{path}.py".lstrip("/"),
                f"{folder}/{start}{path}/__main__.py".lstrip("/"),
            )
