"""Values in Java properties and `spark-defaults.conf` (`key value`, `key=value`), replaced in the text.

A dot is part of the name there. A `.conf` file with a `[section]` is an INI file instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import ini, lines, plain
from autoopt.records import Value
from autoopt.schema import ParameterConfig

_ITEM = re.compile(r"[ \t\f]*(?![#!])((?:[^\s=:\\]|\\.)+)([ \t\f]*[=:][ \t\f]*|[ \t\f]+|(?=\r?\n?\Z))(.*)")
_SECTION = re.compile(r"^[ \t]*\[[^\]\n]+\][ \t]*$", re.MULTILINE)


def form(where: str, file: str, config: ParameterConfig) -> PropertiesForm | ConfForm:
    """A value by its whole name; its absence is null, where `choices` has that."""
    assert config.key is not None
    optional = None in (config.choices or [])
    if PurePosixPath(file).suffix.lower() != ".conf":
        return PropertiesForm(where, file, config.key, config, "=", optional)
    flat = PropertiesForm(where, file, config.key, config, " ", optional)
    if optional:  # INI files have no null
        return ConfForm(where, file, flat, None, optional)
    return ConfForm(where, file, flat, ini.form(where, file, config))


@dataclass(frozen=True, slots=True)
class PropertiesForm:
    """What follows the name, to the end of the line: there are no comments after a value."""

    where: str
    file: str
    name: str
    config: ParameterConfig
    separator: str
    optional: bool = False

    def read(self, text: str) -> Value:
        """The value, a number or switch when it looks like one or the choices say so."""
        span = self._find(text)
        return None if span is None else plain.decode(text[span[0] : span[1]], self.config)

    def write(self, text: str, value: Value) -> str:
        """The text with the value replaced, its line appended or, for None, removed."""
        span = self._find(text)
        if span is None:
            new = f"{self.name}{self._separator(text)}{self._spelled(value, '')}"
            return lines.insert(text, len(text), new)
        if value is None:
            return lines.remove(text, next(s for s in lines.spans(text) if s[0] <= span[0] <= s[1]))
        return plain.splice(text, span, self._spelled(value, text[span[0] : span[1]]))

    def _find(self, text: str) -> tuple[int, int] | None:
        found = []
        for start, end in lines.spans(text):
            item = _ITEM.match(text[start:end].rstrip())
            if item and item[1] == self.name:
                found.append((start + item.start(3), start + item.end(3)))
        if len(found) > 1:
            raise UsageError(f"{self.where}: {self.name} is set {len(found)} times in {self.file}; keep one.")
        if not found and not self.optional:
            raise UsageError(
                f"{self.where}: {self.name} is not in {self.file}; set it there, or add null to its choices."
            )
        if found and "\\" in text[found[0][0] : found[0][1]]:
            raise UsageError(f"{self.where}: {self.name} has a backslash in {self.file}; write it without.")
        return found[0] if found else None

    def _separator(self, text: str) -> str:
        """As on the file's last setting."""
        items = [item for start, end in lines.spans(text) if (item := _ITEM.match(text[start:end].rstrip()))]
        found = items[-1][2] if items else self.separator
        return found if "=" in found or ":" in found else " "

    def _spelled(self, value: Value, present: str) -> str:
        text = plain.encode(value, present)
        if "\\" in text or text != text.strip():
            raise UsageError(
                f"{self.where}: {text!r} has a backslash or blanks around it; give another value."
            )
        return text


@dataclass(frozen=True, slots=True)
class ConfForm:
    """A `.conf` file: flat, or an INI file where it has a `[section]`."""

    where: str
    file: str
    flat: PropertiesForm
    sections: ini.IniForm | None
    optional: bool = False

    def read(self, text: str) -> Value:
        """The value, as the kind of file has it."""
        return self._of(text).read(text)

    def write(self, text: str, value: Value) -> str:
        """The text with the value replaced."""
        return self._of(text).write(text, value)

    def _of(self, text: str) -> PropertiesForm | ini.IniForm:
        if not _SECTION.search(text):
            return self.flat
        if self.sections is None:
            raise UsageError(
                f"{self.where}: {self.file} is an INI file, which has no null; `choices` cannot have one."
            )
        return self.sections
