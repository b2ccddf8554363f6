"""Values in INI-like files (`[section]`, `name = value` or `name: value`), replaced in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import lines, plain
from autoopt.records import Value
from autoopt.schema import ParameterConfig

_SECTION = re.compile(r"\s*\[([^\]]*)\]")
_ITEM = re.compile(r"([^\s#;=:\[][^=:]*?)[ \t]*[=:][ \t]*")
_VALUE = re.compile(r"'[^']*'|\"[^\"]*\"|.*?(?=[ \t]+[#;]|[ \t]*$)")


def form(where: str, file: str, config: ParameterConfig) -> IniForm:
    """A value named `section.name`, or `name` before any section."""
    assert config.key is not None
    section, _, name = config.key.rpartition(".")
    if None in (config.choices or []):
        raise UsageError(f"{where}: INI files have no null, so `choices` cannot have one.")
    return IniForm(where, file, section.strip("\"'"), name, config)


@dataclass(frozen=True, slots=True)
class IniForm:
    """A value of a section; what follows a blank and `#` or `;` is a comment, quotes around it are kept."""

    where: str
    file: str
    section: str
    name: str
    config: ParameterConfig
    optional: bool = False

    def read(self, text: str) -> Value:
        """The value, a number or switch when it looks like one or the choices say so."""
        start, end = self._find(text)
        raw = text[start:end]
        return raw[1:-1] if _quoted(raw) else plain.decode(raw, self.config)

    def write(self, text: str, value: Value) -> str:
        """The text with the value replaced."""
        start, end = self._find(text)
        raw = text[start:end]
        new = plain.encode(value, raw)
        if _quoted(raw) and isinstance(value, str):
            new = raw[0] + new + raw[0]
        return plain.splice(text, (start, end), new)

    def _find(self, text: str) -> tuple[int, int]:
        found, section = [], ""
        for start, end in lines.spans(text):
            line = text[start:end].rstrip("\r\n")
            if header := _SECTION.match(line):
                section = header[1].strip()
            elif section == self.section and (item := _ITEM.match(line)) and item[1] == self.name:
                value = _VALUE.match(line, item.end())
                found.append((start + item.end(), start + (value.end() if value else item.end())))
        if len(found) != 1:
            label = f"[{self.section}] {self.name}" if self.section else self.name
            what = "not there" if not found else f"there {len(found)} times"
            raise UsageError(f"{self.where}: `{label}` is {what} in {self.file}; it must be there once.")
        return found[0]


def _quoted(raw: str) -> bool:
    return len(raw) >= 2 and raw[0] == raw[-1] and raw[0] in "'\""
