"""SQL text as statements, without a parser: to find the semicolons one must know only quotes and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autoopt.errors import UsageError

_TOKEN = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*.*?\*/ )
  | [eE]'(?: [^'\\] | \\. | '' )*'          # a backslash can escape the quote in these only
  | \w[\w$]*  # a dollar sign belongs to the word, and a quote after it begins a plain string
  | '(?: [^'] | '' )*' | "(?: [^"] | "" )*" | `[^`]*`
  | \$(?P<tag> [A-Za-z_]\w* | )\$ .*? \$(?P=tag)\$
  | (?P<end> ; )
  | (?P<space> \s+ )
  | .
    """,
    re.VERBOSE | re.DOTALL,
)
_KEYWORD = re.compile(r"(?: \s | \( | --[^\n]*(?:\n|\Z) | /\*.*?\*/ )* ([A-Za-z]+)", re.VERBOSE | re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_INDEX = re.compile(r"CREATE\s+(UNIQUE\s+)?INDEX\b", re.IGNORECASE)
_SETTING_NAME = re.compile(r"(?:PRAGMA|RESET|SET)\s+(?:\w+\.)?(\w+)", re.IGNORECASE)
_ACCESS = re.compile(
    r"(?:RE)?SET\s+(SESSION\s+|LOCAL\s+)?"
    r'"?(TRANSACTION|CHARACTERISTICS|ALL|\w*read_only|standard_conforming_strings)\b',
    re.IGNORECASE,
)

_READING = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "FROM"})
_SETTING = frozenset({"SET", "RESET", "PRAGMA"})
# These reach files other than the copy, or load code; the read-only connection stops everything else.
_REACHING = frozenset({"ATTACH", "DETACH", "COPY", "EXPORT", "IMPORT", "INSTALL", "LOAD", "UPDATE"})
_ON_SERVER = _READING | _SETTING | {"SHOW", "EXPLAIN"}


def split(text: str) -> tuple[str, ...]:
    """The statements of a SQL file, without semicolons; comments stay, since hints are comments."""
    return tuple(text[begin:end] for begin, end in spans(text))


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each of those statements begins and ends."""
    start, blank = 0, True
    for match in _TOKEN.finditer(text):
        if match["end"]:
            if not blank:
                yield _trimmed(text, start, match.start())
            start, blank = match.end(), True
        elif not match["comment"] and not match["space"]:
            blank = False
    if not blank:
        yield _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())


def keyword(statement: str) -> str:
    """The first word in capitals, past comments and opening brackets; empty when there is none."""
    match = _KEYWORD.match(statement)
    return match[1].upper() if match else ""


def is_reading(statement: str) -> bool:
    """Whether the statement gives rows that count as a query's answer."""
    return keyword(statement) in _READING


def is_setting(statement: str) -> bool:
    """Whether the statement changes the session only: SET, RESET or PRAGMA."""
    return keyword(statement) in _SETTING


def setting_name(statement: str) -> str:
    """What a PRAGMA or SET is about, in small letters; empty for other statements."""
    match = _SETTING_NAME.match(_bare(statement))
    return match[1].lower() if match else ""


def check_query(statement: str, engine: str, where: str) -> None:
    """Refuse a statement that could change something outside the prepared copy.

    Raises:
        UsageError: names the statement and the file.
    """
    word = keyword(statement)
    allowed = word in _ON_SERVER if engine == "postgresql" else word not in _REACHING
    if not allowed or _opens_for_writing(statement):
        raise UsageError(f"{where}: {word or 'this statement'} is not allowed in a query; only reading is.")


def check_setup(statement: str, engine: str, where: str) -> None:
    """Refuse what setup.sql may not hold.

    Raises:
        UsageError: names the statement and the file.
    """
    word = keyword(statement)
    if is_setting(statement) and not _opens_for_writing(statement):
        return
    if word != "ANALYZE" and not makes_index(statement):
        raise UsageError(
            f"{where}: {word} is not allowed; it may hold SET, PRAGMA, CREATE INDEX and ANALYZE."
        )


def makes_index(statement: str) -> bool:
    """Whether the statement is a CREATE INDEX."""
    return bool(_INDEX.match(_bare(statement)))


def _opens_for_writing(statement: str) -> bool:
    return bool(_ACCESS.match(_bare(statement)))


def _bare(statement: str) -> str:
    return _COMMENT.sub(" ", statement).lstrip(" \t\r\n(")
