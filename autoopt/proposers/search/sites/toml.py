"""Values in TOML files, replaced in the text, so nothing is reformatted."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item

from autoopt.errors import UsageError
from autoopt.proposers.search.sites import plain
from autoopt.records import Value
from autoopt.schema import ParameterConfig


def form(where: str, file: str, config: ParameterConfig) -> TomlForm:
    """A value at a key path of a TOML file."""
    assert config.key is not None
    if None in (config.choices or []):
        raise UsageError(f"{where}: TOML has no null, so `choices` cannot have one.")
    return TomlForm(where, file, config.key, plain.key_path(where, config.key))


@dataclass(frozen=True, slots=True)
class TomlForm:
    """A scalar at a key path."""

    where: str
    file: str
    key: str
    path: tuple[str | int, ...]
    optional: bool = False

    def read(self, text: str) -> Value:
        """The value as TOML has it."""
        start, end = self._find(text)
        found: Value = _parse(text[start:end])
        return found

    def write(self, text: str, value: Value) -> str:
        """The text with the value replaced, in the present style of quotes where it can hold it."""
        span = self._find(text)
        return plain.splice(text, span, self._spell(value, text[span[0] : span[1]]))

    def _spell(self, value: Value, present: str) -> str:
        if value is None:
            raise UsageError(f"{self.where}: TOML has no null.")
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return plain.spell(value, present.replace("_", ""))
        if present.startswith("'") and "'" not in value and value.isprintable():
            return f"'{value}'"
        return plain.quote(value)

    def _find(self, text: str) -> tuple[int, int]:
        """Where the value's text begins and ends.

        tomlkit keeps no positions: put a number that occurs nowhere in the value's place, and what differs
        between the two texts is the value.
        """
        mark = _absent_number(text)
        marked = self._replaced(text, int(mark))
        start = marked.index(mark)
        end = len(text) - (len(marked) - start - len(mark))
        if marked[:start] + text[start:end] + marked[start + len(mark) :] != text:
            raise UsageError(
                f"{self.where}: cannot find where `{self.key}` stands in {self.file}; use `regex`."
            )
        return start, end

    def _replaced(self, text: str, value: int) -> str:
        try:
            document: Any = tomlkit.parse(text)
            holder = document
            for step in self.path[:-1]:
                holder = holder[step]
            present = holder[self.path[-1]]
            present = present.unwrap() if isinstance(present, Item) else present
            holder[self.path[-1]] = value
        except TOMLKitError as error:
            if isinstance(error, KeyError):
                raise self._missing() from error
            raise UsageError(f"{self.where}: {self.file} is not valid TOML: {error}") from error
        except (KeyError, IndexError, TypeError) as error:
            raise self._missing() from error
        if not isinstance(present, (bool, int, float, str)) or "\n" in str(present):
            raise UsageError(f"{self.where}: `{self.key}` in {self.file} is not a plain value on one line.")
        return tomlkit.dumps(document)

    def _missing(self) -> UsageError:
        return UsageError(f"{self.where}: `{self.key}` is not there in {self.file}.")


def _absent_number(text: str) -> str:
    mark = 987654321
    while str(mark) in text:
        mark += 1
    return str(mark)


def _parse(text: str) -> Any:
    return tomllib.loads(f"value = {text}")["value"]
