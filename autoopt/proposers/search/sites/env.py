"""Environment variables kept in a file of `NAME=value` lines."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import lines, plain
from autoopt.records import Value
from autoopt.schema import ParameterConfig

_QUOTES = ("'", '"')
_VALUE = r"""("[^"]*"|'[^']*'|.*?)(?:\s+\#.*)?"""
_PLAIN = re.compile(r"[A-Za-z0-9_./:,@%+=-]*")


def form(where: str, file: str, config: ParameterConfig) -> EnvForm:
    """A variable by name."""
    assert config.env is not None
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", config.env):
        raise UsageError(f"{where}: {config.env!r} is no name of an environment variable.")
    return EnvForm(where, file, config.env, config)


@dataclass(frozen=True, slots=True)
class EnvForm:
    """A `NAME=value` line (`export` before and quotes around are kept); None where there is none."""

    where: str
    file: str
    name: str
    config: ParameterConfig
    optional: bool = True

    def read(self, text: str) -> Value:
        """The value, a number or switch when it looks like one or the choices say so."""
        span = self._find(text)
        if span is None:
            return None
        raw = text[span[0] : span[1]]
        return plain.decode(raw[1:-1] if _quoted(raw) else raw, self.config)

    def write(self, text: str, value: Value) -> str:
        """The text with the value replaced, its line appended or, for None, removed."""
        span = self._find(text)
        if span is None:
            return lines.insert(text, len(text), f"{self.name}={_spell(value, '')}")
        if value is None:
            return lines.remove(text, next(s for s in lines.spans(text) if s[0] <= span[0] <= s[1]))
        return plain.splice(text, span, _spell(value, text[span[0] : span[1]]))

    def _find(self, text: str) -> tuple[int, int] | None:
        found = []
        for start, end in lines.spans(text):
            line = text[start:end].rstrip()
            if match := re.fullmatch(rf"\s*(?:export\s+)?{self.name}[ \t]*=[ \t]*{_VALUE}", line):
                found.append((start + match.start(1), start + match.end(1)))
        if len(found) > 1:
            raise UsageError(f"{self.where}: {self.name} is set {len(found)} times in {self.file}; keep one.")
        return found[0] if found else None


def _quoted(raw: str) -> bool:
    return len(raw) >= 2 and raw[0] == raw[-1] and raw[0] in _QUOTES


def _spell(value: Value, present: str) -> str:
    inner = present[1:-1] if _quoted(present) else present
    text = plain.encode(value, inner)
    if _quoted(present):
        return f"{present[0]}{text}{present[0]}"
    return text if _PLAIN.fullmatch(text) else f'"{text}"'  # a blank or a `;` would end it in a shell
