"""Settings in SQL files: `SET` and `PRAGMA` statements, and values in `/*+ ... */` hints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import lines, plain
from autoopt.records import Value
from autoopt.schema import ParameterConfig

_NAME = r"@{0,2}[A-Za-z_][\w.]*"
_SPEC = re.compile(rf"(?:(PRAGMA|SET(?:\s+(?:SESSION|LOCAL|GLOBAL|PERSIST))?)\s+)?({_NAME})\Z", re.IGNORECASE)
_COMMENT = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\r\n]*|/\*.*?\*/", re.DOTALL)
_HINT = re.compile(r"/\*\+.*?\*/", re.DOTALL)
_QUOTED = r"'(?:[^']|'')*'"
_GIVEN = re.compile(
    r"(?P<equals>[ \t]*=[ \t]*|[ \t]+TO[ \t]+)"
    rf"(?P<value>{_QUOTED}|[^\s;'][^;\r\n]*?)(?=[ \t]*(?:;|\r|\n|\Z))",
    re.IGNORECASE,
)
_CALLED = re.compile(rf"[ \t]*\([ \t]*(?P<value>{_QUOTED}|[^\s;')][^;)\r\n]*?)[ \t]*\)")
_BARE = re.compile(r"[A-Za-z_]\w*\Z")


def form(where: str, file: str, config: ParameterConfig) -> SqlForm:
    """A setting by name; with its keyword before it, its line may be absent."""
    assert config.sql is not None
    match = _SPEC.match(config.sql.strip())
    if match is None:
        raise UsageError(
            f"{where}: {config.sql!r} is no setting; write `PRAGMA name`, `SET name`, or the name alone."
        )
    keyword = " ".join((match[1] or "").split())
    return SqlForm(where, file, keyword, match[2], config, optional=bool(keyword))


@dataclass(frozen=True, slots=True)
class SqlForm:
    """The value of `SET name = v`, `SET name TO v`, `PRAGMA name = v`, `PRAGMA name(v)` or a hint `name(v)`.

    Attributes:
        keyword: What the recipe wrote before the name; "" when the name stands alone, which also finds hints
            and must be in the file.
    """

    where: str
    file: str
    keyword: str
    name: str
    config: ParameterConfig
    optional: bool

    def read(self, text: str) -> Value:
        """The value, None where the statement is absent and may be."""
        span = self._find(text)
        if span is None:
            return None
        raw = text[span[0] : span[1]]
        return raw[1:-1].replace("''", "'") if raw.startswith("'") else plain.decode(raw, self.config)

    def write(self, text: str, value: Value) -> str:
        """The text with the value replaced, or its line added or removed."""
        span = self._find(text)
        if span is None:
            return self._added(text, value)
        if value is None:
            return self._removed(text, span)
        return plain.splice(text, span, _spell(value, text[span[0] : span[1]]))

    def _find(self, text: str) -> tuple[int, int] | None:
        found = [match.span("value") for match in _statements(text, self.keyword, re.escape(self.name))]
        if not self.keyword:
            found += _hints(text, self.name)
        if len(found) > 1 or (not found and not self.keyword):
            what = f"there {len(found)} times" if found else "not there"
            way = (
                "keep one"
                if found
                else f"write `PRAGMA {self.name}` or `SET {self.name}` if it may be absent"
            )
            raise UsageError(f"{self.where}: {self.name} is {what} in {self.file}; {way}.")
        return found[0] if found else None

    def _added(self, text: str, value: Value) -> str:
        """A line after the last of its kind, else before the first statement: it acts on what follows."""
        others = list(_statements(text, self.keyword, _NAME))
        equals = " = "
        if others:
            equals = others[-1].groupdict().get("equals") or equals
            position = next(end for start, end in lines.spans(text) if others[-1].end() <= end)
        else:
            bare = _without_comments(text)
            code = (start for start, end in lines.spans(text) if bare[start:end].strip())
            position = next(code, len(text))
        return lines.insert(text, position, f"{self.keyword} {self.name}{equals}{_spell(value, '')};")

    def _removed(self, text: str, span: tuple[int, int]) -> str:
        if not self.keyword:
            raise UsageError(f"{self.where}: a value of {self.name} cannot be absent; write its keyword too.")
        line = next(place for place in lines.spans(text) if place[0] <= span[0] < place[1])
        rest = _without_comments(text)[span[1] : line[1]].strip(" \t\r\n;)")
        if rest:
            raise UsageError(
                f"{self.where}: {self.name} shares its line in {self.file} with {rest[:40]!r}; "
                "give it a line of its own."
            )
        return lines.remove(text, line)


def _statements(text: str, keyword: str, name: str) -> Iterator[re.Match[str]]:
    """The settings at the start of a line with this keyword (any, when empty) and this name (a regex)."""
    scope = r"(?:[ \t]+(?:SESSION|LOCAL|GLOBAL|PERSIST))?"
    words = {"": rf"(?:PRAGMA|SET{scope})", "SET": rf"SET{scope}"}
    head = words.get(keyword.upper(), r"[ \t]+".join(keyword.split()))
    bare = _without_comments(text)
    for match in re.finditer(rf"^[ \t]*{head}[ \t]+{name}(?![\w.])", bare, re.IGNORECASE | re.MULTILINE):
        tail = _GIVEN.match(bare, match.end()) or _CALLED.match(bare, match.end())
        if tail is not None:
            yield tail


def _hints(text: str, name: str) -> list[tuple[int, int]]:
    inside = re.compile(rf"(?<![\w.]){re.escape(name)}(?=[ \t]*\()", re.IGNORECASE)
    found = []
    for hint in _HINT.finditer(text):
        for head in inside.finditer(text, *hint.span()):
            if match := _CALLED.match(text, head.end(), hint.end()):
                found.append(match.span("value"))
    return found


def _without_comments(text: str) -> str:
    """The text with blanks for comments, every other character at its place."""

    def blank(match: re.Match[str]) -> str:
        return match[0] if match[0][0] in "'\"" else re.sub(r"[^\r\n]", " ", match[0])

    return _COMMENT.sub(blank, text)


def _spell(value: Value, present: str) -> str:
    quoted = present.startswith("'")
    text = plain.encode(value, present[1:-1] if quoted else present)
    if quoted or (isinstance(value, str) and not _BARE.match(text)):
        return "'" + text.replace("'", "''") + "'"
    return text
