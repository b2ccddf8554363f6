"""The code of a job: a Python script, or a Databricks notebook kept as a `.py` file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

from autoopt.errors import UsageError

HEADER = "# Databricks notebook source"
_CELL = re.compile(r"# COMMAND -+\s*")
_MAGIC = re.compile(r"# MAGIC ?(.*)")
_SHOWN = 1000
"""Rows that Databricks fetches when a notebook displays a DataFrame."""


class NotebookExitError(Exception):
    """`dbutils.notebook.exit` was called: the notebook is done."""


def is_notebook(text: str) -> bool:
    """Whether the text is a notebook that Databricks exported as a source file."""
    return text.lstrip("\ufeff").startswith(HEADER) or any(map(_CELL.fullmatch, text.splitlines()))


def compiled(path: Path) -> CodeType:
    """The job's code; a notebook's SQL cells are queries, its prose is left out, line numbers stay.

    Raises:
        UsageError: the file is not there, is no Python, or has a cell in another language.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"options.job: {path} is not there; name the job's script or notebook.") from error
    if is_notebook(text):
        text = "\n".join(line for cell in _cells(text) for line in _python(path, cell))
    try:
        return compile(text, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise UsageError(f"{path}, line {error.lineno}: {error.msg}.") from error


def names(spark: Any) -> dict[str, Any]:
    """What a notebook finds defined when it begins."""
    return {
        "spark": spark,
        "display": lambda shown, *_, **__: shown.take(_SHOWN) if hasattr(shown, "take") else print(shown),
        "dbutils": _Dbutils(),
    }


def _cells(text: str) -> Iterator[list[tuple[int, str]]]:
    cell: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if _CELL.fullmatch(line):
            yield cell
            cell = [(number, "")]
        else:
            cell.append((number, line))
    yield cell


def _python(path: Path, cell: list[tuple[int, str]]) -> list[str]:
    """As many lines of Python as the cell has."""
    magic = [(number, match[1]) for number, line in cell if (match := _MAGIC.fullmatch(line))]
    if not magic:
        return [line for _, line in cell]
    number, first = magic[0]
    word, _, rest = first.partition(" ")
    body = [rest, *(line for _, line in magic[1:])]
    empty = [""] * len(cell)
    if word in {"%md", "%md-sandbox"}:
        return empty
    at = number - cell[0][0]
    if word == "%python":
        return [*empty[:at], *body, *empty[at + len(body) :]]
    if word == "%sql":
        return [*empty[:at], _query("\n".join(body)), *empty[at + 1 :]]
    raise UsageError(
        f"{path}, line {number}: cells with {word or 'this magic'} cannot run here; use Python, SQL or text."
    )


def _query(text: str) -> str:
    """One line of Python that runs the cell's statements; the last one's rows are fetched, as if shown."""
    wanted = [part.strip() for part in _statements(text)]
    done = "; ".join(f"_sqldf = spark.sql({statement!r})" for statement in wanted if statement)
    return f"{done}; display(_sqldf)" if done else ""


def _statements(text: str) -> list[str]:
    """SQL statements, split at semicolons that are in no string, name or comment."""
    parts = re.findall(r"--[^\n]*|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|;|[^;]", text)
    found = [""]
    for part in parts:
        if part == ";":
            found.append("")
        else:
            found[-1] += "" if part.startswith("--") else part
    return found


class _Widgets:
    """Widgets with their defaults, as a job that nobody has given arguments sees them."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def text(self, name: str, default: str = "", *_: Any, **named: Any) -> None:
        self._values[name] = str(named.get("defaultValue", default))

    dropdown = combobox = multiselect = text

    def get(self, name: str) -> str:
        return self._values[name]

    def remove(self, name: str) -> None:
        del self._values[name]

    def removeAll(self) -> None:  # noqa: N802 (the name that notebooks call)
        self._values.clear()


class _Notebook:
    def exit(self, value: object = "") -> None:
        raise NotebookExitError(value)


class _Dbutils:
    """The parts of `dbutils` that mean something outside Databricks."""

    def __init__(self) -> None:
        self.widgets, self.notebook = _Widgets(), _Notebook()
